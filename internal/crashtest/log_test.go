package crashtest_test

import (
	"testing"

	"github.com/gridtie/gridtie/internal/crashtest"
)

// TestLogOfCalls: what a meter notices of its calls by itself.
func TestLogOfCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		see  func(l *crashtest.Log)
		want crashtest.Meter
	}{
		{"in order", func(l *crashtest.Log) { l.SeeCall(0, 1, 0); l.SeeCall(0, 2, 1) }, crashtest.Meter{}},
		{"again", func(l *crashtest.Log) { l.SeeCall(0, 1, 0); l.SeeCall(0, 1, 0); l.SeeCall(0, 2, 1) }, crashtest.Meter{}},
		{"again as another", func(l *crashtest.Log) { l.SeeCall(0, 1, 0); l.SeeCall(0, 1, 1) }, crashtest.Meter{Renumbered: true}},
		{"another as the same", func(l *crashtest.Log) { l.SeeCall(0, 1, 0); l.SeeCall(0, 2, 0) }, crashtest.Meter{Renumbered: true}},
		{"the second first", func(l *crashtest.Log) { l.SeeCall(0, 2, 0); l.SeeCall(0, 1, 1) }, crashtest.Meter{Overtaken: true}},
		{"a third", func(l *crashtest.Log) { l.SeeCall(0, 3, 0) }, crashtest.Meter{Uncalled: true}},
		{"after its answer", func(l *crashtest.Log) {
			l.SeeCall(0, 1, 0)
			l.AckAnswer(0, 1, l.AnswerCall(0, 1))
			l.SeeCall(0, 1, 0)
		}, crashtest.Meter{Answered: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var l crashtest.Log
			for range crashtest.Calls {
				l.AskCall(0)
			}
			c.see(&l)
			m := l.Meter(0)
			if m.Renumbered != c.want.Renumbered || m.Overtaken != c.want.Overtaken || m.Answered != c.want.Answered || m.Uncalled != c.want.Uncalled {
				t.Errorf("got %+v, want %+v", m, c.want)
			}
		})
	}
}
