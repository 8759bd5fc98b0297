package devices_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// limited is a bench whose profile has limits.
func limited(l registry.ProfileLimits, change ...func(*devices.Options)) *bench {
	b := newBench()
	b.directory.profile.Limits = l
	o := devices.Options{
		Registry: b.directory, Engine: b.submitter, Observer: b.counts, Now: func() time.Time { return b.now },
		Intake: intake.New(intake.Options{Digest: secret.NewKey().Digest}),
	}
	for _, f := range change {
		f(&o)
	}
	b.Service = devices.New(o)
	return b
}

// post posts telemetry, and gives the fate that is told at once, if any.
func post(t *testing.T, s *devices.Session, payload string) (f engine.Fate, told bool) {
	t.Helper()
	err := s.PostTelemetry(t.Context(), []byte(payload), func(met engine.Fate) { f, told = met, true })
	if err != nil {
		t.Fatalf("posting %s: %v", payload, err)
	}
	return f, told
}

// TestRateLimitedPost: what is too much is abandoned, never reaches the engine, and says how long to wait.
func TestRateLimitedPost(t *testing.T) {
	t.Parallel()
	b := limited(registry.ProfileLimits{Rates: registry.RateLimits{TelemetryMessages: "2:60"}})
	s := b.session(t, "meter")
	for range 2 {
		if f, told := post(t, s, `{"a":1}`); told {
			t.Errorf("within the limit: got the fate %v at once", f)
		}
	}
	for range 3 {
		f, _ := post(t, s, `{"a":1}`)
		var over *devices.RateError
		if f.State != engine.Abandoned || !errors.As(f.Cause, &over) || !errors.Is(f.Cause, devices.ErrRate) {
			t.Fatalf("beyond it: got %+v, want it abandoned for its rate", f)
		}
		if over.By != devices.LimitedDevice || over.Wait != 30*time.Second || over.Seconds() != 30 {
			t.Errorf("got %+v, %d s, want the device's limit and 30 s", over, over.Seconds())
		}
	}
	if n := len(b.submitter.messages); n != 2 {
		t.Errorf("messages: got %d, want 2", n)
	}
	b.wantCounts(t, map[string]int{"login accepted": 1, "limited device": 3})
}

// TestSpentBeforeReading: who has nothing left is not read: what would be a bad payload is refused for its rate.
func TestSpentBeforeReading(t *testing.T) {
	t.Parallel()
	b := limited(registry.ProfileLimits{Rates: registry.RateLimits{TelemetryDataPoints: "1:60"}})
	s := b.session(t, "meter")
	post(t, s, `{"a":1}`)
	if f, _ := post(t, s, `{"a":[[[[[[`); !errors.Is(f.Cause, devices.ErrRate) {
		t.Errorf("got %+v, want it refused for its rate", f)
	}
	b.wantCounts(t, map[string]int{"login accepted": 1, "limited device": 1})
}

// TestManyPointsAtOnce: a message with more values than the bucket holds never gets through.
func TestManyPointsAtOnce(t *testing.T) {
	t.Parallel()
	b := limited(registry.ProfileLimits{Rates: registry.RateLimits{TelemetryDataPoints: "2:60"}})
	s := b.session(t, "meter")
	for range 2 {
		if f, _ := post(t, s, `{"a":1,"b":2,"c":3}`); !errors.Is(f.Cause, devices.ErrRate) {
			t.Errorf("got %+v, want it refused", f)
		}
		b.now = b.now.Add(time.Hour)
	}
	if _, told := post(t, s, `{"a":1,"b":2}`); told {
		t.Error("the refused ones took from the bucket")
	}
}

// TestForgottenSenders: what is kept of a device goes with it, and of one that is silent in time.
func TestForgottenSenders(t *testing.T) {
	t.Parallel()
	b := limited(registry.ProfileLimits{
		Rates:        registry.RateLimits{Messages: "9:60", TelemetryMessages: "9:60"},
		ProfileRates: registry.RateLimits{Messages: "1000:60"},
	}, func(o *devices.Options) { o.Limits.RateEntries, o.Limits.AddressRate = 10, "1000:60" })
	want := func(what string, senders, addresses int) {
		t.Helper()
		if gotSenders, gotAddresses := b.Limited(); gotSenders > senders || gotAddresses > addresses {
			t.Errorf("%s: got %d senders and %d addresses, want at most %d and %d", what, gotSenders, gotAddresses, senders, addresses)
		}
	}
	b.directory.devices["m"] = registry.Device{ID: "m", Name: "m", Profile: "meters"}
	for i := range 100 {
		name := fmt.Sprint("meter-", i)
		b.directory.devices[name] = registry.Device{ID: name, Name: name, Profile: "meters"}
		s, err := b.AuthenticateFrom(t.Context(), netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), registry.Login{UserName: secret.NewText(name)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Admit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want("after a hundred devices", 10, 100)
	for range 3 {
		b.now = b.now.Add(2 * time.Minute)
		s, err := b.AuthenticateFrom(t.Context(), netip.MustParseAddr("10.0.0.1"), registry.Login{UserName: secret.NewText("m")})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Admit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want("after a silence", 2, 1)
	b.directory.gone("m")
	want("after its deletion", 1, 1)
}

// TestAddressRateIsPerNetwork: an IPv6 /64 network is one address, and who has none is not limited.
func TestAddressRateIsPerNetwork(t *testing.T) {
	t.Parallel()
	b := limited(registry.ProfileLimits{}, func(o *devices.Options) { o.Limits.AddressRate = "1:60" })
	b.directory.devices["m"] = registry.Device{ID: "m", Name: "m", Profile: "meters"}
	for _, c := range []struct {
		from string
		want bool
	}{
		{"192.0.2.1", true},
		{"192.0.2.1", false},
		{"::ffff:192.0.2.1", false},
		{"192.0.2.2", true},
		{"2001:db8::1", true},
		{"2001:db8::ffff:1", false},
		{"2001:db8:0:1::1", true},
	} {
		_, err := b.AuthenticateFrom(t.Context(), netip.MustParseAddr(c.from), registry.Login{UserName: secret.NewText("m")})
		if (err == nil) != c.want || err != nil && !errors.Is(err, devices.ErrRate) {
			t.Errorf("%s: got %v, want let in: %t", c.from, err, c.want)
		}
	}
	for range 3 {
		if _, err := b.Authenticate(t.Context(), registry.Login{UserName: secret.NewText("m")}); err != nil {
			t.Errorf("from nowhere: %v", err)
		}
	}
}

// TestLimitedTogether: many connections of one device get no more than one would.
func TestLimitedTogether(t *testing.T) {
	t.Parallel()
	b := limited(registry.ProfileLimits{Rates: registry.RateLimits{Messages: "50:3600"}})
	s := b.session(t, "meter")
	var admitted atomic.Int64
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			for range 50 {
				if s.Admit(t.Context()) == nil {
					admitted.Add(1)
				}
			}
		})
	}
	g.Wait()
	if got := admitted.Load(); got != 50 {
		t.Errorf("admitted: got %d, want 50", got)
	}
}

// TestTooMuchIsNotMuchToRead: a device that goes on and on makes ten lines a minute.
func TestTooMuchIsNotMuchToRead(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := limited(registry.ProfileLimits{Rates: registry.RateLimits{Messages: "1:3600"}}, func(o *devices.Options) {
		o.Logger, o.Limits.AddressRate = zerolog.New(&log), "1000:1"
	})
	s := b.session(t, "meter")
	for range 1000 {
		_ = s.Admit(t.Context())
	}
	if n := strings.Count(log.String(), `"rate_limited"`); n == 0 || n > 10 {
		t.Errorf("lines: got %d, want 1 to 10", n)
	}
}

// TestNoLimitsCostNothing: where nothing is limited, nothing is kept and nothing allocated; where something is, only the
// first message of a device is dearer.
func TestNoLimitsCostNothing(t *testing.T) {
	for name, c := range map[string]struct {
		limits registry.ProfileLimits
		kept   int
	}{
		"no limits": {registry.ProfileLimits{PayloadBytes: 100, Devices: 5}, 0},
		"limits": {registry.ProfileLimits{
			Rates:        registry.RateLimits{TelemetryMessages: "1000000:1,10000000:60", TelemetryDataPoints: "10000000:1"},
			ProfileRates: registry.RateLimits{TelemetryMessages: "1000000:1"},
		}, 2},
	} {
		b := limited(c.limits)
		s := b.session(t, "meter")
		allocations := testing.AllocsPerRun(100, func() {
			if err := s.Pay(context.Background(), 3); err != nil {
				t.Fatal(err)
			}
		})
		if kept, _ := b.Limited(); allocations != 0 || kept != c.kept {
			t.Errorf("%s: got %v allocations a message and %d senders kept, want 0 and %d", name, allocations, kept, c.kept)
		}
	}
}

func BenchmarkPay(b *testing.B) {
	for name, l := range map[string]registry.ProfileLimits{
		"without": {},
		"with": {
			Rates:        registry.RateLimits{TelemetryMessages: "1000000000:1", TelemetryDataPoints: "1000000000:1"},
			ProfileRates: registry.RateLimits{TelemetryMessages: "1000000000:1"},
		},
	} {
		b.Run(name, func(b *testing.B) {
			x := limited(l)
			x.directory.devices["m"] = registry.Device{ID: "m", Name: "m", Profile: "meters"}
			s, err := x.Authenticate(b.Context(), registry.Login{UserName: secret.NewText("m")})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Pay(context.Background(), 3); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
