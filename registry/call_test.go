package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry"
)

func (b *bench) queue(t *testing.T, device, method string, lasts time.Duration) registry.Call {
	t.Helper()
	return must[registry.Call](t)(b.QueueCall(t.Context(), registry.Call{
		Device: device, Method: method, Params: json.RawMessage(`{"a":1}`), Retries: 2, Expires: b.clock.Now().Add(lasts),
	}))
}

func methods(calls []registry.Call) (text string) {
	for _, c := range calls {
		text += c.Method + " " + string(c.Status) + ", "
	}
	return text
}

func TestCallsAreKeptInOrder(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d, other := b.device(t, "m"), b.device(t, "n")
	heard := make(chan string, 10)
	b.OnCall(func(device string) { heard <- device })
	first, second := b.queue(t, d.ID, "a", time.Hour), b.queue(t, d.ID, "b", time.Hour)
	b.queue(t, other.ID, "x", time.Hour)
	for _, want := range []string{d.ID, d.ID, other.ID} {
		if got := <-heard; got != want {
			t.Errorf("heard of %q, want %q", got, want)
		}
	}
	state := func() string { return methods(must[[]registry.Call](t)(b.OpenCalls(t.Context(), d.ID))) }
	if got := state(); got != "a QUEUED, b QUEUED, " {
		t.Errorf("open: got %q", got)
	}
	number := int32(7)
	report := func(c registry.Call, s registry.CallStatus, response string) {
		t.Helper()
		c.Status, c.Response = s, json.RawMessage(response)
		ok(t, b.ReportCall(t.Context(), c))
	}
	first.Number = &number
	report(first, registry.CallSent, ``)
	first.Number = nil // who reports need not know it
	report(first, registry.CallDelivered, ``)
	if got := state(); got != "a DELIVERED, b QUEUED, " {
		t.Errorf("open: got %q", got)
	}
	report(first, registry.CallSuccessful, `{"b":2}`)
	report(first, registry.CallFailed, ``) // too late
	if got := state(); got != "b QUEUED, " {
		t.Errorf("open: got %q", got)
	}
	got := must[registry.Call](t)(b.Call(t.Context(), d.ID, first.ID))
	if got.Status != registry.CallSuccessful || string(got.Response) != `{"b":2}` || got.Number == nil || *got.Number != 7 {
		t.Errorf("first: got %+v", got)
	}
	list, next, err := b.Calls(t.Context(), d.ID, registry.Page{Limit: 1})
	ok(t, err)
	if methods(list) != "b QUEUED, " || next == "" {
		t.Errorf("list: got %q, next %q", methods(list), next)
	}
	report(registry.Call{Device: d.ID, ID: "none"}, registry.CallSent, ``) // is gone
	ok(t, b.DeleteDevice(t.Context(), d.ID))
	if _, err := b.Call(t.Context(), d.ID, second.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("of a deleted device: got %v, want %v", err, registry.ErrNotFound)
	}
}

func TestCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	for _, c := range []struct {
		name string
		call registry.Call
		want error
	}{
		{"of nobody", registry.Call{Device: "none", Method: "a", Params: json.RawMessage(`1`)}, registry.ErrNotFound},
		{"no method", registry.Call{Device: d.ID, Params: json.RawMessage(`1`)}, registry.ErrInvalid},
		{"a long method", registry.Call{Device: d.ID, Method: strings.Repeat("a", 256), Params: json.RawMessage(`1`)}, registry.ErrInvalid},
		{"a method with a line", registry.Call{Device: d.ID, Method: "a\nb", Params: json.RawMessage(`1`)}, registry.ErrInvalid},
		{"no JSON", registry.Call{Device: d.ID, Method: "a", Params: json.RawMessage(`{`)}, registry.ErrInvalid},
		{"large", registry.Call{Device: d.ID, Method: "a", Params: json.RawMessage(`"` + strings.Repeat("a", 61440) + `"`)}, registry.ErrInvalid},
		{"retries", registry.Call{Device: d.ID, Method: "a", Params: json.RawMessage(`1`), Retries: -1}, registry.ErrInvalid},
	} {
		if _, err := b.QueueCall(t.Context(), c.call); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	for i := range registry.MaxOpenCalls {
		b.queue(t, d.ID, fmt.Sprint(i), time.Hour)
	}
	if _, err := b.QueueCall(t.Context(), registry.Call{Device: d.ID, Method: "a", Params: json.RawMessage(`1`)}); !errors.Is(err, registry.ErrInUse) {
		t.Errorf("one more: got %v, want %v", err, registry.ErrInUse)
	}
}

func TestCallsExpireAndGo(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	short, long := b.queue(t, d.ID, "short", time.Minute), b.queue(t, d.ID, "long", 200*24*time.Hour)
	b.clock.Advance(time.Minute)
	if got := must[registry.Call](t)(b.Call(t.Context(), d.ID, short.ID)).Status; got != registry.CallExpired {
		t.Errorf("before anybody noted it: got %s, want %s", got, registry.CallExpired)
	}
	ok(t, b.Housekeep(t.Context()))
	if got := methods(must[[]registry.Call](t)(b.OpenCalls(t.Context(), d.ID))); got != "long QUEUED, " {
		t.Errorf("open: got %q", got)
	}
	b.clock.Advance(91 * 24 * time.Hour)
	ok(t, b.Housekeep(t.Context()))
	list, _, err := b.Calls(t.Context(), d.ID, registry.Page{})
	ok(t, err)
	if methods(list) != "long QUEUED, " || list[0].ID != long.ID {
		t.Errorf("after the retention: got %q", methods(list))
	}
}

// A call that a run makes comes with the run's batch, or not at all.
func TestCallOfARun(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	for _, committed := range []bool{false, true} {
		ctx, tx, err := b.Begin(t.Context(), registry.TxOptions{})
		ok(t, err)
		must[registry.Call](t)(b.QueueCall(ctx, registry.Call{
			Device: d.ID, Method: "a", Params: json.RawMessage(`1`), Expires: b.clock.Now().Add(time.Hour),
		}))
		want := 0
		if committed {
			commit(t, t.Context(), tx, registry.Fate{})
			want = 1
		} else {
			tx.Discard()
		}
		if got := len(must[[]registry.Call](t)(b.OpenCalls(t.Context(), d.ID))); got != want {
			t.Errorf("committed %v: got %d calls, want %d", committed, got, want)
		}
	}
}

func TestActivity(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d, other := b.device(t, "m"), b.device(t, "n")
	at := func(n int64) time.Time { return time.UnixMilli(n).UTC() }
	b.NoteActivity(registry.Activity{Device: d.ID, Connected: at(1), Active: at(2)})
	b.NoteActivity(registry.Activity{Device: d.ID, Disconnected: at(3)})
	b.NoteActivity(registry.Activity{Device: other.ID, Active: at(2)})
	b.NoteActivity(registry.Activity{Device: "nobody", Active: at(2)})
	want := registry.Activity{Device: d.ID, Connected: at(1), Active: at(2), Disconnected: at(3)}
	check := func(when string) {
		t.Helper()
		if got := must[registry.Activity](t)(b.Activity(t.Context(), d.ID)); got != want {
			t.Errorf("%s: got %+v, want %+v", when, got, want)
		}
	}
	check("noted")
	ok(t, b.Housekeep(t.Context()))
	check("written")
	b.NoteActivity(registry.Activity{Device: other.ID, Inactive: at(4)})
	ok(t, b.Housekeep(t.Context()))
	var active []string
	ok(t, b.ActiveDevices(t.Context(), func(d registry.Device) bool {
		active = append(active, d.Name)
		return true
	}))
	if len(active) != 1 || active[0] != "m" {
		t.Errorf("active: got %q, want m", active)
	}
}
