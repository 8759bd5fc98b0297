package expression_test

import (
	"context"
	"testing"

	"github.com/gridtie/gridtie/engine/expression"
)

// fixed is a scope as an engine's message is one: an index over few fields, values put into interfaces once.
type fixed struct {
	message
	names  [4]string
	values [4]any
}

func (m *fixed) Field(name string) (any, bool) {
	for i := range m.names {
		if m.names[i] == name {
			return m.values[i], true
		}
	}
	return nil, false
}

func newFixed() *fixed {
	m := newMessage()
	return &fixed{*m, [4]string{"a", "cups", "supplierKey", "b"}, [4]any{int64(21), theCUPS, m.data["supplierKey"], "text"}}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, bench := range []struct{ name, source string }{
		{"present", `present(msg.supplierKey) && present(msg.cups)`},
		{"present-text", `present(msg.b) && present(msg.cups)`},
		{"compare", `msg.a > 20 && msg.b == "text"`},
		{"upper", `upper(trim(msg.b)) == "TEXT"`},
		{"cups.valid", `cups.valid(msg.cups)`},
		{"in", `msg.b in ["a", "b", "text"]`},
		{"meta-in", `meta.unit in ["Wh", "kWh"]`},
		{"arithmetic", `msg.a * 2 + 1 > 42`},
		{"supplier", `supplier(msg.supplierKey).outcome == "MATCHED"`},
	} {
		p := compile(b, bench.source, expression.Bool)
		m := newFixed()
		run := func(name string, p *expression.Program) {
			b.Run(bench.name+"/"+name, func(b *testing.B) {
				ctx := context.Background()
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.Bool(ctx, m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("closures", p)
		machine, err := p.OnVM()
		if err != nil {
			b.Fatal(err)
		}
		run("machine", machine)
	}
}

func BenchmarkPredicate(b *testing.B) {
	p := compile(b, `any(msg.numbers, # > 3)`, expression.Bool)
	ctx, m := context.Background(), newMessage()
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := p.Bool(ctx, m); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkFailure(b *testing.B) {
	p := compile(b, `msg.a > 20 && msg.missing > 1`, expression.Bool)
	ctx, m := context.Background(), newFixed()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Bool(ctx, m); err == nil {
			b.Fatal("got no error")
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	l := newLanguage(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Compile(`present(msg.supplierKey) && present(msg.cups)`, expression.Bool); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNoAllocation keeps the usual filters free of allocation.
func TestNoAllocation(t *testing.T) {
	ctx, m := context.Background(), newFixed()
	for _, source := range []string{
		`present(msg.supplierKey) && present(msg.cups)`, `msg.a > 20 && msg.b == "text"`, `cups.valid(msg.cups)`,
		`msg.b in ["a", "b", "text"]`, `meta.unit in ["Wh", "kWh"] || type == "A"`, `device startsWith "meter-"`,
	} {
		p := compile(t, source, expression.Bool)
		if n := testing.AllocsPerRun(200, func() { _, _ = p.Bool(ctx, m) }); n >= 1 {
			t.Errorf("%s: got %v allocations, want none", source, n)
		}
	}
}
