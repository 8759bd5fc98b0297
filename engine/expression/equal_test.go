package expression_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/expr-lang/expr"

	"github.com/gridtie/gridtie/engine/expression"
)

// generator writes random sources. Most of them mean something: a condition has conditions inside, and so on, with a
// wrong kind here and there.
type generator struct{ *rand.Rand }

func (g generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g generator) source(depth int) string {
	switch g.IntN(4) {
	case 0:
		return g.number(depth)
	case 1:
		return g.text(depth)
	default:
		return g.truth(depth)
	}
}

func (g generator) value(depth int) string {
	if depth <= 0 || g.IntN(3) == 0 {
		return g.pick("msg.t", "msg.f", "msg.neg", "msg.cups", "msg.name", "msg.missing", "msg.null", "msg.yes", "msg.no", "msg.list",
			"msg.numbers", "msg.o", "msg.o.a.b", "msg.o?.a?.b", "msg.missing?.a.b", "msg.max", "msg.big", "meta.ss_id", "meta.missing",
			"meta.empty", "type", "device", "origin.id", "time", "msg.list[0]", "msg.list[7]", "nil", "msg.o.missing", "msg.t.a",
			"msg[meta.unit]", "meta[msg.cups]", "msg.list[msg.t]", "msg.cups[0]", "msg.o[msg.cups]", "time - date(\"2026-01-01\")")
	}
	depth--
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf("(%s ?? %s)", g.value(depth), g.value(depth))
	case 1:
		return fmt.Sprintf("(%s ? %s : %s)", g.truth(depth), g.value(depth), g.value(depth))
	case 2:
		return g.pick("[", "[1, ", `["a", `) + g.value(depth) + "]"
	case 3:
		return fmt.Sprintf(`{"a": %s}%s`, g.value(depth), g.pick("", ".a", ".b", ".a.b", "?.a", `["a"]`))
	default:
		return g.source(depth)
	}
}

func (g generator) number(depth int) string {
	if depth <= 0 || g.IntN(4) == 0 {
		return g.pick("0", "1", "2.5", "21", "9223372036854775807", "1e300", "msg.t", "msg.f", "msg.neg", "msg.max", "len(msg.list)")
	}
	depth--
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf("(-%s)", g.number(depth))
	case 1:
		return g.pick("abs", "floor", "round", "int", "float", "len") + "(" + g.value(depth) + ")"
	case 2:
		return fmt.Sprintf("half(%s, %s)", g.number(depth), g.value(depth))
	case 3:
		return g.pick("sum", "count", "max", "first") + "(msg." + g.pick("numbers", "list", "t", "missing") + ")"
	case 4:
		return g.value(depth)
	default:
		return fmt.Sprintf("(%s %s %s)", g.number(depth), g.pick("+", "-", "*", "/", "%", "**"), g.number(depth))
	}
}

func (g generator) text(depth int) string {
	if depth <= 0 || g.IntN(4) == 0 {
		return g.pick(`"a"`, `""`, `"21"`, `"meter-1"`, "msg.cups", "msg.name", "meta.ss_id", "meta.unit", "meta.missing", "device", "type")
	}
	depth--
	switch g.IntN(6) {
	case 0:
		return g.pick("trim", "upper", "lower", "string", "mask", "cups.canonical") + "(" + g.value(depth) + ")"
	case 1:
		return fmt.Sprintf("(%s + %s)", g.text(depth), g.text(depth))
	case 2:
		return fmt.Sprintf(`replace(%s, "e", %s)`, g.text(depth), g.text(depth))
	case 3:
		return fmt.Sprintf("(%s ?? %s)", g.text(depth), g.text(depth))
	case 4:
		return g.pick("supplier(msg.supplierKey).outcome", "join(msg.list, \",\")", "split(device, \"-\")[1]", "msg.o.a.b")
	default:
		return fmt.Sprintf("(%s ? %s : %s)", g.truth(depth), g.text(depth), g.text(depth))
	}
}

func (g generator) truth(depth int) string {
	if depth <= 0 || g.IntN(5) == 0 {
		return g.pick("true", "false", "msg.yes", "msg.no", "present(msg.cups)", "present(msg.missing)", "present(msg.supplierKey)",
			"cups.valid(msg.cups)", "supplier(msg.supplierKey).active", "broken()", "present(meta.empty)", "msg.supplierKey == nil")
	}
	depth--
	switch g.IntN(9) {
	case 0:
		return g.pick("!", "not ") + "(" + g.truth(depth) + ")"
	case 1, 2:
		return fmt.Sprintf("(%s %s %s)", g.truth(depth), g.pick("&&", "||", "and", "or"), g.truth(depth))
	case 3:
		return fmt.Sprintf("(%s %s %s)", g.value(depth), g.pick("==", "!="), g.value(depth))
	case 4:
		return fmt.Sprintf("(%s %s %s)", g.number(depth), g.pick("<", "<=", ">", ">=", "==", "!="), g.number(depth))
	case 5:
		return fmt.Sprintf("(%s %s %s)", g.text(depth), g.pick("<", ">=", "==", "!=", "contains", "startsWith", "endsWith", "not contains"), g.text(depth))
	case 6:
		return fmt.Sprintf("(%s %s %s)", g.value(depth), g.pick("in", "not in"), g.pick(`["a", "21"]`, "[1, 21]", "msg.list", "msg.o", "msg.missing", "[nil, msg.t]", `["a", nil]`, g.value(depth)))
	case 7:
		return fmt.Sprintf(`(%s matches "^[mE].*")`, g.text(depth))
	default:
		return fmt.Sprintf("%s(msg.%s, %s)", g.pick("any", "all", "none", "one"), g.pick("list", "numbers", "missing", "o"),
			g.pick("# == "+g.value(depth), "# > 1", "#", g.truth(depth)))
	}
}

// compare evaluates a source in both ways and, where expr alone understands it, in a third.
func compare(t *testing.T, l *expression.Language, source string) (compiled, closure, failed bool) {
	t.Helper()
	p, err := l.Compile(source, expression.Any)
	if err != nil {
		return false, false, false
	}
	machine, err := p.OnVM()
	if err != nil {
		t.Fatalf("%s: compiles to closures, not for the virtual machine: %v", source, err)
	}
	ctx, m := context.Background(), newMessage()
	got, gotErr := p.Any(ctx, m)
	want, wantErr := machine.Any(ctx, m)
	if !reflect.DeepEqual(got, want) || describe(gotErr) != describe(wantErr) {
		t.Errorf("%s:\n  compiled %#v, %v\n  machine  %#v, %v", source, got, gotErr, want, wantErr)
	}
	if again, _ := p.Any(ctx, m); !reflect.DeepEqual(again, got) {
		t.Errorf("%s: got %#v, the second time %#v", source, got, again)
	}
	p.Explain(ctx, m)
	return true, p.IsClosure(), gotErr != nil
}

// describe tells errors apart by place and, except for what only expr's runtime says, by reason.
func describe(err error) string {
	var at *expression.RunError
	if !errors.As(err, &at) {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%d %s %v", at.Offset, at.Reason, at.Err)
}

func TestBothWaysAreEqual(t *testing.T) {
	t.Parallel()
	l := newLanguage(t)
	var tried, closures, failures int
	for seed := range uint64(4000) {
		source := generator{rand.New(rand.NewPCG(seed, 1))}.source(4)
		if ok, closure, failed := compare(t, l, source); ok {
			tried++
			if closure {
				closures++
			}
			if failed {
				failures++
			}
		}
		if t.Failed() {
			return
		}
	}
	if tried < 2000 || closures < tried/2 || failures < tried/20 || failures > tried*19/20 {
		t.Errorf("of 4000 sources %d compiled, %d to closures, and %d failed when run: the generator has become blunt", tried, closures, failures)
	}
}

// FuzzEqual searches where the table of seeds does not reach.
func FuzzEqual(f *testing.F) {
	l := newLanguage(f)
	f.Add(uint64(1), uint64(1))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		compare(t, l, generator{rand.New(rand.NewPCG(a, b))}.source(5))
	})
}

// FuzzCompile feeds arbitrary sources: no panic, and what compiles gives the same in both ways.
func FuzzCompile(f *testing.F) {
	l := newLanguage(f)
	for _, source := range []string{
		`present(msg.supplierKey) && present(msg.cups)`, `msg.o?.a["b"][1:2] ?? {"a": [1, nil]}`, `any(msg.list, {# > 1})`,
		`msg.cups matches "^ES" ? upper(trim(msg.name)) : "a" + 'b' + device`, `-1.5e3 ** 2 % 3 in [1, 2]`, "if msg.yes { 1 } else { 2 }",
		`msg.list | filter(# != nil) | map({"a": .b}) | len()`, `let a = 1; a`, `1..9`, "((((", `"\u00e9" // c`, `/* */ #`, `$env`,
	} {
		f.Add(source)
	}
	for seed := range uint64(50) {
		f.Add(generator{rand.New(rand.NewPCG(seed, 2))}.source(3))
	}
	f.Fuzz(func(t *testing.T, source string) {
		if _, err := l.Compile(source, expression.Bool); err != nil {
			var at *expression.Error
			if !errors.As(err, &at) {
				t.Fatalf("%q: got %v, want an Error", source, err)
			}
			_ = at.Caret()
		}
		compare(t, l, source)
	})
}

// TestExprAgrees holds our operators against expr's own, on sources that mean the same in both.
func TestExprAgrees(t *testing.T) {
	t.Parallel()
	l := newLanguage(t)
	m := newMessage()
	env := map[string]any{"msg": m.data, "device": "meter-1", "type": m.Type(), "time": m.Time(), "meta": map[string]any{"ss_id": "17", "unit": "kWh", "empty": ""}}
	agreed := 0
	for seed := range uint64(8000) {
		source := generator{rand.New(rand.NewPCG(seed, 3))}.source(3)
		// Overflow, division by zero, literals and times as text differ on purpose.
		if strings.ContainsAny(source, "*/%[{") || strings.Contains(source, "string(") {
			continue
		}
		plain, err := expr.Compile(source, expr.Env(env), expr.AllowUndefinedVariables())
		if err != nil {
			continue
		}
		p, err := l.Compile(source, expression.Any)
		if err != nil {
			continue
		}
		want, err := expr.Run(plain, env)
		if err != nil {
			continue
		}
		got, err := p.Any(context.Background(), m)
		if err != nil {
			continue // we refuse more: conditions that are no conditions, overflow
		}
		if n, ok := want.(int); ok {
			want = int64(n)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, expr gives %#v", source, got, want)
		}
		agreed++
	}
	if agreed < 400 {
		t.Errorf("only %d sources were compared", agreed)
	}
}
