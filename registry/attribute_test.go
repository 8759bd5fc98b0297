package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	ctx := t.Context()
	d, other := b.device(t, "m"), b.device(t, "n")
	keys := []string{"a", "b\x00c", "CUPS", "ñ", strings.Repeat("k", registry.MaxAttributeKey)}
	for _, scope := range []registry.AttributeScope{registry.ClientScope, registry.SharedScope, registry.ServerScope} {
		for i, key := range keys {
			saved := must[[]registry.Attribute](t)(b.SaveAttributes(ctx, d.ID, scope, attribute(key, fmt.Sprint(i))))
			if len(saved) != 1 || !saved[0].Updated.Equal(start) {
				t.Errorf("saved: got %v", saved)
			}
		}
	}
	ok(t, second(b.SaveAttributes(ctx, other.ID, registry.ClientScope, attribute("a", `"other"`))))
	all := must[[]registry.Attribute](t)(b.Attributes(ctx, d.ID, registry.ClientScope))
	got := map[string]string{}
	for _, a := range all {
		got[a.Key] = string(a.Value)
	}
	for i, key := range keys {
		if got[key] != fmt.Sprint(i) {
			t.Errorf("%q: got %q, want %d", key, got[key], i)
		}
	}
	if len(all) != len(keys) {
		t.Errorf("got %d attributes, want %d", len(all), len(keys))
	}
	some := must[[]registry.Attribute](t)(b.Attributes(ctx, d.ID, registry.SharedScope, "a", "none", "", "CUPS"))
	if len(some) != 2 || some[0].Key != "a" || some[1].Key != "CUPS" {
		t.Errorf("by name: got %v", some)
	}
	deleted := must[[]string](t)(b.DeleteAttributes(ctx, d.ID, registry.SharedScope, "a", "none", "CUPS"))
	if fmt.Sprint(deleted) != "[a CUPS]" {
		t.Errorf("deleted: got %v", deleted)
	}
	for name, err := range map[string]error{
		"scope":     second(b.SaveAttributes(ctx, d.ID, "MY_SCOPE", attribute("a", "1"))),
		"no JSON":   second(b.SaveAttributes(ctx, d.ID, registry.ClientScope, attribute("a", "ES0021"))),
		"long name": second(b.SaveAttributes(ctx, d.ID, registry.ClientScope, attribute(strings.Repeat("k", registry.MaxAttributeKey+1), "1"))),
	} {
		if !errors.Is(err, registry.ErrInvalid) || strings.Contains(fmt.Sprint(err), "ES0021") {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
	if err := second(b.SaveAttributes(ctx, "none", registry.ClientScope, attribute("a", "1"))); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("unknown device: got %v", err)
	}
}

func TestTimeseries(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	ctx := t.Context()
	d := b.device(t, "m")
	save := func(at time.Duration, values ...string) {
		t.Helper()
		var as []registry.Attribute
		for i := 0; i < len(values); i += 2 {
			as = append(as, registry.Attribute{Key: values[i], Value: json.RawMessage(values[i+1])})
		}
		ok(t, b.SaveTimeseries(ctx, d.ID, start.Add(at), as))
	}
	save(time.Minute, "energy", "1.5", "power", "7")
	save(0, "energy", "1.0", "voltage", "230")
	save(time.Minute, "power", "8")
	got := ""
	for _, r := range must[[]registry.Reading](t)(b.LatestTimeseries(ctx, d.ID)) {
		got += fmt.Sprintf("%s=%s@%s ", r.Key, r.Value, r.Time.Sub(start))
	}
	if want := "energy=1.5@1m0s power=8@1m0s voltage=230@0s "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if rs := must[[]registry.Reading](t)(b.LatestTimeseries(ctx, d.ID, "power", "none")); len(rs) != 1 {
		t.Errorf("by name: got %v", rs)
	}
}

func TestHooksAreToldAfterTheDisk(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	heard := make(chan string, 100)
	b.OnSharedChange(func(c registry.SharedChange) {
		if b.store.Synced() < b.store.Applied() {
			heard <- "too early"
		}
		for _, a := range c.Updated {
			heard <- a.Key + "=" + string(a.Value)
		}
		for _, key := range c.Deleted {
			heard <- "-" + key
		}
		panic("a hook that panics must not end the process")
	})
	b.OnDeviceGone(func(id string) { heard <- "gone " + id })
	next := func(want string) {
		t.Helper()
		if got := <-heard; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	ctx := t.Context()
	ok(t, second(b.SaveAttributes(ctx, d.ID, registry.ClientScope, attribute("client", "1"))))
	ok(t, second(b.SaveAttributes(ctx, d.ID, registry.SharedScope, attribute("a", "1"))))
	next("a=1")
	inside, tx := begin(t, b, registry.TxOptions{})
	mark := tx.Mark()
	ok(t, second(b.SaveAttributes(inside, d.ID, registry.SharedScope, attribute("b", "1"))))
	tx.Rollback(mark)
	ok(t, second(b.SaveAttributes(inside, d.ID, registry.SharedScope, attribute("b", "2"))))
	commit(t, inside, tx, registry.Fate{})
	next("b=2")
	ok(t, second(b.DeleteAttributes(ctx, d.ID, registry.SharedScope, "a", "none")))
	next("-a")
	ok(t, b.DeleteDevice(ctx, d.ID))
	next("gone " + d.ID)
}

func TestDeleteDevice(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	ctx := t.Context()
	s, k := b.supplier(t, registry.Supplier{ID: "luz", Policy: registry.PolicyReplace}, registry.SupplierKey{})
	d := b.device(t, "m")
	req := registry.AttachRequest{Device: d.ID, Point: point(t, "0021", 1), Supplier: s.ID, Key: k.ID, Grid: "0021"}
	for n := range 3 {
		req.Point = point(t, "0021", n)
		_, _, err := b.Attach(ctx, req)
		ok(t, err)
	}
	for n := range 700 {
		ok(t, second(b.SaveAttributes(ctx, d.ID, registry.ClientScope, attribute(fmt.Sprint("k", n), "1"))))
	}
	ok(t, b.SaveTimeseries(ctx, d.ID, start, attribute("e", "1")))
	login(t, b, registry.Provisioned{Credentials: must[registry.Credentials](t)(b.RevealCredentials(ctx, d.ID))})
	ok(t, b.Housekeep(ctx))
	b.ended(t, registry.Outcome{Device: d.ID, Code: registry.Attached, Message: "m"})

	// In a transaction only the end of the device is written; housekeeping does the rest.
	inOne(t, b.Registry, func(ctx context.Context) error { return b.DeleteDevice(ctx, d.ID) })
	consistent(t, b.Registry)
	if n := b.store.keys(t, "attribute"); n == 0 {
		t.Error("the sweep has been done within the transaction")
	}
	ok(t, b.Housekeep(ctx))
	for _, table := range []string{"attribute", "latest", "activity", "attachment", "device", "credentials", "gone", "held"} {
		if n := b.store.keys(t, table); n != 0 {
			t.Errorf("table %q: %d keys are left", table, n)
		}
	}
	if os, _, err := b.Outcomes(ctx, registry.OutcomeFilter{Device: d.ID}, registry.Page{}); err != nil || len(os) != 1 {
		t.Errorf("outcomes: got %d, %v; want them kept", len(os), err)
	}
	if err := b.DeleteDevice(ctx, d.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("again: got %v", err)
	}
	// Name and supply point are free.
	req.Device = b.device(t, "m").ID
	if _, code, err := b.Attach(ctx, req); err != nil || code != registry.Attached {
		t.Errorf("another device of that name: got %s, %v", code, err)
	}
}
