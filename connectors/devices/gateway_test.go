package devices_test

import (
	"testing"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/engine"
)

// TestGather: the worst fate is that of all, told once, and not before the last one.
func TestGather(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fates []engine.State
		want  engine.State
	}{
		{"none", nil, engine.Done},
		{"good ones", []engine.State{engine.Done, engine.Done}, engine.Done},
		{"a dead letter", []engine.State{engine.DeadLettered, engine.Done}, engine.DeadLettered},
		{"an abandoned one", []engine.State{engine.Done, engine.Abandoned, engine.DeadLettered}, engine.Abandoned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var told []engine.Fate
			one := devices.Gather(len(tt.fates), func(f engine.Fate) { told = append(told, f) })
			for i, state := range tt.fates {
				if len(told) > 0 {
					t.Errorf("told after %d of %d", i, len(tt.fates))
				}
				one(engine.Fate{State: state})
			}
			if len(told) != 1 || told[0].State != tt.want {
				t.Errorf("got %v, want one, %v", told, tt.want)
			}
		})
	}
}
