package logs_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/internal/logs"
)

func TestTenLinesAMinute(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	l := logs.New(logs.Options{Out: &out, Level: zerolog.DebugLevel, Clock: func() time.Time { return now }})
	count := func() int {
		n := strings.Count(out.String(), "\n")
		out.Reset()
		return n
	}
	storm := func(event, device string) {
		for range 100 {
			e := l.Warn().Str("event", event)
			if device != "" {
				e.Str("device", device)
			}
			e.Send()
		}
	}
	for _, test := range []struct {
		name          string
		event, device string
		want          int
	}{
		{"one device, one event", "bad_payload", "meter-1", 10},
		{"the same again in the same minute", "bad_payload", "meter-1", 0},
		{"another event", "refused", "meter-1", 10},
		{"another device, with a name that tries to break the line", "bad_payload", `x","device":"y`, 10},
		{"no device", "store_slow", "", 100},
	} {
		storm(test.event, test.device)
		if got := count(); got != test.want {
			t.Errorf("%s: got %d lines, want %d", test.name, got, test.want)
		}
	}
	now = now.Add(time.Minute)
	storm("bad_payload", "meter-1")
	if got := count(); got != 10 {
		t.Errorf("next minute: got %d lines, want 10", got)
	}
	for range 100 {
		l.Debug().Str("event", "hop").Str("device", "meter-1").Send()
	}
	if got := count(); got != 100 {
		t.Errorf("debug: got %d lines, want 100", got)
	}
}

func TestManyDevicesDoNotGrowIt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	l := logs.New(logs.Options{Out: &out, Clock: func() time.Time { return now }})
	for i := range 11_000 {
		l.Warn().Str("event", "refused").Str("device", fmt.Sprint("meter-", i)).Send()
	}
	if got := strings.Count(out.String(), "\n"); got != 10_010 {
		t.Errorf("got %d lines, want 10,010", got)
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := logs.New(logs.Options{Out: &out, Console: true})
	l.Info().Str("revision", "7c1e09").Msg("started")
	if got := out.String(); !strings.Contains(got, "INF started revision=7c1e09") {
		t.Errorf("got %q", got)
	}
}

// TestSupplyPointsAreMasked: whatever field they are in, and whoever wrote it.
func TestSupplyPointsAreMasked(t *testing.T) {
	t.Parallel()
	for _, console := range []bool{false, true} {
		var out bytes.Buffer
		l := logs.New(logs.Options{Out: &out, Level: zerolog.DebugLevel, Console: console})
		l.Warn().Str("event", "message_abandoned").Str("device", "ES0021000000000001RK").
			Err(fmt.Errorf("no row of %q", "es\t0021 0000 0000 0001 rk")).Send()
		if got := out.String(); strings.Contains(got, "0001") || !strings.Contains(got, "ES0021•••••••••••••1RK") {
			t.Errorf("console %v: got %s", console, got)
		}
	}
}
