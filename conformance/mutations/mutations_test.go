package main

import (
	"strings"
	"testing"
)

// TestEveryFaultCanBeMade: whoever changes a place that a fault is made in changes the fault with it.
func TestEveryFaultCanBeMade(t *testing.T) {
	t.Parallel()
	all, err := load("faults")
	if err != nil {
		t.Fatal(err)
	}
	quick := 0
	for _, m := range all {
		if m.quick {
			quick++
		}
		if _, _, err := m.texts("../.."); err != nil {
			t.Errorf("faults/%s.fault: %v", m.name, err)
		}
	}
	if len(all) < 30 || quick < 8 {
		t.Errorf("got %d faults, %d of them quick", len(all), quick)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const whole = "what: x\ntest: ./a -run B\nquick\nfile: a.go\n--- was\none\ntwo\n--- is\n--- end\n"
	m, err := parse(whole)
	if err != nil || m.what != "x" || m.tests[0] != "./a -run B" || !m.quick || m.edits[0] != (edit{"a.go", "one\ntwo\n", ""}) {
		t.Errorf("got %+v, %v", m, err)
	}
	for _, text := range []string{"", "what: x\n", strings.TrimSuffix(whole, "--- end\n"), whole + "?\n"} {
		if m, err := parse(text); err == nil {
			t.Errorf("%q: got %+v", text, m)
		}
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, events string
		want         verdict
	}{
		{"all pass", `{"Action":"run","Package":"a","Test":"T"}{"Action":"pass","Package":"a","Test":"T"}`, verdict{}},
		{"one fails", `{"Action":"output","Package":"a","Test":"T","Output":"why"}{"Action":"fail","Package":"a","Test":"T"}`, verdict{failed: true, by: "a T", output: "why"}},
		{"the process ends", `{"Action":"run","Package":"a","Test":"T"}{"Action":"fail","Package":"a"}`, verdict{failed: true, by: "a T"}},
		{"does not compile", `{"Action":"build-output","Output":"x.go:1"}{"ImportPath":"a","Action":"build-fail"}`, verdict{failed: true, unbuilt: true, by: "a", output: "x.go:1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got verdict
			got.read(strings.NewReader(tt.events))
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
