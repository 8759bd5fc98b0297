package devices_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

func TestTelemetryIsAcknowledgedTogether(t *testing.T) {
	const d, l, a = engine.Done, engine.DeadLettered, engine.Abandoned
	for _, c := range []struct {
		name  string
		fates []engine.State
		want  engine.State
	}{
		{"all done", []engine.State{d, d, d}, d},
		{"one dead-lettered", []engine.State{d, l, d}, l},
		{"one abandoned", []engine.State{a, l, d}, a},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			var told []engine.State
			err := b.session(t, "m").PostTelemetry(t.Context(), []byte(`[{"a":1},{"a":2},{"a":3}]`),
				func(f engine.Fate) { told = append(told, f.State) })
			if err != nil {
				t.Fatal(err)
			}
			for i, state := range c.fates {
				if len(told) > 0 {
					t.Fatalf("told %v after %d fates", told, i)
				}
				b.submitter.done[i](engine.Fate{State: state})
			}
			if len(told) != 1 || told[0] != c.want {
				t.Errorf("told %v, want %v", told, c.want)
			}
		})
	}
}

// TestEngineThatStopsInBetween: what it took goes on, but nothing is acknowledged, and not before it has ended.
func TestEngineThatStopsInBetween(t *testing.T) {
	b := newBench()
	b.submitter.refuseAt = 2
	var told []engine.Fate
	err := b.session(t, "m").PostTelemetry(t.Context(), []byte(`[{"a":1},{"a":2},{"a":3}]`),
		func(f engine.Fate) { told = append(told, f) })
	if err != nil || len(told) != 0 {
		t.Fatalf("told %v (%v) while one message is under way", told, err)
	}
	b.submitter.done[0](engine.Fate{State: engine.Done})
	if len(told) != 1 || told[0].State != engine.Abandoned || !errors.Is(told[0].Cause, engine.ErrDraining) {
		t.Errorf("told %+v, want abandoned because of %v", told, engine.ErrDraining)
	}
}

func TestRegistryThatCannotBeAsked(t *testing.T) {
	b := newBench()
	s := b.session(t, "m")
	b.directory.err = errors.New("broken")
	for name, post := range map[string]func(context.Context, []byte, func(engine.Fate), ...engine.Pair) error{
		"attributes": s.PostAttributes, "telemetry": s.PostTelemetry,
	} {
		var told engine.Fate
		if err := post(t.Context(), []byte(`{"a":1}`), func(f engine.Fate) { told = f }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if told.State != engine.Abandoned || !errors.Is(told.Cause, b.directory.err) {
			t.Errorf("%s: told %+v, want abandoned", name, told)
		}
	}
}

func TestBadPayloadIsAnErrorAndCounted(t *testing.T) {
	b := newBench()
	s := b.session(t, "m")
	never := func(engine.Fate) { t.Error("done was called") }
	var bad *intake.BadPayload
	if err := s.PostAttributes(t.Context(), []byte(`[]`), never); !errors.As(err, &bad) {
		t.Errorf("attributes: got %v, want a bad payload", err)
	}
	if err := s.PostTelemetry(t.Context(), []byte(`{`), never); !errors.As(err, &bad) {
		t.Errorf("telemetry: got %v, want a bad payload", err)
	}
	if _, err := b.Parse([]byte(strings.Repeat("[", 10_000))); !errors.As(err, &bad) {
		t.Errorf("a body of the protocol: got %v, want a bad payload", err)
	}
	b.wantCounts(t, map[string]int{"login accepted": 1, "payload wrong_type": 1, "payload unterminated": 1, "payload too_deep": 1})
}

// TestKeyBecomesDigest: the key is in no message, and reaches chains under the name that the profile declares.
func TestKeyBecomesDigest(t *testing.T) {
	b := newBench()
	s := b.session(t, "m")
	if err := s.PostAttributes(t.Context(), []byte(`{Power_supplier_secret_key: 000712, CUPS: x}`), nil); err != nil {
		t.Fatal(err)
	}
	data := b.submitter.messages[0].Data()
	if got, want := data.Text(), `{"Power_supplier_secret_key":"***","CUPS":"x"}`; got != want {
		t.Errorf("text: got %s, want %s", got, want)
	}
	if _, ok := data.Digest(devices.FieldSupplierKey); !ok {
		t.Error("there is no digest beside it")
	}
}

func TestProfilesAreReadOnceASecond(t *testing.T) {
	b := newBench()
	s := b.session(t, "m")
	chain := func() string {
		t.Helper()
		if err := s.PostAttributes(t.Context(), []byte(`{}`), nil); err != nil {
			t.Fatal(err)
		}
		return b.submitter.messages[len(b.submitter.messages)-1].Chain()
	}
	for range 3 {
		chain()
	}
	if b.directory.reads != 1 {
		t.Errorf("reads of the profile: got %d, want 1", b.directory.reads)
	}
	b.directory.profile.Chain = "other"
	b.now = b.now.Add(999 * time.Millisecond)
	if got := chain(); got != "" {
		t.Errorf("chain within the second: got %q, want the old one", got)
	}
	b.now = b.now.Add(time.Millisecond)
	if got := chain(); got != "other" {
		t.Errorf("chain after a second: got %q, want the new one", got)
	}
	b.now = b.now.Add(-time.Hour) // a clock that is set back must not keep a profile for an hour
	chain()
	if b.directory.reads != 3 {
		t.Errorf("reads of the profile: got %d, want 3", b.directory.reads)
	}
	p, err := s.Profile(t.Context())
	if err != nil || !p.CastStrings || p.Name != registry.NewProfile("meters").Name {
		t.Errorf("profile: got %+v (%v)", p, err)
	}
}

// TestPostStored: where the profile says so, what comes together is stored together, whatever it is made of, and its
// acknowledgement is that of the storing. What cannot be stored is abandoned.
func TestPostStored(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.directory.profile.Ack = registry.AckStored
	s := b.session(t, "m")
	var told []engine.State
	tell := func(f engine.Fate) { told = append(told, f.State) }
	for _, post := range []error{
		s.PostAttributes(t.Context(), []byte(`{"a":1}`), tell),
		s.PostTelemetry(t.Context(), []byte(`[{"ts":1,"values":{"v":1}},{"ts":2,"values":{"v":2}}]`), tell),
		s.PostTelemetry(t.Context(), []byte(`[]`), tell),
	} {
		if post != nil {
			t.Fatal(post)
		}
	}
	if n := len(b.submitter.messages); n > 0 {
		t.Errorf("%d messages were submitted, want all of them stored", n)
	}
	var got []string
	for _, ms := range b.submitter.stored {
		line := ""
		for _, m := range ms {
			line += m.Type() + m.Data().Text()
		}
		got = append(got, line)
	}
	want := []string{devices.TypeAttributes + `{"a":1}`, devices.TypeTelemetry + `{"v":1}` + devices.TypeTelemetry + `{"v":2}`}
	if !slices.Equal(got, want) {
		t.Errorf("stored: got %q, want %q", got, want)
	}
	for _, done := range b.submitter.done {
		done(engine.Fate{State: engine.Stored})
	}
	b.submitter.refuseAt = 1
	if err := s.PostAttributes(t.Context(), []byte(`{"a":2}`), tell); err != nil {
		t.Fatal(err)
	}
	if want := []engine.State{engine.Done, engine.Stored, engine.Stored, engine.Abandoned}; !slices.Equal(told, want) {
		t.Errorf("told: got %v, want %v", told, want)
	}
}
