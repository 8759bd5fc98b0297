package engine

import (
	"context"

	"github.com/gridtie/gridtie/engine/expression"
)

// The types below stand in configuration structs. In a chain file each is a text in the expression language; the engine
// compiles and type-checks it when the chain loads, so that a fault has its place in the file. They are ready to use in
// the constructor that Build is given, and safe for concurrent use. The zero value is an expression left out.

// Condition is an expression that gives true or false.
type Condition struct{ *formula }

// Eval evaluates the expression for a message. An error is an error, never false.
func (c Condition) Eval(ctx context.Context, m *Message) (bool, error) {
	return c.program.Bool(ctx, (*scope)(m))
}

// Text is an expression that gives a string.
type Text struct{ *formula }

// Eval evaluates the expression for a message.
func (t Text) Eval(ctx context.Context, m *Message) (string, error) {
	return t.program.String(ctx, (*scope)(m))
}

// Value is an expression that gives any value: nil, bool, int64, float64, string, []any, map[string]any or
// secret.Digest.
type Value struct{ *formula }

// Eval evaluates the expression for a message.
func (v Value) Eval(ctx context.Context, m *Message) (any, error) {
	return v.program.Any(ctx, (*scope)(m))
}

// EvalTextOr evaluates the expression as Eval does, but gives a text by itself, which spares an allocation. Other is nil
// if isText is true.
func (v Value) EvalTextOr(ctx context.Context, m *Message) (text string, isText bool, other any, err error) {
	return v.program.TextOr(ctx, (*scope)(m))
}

func (c *Condition) bind(f *formula) { c.formula = f }
func (t *Text) bind(f *formula)      { t.formula = f }
func (v *Value) bind(f *formula)     { v.formula = f }

// formula is the shared part: the source, and the program once the chain is compiled.
type formula struct {
	source  string
	program *expression.Program
}

// Source is the text of the expression; empty if it was left out.
func (f *formula) Source() string {
	if f == nil {
		return ""
	}
	return f.source
}

// IsZero says that the expression was left out.
func (f *formula) IsZero() bool { return f == nil }
