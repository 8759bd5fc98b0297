package supplypoint_test

import (
	"testing"

	"github.com/gridtie/gridtie/supplypoint"
)

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"20": "ES0021000000000001RK", "22": "ES0021000000000001RK0F", "grouped": "es 0021 0000 0000 0001 rk 0f",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := supplypoint.Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMask(b *testing.B) {
	p := supplypoint.Synthetic("0021", 1)
	b.ReportAllocs()
	for b.Loop() {
		_ = p.Mask()
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	for _, text := range []string{"ES0021000000000001RK", "ES0021000000000001RK0F", "es 0021 0000 0000 0001 rk 0f", "PT0014483920194837DW"} {
		if got := testing.AllocsPerRun(100, func() { _, _ = supplypoint.Parse(text) }); got != 0 {
			t.Errorf("Parse(%q): got %v allocations, want 0", text, got)
		}
		if got := testing.AllocsPerRun(100, func() { _ = supplypoint.Check(text + "") }); got != 0 {
			t.Errorf("Check(%q): got %v allocations, want 0", text, got)
		}
	}
}
