package expression_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/engine/secret"
)

// message is a scope for tests.
type message struct {
	data map[string]any
	meta map[string]string
}

var received = time.Date(2026, 11, 21, 9, 14, 3, 0, time.UTC)

func (m *message) Field(name string) (any, bool)        { v, ok := m.data[name]; return v, ok }
func (m *message) FieldText(name string) (string, bool) { s, ok := m.data[name].(string); return s, ok }
func (m *message) Payload() any                         { return m.data }
func (m *message) Meta(key string) (string, bool)       { v, ok := m.meta[key]; return v, ok }
func (m *message) Type() string                         { return "POST_TELEMETRY_REQUEST" }
func (m *message) Time() time.Time                      { return received }
func (m *message) Origin() expression.Origin {
	return expression.Origin{Type: "DEVICE", ID: "d-1", Name: "meter-1"}
}

const (
	theCUPS = "ES0021000000000001RK"
	theKey  = "000712"
)

var serverKey = secret.NewKey()

func newMessage() *message {
	return &message{
		data: map[string]any{
			"supplierKey": serverKey.Digest(theKey), "cups": theCUPS, "name": " Meter ", "blank": " \t", "null": nil,
			"t": int64(21), "f": 2.5, "neg": int64(-3), "big": int64(9007199254740993), "max": int64(9223372036854775807),
			"yes": true, "no": false, "x y": "spaced",
			"list": []any{int64(1), 2.5, "a", nil}, "numbers": []any{int64(1), int64(2), 3.5},
			"o": map[string]any{"a": map[string]any{"b": "deep"}, "n": int64(1)},
		},
		meta: map[string]string{"ss_id": "17", "unit": "kWh", "empty": ""},
	}
}

// found is what supplier() returns.
type found struct {
	Outcome string `expr:"outcome"`
	ID      int64  `expr:"id"`
	Active  bool   `expr:"active"`
}

var errLookUp = errors.New("the store is away")

// functions are stand-ins for the catalog's.
func functions() []expression.Function {
	return []expression.Function{
		expression.Func1(expression.Function{Name: "cups.valid", Pure: true, Params: []expression.Param{{Name: "cups"}}},
			func(_ context.Context, s string) (bool, error) {
				return strings.HasPrefix(s, "ES") && len(s) == 20, nil
			}),
		expression.Func1(expression.Function{Name: "cups.canonical", Pure: true},
			func(_ context.Context, v any) (any, error) {
				if s, ok := v.(string); ok {
					return strings.ToUpper(strings.TrimSpace(s)), nil
				}
				return nil, nil
			}),
		expression.Func1(expression.Function{Name: "supplier", Public: true}, func(ctx context.Context, d secret.Digest) (found, error) {
			if d == serverKey.Digest(theKey) {
				return found{"MATCHED", 7, true}, ctx.Err()
			}
			return found{Outcome: "KEY_UNKNOWN"}, nil
		}),
		expression.Func0(expression.Function{Name: "broken"}, func(context.Context) (bool, error) { return false, errLookUp }),
		expression.Func2(expression.Function{Name: "half", Pure: true},
			func(_ context.Context, a float64, b int64) (float64, error) { return a / 2 * float64(b), nil }),
	}
}

func newLanguage(t testing.TB) *expression.Language {
	t.Helper()
	l, err := expression.New(functions()...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func compile(t testing.TB, source string, want expression.Want) *expression.Program {
	t.Helper()
	p, err := newLanguage(t).Compile(source, want)
	if err != nil {
		t.Fatalf("compile %q: %v", source, err)
	}
	return p
}
