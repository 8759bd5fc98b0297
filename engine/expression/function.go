package expression

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
)

// Function is a function that expressions may call. Func0 to Func3 make one from a Go function and fill in Params,
// Returns and Call.
type Function struct {
	Name    string // letters and digits, optionally of a family: "cups.valid"
	Doc     string // one sentence, for documentation and completion
	Example string // an expression that uses it
	Params  []Param
	Returns reflect.Type // nil: any. See New for the types that an expression can hold
	Pure    bool         // the result depends on the arguments alone, and nothing is looked up
	Public  bool         // Explain may show the texts in its result: codes and ids of ours, nothing from a payload
	// Call is called concurrently and must not keep args. Its error ends the evaluation. The error's text must hold no
	// payload value: it goes to logs and dead letters.
	Call func(ctx context.Context, args []any) (any, error)

	fast any // the typed Go function of Func0 to Func3, called without putting values into interfaces
}

// Param is a parameter of a Function.
type Param struct {
	Name     string
	Type     reflect.Type // nil: any, which also takes a missing value
	Optional bool         // such parameters come last; Call then gets fewer arguments
}

// Func0 completes f with a Go function without parameters.
func Func0[R any](f Function, call func(context.Context) (R, error)) Function {
	f.Returns, f.fast = typeOf[R](), call
	f.Call = func(ctx context.Context, _ []any) (any, error) { return boxed(call(ctx)) }
	return f
}

// Func1 completes f with a Go function of one parameter. A parameter of type any also takes a missing value, nil; one of
// type secret.Digest takes only the supplier key, and is the zero digest if that is missing.
func Func1[A, R any](f Function, call func(context.Context, A) (R, error)) Function {
	f.Params = typed(f.Params, typeOf[A]())
	f.Returns, f.fast = typeOf[R](), call
	f.Call = func(ctx context.Context, args []any) (any, error) {
		a, err := argument[A](args, 0)
		if err != nil {
			return nil, err
		}
		return boxed(call(ctx, a))
	}
	return f
}

// Func2 completes f with a Go function of two parameters.
func Func2[A, B, R any](f Function, call func(context.Context, A, B) (R, error)) Function {
	f.Params = typed(f.Params, typeOf[A](), typeOf[B]())
	f.Returns, f.fast = typeOf[R](), call
	f.Call = func(ctx context.Context, args []any) (any, error) {
		a, err := argument[A](args, 0)
		if err != nil {
			return nil, err
		}
		b, err := argument[B](args, 1)
		if err != nil {
			return nil, err
		}
		return boxed(call(ctx, a, b))
	}
	return f
}

// Func3 completes f with a Go function of three parameters.
func Func3[A, B, C, R any](f Function, call func(context.Context, A, B, C) (R, error)) Function {
	f.Params = typed(f.Params, typeOf[A](), typeOf[B](), typeOf[C]())
	f.Returns = typeOf[R]()
	f.Call = func(ctx context.Context, args []any) (any, error) {
		a, err := argument[A](args, 0)
		if err != nil {
			return nil, err
		}
		b, err := argument[B](args, 1)
		if err != nil {
			return nil, err
		}
		c, err := argument[C](args, 2)
		if err != nil {
			return nil, err
		}
		return boxed(call(ctx, a, b, c))
	}
	return f
}

var anyType = reflect.TypeFor[any]()

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// typed gives the parameters their types and keeps the names that were written down.
func typed(params []Param, types ...reflect.Type) []Param {
	out := make([]Param, len(types))
	for i, t := range types {
		out[i] = Param{Name: string(rune('a' + i))}
		if i < len(params) {
			out[i] = params[i]
		}
		out[i].Type = t
	}
	return out
}

func boxed[R any](r R, err error) (any, error) { return r, err }

// argument converts one argument, widening numbers. A missing optional argument is the zero value.
func argument[A any](args []any, i int) (A, error) {
	var a A
	if i >= len(args) {
		return a, nil
	}
	if v, ok := args[i].(A); ok {
		return v, nil
	}
	switch p := any(&a).(type) {
	case *any:
		return a, nil
	case *secret.Digest:
		if args[i] == nil { // a missing key is the zero digest: "nobody's" is an answer, not a fault
			return a, nil
		}
	case *float64:
		if n, ok := toNumber(args[i]); ok {
			*p = n.float()
			return a, nil
		}
	case *int64:
		if n, ok := toNumber(args[i]); ok && n.exact {
			*p = n.i
			return a, nil
		}
	case *int:
		if n, ok := toNumber(args[i]); ok && n.exact {
			*p = int(n.i)
			return a, nil
		}
	}
	return a, &fault{reason: fmt.Sprintf("argument %d is %s, not %s", i+1, typeName(args[i]), kindName(typeOf[A]()))}
}

func (f Function) required() int {
	n := 0
	for _, p := range f.Params {
		if !p.Optional {
			n++
		}
	}
	return n
}

// Signature returns the function as a reader would write it: "cups.valid(cups: text): true or false".
func (f Function) Signature() string {
	s := f.Name + "("
	for i, p := range f.Params {
		if i > 0 {
			s += ", "
		}
		s += p.Name
		if p.Optional {
			s += "?"
		}
		s += ": " + kindName(p.Type)
	}
	return s + "): " + kindName(f.Returns)
}

var functionName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*(\.[a-zA-Z][a-zA-Z0-9]*)?$`)

// check says what is wrong with the declaration.
func (f Function) check() error {
	if !functionName.MatchString(f.Name) {
		return fmt.Errorf("expression function %q: the name must be letters and digits, with at most one dot", f.Name)
	}
	if f.Call == nil {
		return fmt.Errorf("expression function %q: it has no Call", f.Name)
	}
	optional := false
	for _, p := range f.Params {
		if optional && !p.Optional {
			return fmt.Errorf("expression function %q: parameter %q is required, but follows an optional one", f.Name, p.Name)
		}
		optional = optional || p.Optional
		if !plain(p.Type, false) {
			return fmt.Errorf("expression function %q: an expression cannot hold parameter %q of type %v", f.Name, p.Name, p.Type)
		}
	}
	if !plain(f.Returns, true) {
		return fmt.Errorf("expression function %q: an expression cannot hold the result type %v", f.Name, f.Returns)
	}
	return nil
}

// plain reports whether t is a type that values in expressions have. Named types, pointers and functions are left out:
// what an expression reaches must be data, and comparing a named text with a text would be false.
func plain(t reflect.Type, structs bool) bool {
	switch t {
	case nil, anyType, typeOf[bool](), typeOf[int](), typeOf[int64](), typeOf[float64](), typeOf[string](), typeOf[[]any](),
		typeOf[map[string]any](), typeOf[time.Time](), typeOf[time.Duration](), typeOf[secret.Digest]():
		return true
	}
	if !structs || t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous || f.IsExported() && !plain(f.Type, false) {
			return false
		}
	}
	return true
}
