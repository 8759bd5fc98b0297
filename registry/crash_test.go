package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashdisk"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// crash is what a power cut would have left, and what had been acknowledged just before.
type crash struct {
	disk     *crashdisk.Disk
	devices  []string // names whose provisioning was acknowledged
	attached []string // names whose attachment was
}

// TestCrash provisions and attaches meters from several goroutines and pulls the plug before every flush, each time with
// another share of what was not flushed. What was acknowledged must be there; nothing may be half made, attached twice,
// or have lost what it emitted.
func TestCrash(t *testing.T) {
	if os.Getenv(addressEnv) != "" {
		t.Skip("it pulls the plug of a disk in memory")
	}
	t.Parallel()
	const workers, meters = 4, 25
	var (
		mu       sync.Mutex // protects all of these
		rng      = rand.New(rand.NewPCG(3, 1))
		devices  []string
		attached []string
		crashes  []crash
		armed    bool
	)
	disk := crashdisk.New()
	plug := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind != errorfs.OpFileSync && op.Kind != errorfs.OpFileSyncData {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if !armed {
			return nil
		}
		c := crash{devices: append([]string(nil), devices...), attached: append([]string(nil), attached...)}
		percent := []int{0, 0, 10, 50, 90, 100}[rng.IntN(6)]
		c.disk = disk.Cut(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
		crashes = append(crashes, c)
		return nil
	})
	s := openStore(t, errorfs.Wrap(disk, plug))
	key := secret.NewKey()
	o := registry.Options{ServerKey: key, Clock: newClock().Now, Lazy: -1}
	r, err := registry.Open(t.Context(), s, o)
	ok(t, err)
	b := &bench{Registry: r}
	b.profile(t, "meters")
	_, k := b.supplier(t, registry.Supplier{ID: "luz"}, registry.SupplierKey{})
	mu.Lock()
	armed = true
	mu.Unlock()

	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for n := w * meters; n < (w+1)*meters; n++ {
				id, err := provisioned(t.Context(), r, n)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				devices = append(devices, meterName(n))
				mu.Unlock()
				// Neighbours ask for the same supply point: one of them is held.
				_, _, err = r.Attach(t.Context(), registry.AttachRequest{Device: id, Point: point(t, "0021", n/2), Key: k.ID, Grid: "0021"})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				attached = append(attached, meterName(n))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	ok(t, r.Close())
	ok(t, s.Close())
	if len(crashes) < 50 {
		t.Errorf("only %d crashes", len(crashes))
	}
	t.Logf("%d crashes", len(crashes))
	for i := 0; i < len(crashes); i += crashdisk.Thinner {
		examine(t, crashes[i], o)
	}
}

// provisioned makes a device as a run does: with an outcome, and with messages for later.
func provisioned(ctx context.Context, r *registry.Registry, n int) (string, error) {
	for {
		ctx, tx, err := r.Begin(ctx, registry.TxOptions{})
		if err != nil {
			return "", err
		}
		p, err := r.Provision(ctx, registry.ProvisionRequest{Profile: "meters", Name: meterName(n)})
		if err != nil {
			tx.Discard()
			return "", err
		}
		synced, err := tx.Commit(ctx, registry.Fate{
			Outcome: &registry.Outcome{Device: p.Device.ID, Code: registry.DeviceProvisioned, Message: "m"},
			Emit: []registry.PendingRow{{
				Sequence: uint64(n) + 1, Lane: p.Device.ID, Steps: []json.RawMessage{[]byte(`"created"`), []byte(`"success"`)},
			}},
		})
		if errors.Is(err, registry.ErrConflict) {
			continue
		}
		if err != nil {
			return "", err
		}
		return p.Device.ID, synced(ctx)
	}
}

func examine(t *testing.T, c crash, o registry.Options) {
	t.Helper()
	s, err := pebble.Open("registry", pebble.Options{FS: c.disk, CacheSize: 1 << 20})
	ok(t, err)
	r, err := registry.Open(t.Context(), s, o)
	ok(t, err)
	consistent(t, r)
	emitted := map[string]bool{}
	for _, row := range must[[]registry.PendingRow](t)(r.Pending(t.Context())) {
		emitted[row.Lane] = len(row.Steps) == 2
	}
	there, _, err := r.Devices(t.Context(), registry.Page{Limit: 1000})
	ok(t, err)
	for _, d := range there {
		outcomes, _, err := r.Outcomes(t.Context(), registry.OutcomeFilter{Device: d.ID}, registry.Page{})
		ok(t, err)
		if len(outcomes) != 1 || !emitted[d.ID] {
			t.Errorf("%s is half made: %d outcomes, emitted %v", d.Name, len(outcomes), emitted[d.ID])
		}
	}
	for _, name := range c.devices {
		if _, err := r.DeviceByName(t.Context(), name); err != nil {
			t.Errorf("acknowledged and missing: %v", err)
		}
	}
	for _, name := range c.attached {
		d := must[registry.Device](t)(r.DeviceByName(t.Context(), name))
		if _, err := r.Attachment(t.Context(), d.ID); err != nil {
			t.Errorf("acknowledged and missing: %v", err)
		}
	}
	ok(t, r.Close())
	ok(t, s.Close())
}
