package nodes

import (
	"context"
	"errors"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/supplypoint"
)

type messageKey struct{}

// WithMessage makes a message known to the expression functions supplier and attr. Call it where a run's transaction is
// opened (engine.Options.Begin is given both): origin and time are the same for every message of a run.
func WithMessage(ctx context.Context, m *engine.Message) context.Context {
	return context.WithValue(ctx, messageKey{}, m)
}

var errNoMessage = errors.New("the run does not say which message it is about")

func messageOf(ctx context.Context) (*engine.Message, error) {
	m, ok := ctx.Value(messageKey{}).(*engine.Message)
	if !ok {
		return nil, errNoMessage
	}
	return m, nil
}

// redactor shows of a text what may be shown in a trace: a supply point as everywhere else, of all other texts what the
// function mask leaves.
func redactor(l *expression.Language) expression.Redactor {
	hide := func(string) string { return "***" }
	for _, f := range l.Functions() {
		if f.Name == "mask" {
			call := f.Call
			hide = func(text string) string {
				if masked, err := call(context.Background(), []any{text}); err == nil {
					return masked.(string)
				}
				return "***"
			}
		}
	}
	return func(text string) string {
		if supplypoint.Check(text).Level >= supplypoint.LevelFormat {
			return supplypoint.Mask(text)
		}
		return hide(text)
	}
}
