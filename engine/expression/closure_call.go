package expression

import (
	"context"

	"github.com/expr-lang/expr/ast"
)

// callee returns the function that a node calls and its arguments without the frame.
func (u *unit) callee(n *ast.CallNode) (*Function, []ast.Node) {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return nil, nil
	}
	return u.lang.functions[id.Value], n.Arguments[1:]
}

func (u *unit) callValue(n *ast.CallNode) valueFunc {
	fn, args := u.callee(n)
	if fn == nil {
		return nil
	}
	if do, ok := fn.fast.(func(context.Context, any) (any, error)); ok {
		arg := u.valueOf(args[0])
		if arg == nil {
			return nil
		}
		at := n.Location().From
		return func(f *frame) any {
			v := arg(f)
			f.at = at
			sized(f, v)
			r, err := do(f.ctx, v)
			if err != nil {
				panic(fn.failed(err))
			}
			return r
		}
	}
	return u.generalCall(n, fn, args)
}

// generalCall calls any function. The arguments lie on a stack in the frame, so that a call allocates no list.
func (u *unit) generalCall(n *ast.CallNode, fn *Function, args []ast.Node) valueFunc {
	values := u.valuesOf(args)
	if values == nil {
		return nil
	}
	at := n.Location().From
	return func(f *frame) any {
		start := len(f.args)
		for _, value := range values {
			v := value(f)
			f.args = append(f.args, v)
		}
		f.at = at
		r, err := f.call(fn, f.args[start:len(f.args):len(f.args)])
		clear(f.args[start:])
		f.args = f.args[:start]
		if err != nil {
			panic(err)
		}
		return r
	}
}

// callTruth compiles a call of a function that says true or false.
func (u *unit) callTruth(n *ast.CallNode) truthFunc {
	fn, args := u.callee(n)
	if fn == nil {
		return nil
	}
	at := n.Location().From
	switch do := fn.fast.(type) {
	case func(context.Context, string) (bool, error):
		arg := u.textArgument(args[0], at)
		if arg == nil {
			return nil
		}
		return func(f *frame) bool {
			s := arg(f, fn)
			f.at = at
			f.spendText(len(s))
			b, err := do(f.ctx, s)
			if err != nil {
				panic(fn.failed(err))
			}
			return b
		}
	case func(context.Context, string, string) (bool, error):
		if call := u.callTruthOfTexts(fn, do, args, at); call != nil {
			return call
		}
	case func(context.Context, any) (bool, error):
		if fn.Name == "present" {
			return u.presentTruth(args[0])
		}
		arg := u.valueOf(args[0])
		if arg == nil {
			return nil
		}
		return func(f *frame) bool {
			v := arg(f)
			f.at = at
			sized(f, v)
			b, err := do(f.ctx, v)
			if err != nil {
				panic(fn.failed(err))
			}
			return b
		}
	}
	call := u.generalCall(n, fn, args)
	if call == nil {
		return nil
	}
	return func(f *frame) bool { v := call(f); f.at = at; return truth(v) }
}

// callTruthOfTexts compiles a call with two texts, such as two entries of the metadata, without putting them into
// interfaces. Both are evaluated before one is found missing, as in every other call.
func (u *unit) callTruthOfTexts(fn *Function, do func(context.Context, string, string) (bool, error), args []ast.Node, at int) truthFunc {
	if len(args) != 2 {
		return nil
	}
	first, second := u.textOrNil(args[0]), u.textOrNil(args[1])
	if first == nil || second == nil {
		return nil
	}
	return func(f *frame) bool {
		a, okA := first(f)
		b, okB := second(f)
		f.at = at
		f.spend(1)
		f.spendText(len(a))
		f.spendText(len(b))
		if !okA || !okB {
			panic(fn.missing(okA))
		}
		yes, err := do(f.ctx, a, b)
		if err != nil {
			panic(fn.failed(err))
		}
		return yes
	}
}

// missing is the fault of a call with two texts of which the second is missing, or else the first.
func (f *Function) missing(second bool) *fault {
	i := 0
	if second {
		i = 1
	}
	_, err := argument[string](make([]any, 2), i)
	return f.failed(err)
}

// presentTruth is the most frequent call of all.
func (u *unit) presentTruth(arg ast.Node) truthFunc {
	if text := u.textOrNil(arg); text != nil {
		return func(f *frame) bool { s, ok := text(f); return ok && presentText(s) }
	}
	if key, ok := u.fieldOf(arg); ok {
		return func(f *frame) bool {
			if s, ok := f.scope.FieldText(key); ok {
				return presentText(s)
			}
			v, _ := f.scope.Field(key)
			return present(v)
		}
	}
	value := u.valueOf(arg)
	if value == nil {
		return nil
	}
	return func(f *frame) bool { return present(value(f)) }
}
