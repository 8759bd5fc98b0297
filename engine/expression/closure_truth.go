package expression

import (
	"reflect"

	"github.com/expr-lang/expr/ast"
)

// truthOf compiles a condition. Where the types do not say that it is true or false, it is checked.
func (u *unit) truthOf(n ast.Node) truthFunc {
	switch n := n.(type) {
	case *ast.BoolNode:
		b := n.Value
		return func(*frame) bool { return b }
	case *ast.UnaryNode:
		if n.Operator != "-" {
			if t := u.truthOf(n.Node); t != nil {
				return func(f *frame) bool { return !t(f) }
			}
			return nil
		}
	case *ast.BinaryNode:
		if kindOf(n.Type()) == reflect.Bool && n.Operator != "??" {
			return u.binaryTruth(n)
		}
	case *ast.CallNode:
		if kindOf(n.Type()) == reflect.Bool {
			return u.callTruth(n)
		}
	case *ast.MemberNode: // of a struct that a function returned
		if link := u.linkOf(n); link != nil && !n.Optional && kindOf(n.Type()) == reflect.Bool {
			at := n.Location().From
			return func(f *frame) bool { v, _ := link(f); f.at = at; return truth(v) }
		}
	case *ast.ConditionalNode:
		if kindOf(n.Exp1.Type()) == reflect.Bool && kindOf(n.Exp2.Type()) == reflect.Bool {
			c, a, b := u.truthOf(n.Cond), u.truthOf(n.Exp1), u.truthOf(n.Exp2)
			if c == nil || a == nil || b == nil {
				return nil
			}
			return func(f *frame) bool {
				if c(f) {
					return a(f)
				}
				return b(f)
			}
		}
	}
	if kindOf(n.Type()) == reflect.Bool {
		return nil // typed, but possibly missing: left to the virtual machine
	}
	v, at := u.valueOf(n), n.Location().From
	if v == nil {
		return nil
	}
	return func(f *frame) bool { x := v(f); f.at = at; return truth(x) }
}

func (u *unit) binaryTruth(n *ast.BinaryNode) truthFunc {
	op, at := n.Operator, n.Location().From
	switch op {
	case "&&", "and", "||", "or":
		l, r := u.truthOf(n.Left), u.truthOf(n.Right)
		if l == nil || r == nil {
			return nil
		}
		if op == "&&" || op == "and" {
			return func(f *frame) bool { return l(f) && r(f) }
		}
		return func(f *frame) bool { return l(f) || r(f) }
	case "==":
		return u.equality(n)
	case "!=":
		if same := u.equality(n); same != nil {
			return func(f *frame) bool { return !same(f) }
		}
		return nil
	case "<", "<=", ">", ">=":
		return u.ordering(n)
	case "contains", "startsWith", "endsWith":
		return u.finding(n)
	case "in":
		return u.membership(n)
	case "matches":
		p, v := u.patterns[n], u.valueOf(n.Left)
		if v == nil {
			return nil
		}
		return func(f *frame) bool { x := v(f); f.at = at; return matches(f, x, p) }
	}
	return nil
}

func (u *unit) equality(n *ast.BinaryNode) truthFunc {
	left, right, at := n.Left, n.Right, n.Location().From
	if isConstant(left) && !isConstant(right) {
		left, right = right, left // neither order nor faults depend on it
	}
	if a, b := u.textOrNil(left), u.textOrNil(right); a != nil && b != nil {
		return func(f *frame) bool {
			s, okS := a(f)
			t, okT := b(f)
			f.at = at
			f.spendText(min(len(s), len(t)))
			return okS == okT && s == t
		}
	}
	l := u.valueOf(left)
	if l == nil {
		return nil
	}
	switch right := right.(type) {
	case *ast.NilNode:
		return func(f *frame) bool { return l(f) == nil }
	case *ast.StringNode:
		want := right.Value
		return func(f *frame) bool { s, ok := l(f).(string); return ok && s == want }
	}
	r := u.valueOf(right)
	if r == nil {
		return nil
	}
	return func(f *frame) bool {
		a := l(f)
		b := r(f)
		f.at = at
		return equal(f, a, b)
	}
}

func isConstant(n ast.Node) bool {
	switch n.(type) {
	case *ast.NilNode, *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return true
	}
	return false
}

func (u *unit) ordering(n *ast.BinaryNode) truthFunc {
	op, at := n.Operator, n.Location().From
	l := u.valueOf(n.Left)
	if l == nil {
		return nil
	}
	var limit number
	switch right := n.Right.(type) {
	case *ast.IntegerNode:
		limit = number{i: int64(right.Value), exact: true}
	case *ast.FloatNode:
		limit = number{f: right.Value}
	default:
		r := u.valueOf(n.Right)
		if r == nil {
			return nil
		}
		return func(f *frame) bool {
			a := l(f)
			b := r(f)
			f.at = at
			return order(f, op, a, b)
		}
	}
	return func(f *frame) bool {
		v := l(f)
		x, ok := toNumber(v)
		if !ok {
			f.at = at
			failBinary(op, v, int64(0))
		}
		return holds(op, compareNumbers(x, limit))
	}
}

func (u *unit) finding(n *ast.BinaryNode) truthFunc {
	op, at := n.Operator, n.Location().From
	if a, b := u.textOrNil(n.Left), u.textOrNil(n.Right); a != nil && b != nil {
		return func(f *frame) bool {
			s, okS := a(f)
			t, okT := b(f)
			f.at = at
			return okS && okT && findText(f, op, s, t)
		}
	}
	l, r := u.valueOf(n.Left), u.valueOf(n.Right)
	if l == nil || r == nil {
		return nil
	}
	return func(f *frame) bool {
		a := l(f)
		b := r(f)
		f.at = at
		return find(f, op, a, b)
	}
}

// membership is the operator in. A list of constant texts becomes a set.
func (u *unit) membership(n *ast.BinaryNode) truthFunc {
	at := n.Location().From
	if set := constantTexts(n.Right); set != nil {
		if text := u.textOrNil(n.Left); text != nil {
			return func(f *frame) bool { s, ok := text(f); return ok && set.has(s) }
		}
		if v := u.valueOf(n.Left); v != nil {
			return func(f *frame) bool { s, ok := v(f).(string); return ok && set.has(s) }
		}
		return nil
	}
	l, r := u.valueOf(n.Left), u.valueOf(n.Right)
	if l == nil || r == nil {
		return nil
	}
	if list, ok := n.Right.(*ast.ArrayNode); ok && allConstant(list.Nodes) {
		fixed := r(nil) // constants need no frame
		r = func(*frame) any { return fixed }
	}
	return func(f *frame) bool {
		a := l(f)
		b := r(f)
		f.at = at
		return within(f, a, b)
	}
}

func allConstant(nodes []ast.Node) bool {
	for _, n := range nodes {
		if !isConstant(n) {
			return false
		}
	}
	return true
}

// texts is a set. Up to eight are compared one by one, which is faster than hashing.
type texts struct {
	few  []string
	many map[string]struct{}
}

func constantTexts(n ast.Node) *texts {
	list, ok := n.(*ast.ArrayNode)
	if !ok || len(list.Nodes) == 0 {
		return nil
	}
	set := &texts{}
	for _, c := range list.Nodes {
		s, ok := c.(*ast.StringNode)
		if !ok {
			return nil
		}
		set.few = append(set.few, s.Value)
	}
	if len(set.few) > 8 {
		set.many = make(map[string]struct{}, len(set.few))
		for _, s := range set.few {
			set.many[s] = struct{}{}
		}
	}
	return set
}

func (t *texts) has(s string) bool {
	if t.many != nil {
		_, ok := t.many[s]
		return ok
	}
	for _, x := range t.few {
		if x == s {
			return true
		}
	}
	return false
}
