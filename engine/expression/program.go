package expression

import (
	"context"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm"

	"github.com/gridtie/gridtie/engine/secret"
)

// Program is a compiled expression. It is immutable and safe for concurrent use.
type Program struct {
	lang   *Language
	source string
	want   Want
	slots  []namedSlot

	// One of these is set: closures where the language's common part suffices, else bytecode.
	truth func(*frame) bool // instead of value where the result is known to be true or false
	text  func(*frame) (string, bool)
	value func(*frame) any
	code  *vm.Program

	only *slot // what the source reads, if it does nothing else
}

// Compile checks a source and makes a program of it. The error is an *Error.
func (l *Language) Compile(source string, want Want) (*Program, error) {
	u, err := l.analyse(source, want)
	if err != nil {
		return nil, err
	}
	p := u.program(want)
	if p.compileClosures(u) {
		return p, nil
	}
	err = p.compileBytecode(u)
	return p, err
}

func (u *unit) program(want Want) *Program {
	p := &Program{lang: u.lang, source: u.source, want: want}
	for name, s := range u.slots {
		p.slots = append(p.slots, namedSlot{name, s})
	}
	slices.SortFunc(p.slots, func(a, b namedSlot) int { return strings.Compare(a.name, b.name) })
	return p
}

func (p *Program) compileBytecode(u *unit) (err error) {
	if p.code, err = u.bytecode(); err != nil {
		return newError(p.source, 0, "the expression cannot be compiled")
	}
	return nil
}

// Source returns what was compiled.
func (p *Program) Source() string { return p.source }

// Reads returns what the program reads of a message, sorted: "msg.cups", "meta.ss_id", "msg" for the whole payload.
func (p *Program) Reads() []string {
	var names []string
	for _, s := range p.slots {
		names = append(names, s.name)
	}
	return names
}

// Bool evaluates to true or false. It errs, with a *RunError, on everything else.
func (p *Program) Bool(ctx context.Context, s Scope) (b bool, err error) {
	f := newFrame(ctx, s)
	defer p.done(f, &err)
	if p.truth != nil {
		return p.truth(f), nil
	}
	v := p.run(f)
	f.at = 0
	return truth(v), nil
}

// String evaluates to a text.
func (p *Program) String(ctx context.Context, s Scope) (text string, err error) {
	if text, ok := p.readText(s); ok {
		return text, nil
	}
	f := newFrame(ctx, s)
	defer p.done(f, &err)
	if p.text != nil {
		text, ok := p.text(f)
		if !ok {
			p.wrongResult(f, nil, String)
		}
		return text, nil
	}
	v := p.run(f)
	text, ok := v.(string)
	if !ok {
		p.wrongResult(f, v, String)
	}
	return text, nil
}

// Number evaluates to an int64 or a float64.
func (p *Program) Number(ctx context.Context, s Scope) (n any, err error) {
	f := newFrame(ctx, s)
	defer p.done(f, &err)
	v := p.run(f)
	if _, ok := toNumber(v); !ok {
		p.wrongResult(f, v, Number)
	}
	return v, nil
}

// Object evaluates to an object. It may be the message's own: do not change it.
func (p *Program) Object(ctx context.Context, s Scope) (o map[string]any, err error) {
	f := newFrame(ctx, s)
	defer p.done(f, &err)
	v := p.run(f)
	o, ok := v.(map[string]any)
	if !ok {
		p.wrongResult(f, v, Object)
	}
	return o, nil
}

// Any evaluates to whatever the expression gives: nil, bool, int64, float64, string, []any, map[string]any, time.Time,
// time.Duration, a struct that a function returned, or a secret.Digest if the source is msg.supplierKey alone. Lists and
// objects may be the message's own: do not change them.
func (p *Program) Any(ctx context.Context, s Scope) (v any, err error) {
	f := newFrame(ctx, s)
	defer p.done(f, &err)
	return p.run(f), nil
}

// TextOr is Any, with a text by itself: putting it into an interface would allocate. Other is nil if isText is true.
func (p *Program) TextOr(ctx context.Context, s Scope) (text string, isText bool, other any, err error) {
	if text, ok := p.readText(s); ok {
		return text, true, nil, nil
	}
	f := newFrame(ctx, s)
	defer p.done(f, &err)
	if p.text != nil {
		text, isText = p.text(f)
		return text, isText, nil, nil
	}
	other = p.run(f)
	if text, isText = other.(string); isText {
		other = nil
	}
	return text, isText, other, nil
}

// readText is the whole evaluation of a source that only names a field or an entry which is a text: it needs no frame.
func (p *Program) readText(s Scope) (string, bool) {
	switch {
	case p.only == nil:
		return "", false
	case p.only.kind == slotField:
		return s.FieldText(p.only.key)
	case p.only.isText():
		return p.only.text(s)
	}
	return "", false
}

func (p *Program) wrongResult(f *frame, v any, want Want) {
	f.at = 0
	fail("the result is " + typeName(v) + ", not " + want.String())
}

// run evaluates by whichever way the program has.
func (p *Program) run(f *frame) any {
	switch {
	case p.value != nil:
		return whole(p.value(f))
	case p.truth != nil:
		return p.truth(f)
	case p.text != nil:
		if s, ok := p.text(f); ok {
			return s
		}
		return nil
	}
	return whole(f.runVM(p.code, p.slots))
}

// whole turns the machine's own integers into the int64 that the language promises, also in a list that it made. A
// method of a value whose type is not known before (of a time inside an object) is no result.
func whole(v any) any {
	switch x := v.(type) {
	case nil, bool, string, int64, float64, map[string]any, secret.Digest:
	case int:
		return int64(x)
	case uint8:
		return int64(x)
	case []any:
		if i := slices.IndexFunc(x, isInt); i >= 0 {
			x = slices.Clone(x) // it may be the message's
			for ; i < len(x); i++ {
				x[i] = whole(x[i])
			}
			return x
		}
	default:
		if reflect.TypeOf(v).Kind() == reflect.Func {
			fail("there is no such field or element")
		}
	}
	return v
}

func isInt(v any) bool { _, ok := v.(int); return ok }

// done ends an evaluation: a fault becomes the error. Other panics are faults of a function and go on.
func (p *Program) done(f *frame, err *error) {
	r := recover()
	at := f.at
	f.release()
	switch r := r.(type) {
	case nil:
	case *fault:
		*err = p.failure(at, r)
	case string: // from expr's runtime
		*err = p.failure(at, &fault{reason: reason(r)})
	case *runtime.TypeAssertionError:
		*err = p.failure(at, &fault{reason: reason(r.Error())})
	default:
		panic(r)
	}
}

func (p *Program) failure(at int, f *fault) error {
	e := &RunError{Source: p.source, Reason: f.reason, Err: f.err}
	e.Offset, e.Line, e.Column = place(p.source, at)
	return e
}
