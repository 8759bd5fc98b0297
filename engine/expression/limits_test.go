package expression_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/gridtie/gridtie/engine/expression"
)

// TestReach pins what a source can reach without a catalog: a new version of expr must not add to it unseen.
func TestReach(t *testing.T) {
	t.Parallel()
	l, err := expression.New()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range l.Functions() {
		names = append(names, f.Name)
	}
	want := "abs all any ceil count date duration filter find findIndex findLast findLastIndex first float floor indexOf int join keys " +
		"last len lower map mask max mean median min none one present replace reverse round sort split string sum trim trimPrefix " +
		"trimSuffix upper values"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("functions:\ngot  %s\nwant %s", got, want)
	}
	for _, source := range []string{
		`now()`, `timezone("Europe/Madrid")`, `toJSON(msg)`, `fromBase64("YQ==")`, `groupBy(msg.a, #)`, `sortBy(msg.a, #)`, `uniq(msg.a)`,
		`flatten(msg.a)`, `get(msg.a, 1)`, `type(msg.a)`, `bitand(1, 2)`, `hasPrefix("a", "b")`, `take(msg.a, 1)`, `toPairs(msg.a)`,
		`env`, `$env`, `@frame`, `context`, `::len("a")`, `::now()`, `b"abc"`,
	} {
		if _, err := l.Compile(source, expression.Any); err == nil && source != `::len("a")` {
			t.Errorf("%s: it compiles, want it refused", source)
		}
	}
}

func TestLimitsAllow(t *testing.T) {
	t.Parallel()
	many := strings.Repeat
	for name, source := range map[string]string{
		"64 brackets":           many("(", 64) + "1" + many(")", 64),
		"nearly 1,000 parts":    "1" + many("+1", 495),
		"two predicates":        `any(msg.numbers, any(msg.list, # == "a"))`,
		"predicates one by one": `any(msg.numbers, # > 1) && any(msg.numbers, # > 2) && any(msg.numbers, # > 3)`,
		"a pattern for a CUPS":  `msg.cups matches "^ES[0-9]{16}[A-HJ-NP-TV-Z]{2}([0-9][FPRCXYZ])?$"`,
		"brackets in a text":    `"` + many("(", 100) + `" != "a"`,
		"signs in a text":       `"` + many("!", 100) + `" != "a"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := compile(t, source, expression.Any)
			if _, err := p.Any(context.Background(), newMessage()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestConcurrentUse shares programs of both kinds and a language between goroutines, for the race detector.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	l := newLanguage(t)
	sources := []string{
		`supplier(msg.supplierKey).outcome == "MATCHED"`, `any(msg.numbers, # > 3)`, `half(msg.t, 2) == 21.0 && broken()`, `msg.missing > 1`,
	}
	programs := make([]*expression.Program, len(sources))
	for i, source := range sources {
		programs[i] = compile(t, source, expression.Bool)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			m := newMessage()
			for i := range 400 {
				p := programs[i%len(programs)]
				got, err := p.Bool(context.Background(), m)
				if fails := i%len(programs) >= 2; fails != (err != nil) || !fails && !got {
					t.Errorf("%s: got %v, %v", p.Source(), got, err)
					return
				}
				if i%100 == 0 {
					p.Explain(context.Background(), m)
					if _, err := l.Compile(p.Source(), expression.Bool); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
}

// TestNested: a function may evaluate another program, as a look-up that is configured by an expression does.
func TestNested(t *testing.T) {
	t.Parallel()
	inner := compile(t, `any(msg.numbers, # > 3) && half(2, 1) == 1.0`, expression.Bool)
	f := expression.Func1(expression.Function{Name: "inner"}, func(ctx context.Context, _ any) (bool, error) {
		return inner.Bool(ctx, newMessage())
	})
	l, err := expression.New(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Compile(`all(msg.numbers, inner(#)) && inner(inner(msg.t))`, expression.Bool)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Bool(context.Background(), newMessage()); !got || err != nil {
		t.Errorf("got %v, %v, want true", got, err)
	}
}

// TestPanic: a function that panics has a fault that somebody must see, so it is no mere error of the expression.
func TestPanic(t *testing.T) {
	t.Parallel()
	type fatal struct{}
	f := expression.Func1(expression.Function{Name: "explode"}, func(context.Context, any) (bool, error) { panic(fatal{}) })
	l, err := expression.New(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Compile(`explode(1)`, expression.Bool)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := p.OnVM()
	if err != nil {
		t.Fatal(err)
	}
	for way, p := range map[string]*expression.Program{"compiled": p, "machine": machine} {
		func() {
			defer func() {
				if _, ok := recover().(fatal); !ok {
					t.Errorf("%s: got no panic, want the function's", way)
				}
			}()
			_, err := p.Bool(context.Background(), newMessage())
			t.Errorf("%s: got %v, want a panic", way, err)
		}()
	}
}
