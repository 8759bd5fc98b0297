package expression

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"

	"github.com/gridtie/gridtie/engine/secret"
)

// Language is a set of functions, and what compiles expressions that use them. It is immutable and safe for concurrent
// use.
type Language struct {
	functions map[string]*Function
	table     conf.FunctionsTable // the same for expr, and the operators
	redact    Redactor
}

// Redactor turns a text of a payload into what may be shown of it.
type Redactor func(text string) string

// New returns a language with the standard functions (present, mask, trim …) and the given ones. It errs on a name given
// twice and on a declaration that cannot work: parameters and results are any, bool, int, int64, float64, string, []any,
// map[string]any, time.Time, time.Duration and secret.Digest; a result may also be a struct with exported fields of these
// types, which an expression reads by the name in their tag `expr:"…"`.
func New(functions ...Function) (*Language, error) {
	l := &Language{functions: map[string]*Function{}, table: operators(), redact: hide}
	for _, f := range append(standard(), functions...) {
		if err := f.check(); err != nil {
			return nil, err
		}
		if _, taken := l.functions[f.Name]; taken || isCollection(f.Name) || isVariable(f.Name) {
			return nil, fmt.Errorf("expression function %q: the name is taken", f.Name)
		}
		l.functions[f.Name] = &f
		l.table[f.Name] = f.bind()
	}
	return l, nil
}

// Redacting returns the language with another rule for the texts of payloads that Explain shows. Without one they are
// hidden whole.
func (l *Language) Redacting(r Redactor) *Language {
	with := *l
	with.redact = r
	return &with
}

func hide(string) string { return secret.Redacted }

// Functions returns all functions sorted by name, for documentation and completion. Those that take a list apart
// (any, filter …) are the language's own and have no Call.
func (l *Language) Functions() []Function {
	all := describeCollections()
	for _, f := range l.functions {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// variables are the names that are no functions.
const variables = " msg meta type origin device time "

func isVariable(name string) bool { return strings.Contains(variables, " "+name+" ") }

// config returns expr's settings for one source. It is written to while compiling, hence made anew each time.
func (l *Language) config() *conf.Config {
	c := conf.CreateNew()
	c.MaxNodes = MaxNodes
	c.Optimize = false
	c.Functions = l.table
	for name := range builtin.Index {
		if !isCollection(name) {
			c.Disabled[name] = true
			delete(c.Builtins, name)
		}
	}
	return c
}

var frameType = reflect.TypeFor[*frame]()

// bind makes a function callable by the virtual machine, which hands it the frame first.
func (f *Function) bind() *builtin.Function {
	result := f.Returns
	if result == nil {
		result = anyType
	}
	in := []reflect.Type{frameType}
	var types []reflect.Type // one for each number of arguments
	for n := 0; ; n++ {
		if n >= f.required() {
			types = append(types, reflect.FuncOf(in, []reflect.Type{result}, false))
		}
		if n == len(f.Params) {
			break
		}
		t := f.Params[n].Type
		if t == nil {
			t = anyType
		}
		in = append(in[:n+1:n+1], t)
	}
	return &builtin.Function{Name: f.Name, Types: types, Func: func(args ...any) (any, error) {
		return args[0].(*frame).callFromVM(f, args[1:])
	}}
}

// callFromVM is call, and remembers a panic of the function: the machine would make a result without a stack of it.
func (f *frame) callFromVM(fn *Function, args []any) (any, error) {
	defer func() {
		if r := recover(); r != nil {
			if _, own := r.(*fault); !own {
				f.panicked = r
			}
			panic(r)
		}
	}()
	return f.call(fn, args)
}

// call runs a function and keeps the limits.
func (f *frame) call(fn *Function, args []any) (any, error) {
	f.spend(1)
	for _, a := range args {
		sized(f, a)
	}
	v, err := fn.Call(f.ctx, args)
	if err != nil {
		return nil, fn.failed(err)
	}
	if s, ok := v.(string); ok && len(s) > MaxText {
		fail("the text grows beyond 64 KiB")
	}
	return v, nil
}

// failed says which function failed.
func (f *Function) failed(err error) *fault {
	if own := (*fault)(nil); errors.As(err, &own) && own.err == nil {
		return &fault{reason: f.Name + ": " + own.reason}
	}
	return &fault{reason: f.Name, err: err}
}
