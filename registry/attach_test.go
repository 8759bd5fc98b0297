package registry_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// tally counts the codes of many attempts at once.
func tally(t *testing.T, b *bench, requests []registry.AttachRequest) map[registry.Code]int {
	t.Helper()
	codes := make([]registry.Code, len(requests))
	var all sync.WaitGroup
	for i, req := range requests {
		all.Go(func() {
			var err error
			if _, codes[i], err = b.Attach(t.Context(), req); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := map[registry.Code]int{}
	for _, code := range codes {
		got[code]++
	}
	return got
}

func TestAttachOnceAmongMany(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "meter-1")
	s, k := b.supplier(t, registry.Supplier{ID: "luz"}, registry.SupplierKey{})
	requests := make([]registry.AttachRequest, 100)
	for i := range requests {
		requests[i] = registry.AttachRequest{Device: d.ID, Point: point(t, "0021", 1), Supplier: s.ID, Key: k.ID, Grid: "0021"}
	}
	got := tally(t, b, requests)
	if got[registry.Attached] != 1 || got[registry.AlreadyAttached] != 99 {
		t.Errorf("got %v, want 1 ATTACHED and 99 ALREADY_ATTACHED", got)
	}
}

func TestAttachOnePointTwice(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	s, k := b.supplier(t, registry.Supplier{ID: "luz", Policy: registry.PolicyReplace}, registry.SupplierKey{})
	var requests []registry.AttachRequest
	for n := range 2 {
		d := b.device(t, meterName(n))
		requests = append(requests, registry.AttachRequest{Device: d.ID, Point: point(t, "0021", 1), Supplier: s.ID, Key: k.ID, Grid: "0021"})
	}
	got := tally(t, b, requests)
	if got[registry.Attached] != 1 || got[registry.Held] != 1 {
		t.Fatalf("got %v, want ATTACHED and HELD", got)
	}
	waiting, _, err := b.HeldAttachments(t.Context(), registry.Page{})
	ok(t, err)
	if len(waiting) != 1 || waiting[0].Reason != registry.CUPSTaken || waiting[0].State != registry.StateHeld {
		t.Fatalf("held: got %+v, want one with CUPS_TAKEN", waiting)
	}
	if owner := waiting[0].Owner; strings.Contains(owner, "meter-000") || owner == "" {
		t.Errorf("owner: got %q, want a mask", owner)
	}
	// The operator decides for the second meter: the first is detached, the second asks again.
	first, second := requests[0], requests[1]
	if waiting[0].Device == first.Device {
		first, second = second, first
	}
	_, err = b.Detach(t.Context(), first.Device)
	ok(t, err)
	if _, code, err := b.Attach(t.Context(), second); err != nil || code != registry.Attached {
		t.Errorf("after detaching: got %s, %v", code, err)
	}
	if waiting, _, _ := b.HeldAttachments(t.Context(), registry.Page{}); len(waiting) != 0 {
		t.Errorf("held after attaching: got %d", len(waiting))
	}
}

// TestAttachDecides goes through what a request meets when the device is attached to supplier "luz", point 1, grid 0021.
func TestAttachDecides(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		policy registry.Policy // of the supplier that asks
		prior  bool            // attach to luz first
		change func(t *testing.T, b *bench, req *registry.AttachRequest)
		want   registry.Code
		reason registry.Code
		past   int // closed attachments afterwards
	}{
		{name: "new", want: registry.Attached},
		{name: "again", prior: true, want: registry.AlreadyAttached},
		{name: "again with a suffix", prior: true, want: registry.AlreadyAttached, change: func(t *testing.T, _ *bench, req *registry.AttachRequest) {
			p, err := supplypoint.Parse("ES0021000000000001RK0F")
			ok(t, err)
			req.Point = p
		}},
		{name: "again with a second key", prior: true, want: registry.AlreadyAttached, change: func(t *testing.T, b *bench, req *registry.AttachRequest) {
			k, _, err := b.AddKey(t.Context(), registry.SupplierKey{Supplier: "luz"}, text("another"))
			ok(t, err)
			req.Key = k.ID
		}},
		{name: "another point", prior: true, change: otherPoint, want: registry.Held, reason: registry.DeviceAttachedElsewhere},
		{name: "another point, same", policy: registry.PolicySame, prior: true, change: otherPoint, want: registry.Replaced, past: 1},
		{name: "another point, replace", policy: registry.PolicyReplace, prior: true, change: otherPoint, want: registry.Replaced, past: 1},
		{name: "another supplier", prior: true, change: otherSupplier(registry.PolicyHold), want: registry.Held, reason: registry.DeviceAttachedElsewhere},
		{name: "another supplier, same", prior: true, change: otherSupplier(registry.PolicySame), want: registry.Held, reason: registry.DeviceAttachedElsewhere},
		{name: "another supplier, replace", prior: true, change: otherSupplier(registry.PolicyReplace), want: registry.Replaced, past: 1},
		{name: "the point has moved to another grid", prior: true, want: registry.Replaced, past: 1, change: func(t *testing.T, b *bench, req *registry.AttachRequest) {
			_, err := b.AddGrid(t.Context(), registry.Grid{ID: "cau-1", Kind: registry.GridCAU, Parent: "0021"})
			ok(t, err)
			req.Grid, req.GridBy = "cau-1", registry.ByMembership
		}},
		{name: "no key", want: registry.KeyMissing, change: func(_ *testing.T, _ *bench, req *registry.AttachRequest) { req.Key = "" }},
		{name: "unknown key", want: registry.KeyUnknown, change: func(_ *testing.T, _ *bench, req *registry.AttachRequest) { req.Key = "k-none" }},
		{name: "no point", want: registry.CUPSMissing, change: func(_ *testing.T, _ *bench, req *registry.AttachRequest) { req.Point = supplypoint.Point{} }},
		{name: "unknown grid", want: registry.GridNotFound, change: func(_ *testing.T, _ *bench, req *registry.AttachRequest) { req.Grid = "none" }},
		{name: "key of another supplier", want: registry.SupplierMismatch, change: func(_ *testing.T, _ *bench, req *registry.AttachRequest) { req.Supplier = "sol" }},
		{name: "revoked key", want: registry.KeyRevoked, change: func(t *testing.T, b *bench, req *registry.AttachRequest) {
			ok(t, second(b.RevokeKey(t.Context(), req.Key)))
		}},
		{name: "expired key", want: registry.KeyExpired, change: withKey(registry.SupplierKey{NotAfter: start})},
		{name: "expired since it was received", want: registry.Attached, change: func(t *testing.T, b *bench, req *registry.AttachRequest) {
			withKey(registry.SupplierKey{NotAfter: start})(t, b, req)
			req.Evidence.ReceivedAt = start.Add(-time.Second)
		}},
		{name: "key of tomorrow", want: registry.KeyNotYetValid, change: withKey(registry.SupplierKey{NotBefore: start.Add(time.Hour)})},
		{name: "prefix in scope", want: registry.Attached, change: withKey(registry.SupplierKey{Scope: registry.Scope{Prefixes: []string{"0022", "0021"}}})},
		{name: "prefix out of scope", want: registry.KeyOutOfScope, change: withKey(registry.SupplierKey{Scope: registry.Scope{Prefixes: []string{"0022"}}})},
		{name: "grid out of scope", want: registry.KeyOutOfScope, change: withKey(registry.SupplierKey{Scope: registry.Scope{Grids: []string{"0022"}}})},
		{name: "grid below the scope", want: registry.Attached, change: func(t *testing.T, b *bench, req *registry.AttachRequest) {
			_, err := b.AddGrid(t.Context(), registry.Grid{ID: "feeder-7", Kind: registry.GridFeeder, Parent: "0021"})
			ok(t, err)
			withKey(registry.SupplierKey{Scope: registry.Scope{Grids: []string{"0021"}}})(t, b, req)
			req.Grid = "feeder-7"
		}},
		{name: "not on the allow-list", want: registry.CUPSUnknown, change: allowList(false)},
		{name: "on the allow-list", want: registry.Attached, change: allowList(true)},
		{name: "gas supplier", want: registry.CommodityMismatch, change: func(t *testing.T, b *bench, _ *registry.AttachRequest) {
			ok(t, second(b.UpdateSupplier(t.Context(), registry.Supplier{ID: "luz", Commodity: registry.Gas})))
		}},
		{name: "key is used up", want: registry.KeyExhausted, change: func(t *testing.T, b *bench, req *registry.AttachRequest) {
			withKey(registry.SupplierKey{MaxAttachments: 1})(t, b, req)
			first := *req
			first.Device, first.Point = b.device(t, "another").ID, point(t, "0021", 7)
			if _, code, err := b.Attach(t.Context(), first); err != nil || code != registry.Attached {
				t.Fatalf("first: got %s, %v", code, err)
			}
		}},
		{name: "a redundant meter beside the principal one", want: registry.Attached, change: func(t *testing.T, b *bench, req *registry.AttachRequest) {
			first := *req
			first.Device = b.device(t, "principal").ID
			if _, code, err := b.Attach(t.Context(), first); err != nil || code != registry.Attached {
				t.Fatalf("first: got %s, %v", code, err)
			}
			p, err := supplypoint.Parse("ES0021000000000001RK1R")
			ok(t, err)
			req.Point = p
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			b.profile(t, "meters")
			d := b.device(t, "meter-1")
			s, k := b.supplier(t, registry.Supplier{ID: "luz", Policy: test.policy}, registry.SupplierKey{})
			req := registry.AttachRequest{
				Device: d.ID, Point: point(t, "0021", 1), Supplier: s.ID, Key: k.ID, Grid: "0021", GridBy: registry.ByDistributor,
				Evidence: registry.Evidence{Message: "m", Chain: "attach", Node: "attach", Revision: "r1"},
			}
			if test.prior {
				_, code, err := b.Attach(t.Context(), req)
				if err != nil || code != registry.Attached {
					t.Fatalf("prior: got %s, %v", code, err)
				}
				b.clock.Advance(time.Minute)
			}
			if test.change != nil {
				test.change(t, b, &req)
			}
			a, code, err := b.Attach(t.Context(), req)
			ok(t, err)
			if code != test.want || a.Reason != test.reason {
				t.Fatalf("got %s (%s), want %s (%s)", code, a.Reason, test.want, test.reason)
			}
			history := must[[]registry.Attachment](t)(b.History(t.Context(), d.ID))
			past := 0
			for _, h := range history {
				if h.State == registry.StateDetached {
					past++
					if !h.To.Equal(start.Add(time.Minute)) {
						t.Errorf("closed at %v, want the time of the decision", h.To)
					}
				}
			}
			if past != test.past {
				t.Errorf("got %d closed attachments, want %d", past, test.past)
			}
			if code == registry.Attached {
				shown := must[registry.Attachment](t)(b.Attachment(t.Context(), d.ID))
				if shown.Evidence.Message != "m" || shown.Evidence.Revision != "r1" || shown.Evidence.DecidedAt.IsZero() || shown.From.IsZero() {
					t.Errorf("evidence: got %+v", shown.Evidence)
				}
			}
		})
	}
}

func otherPoint(t *testing.T, _ *bench, req *registry.AttachRequest) { req.Point = point(t, "0021", 2) }

func otherSupplier(policy registry.Policy) func(*testing.T, *bench, *registry.AttachRequest) {
	return func(t *testing.T, b *bench, req *registry.AttachRequest) {
		t.Helper()
		s, k := b.supplier(t, registry.Supplier{ID: "sol", Policy: policy}, registry.SupplierKey{})
		req.Supplier, req.Key = s.ID, k.ID
	}
}

func withKey(k registry.SupplierKey) func(*testing.T, *bench, *registry.AttachRequest) {
	return func(t *testing.T, b *bench, req *registry.AttachRequest) {
		t.Helper()
		k.Supplier = "luz"
		k, _, err := b.AddKey(t.Context(), k, text("special"))
		ok(t, err)
		req.Key = k.ID
	}
}

func allowList(listed bool) func(*testing.T, *bench, *registry.AttachRequest) {
	return func(t *testing.T, b *bench, req *registry.AttachRequest) {
		t.Helper()
		ok(t, second(b.UpdateSupplier(t.Context(), registry.Supplier{ID: "luz", Trust: registry.AllowList})))
		ok(t, b.Allow(t.Context(), "luz", req.Point, point(t, "0021", 99)))
		if !listed {
			ok(t, b.Disallow(t.Context(), "luz", req.Point))
		}
		want := registry.Code("")
		if !listed {
			want = registry.CUPSUnknown
		}
		if code, err := b.InScope(t.Context(), req.Key, req.Point, req.Grid); err != nil || code != want {
			t.Errorf("in scope: got %q, %v; want %q", code, err, want)
		}
	}
}

func TestAttachGoneDevice(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, k := b.supplier(t, registry.Supplier{ID: "luz"}, registry.SupplierKey{})
	_, _, err := b.Attach(t.Context(), registry.AttachRequest{Device: "none", Point: point(t, "0021", 1), Key: k.ID, Grid: "0021"})
	if !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

func TestAttachIsOneBatch(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "meter-1")
	s, k := b.supplier(t, registry.Supplier{ID: "luz"}, registry.SupplierKey{})
	batches, largest := b.store.during(func() {
		ctx, tx, err := b.Begin(t.Context(), registry.TxOptions{})
		ok(t, err)
		a, code, err := b.Attach(ctx, registry.AttachRequest{Device: d.ID, Point: point(t, "0021", 1), Supplier: s.ID, Key: k.ID, Grid: "0021"})
		ok(t, err)
		ok(t, second(b.SaveAttributes(ctx, d.ID, registry.ClientScope, []registry.Attribute{{Key: "CUPS", Value: json.RawMessage(`"x"`)}})))
		ok(t, second(b.SaveAttributes(ctx, d.ID, registry.SharedScope, []registry.Attribute{{Key: "attachment", Value: json.RawMessage(`{}`)}})))
		synced, err := tx.Commit(ctx, registry.Fate{
			Outcome:  &registry.Outcome{Device: d.ID, Code: code, CUPS: a.CUPS, Message: "m"},
			Consumed: registry.Consumed{Sequence: 7, Last: true},
		})
		ok(t, err)
		ok(t, synced(t.Context()))
	})
	if batches != 1 || largest > 20 {
		t.Errorf("got %d batches of up to %d keys, want one of at most 20", batches, largest)
	}
}

func TestAttachmentLists(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	s, k := b.supplier(t, registry.Supplier{ID: "luz"}, registry.SupplierKey{})
	for n := range 25 {
		d := b.device(t, meterName(n))
		_, code, err := b.Attach(t.Context(), registry.AttachRequest{Device: d.ID, Point: point(t, "0021", n), Supplier: s.ID, Key: k.ID, Grid: "0021"})
		if err != nil || code != registry.Attached {
			t.Fatalf("got %s, %v", code, err)
		}
	}
	seen := map[string]bool{}
	for page := (registry.Page{Limit: 10}); ; {
		as, next, err := b.AttachmentsOfKey(t.Context(), k.ID, page)
		ok(t, err)
		for _, a := range as {
			if seen[a.Device] {
				t.Errorf("device %s stands on two pages", a.Device)
			}
			seen[a.Device] = true
		}
		if next == "" {
			break
		}
		page.Cursor = next
	}
	if len(seen) != 25 {
		t.Errorf("by key: got %d, want 25", len(seen))
	}
	if as, _, err := b.AttachmentsOfPoint(t.Context(), point(t, "0021", 3), registry.Page{}); err != nil || len(as) != 1 {
		t.Errorf("by point: got %d, %v", len(as), err)
	}
	if as, _, err := b.AttachmentsOfGrid(t.Context(), "0021", registry.Page{Limit: 5}); err != nil || len(as) != 5 {
		t.Errorf("by grid: got %d, %v", len(as), err)
	}
	if as, _, err := b.AttachmentsOfSupplier(t.Context(), "none", registry.Page{}); err != nil || len(as) != 0 {
		t.Errorf("of another supplier: got %d, %v", len(as), err)
	}
	if _, _, err := b.AttachmentsOfGrid(t.Context(), "0021", registry.Page{Cursor: "bm9uc2Vuc2U"}); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("foreign cursor: got %v, want invalid", err)
	}
	p := must[registry.SupplyPoint](t)(b.SupplyPoint(t.Context(), point(t, "0021", 3)))
	if p.Distributor != "0021" || p.Commodity != registry.Electricity {
		t.Errorf("supply point: got %+v", p)
	}
}

func TestNounsMaskSupplyPoints(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "meter-1")
	s, k := b.supplier(t, registry.Supplier{ID: "luz"}, registry.SupplierKey{})
	p := point(t, "0021", 1)
	ok(t, b.AddMembership(t.Context(), registry.Membership{Point: p, Grid: "0021", Primary: true}))
	a, _, err := b.Attach(t.Context(), registry.AttachRequest{Device: d.ID, Point: p, Supplier: s.ID, Key: k.ID, Grid: "0021"})
	ok(t, err)
	stored := must[registry.Attachment](t)(b.Attachment(t.Context(), d.ID))
	if stored.Point.ID() != p.ID() {
		t.Error("the clear text is not to be had")
	}
	for name, noun := range map[string]any{
		"attachment": a, "stored": stored,
		"membership":   must[[]registry.Membership](t)(b.Memberships(t.Context(), p)),
		"supply point": must[registry.SupplyPoint](t)(b.SupplyPoint(t.Context(), p)),
	} {
		out, err := json.Marshal(noun)
		ok(t, err)
		if strings.Contains(string(out), "000000000001") || !strings.Contains(string(out), "ES0021") {
			t.Errorf("%s: got %s, want a mask", name, out)
		}
	}
}
