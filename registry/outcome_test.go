package registry_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry"
)

func TestCodes(t *testing.T) {
	t.Parallel()
	coap := regexp.MustCompile(`^[245]\.\d\d$`)
	seen := map[registry.Code]bool{}
	for _, c := range registry.Codes() {
		if seen[c.Code] {
			t.Errorf("%s stands twice", c.Code)
		}
		seen[c.Code] = true
		if c.Meaning == "" || c.DeviceCode == "" || c.HTTPStatus < 200 || c.HTTPStatus > 599 || !coap.MatchString(c.CoAPCode) {
			t.Errorf("%s is not fully described: %+v", c.Code, c)
		}
		if got, ok := registry.Lookup(c.Code); !ok || got != c {
			t.Errorf("looking up %s: got %+v, %v", c.Code, got, ok)
		}
	}
	for _, code := range []registry.Code{
		"ATTACHED", "ALREADY_ATTACHED", "REPLACED", "HELD", "KEY_MISSING", "KEY_UNKNOWN", "KEY_NOT_YET_VALID", "KEY_EXPIRED",
		"KEY_REVOKED", "KEY_OUT_OF_SCOPE", "KEY_AMBIGUOUS", "CUPS_MISSING", "CUPS_MALFORMED", "CUPS_CHECK_FAILED", "CUPS_UNKNOWN",
		"DISTRIBUTOR_UNKNOWN", "COMMODITY_MISMATCH", "SUPPLIER_MISMATCH", "GRID_NOT_FOUND", "GRID_AMBIGUOUS", "CUPS_TAKEN",
		"DEVICE_ATTACHED_ELSEWHERE", "REPLAYED", "RATE_LIMITED", "CHAIN_ERROR", "STORE_UNAVAILABLE", "PROVISIONED", "PROVISION_REFUSED",
	} {
		if !seen[code] {
			t.Errorf("%s is missing", code)
		}
	}
	// No oracle: a device cannot tell one unusable key, or one unusable supply point, from another.
	for _, code := range []registry.Code{registry.KeyUnknown, registry.KeyExpired, registry.KeyRevoked, registry.KeyNotYetValid, registry.KeyOutOfScope} {
		if c, _ := registry.Lookup(code); c.DeviceCode != registry.TellKeyRefused || c.HTTPStatus != 403 || c.CoAPCode != "4.03" {
			t.Errorf("%s: a device is told %s, %d, %s", code, c.DeviceCode, c.HTTPStatus, c.CoAPCode)
		}
	}
	for _, code := range []registry.Code{registry.CUPSTaken, registry.CUPSUnknown, registry.Held} {
		if c, _ := registry.Lookup(code); c.DeviceCode != registry.TellCUPSRefused {
			t.Errorf("%s: a device is told %s", code, c.DeviceCode)
		}
	}
	if c, ok := registry.Lookup("OWN_CODE"); ok || c.DeviceCode != "OWN_CODE" || c.HTTPStatus != 200 {
		t.Errorf("a chain's own code: got %+v, %v", c, ok)
	}
}

// ended commits a run that wrote nothing but its outcome.
func (b *bench) ended(t *testing.T, o registry.Outcome) {
	t.Helper()
	ctx, tx := begin(t, b, registry.TxOptions{})
	commit(t, ctx, tx, registry.Fate{Outcome: &o})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	b := open(t)
	for n := range 30 {
		code := registry.Attached
		if n%3 == 0 {
			code = registry.KeyUnknown
		}
		b.ended(t, registry.Outcome{Device: fmt.Sprintf("d-%d", n%2), Code: code, Message: fmt.Sprintf("m-%02d", n)})
		b.clock.Advance(time.Minute)
	}
	tests := []struct {
		name   string
		filter registry.OutcomeFilter
		limit  int
		want   int
	}{
		{"all", registry.OutcomeFilter{}, 7, 30},
		{"by device", registry.OutcomeFilter{Device: "d-0"}, 4, 15},
		{"by code", registry.OutcomeFilter{Code: registry.KeyUnknown}, 3, 10},
		{"by device and code", registry.OutcomeFilter{Device: "d-0", Code: registry.KeyUnknown}, 2, 5},
		{"since", registry.OutcomeFilter{Since: start.Add(20 * time.Minute)}, 4, 10},
		{"of nobody", registry.OutcomeFilter{Device: "d-7"}, 1, 0},
	}
	for _, test := range tests {
		var messages []string
		for page := (registry.Page{Limit: test.limit}); ; {
			os, next, err := b.Outcomes(t.Context(), test.filter, page)
			ok(t, err)
			if len(os) > test.limit {
				t.Errorf("%s: a page of %d", test.name, len(os))
			}
			for _, o := range os {
				messages = append(messages, o.Message)
			}
			if page.Cursor = next; next == "" {
				break
			}
		}
		if len(messages) != test.want {
			t.Errorf("%s: got %d, want %d", test.name, len(messages), test.want)
		}
		for i := 1; i < len(messages); i++ {
			if messages[i] >= messages[i-1] {
				t.Errorf("%s: %s comes after %s", test.name, messages[i], messages[i-1])
			}
		}
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	b := open(t)
	letter := func(message string) {
		ctx, tx := begin(t, b, registry.TxOptions{})
		commit(t, ctx, tx, registry.Fate{DeadLetter: &registry.DeadLetter{Device: "d", Message: message}})
	}
	for range 3 {
		b.ended(t, registry.Outcome{Device: "d", Code: registry.Attached, Message: "old"})
		letter("old")
	}
	b.clock.Advance(90*24*time.Hour - time.Minute)
	b.ended(t, registry.Outcome{Device: "d", Code: registry.Attached, Message: "new"})
	letter("new")
	count := func(want int) {
		t.Helper()
		ok(t, b.Housekeep(t.Context()))
		os, _, err := b.Outcomes(t.Context(), registry.OutcomeFilter{Device: "d"}, registry.Page{})
		ok(t, err)
		ls, _, err := b.DeadLetters(t.Context(), registry.DeadLetterFilter{}, registry.Page{})
		ok(t, err)
		if len(os) != want || len(ls) != want {
			t.Errorf("got %d outcomes and %d dead letters, want %d", len(os), len(ls), want)
		}
	}
	count(4)
	b.clock.Advance(2 * time.Minute)
	count(1)
}

func TestWithoutOutcome(t *testing.T) {
	t.Parallel()
	b := open(t)
	batches, _ := b.store.during(func() {
		for n := range 1005 {
			b.ended(t, registry.Outcome{Message: fmt.Sprint(n)})
		}
	})
	total, recent := b.WithoutOutcome()
	if batches != 0 || total != 1005 || len(recent) != 1000 || recent[0].Message != "1004" || recent[999].Message != "5" {
		t.Errorf("got %d batches, %d in all, %d kept", batches, total, len(recent))
	}
}
