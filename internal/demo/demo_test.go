package demo_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/internal/demo"
	"github.com/gridtie/gridtie/registry"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// fleetSize has room for one meter of each fault.
const fleetSize = 120

func TestEveryMeterEndsAsPlanned(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "d")
	steps := map[demo.Phase]int{}
	r, err := demo.Run(context.Background(), demo.Options{
		Meters: fleetSize, Seed: 7, Data: data, Connections: 16,
		Step: func(p demo.Phase, done, total int) {
			if steps[p]++; done != steps[p] || total != fleetSize {
				t.Errorf("step of %s: got %d of %d, want %d of %d", p, done, total, steps[p], fleetSize)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !r.AsPlanned || r.Lost != 0 || r.Doubled != 0 {
		t.Errorf("got %d lost, %d doubled, differences %v, want none", r.Lost, r.Doubled, r.Differences)
	}
	for _, p := range []demo.Phase{demo.Provision, demo.Attach} {
		if steps[p] != fleetSize {
			t.Errorf("steps of %s: got %d, want %d", p, steps[p], fleetSize)
		}
	}
	together, refused := 0, 0
	for _, s := range r.Attached {
		together += s.Meters
	}
	codes := map[registry.Code]bool{}
	for _, o := range r.Refused {
		refused += o.Count
		codes[o.Code] = true
		if o.Meaning == "" {
			t.Errorf("refused %q: it has no meaning", o.Code)
		}
	}
	if together != r.Together || together+refused != fleetSize {
		t.Errorf("got %d attached (together %d) and %d refused, want all %d meters", together, r.Together, refused, fleetSize)
	}
	for _, want := range []registry.Code{
		registry.Held, registry.KeyMissing, registry.KeyUnknown, registry.KeyExpired, registry.KeyOutOfScope,
		registry.CUPSMissing, registry.CUPSCheckFailed, registry.DistributorUnknown, demo.BadPayload,
	} {
		if !codes[want] {
			t.Errorf("refused: got %v, want %q among them", r.Refused, want)
		}
	}
	if r.Provision.P50 <= 0 || r.Provision.P99 < r.Provision.P50 || r.Attach.P50 <= 0 || r.Attach.PerSecond <= 0 {
		t.Errorf("timings: got %+v and %+v", r.Provision, r.Attach)
	}
	if r.Data != data {
		t.Errorf("data: got %q, want %q", r.Data, data)
	}
	if _, err := os.Stat(data); err != nil {
		t.Errorf("the folder that was named is gone: %v", err)
	}
}

func TestTemporaryFolderGoes(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	if os.TempDir() != tmp {
		t.Skip("the system has another variable for temporary files")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tests := []struct {
		name string
		step func(demo.Phase, int, int)
		want error
	}{
		{name: "done"},
		{name: "interrupted", want: context.Canceled, step: func(_ demo.Phase, done, _ int) {
			if done == 5 {
				cancel()
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := demo.Run(ctx, demo.Options{Meters: 12, Step: tt.step})
			if !errors.Is(err, tt.want) {
				t.Errorf("error: got %v, want %v", err, tt.want)
			}
			if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
				t.Errorf("temporary files: got %v, %v, want none", left, err)
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		give demo.Options
		want string
	}{
		{"no meter", demo.Options{}, "0 meters"},
		{"too many meters", demo.Options{Meters: demo.MaxMeters + 1}, "give 1 to"},
		{"too many connections", demo.Options{Meters: 1, Connections: demo.MaxConnections + 1}, "connections"},
		{"a folder in use", demo.Options{Meters: 1, Data: full}, "not empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := demo.Run(context.Background(), tt.give); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error: got %v, want one with %q", err, tt.want)
			}
		})
	}
}
