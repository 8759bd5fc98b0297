package expression

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/gridtie/gridtie/engine/secret"
)

// Value is what one part of an expression came to, fit to be shown.
type Value struct {
	Source string // the part, as written
	Value  string // redacted and short
}

// String returns "present(msg.cups) = true".
func (v Value) String() string { return v.Source + " = " + v.Value }

// Explain evaluates once more and returns what the parts came to, in the order of evaluation: calls of functions, and
// fields that are read outside of one. Parts that were not needed (behind && or ||) are left out. If the evaluation
// fails, the last Value is the failing part. It compiles anew each time: it is for people, not for the message path.
func (p *Program) Explain(ctx context.Context, s Scope) []Value {
	u, err := p.lang.analyse(p.source, p.want)
	if err != nil {
		return nil
	}
	var parts []ast.Node
	u.root = u.trace(u.root, &parts)
	traced := u.program(p.want)
	if traced.compileBytecode(u) != nil {
		return nil
	}
	f := newFrame(ctx, s)
	_, err = traced.traceRun(f)
	var values []Value
	seen := map[string]bool{}
	add := func(source, value string) {
		if v := (Value{source, value}); !seen[v.String()] && len(values) < maxShown {
			seen[v.String()] = true
			values = append(values, v)
		}
	}
	for _, t := range f.traced {
		add(write(parts[t.at]), show(t.value, u.redactor(parts[t.at]), 0))
	}
	if fault := (*RunError)(nil); errors.As(err, &fault) {
		add(shorten(strings.Join(strings.Fields(p.source), " "), maxShownPart), "error: "+errorText(fault))
	}
	f.release()
	return values
}

const (
	maxShown     = 32 // values of one explanation
	maxShownText = 40 // characters of one value
	maxShownPart = 60 // characters of one part's source
)

func errorText(e *RunError) string {
	if e.Err != nil {
		return e.Reason + ": " + e.Err.Error()
	}
	return e.Reason
}

// traceRun evaluates and keeps the frame for its caller.
func (p *Program) traceRun(f *frame) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			if own, ok := r.(*fault); ok {
				err = p.failure(f.at, own)
				return
			}
			panic(r)
		}
	}()
	return f.runVM(p.code, p.slots), nil
}

// trace wraps the parts that a reader wants to see. The operation's first argument is the part's number.
func (u *unit) trace(n ast.Node, parts *[]ast.Node) ast.Node {
	if n == nil {
		return nil
	}
	wrap := func() ast.Node {
		*parts = append(*parts, n)
		return u.replace(n, *n.Nature(), traceOp, constant(n, len(*parts)-1), n)
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if _, ok := u.slots[n.Value]; ok {
			return wrap()
		}
	case *ast.CallNode, *ast.MemberNode:
		return wrap()
	case *ast.ChainNode:
		return wrap()
	case *ast.UnaryNode:
		n.Node = u.trace(n.Node, parts)
	case *ast.BinaryNode:
		n.Left = u.trace(n.Left, parts)
		if n.Operator != "matches" {
			n.Right = u.trace(n.Right, parts)
		}
	case *ast.ConditionalNode:
		n.Cond, n.Exp1, n.Exp2 = u.trace(n.Cond, parts), u.trace(n.Exp1, parts), u.trace(n.Exp2, parts)
	case *ast.BuiltinNode:
		return wrap()
	case *ast.ArrayNode:
		for i := range n.Nodes {
			n.Nodes[i] = u.trace(n.Nodes[i], parts)
		}
	case *ast.MapNode:
		for _, p := range n.Pairs {
			pair := p.(*ast.PairNode)
			pair.Value = u.trace(pair.Value, parts)
		}
	}
	return n
}

// redactor returns the rule for the texts of a part: what a message carries is redacted, what the server says of it is
// not.
func (u *unit) redactor(n ast.Node) Redactor {
	clear := func(text string) string { return text }
	switch n := n.(type) {
	case *ast.IdentifierNode:
		switch u.slots[n.Value].kind {
		case slotType, slotDevice, slotOriginID, slotOriginType:
			return clear
		}
	case *ast.MemberNode:
		return u.redactor(n.Node)
	case *ast.ChainNode:
		return u.redactor(n.Node)
	case *ast.CallNode:
		if fn, _ := u.callee(n); fn != nil && fn.Public {
			return clear
		}
	}
	return u.lang.redact
}

// show returns a value as it may be seen.
func show(v any, redact Redactor, depth int) string {
	switch x := v.(type) {
	case nil:
		return "missing"
	case secret.Digest:
		return secret.Redacted
	case string:
		return fmt.Sprintf("%q", shorten(redact(x), maxShownText))
	case bool:
		return fmt.Sprint(x)
	case int, int64:
		return showNumber(redact, fmt.Sprint(x))
	case float64:
		if math.Trunc(x) == x && math.Abs(x) < 1e15 {
			return showNumber(redact, fmt.Sprintf("%.0f", x))
		}
		return fmt.Sprint(x)
	case time.Time:
		return x.UTC().Format(time.RFC3339)
	case time.Duration:
		return x.String()
	case []any:
		return fmt.Sprintf("a list of %d", len(x))
	case map[string]any:
		return fmt.Sprintf("an object of %d", len(x))
	}
	if depth == 0 {
		return showStruct(v, redact)
	}
	return typeName(v)
}

// showNumber hides a number long enough to be an identifier: a meter may send its CUPS digits or a key as one.
func showNumber(redact Redactor, digits string) string {
	if len(digits) >= 12 {
		return shorten(redact(digits), maxShownText)
	}
	return digits
}

// showStruct shows the plain fields of what a function returned: {outcome: "MATCHED"}.
func showStruct(v any, redact Redactor) string {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Struct {
		return typeName(v)
	}
	var parts []string
	for i := range r.NumField() {
		f := r.Type().Field(i)
		if !f.IsExported() || r.Field(i).IsZero() || len(parts) == 4 {
			continue
		}
		name := f.Tag.Get("expr")
		if name == "" {
			name = f.Name
		}
		parts = append(parts, name+": "+show(r.Field(i).Interface(), redact, 1))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
