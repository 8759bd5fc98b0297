package expression

import (
	"reflect"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// Closures: the checked tree of the common part of the language becomes Go functions over the frame. There are three
// kinds, so that true-or-false and text need not be put into interfaces on the way:
//
//	truthFunc  true or false; panics with a fault if it is neither
//	textFunc   text, or false for missing; only for what the types say is text
//	valueFunc  anything
//
// Each compile function returns nil for what it does not cover; then the whole program runs on the virtual machine.
type (
	truthFunc = func(*frame) bool
	textFunc  = func(*frame) (string, bool)
	valueFunc = func(*frame) any
)

func (p *Program) compileClosures(u *unit) bool {
	if id, ok := u.root.(*ast.IdentifierNode); ok {
		if s, ok := u.slots[id.Value]; ok {
			p.only = &s
		}
	}
	switch kindOf(u.root.Type()) {
	case reflect.Bool:
		p.truth = u.truthOf(u.root)
		return p.truth != nil
	case reflect.String:
		p.text = u.textOf(u.root)
		return p.text != nil
	}
	p.value = u.valueOf(u.root)
	return p.value != nil
}

// valueOf compiles any node.
func (u *unit) valueOf(n ast.Node) valueFunc {
	switch kindOf(n.Type()) {
	case reflect.Bool:
		if f := u.truthOf(n); f != nil {
			return func(fr *frame) any { return f(fr) }
		}
		return nil
	case reflect.String:
		if f := u.textOf(n); f != nil {
			return func(fr *frame) any {
				if s, ok := f(fr); ok {
					return s
				}
				return nil
			}
		}
		return nil
	}
	switch n := n.(type) {
	case *ast.NilNode:
		return func(*frame) any { return nil }
	case *ast.IntegerNode:
		var v any = int64(n.Value)
		return func(*frame) any { return v }
	case *ast.FloatNode:
		var v any = n.Value
		return func(*frame) any { return v }
	case *ast.IdentifierNode:
		return u.slotValue(n)
	case *ast.UnaryNode:
		if v := u.valueOf(n.Node); v != nil && n.Operator == "-" {
			at := n.Location().From
			return func(f *frame) any { x := v(f); f.at = at; return negate(x) }
		}
	case *ast.BinaryNode:
		return u.binaryValue(n)
	case *ast.ConditionalNode:
		c, a, b := u.truthOf(n.Cond), u.valueOf(n.Exp1), u.valueOf(n.Exp2)
		if c == nil || a == nil || b == nil {
			return nil
		}
		return func(f *frame) any {
			if c(f) {
				return a(f)
			}
			return b(f)
		}
	case *ast.ChainNode:
		if link := u.linkOf(n.Node); link != nil {
			return func(f *frame) any { v, _ := link(f); return v }
		}
	case *ast.MemberNode:
		if link := u.linkOf(n); link != nil && !n.Optional {
			return func(f *frame) any { v, _ := link(f); return v }
		}
	case *ast.CallNode:
		return u.callValue(n)
	case *ast.ArrayNode:
		return u.listValue(n)
	case *ast.MapNode:
		return u.objectValue(n)
	}
	return nil
}

func (u *unit) slotValue(n *ast.IdentifierNode) valueFunc {
	s, ok := u.slots[n.Value]
	if !ok {
		return nil
	}
	if key, ok := u.fieldOf(n); ok {
		return func(f *frame) any { v, _ := f.scope.Field(key); return v }
	}
	return func(f *frame) any { return s.read(f.scope) }
}

func (u *unit) binaryValue(n *ast.BinaryNode) valueFunc {
	op, at := n.Operator, n.Location().From
	switch op {
	case "+", "-", "*", "/", "%", "**", "^", "??":
	default:
		return nil
	}
	l, r := u.valueOf(n.Left), u.valueOf(n.Right)
	if l == nil || r == nil {
		return nil
	}
	if op == "??" {
		return func(f *frame) any {
			if v := l(f); v != nil {
				return v
			}
			return r(f)
		}
	}
	return func(f *frame) any {
		a := l(f)
		b := r(f)
		f.at = at
		return arithmetic(f, op, a, b)
	}
}

// linkOf compiles one link of a chain of members. The second result is false when ?. ended the chain with nil.
func (u *unit) linkOf(n ast.Node) func(*frame) (any, bool) {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		v := u.valueOf(n)
		if v == nil {
			return nil
		}
		return func(f *frame) (any, bool) { return v(f), true }
	}
	base, optional, at := u.linkOf(m.Node), m.Optional, m.Location().From
	if base == nil {
		return nil
	}
	name, named := m.Property.(*ast.StringNode)
	if !named {
		key := u.valueOf(m.Property)
		if key == nil {
			return nil
		}
		return func(f *frame) (any, bool) {
			v, ok := base(f)
			if !ok || optional && v == nil {
				return nil, false
			}
			k := key(f)
			f.at = at
			return fetch(v, k), true
		}
	}
	key := name.Value
	var boxed any = key
	return func(f *frame) (any, bool) {
		v, ok := base(f)
		if !ok || optional && v == nil {
			return nil, false
		}
		if m, ok := v.(map[string]any); ok {
			return m[key], true
		}
		f.at = at
		return runtime.Fetch(v, boxed), true
	}
}

func fetch(v, key any) any {
	if m, ok := v.(map[string]any); ok {
		if k, ok := key.(string); ok {
			return m[k]
		}
	}
	return runtime.Fetch(v, key)
}

func (u *unit) listValue(n *ast.ArrayNode) valueFunc {
	parts := u.valuesOf(n.Nodes)
	if parts == nil {
		return nil
	}
	return func(f *frame) any {
		list := make([]any, len(parts))
		for i, part := range parts {
			list[i] = part(f)
		}
		return list
	}
}

func (u *unit) valuesOf(nodes []ast.Node) []valueFunc {
	parts := make([]valueFunc, len(nodes))
	for i, c := range nodes {
		if parts[i] = u.valueOf(c); parts[i] == nil {
			return nil
		}
	}
	return parts
}

func (u *unit) objectValue(n *ast.MapNode) valueFunc {
	names, values := make([]string, len(n.Pairs)), make([]valueFunc, len(n.Pairs))
	for i, c := range n.Pairs {
		pair := c.(*ast.PairNode)
		name, ok := pair.Key.(*ast.StringNode)
		if !ok {
			return nil // a computed name
		}
		if names[i], values[i] = name.Value, u.valueOf(pair.Value); values[i] == nil {
			return nil
		}
	}
	return func(f *frame) any {
		object := make(map[string]any, len(names))
		for i, name := range names {
			object[name] = values[i](f)
		}
		return object
	}
}
