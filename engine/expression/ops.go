package expression

import (
	"math"
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/vm/runtime"

	"github.com/gridtie/gridtie/engine/secret"
)

// The operators. Closures call them directly and the virtual machine as functions, so that both give the same results
// and faults. An operator that has no result panics with a *fault, which carries no position: the caller knows it.

// fault says why an operation has no result. It never holds a value.
type fault struct {
	reason string
	err    error // of a function
}

func (f *fault) Error() string {
	if f.err != nil {
		return f.err.Error()
	}
	return f.reason
}

func fail(reason string) { panic(&fault{reason: reason}) }

func failBinary(op string, a, b any) {
	fail("cannot apply " + op + ": left is " + typeName(a) + ", right is " + typeName(b))
}

// equal is ==. Values of different kinds are not equal; numbers are compared by value, lists and objects by content.
func equal(f *frame, a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		f.spendText(min(len(x), len(y)))
		return ok && x == y
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case secret.Digest:
		y, ok := b.(secret.Digest)
		return ok && x.Equal(y)
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			f.spend(1)
			if !equal(f, x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			f.spend(1)
			w, ok := y[k]
			if !ok || !equal(f, v, w) {
				return false
			}
		}
		return true
	}
	if x, ok := toNumber(a); ok {
		if y, ok := toNumber(b); ok {
			return compareNumbers(x, y) == 0
		}
		return false
	}
	return b != nil && runtime.Equal(a, b)
}

// compareNumbers returns -1, 0 or 1, and 2 if they cannot be compared (not a number).
func compareNumbers(x, y number) int {
	if x.exact && y.exact {
		switch {
		case x.i < y.i:
			return -1
		case x.i > y.i:
			return 1
		}
		return 0
	}
	a, b := x.float(), y.float()
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return 2
}

// order is <, <=, > and >=, for two numbers, texts, times or durations.
func order(f *frame, op string, a, b any) bool {
	var c int
	if x, ok := toNumber(a); ok {
		y, ok := toNumber(b)
		if !ok {
			failBinary(op, a, b)
		}
		c = compareNumbers(x, y)
	} else if x, ok := a.(string); ok {
		y, ok := b.(string)
		if !ok {
			failBinary(op, a, b)
		}
		f.spendText(min(len(x), len(y)))
		c = strings.Compare(x, y)
	} else {
		if a == nil || b == nil || reflect.TypeOf(a) != reflect.TypeOf(b) {
			failBinary(op, a, b)
		}
		switch op {
		case "<":
			return runtime.Less(a, b)
		case "<=":
			return runtime.LessOrEqual(a, b)
		case ">":
			return runtime.More(a, b)
		default:
			return runtime.MoreOrEqual(a, b)
		}
	}
	return holds(op, c)
}

// holds tells whether a comparison's outcome fits the operator; 2 fits none.
func holds(op string, c int) bool {
	switch op {
	case "<":
		return c == -1
	case "<=":
		return c <= 0
	case ">":
		return c == 1
	default:
		return c == 0 || c == 1
	}
}

const overflow = "the result is too large for a whole number"

// arithmetic is + - * / % and **. Whole numbers stay whole, except under / and **.
func arithmetic(f *frame, op string, a, b any) any {
	x, okX := toNumber(a)
	y, okY := toNumber(b)
	if okX && okY {
		return calculate(op, x, y)
	}
	if s, ok := a.(string); ok && op == "+" {
		if t, ok := b.(string); ok {
			return join(f, s, t)
		}
	}
	if a == nil || b == nil || isText(a) || isText(b) {
		failBinary(op, a, b)
	}
	switch op { // times and durations
	case "+":
		return runtime.Add(a, b)
	case "-":
		return runtime.Subtract(a, b)
	case "*":
		return runtime.Multiply(a, b)
	}
	failBinary(op, a, b)
	return nil
}

func isText(v any) bool { _, ok := v.(string); return ok }

// join is + for texts.
func join(f *frame, a, b string) string {
	if len(a)+len(b) > MaxText {
		fail("the text grows beyond 64 KiB")
	}
	f.spendText(len(a) + len(b))
	return a + b
}

func calculate(op string, x, y number) any {
	switch {
	case op == "/":
		if y.float() == 0 {
			fail("division by zero")
		}
		return finite(x.float() / y.float())
	case op == "**" || op == "^":
		return finite(math.Pow(x.float(), y.float()))
	case op == "%":
		if !x.exact || !y.exact {
			fail("cannot apply %: it takes whole numbers")
		}
		if y.i == 0 {
			fail("division by zero")
		}
		return x.i % y.i
	case !x.exact || !y.exact:
		switch op {
		case "+":
			return finite(x.float() + y.float())
		case "-":
			return finite(x.float() - y.float())
		default:
			return finite(x.float() * y.float())
		}
	}
	var r int64
	var ok bool
	switch op {
	case "+":
		r = x.i + y.i
		ok = (r > x.i) == (y.i > 0)
	case "-":
		r = x.i - y.i
		ok = (r < x.i) == (y.i > 0)
	default:
		r = x.i * y.i
		ok = x.i == 0 || r/x.i == y.i && (x.i != -1 || y.i != math.MinInt64)
	}
	if !ok {
		fail(overflow)
	}
	return r
}

// finite refuses what JSON cannot write.
func finite(r float64) float64 {
	if math.IsInf(r, 0) || math.IsNaN(r) {
		fail("the result is not a number")
	}
	return r
}

func negate(v any) any {
	n, ok := toNumber(v)
	switch {
	case !ok:
		fail("cannot negate: it is " + typeName(v))
	case !n.exact:
		return -n.f
	case n.i == math.MinInt64:
		fail(overflow)
	}
	return -n.i
}

// within is the operator in: an element of a list, or a name of an object. Nothing is in a missing list.
func within(f *frame, a, b any) bool {
	switch x := b.(type) {
	case nil:
		return false
	case []any:
		f.spendList(len(x))
		for i := range x {
			if equal(f, a, x[i]) {
				return true
			}
		}
		return false
	case map[string]any:
		if name, ok := a.(string); ok {
			_, found := x[name]
			return found
		}
		if a == nil {
			return false
		}
	}
	failBinary("in", a, b)
	return false
}

// find is contains, startsWith and endsWith. A missing text contains nothing.
func find(f *frame, op string, a, b any) bool {
	if a == nil || b == nil {
		return false
	}
	s, okS := a.(string)
	t, okT := b.(string)
	if !okS || !okT {
		failBinary(op, a, b)
	}
	return findText(f, op, s, t)
}

func findText(f *frame, op, s, t string) bool {
	switch op {
	case "contains":
		f.spendText(len(s) + len(t))
		return strings.Contains(s, t)
	case "startsWith":
		return strings.HasPrefix(s, t)
	default:
		return strings.HasSuffix(s, t)
	}
}

// pattern is a constant regular expression with its cost.
type pattern struct {
	*regexp.Regexp
	instructions int
}

// matches is the operator of its name. A missing text matches nothing.
func matches(f *frame, a any, p *pattern) bool {
	if a == nil {
		return false
	}
	s, ok := a.(string)
	if !ok {
		fail("cannot apply matches: left is " + typeName(a))
	}
	if len(s) > MaxMatched {
		fail("the text is too long for a regular expression (4 KiB at most)")
	}
	f.spend(1 + len(s)*p.instructions/stepMatch)
	return p.MatchString(s)
}

// truth is what a condition must be.
func truth(v any) bool {
	b, ok := v.(bool)
	if !ok {
		fail("it is " + typeName(v) + ", not true or false")
	}
	return b
}

// present tells whether a value is there: not missing, and not a text of white space alone.
func present(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case string:
		return presentText(x)
	case secret.Digest:
		return !x.IsZero()
	}
	return true
}

func presentText(s string) bool {
	// The first character settles it almost always.
	return s != "" && (s[0] > ' ' && s[0] < 0x80 || strings.TrimSpace(s) != "")
}

// sized counts what a builtin of the virtual machine is about to look at.
func sized(f *frame, v any) any {
	switch x := v.(type) {
	case string:
		f.spendText(len(x))
	case []any:
		f.spendList(len(x))
	case map[string]any:
		f.spendList(len(x))
	}
	return v
}
