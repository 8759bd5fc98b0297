package expression

import (
	"context"
	"reflect"

	"github.com/expr-lang/expr/ast"
)

// textOf compiles a node that the types say is text. It may still be missing: a metadata entry, the end of a chain.
func (u *unit) textOf(n ast.Node) textFunc {
	switch n := n.(type) {
	case *ast.StringNode:
		s := n.Value
		return func(*frame) (string, bool) { return s, true }
	case *ast.IdentifierNode:
		s, ok := u.slots[n.Value]
		if !ok || !s.isText() {
			return nil
		}
		if s.kind == slotMeta {
			key := s.key
			return func(f *frame) (string, bool) { return f.scope.Meta(key) }
		}
		return func(f *frame) (string, bool) { return s.text(f.scope) }
	case *ast.BinaryNode:
		return u.binaryText(n)
	case *ast.ConditionalNode:
		c, a, b := u.truthOf(n.Cond), u.textOrNil(n.Exp1), u.textOrNil(n.Exp2)
		if c == nil || a == nil || b == nil {
			return nil
		}
		return func(f *frame) (string, bool) {
			if c(f) {
				return a(f)
			}
			return b(f)
		}
	case *ast.ChainNode:
		if link := u.linkOf(n.Node); link != nil {
			return func(f *frame) (string, bool) { v, _ := link(f); s, ok := v.(string); return s, ok }
		}
	case *ast.MemberNode:
		return u.memberText(n)
	case *ast.CallNode:
		return u.callText(n)
	}
	return nil
}

// textOrNil is textOf, and also takes nil.
func (u *unit) textOrNil(n ast.Node) textFunc {
	if isNil(n) {
		return func(*frame) (string, bool) { return "", false }
	}
	if kindOf(n.Type()) != reflect.String {
		return nil
	}
	return u.textOf(n)
}

func (u *unit) binaryText(n *ast.BinaryNode) textFunc {
	l, r := u.textOrNil(n.Left), u.textOrNil(n.Right)
	if l == nil || r == nil {
		return nil
	}
	switch at := n.Location().From; n.Operator {
	case "??":
		return func(f *frame) (string, bool) {
			if s, ok := l(f); ok {
				return s, true
			}
			return r(f)
		}
	case "+":
		return func(f *frame) (string, bool) {
			a, okA := l(f)
			b, okB := r(f)
			f.at = at
			if !okA || !okB {
				failBinary("+", textOrMissing(a, okA), textOrMissing(b, okB))
			}
			return join(f, a, b), true
		}
	}
	return nil
}

func textOrMissing(s string, ok bool) any {
	if ok {
		return s
	}
	return nil
}

// memberText reads a text field of a struct that a function returned.
func (u *unit) memberText(n *ast.MemberNode) textFunc {
	name, named := n.Property.(*ast.StringNode)
	base := u.valueOf(n.Node)
	t := n.Node.Type()
	if !named || base == nil || n.Optional || kindOf(t) != reflect.Struct {
		return nil
	}
	field := fieldNamed(t, name.Value)
	if field < 0 {
		return nil
	}
	return func(f *frame) (string, bool) { return reflect.ValueOf(base(f)).Field(field).String(), true }
}

// fieldNamed finds a field as expr does: by its tag, else by its name.
func fieldNamed(t reflect.Type, name string) int {
	for i := range t.NumField() {
		f := t.Field(i)
		if tag := f.Tag.Get("expr"); f.IsExported() && (tag == name || tag == "" && f.Name == name) {
			return i
		}
	}
	return -1
}

func (u *unit) callText(n *ast.CallNode) textFunc {
	fn, args := u.callee(n)
	at := n.Location().From
	if fn == nil {
		if meta := u.metaByName(n); meta != nil {
			return meta
		}
		return nil
	}
	if do, ok := fn.fast.(func(context.Context, string) (string, error)); ok {
		arg := u.textArgument(args[0], at)
		if arg == nil {
			return nil
		}
		return func(f *frame) (string, bool) {
			s := arg(f, fn)
			f.at = at
			f.spendText(len(s))
			s, err := do(f.ctx, s)
			if err != nil {
				panic(fn.failed(err))
			}
			if len(s) > MaxText {
				fail("the text grows beyond 64 KiB")
			}
			return s, true
		}
	}
	call := u.generalCall(n, fn, args)
	if call == nil {
		return nil
	}
	return func(f *frame) (string, bool) { s, ok := call(f).(string); return s, ok }
}

// metaByName is meta[…] with a computed name.
func (u *unit) metaByName(n *ast.CallNode) textFunc {
	if id, ok := n.Callee.(*ast.IdentifierNode); !ok || id.Value != metaOp {
		return nil
	}
	key, at := u.valueOf(n.Arguments[1]), n.Location().From
	if key == nil {
		return nil
	}
	return func(f *frame) (string, bool) {
		k := key(f)
		f.at = at
		s, ok := metaAt(f, k).(string)
		return s, ok
	}
}

// textArgument compiles the only argument of a function that takes a text.
func (u *unit) textArgument(n ast.Node, at int) func(*frame, *Function) string {
	if kindOf(n.Type()) == reflect.String {
		text := u.textOf(n)
		if text == nil {
			return nil
		}
		return func(f *frame, fn *Function) string {
			s, ok := text(f)
			if !ok {
				f.at = at
				_, err := argument[string]([]any{nil}, 0)
				panic(fn.failed(err))
			}
			return s
		}
	}
	value := u.valueOf(n)
	if value == nil {
		return nil
	}
	key, isField := u.fieldOf(n)
	return func(f *frame, fn *Function) string {
		if isField {
			if s, ok := f.scope.FieldText(key); ok {
				return s
			}
		}
		v := value(f)
		s, ok := v.(string)
		if !ok {
			f.at = at
			_, err := argument[string]([]any{v}, 0)
			panic(fn.failed(err))
		}
		return s
	}
}

// fieldOf is the name of the payload field that a node reads, if it does nothing else.
func (u *unit) fieldOf(n ast.Node) (name string, ok bool) {
	id, ok := n.(*ast.IdentifierNode)
	if !ok {
		return "", false
	}
	s, ok := u.slots[id.Value]
	return s.key, ok && s.kind == slotField
}
