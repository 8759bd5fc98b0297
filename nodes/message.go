package nodes

import (
	"context"
	"errors"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/supplypoint"
)

var errNoMessage = errors.New("the function was called outside a run: there is no message to look at")

// messageOf is the message whose run a function is called in: its origin and its time are what look-ups go by.
func messageOf(ctx context.Context) (*engine.Message, error) {
	if m := engine.MessageOf(ctx); m != nil {
		return m, nil
	}
	return nil, errNoMessage
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
