package registry_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/rate"
	"github.com/gridtie/gridtie/registry/store"
)

// limited adds a profile that limits how many devices there are.
func limited(t *testing.T, b *bench, name string, devices, ofGateway int) {
	t.Helper()
	p := registry.NewProfile(name)
	p.Limits.Devices, p.Limits.GatewayDevices = devices, ofGateway
	must[registry.Profile](t)(b.AddProfile(t.Context(), p, text("secret")))
}

func wantCounted(t *testing.T, b *bench, profile string, ofProfile, all int) {
	t.Helper()
	gotProfile, gotAll, counted := b.CountedDevices(profile)
	if gotProfile != ofProfile || gotAll != all || !counted {
		t.Errorf("counted: got %d of %q and %d, %t, want %d and %d", gotProfile, profile, gotAll, counted, ofProfile, all)
	}
}

// TestG09_DeviceQuota: a profile that is full takes no more devices, whoever makes them, until one is deleted.
func TestG09_DeviceQuota(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	provision := func(name string) (registry.Provisioned, error) {
		return b.Provision(ctx, registry.ProvisionRequest{Profile: "small", Name: name})
	}
	if _, _, counted := b.CountedDevices("small"); counted {
		t.Error("devices were counted although nothing limits them")
	}
	limited(t, b, "small", 3, 0)
	limited(t, b, "other", 0, 0)
	for _, name := range []string{"a", "b"} {
		must[registry.Provisioned](t)(provision(name))
	}
	first, _, err := b.AddDevice(ctx, registry.Device{Name: "c", Profile: "small"}, registry.Credentials{})
	ok(t, err)
	if _, err := provision("d"); reasonOf(err) != registry.RefusedProfileFull {
		t.Errorf("a fourth: got %v, want %q", err, registry.RefusedProfileFull)
	}
	if _, _, err := b.AddDevice(ctx, registry.Device{Name: "d", Profile: "small"}, registry.Credentials{}); reasonOf(err) != registry.RefusedProfileFull {
		t.Errorf("a fourth, added: got %v, want %q", err, registry.RefusedProfileFull)
	}
	must[registry.Provisioned](t)(provision("a")) // it asks again
	_, _, err = b.AddDevice(ctx, registry.Device{Name: "d", Profile: "other"}, registry.Credentials{})
	ok(t, err)
	wantCounted(t, b, "small", 3, 4)
	ok(t, b.DeleteDevice(ctx, first.ID))
	must[registry.Provisioned](t)(provision("e"))
	if _, err := provision("f"); reasonOf(err) != registry.RefusedProfileFull {
		t.Errorf("a fourth again: got %v, want %q", err, registry.RefusedProfileFull)
	}
	_, err = b.ChangeProfile(ctx, "small", func(p *registry.Profile) { p.Limits.Devices = 4 })
	ok(t, err)
	must[registry.Provisioned](t)(provision("f"))
	wantCounted(t, b, "small", 4, 5)
}

// TestQuotaOfTheInstallation counts what is there when it opens, over all profiles.
func TestQuotaOfTheInstallation(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	limited(t, b, "a", 0, 0)
	limited(t, b, "b", 0, 0)
	add := func(r *registry.Registry, name, profile string) error {
		_, _, err := r.AddDevice(ctx, registry.Device{Name: name, Profile: profile}, registry.Credentials{})
		return err
	}
	ok(t, add(b.Registry, "1", "a"))
	ok(t, add(b.Registry, "2", "b"))
	ok(t, b.Close())
	r, err := registry.Open(ctx, b.store, registry.Options{ServerKey: b.key, Clock: b.clock.Now, Lazy: -1, Devices: 3})
	ok(t, err)
	defer func() { ok(t, r.Close()) }()
	ok(t, add(r, "3", "a"))
	if err := add(r, "4", "b"); reasonOf(err) != registry.RefusedInstallationFull {
		t.Errorf("a fourth: got %v, want %q", err, registry.RefusedInstallationFull)
	}
}

// TestQuotaOfAGateway: what one gateway was the first to speak for counts, whether it made it or not.
func TestQuotaOfAGateway(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	limited(t, b, "gateways", 0, 2)
	limited(t, b, "meters", 0, 0)
	add := func(name, profile string, gateway bool) registry.Device {
		d, _, err := b.AddDevice(ctx, registry.Device{Name: name, Profile: profile, Gateway: gateway}, registry.Credentials{})
		ok(t, err)
		return d
	}
	one, two := add("one", "gateways", true), add("two", "gateways", true)
	add("added", "meters", false)
	behind := func(g registry.Device, name string) registry.RefusalReason {
		_, err := b.ProvisionBehind(ctx, registry.BehindRequest{Gateway: g.ID, Profile: "meters", Name: name})
		if err != nil && reasonOf(err) == "" {
			t.Fatal(err)
		}
		return reasonOf(err)
	}
	for _, c := range []struct {
		gateway registry.Device
		name    string
		want    registry.RefusalReason
	}{
		{one, "a", ""},
		{one, "added", ""},
		{one, "b", registry.RefusedGatewayFull},
		{one, "a", ""}, // it is there
		{two, "a", ""}, // and counts for who came first
		{two, "b", ""},
		{one, "b", ""},
		{two, "c", ""},
		{two, "d", registry.RefusedGatewayFull},
	} {
		if got := behind(c.gateway, c.name); got != c.want {
			t.Errorf("%s names %s: got %q, want %q", c.gateway.Name, c.name, got, c.want)
		}
	}
}

// TestQuotaSetLater: what is there when a limit is set counts.
func TestQuotaSetLater(t *testing.T) {
	t.Parallel()
	b := open(t)
	limited(t, b, "small", 0, 0)
	for _, name := range []string{"a", "b", "c"} {
		must[registry.Provisioned](t)(b.Provision(t.Context(), registry.ProvisionRequest{Profile: "small", Name: name}))
	}
	_, err := b.ChangeProfile(t.Context(), "small", func(p *registry.Profile) { p.Limits.Devices = 2 })
	ok(t, err)
	wantCounted(t, b, "small", 3, 3)
	if _, err := b.Provision(t.Context(), registry.ProvisionRequest{Profile: "small", Name: "d"}); reasonOf(err) != registry.RefusedProfileFull {
		t.Errorf("one more: got %v, want %q", err, registry.RefusedProfileFull)
	}
}

// away goes away once, at the view at which left comes to zero.
type away struct {
	store.Store
	left atomic.Int64
}

func (a *away) View(ctx context.Context, read func(store.Reader) error) (store.LSN, error) {
	if a.left.Add(-1) == 0 {
		return 0, store.ErrAway
	}
	return a.Store.View(ctx, read)
}

// TestQuotaSetWhileTheStoreIsAway: devices are counted all the same, and whether or not the caller still waits.
func TestQuotaSetWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	for n := int64(1); n <= 6; n++ {
		b := open(t)
		limited(t, b, "small", 0, 0)
		must[registry.Provisioned](t)(b.Provision(t.Context(), registry.ProvisionRequest{Profile: "small", Name: "a"}))
		ok(t, b.Close())
		s := &away{Store: b.store}
		r, err := registry.Open(t.Context(), s, registry.Options{ServerKey: b.key, Clock: b.clock.Now, Lazy: -1})
		ok(t, err)
		s.left.Store(n)
		_, err = r.ChangeProfile(t.Context(), "small", func(p *registry.Profile) { p.Limits.Devices = 1 })
		ok(t, err)
		if got, _, counted := r.CountedDevices("small"); got != 1 || !counted {
			t.Errorf("away at view %d: got %d devices, counted %t, want 1", n, got, counted)
		}
		ok(t, r.Close())
	}
}

// TestQuotaTogether: devices that come at once never exceed a limit, and fill it, although runs are repeated and given up.
func TestQuotaTogether(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	const most, askers, each = 20, 8, 10
	limited(t, b, "small", most, 0)
	var made, refused atomic.Int64
	var g sync.WaitGroup
	for i := range askers {
		g.Go(func() {
			for j := range each {
				in, tx, err := b.Begin(ctx, registry.TxOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				mark := tx.Mark()
				_, err = b.Provision(in, registry.ProvisionRequest{Profile: "small", Name: fmt.Sprint("rolled-", i, "-", j)})
				if err == nil {
					tx.Rollback(mark)
				}
				tx.Discard()
			}
		})
		g.Go(func() {
			for j := range each {
				switch _, err := b.Provision(ctx, registry.ProvisionRequest{Profile: "small", Name: fmt.Sprint("m-", i, "-", j)}); {
				case err == nil:
					made.Add(1)
				case reasonOf(err) == registry.RefusedProfileFull:
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	g.Wait()
	if got := made.Load(); got > most || got+refused.Load() != askers*each {
		t.Errorf("made: got %d, refused %d, want at most %d of %d", got, refused.Load(), most, askers*each)
	}
	wantCounted(t, b, "small", int(made.Load()), int(made.Load()))
	for i := int(made.Load()); i < most; i++ { // nothing is held any more
		must[registry.Provisioned](t)(b.Provision(ctx, registry.ProvisionRequest{Profile: "small", Name: fmt.Sprint("late-", i)}))
	}
	if _, err := b.Provision(ctx, registry.ProvisionRequest{Profile: "small", Name: "one more"}); reasonOf(err) != registry.RefusedProfileFull {
		t.Errorf("one more: got %v, want %q", err, registry.RefusedProfileFull)
	}
}

// TestQuotaOfATransaction: what a run rolls back, or what is discarded, takes no place; two in one run take two.
func TestQuotaOfATransaction(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	limited(t, b, "small", 2, 0)
	in, tx, err := b.Begin(ctx, registry.TxOptions{})
	ok(t, err)
	provision := func(name string) error {
		_, err := b.Provision(in, registry.ProvisionRequest{Profile: "small", Name: name})
		return err
	}
	ok(t, provision("gone"))
	tx.Discard()
	in, tx, err = b.Begin(ctx, registry.TxOptions{})
	ok(t, err)
	mark := tx.Mark()
	ok(t, provision("a"))
	tx.Rollback(mark)
	ok(t, provision("b"))
	ok(t, provision("c"))
	if err := provision("d"); reasonOf(err) != registry.RefusedProfileFull {
		t.Errorf("a third: got %v", err)
	}
	ok(t, tx.Flush(in))
	tx.Discard() // what was flushed stays
	wantCounted(t, b, "small", 2, 2)
	in, tx, err = b.Begin(ctx, registry.TxOptions{})
	ok(t, err)
	d := must[registry.Device](t)(b.DeviceByName(ctx, "b"))
	ok(t, b.DeleteDevice(in, d.ID))
	if err := provision("d"); reasonOf(err) != registry.RefusedProfileFull {
		t.Errorf("in the place of one that is not deleted yet: got %v", err)
	}
	synced, err := tx.Commit(in, registry.Fate{})
	ok(t, err)
	ok(t, synced(ctx))
	wantCounted(t, b, "small", 1, 1)
}

func TestProfileLimitsAreChecked(t *testing.T) {
	t.Parallel()
	b := open(t)
	for name, change := range map[string]func(*registry.ProfileLimits){
		"a payload larger than any": func(l *registry.ProfileLimits) { l.PayloadBytes = registry.MaxPayloadBytes + 1 },
		"a negative depth":          func(l *registry.ProfileLimits) { l.Depth = -1 },
		"too many values":           func(l *registry.ProfileLimits) { l.Values = registry.MaxPayloadValues + 1 },
		"a rate that is none":       func(l *registry.ProfileLimits) { l.GatewayRates.Messages = "often" },
	} {
		p := registry.NewProfile("p")
		change(&p.Limits)
		if _, err := b.AddProfile(t.Context(), p, text("s")); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	p := registry.NewProfile("p")
	p.Limits = registry.ProfileLimits{PayloadBytes: 100, Depth: 2, Values: 3, Rates: registry.RateLimits{Messages: "20:1,600:60"}}
	must[registry.Profile](t)(b.AddProfile(t.Context(), p, text("s")))
	if got := must[registry.Profile](t)(b.Profile(t.Context(), "p")); got.Limits != p.Limits || got.Limits.Rates.Messages != rate.Limit("20:1,600:60") {
		t.Errorf("limits: got %+v, want %+v", got.Limits, p.Limits)
	}
}
