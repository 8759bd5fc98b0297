package registry_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
)

var errBroken = errors.New("broken on purpose")

// fragile fails one operation: the one at which left comes to zero.
type fragile struct {
	store.Store
	left atomic.Int64
}

func (f *fragile) fails() bool { return f.left.Add(-1) == 0 }

func (f *fragile) View(ctx context.Context, read func(store.Reader) error) (store.LSN, error) {
	if f.fails() {
		return 0, errBroken
	}
	return f.Store.View(ctx, read)
}

func (f *fragile) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	if f.fails() {
		return 0, errBroken
	}
	return f.Store.Apply(ctx, b)
}

func (f *fragile) Sync(ctx context.Context, lsn store.LSN) error {
	if f.fails() {
		return errBroken
	}
	return f.Store.Sync(ctx, lsn)
}

// TestEveryOperationFailsOnce goes through a meter's life as often as it has operations of the store, and lets another
// one fail each time. What failed is tried again, as a device or an operator would; in the end all is as if nothing had
// happened.
func TestEveryOperationFailsOnce(t *testing.T) {
	t.Parallel()
	for n := int64(1); ; n++ {
		inner := openStore(t, vfs.NewMem())
		f := &fragile{Store: inner}
		f.left.Store(n)
		failures := 0
		again := func(do func() error) {
			t.Helper()
			for {
				err := do()
				if err == nil || errors.Is(err, registry.ErrExists) && failures > 0 {
					return
				}
				if !errors.Is(err, errBroken) || failures > 0 {
					t.Fatalf("operation %d failed: %v", n, err)
				}
				failures++
			}
		}
		life(t, f, again)
		ok(t, inner.Close())
		if failures == 0 {
			if n < 30 {
				t.Errorf("only %d operations", n)
			}
			return
		}
	}
}

func life(t *testing.T, s store.Store, again func(func() error)) {
	t.Helper()
	ctx, o := t.Context(), registry.Options{ServerKey: secret.NewKey(), Clock: newClock().Now, Lazy: -1}
	var r *registry.Registry
	again(func() (err error) {
		r, err = registry.Open(ctx, s, o)
		return err
	})
	again(func() error { return second(r.AddProfile(ctx, registry.NewProfile("meters"), text("s3cret"))) })
	again(func() error { return second(r.AddSupplier(ctx, registry.Supplier{ID: "luz"})) })
	again(func() error {
		return third(r.AddKey(ctx, registry.SupplierKey{ID: "k-1", Supplier: "luz"}, text("000712")))
	})
	var p registry.Provisioned
	again(func() (err error) {
		p, err = r.Provision(ctx, registry.ProvisionRequest{Profile: "meters", Name: "m"})
		return err
	})
	again(func() error {
		return second(r.Authenticate(ctx, registry.Login{UserName: p.Credentials.Token}))
	})
	again(func() error { return r.Housekeep(ctx) })
	req := registry.AttachRequest{Device: p.Device.ID, Point: point(t, "0021", 1), Key: "k-1", Grid: "0021"}
	var code registry.Code
	again(func() (err error) {
		_, code, err = r.Attach(ctx, req)
		return err
	})
	if code != registry.Attached && code != registry.AlreadyAttached {
		t.Fatalf("attaching: got %s", code)
	}
	for _, fate := range []registry.Fate{
		{Emit: []registry.PendingRow{row(1, "1", "2")}, Outcome: &registry.Outcome{Device: p.Device.ID, Code: code}},
		{Consumed: registry.Consumed{Sequence: 1}},
		{Consumed: registry.Consumed{Sequence: 1, Step: 1, Last: true}, DeadLetter: &registry.DeadLetter{Device: p.Device.ID}},
	} {
		again(func() error {
			ctx, tx, err := r.Begin(ctx, registry.TxOptions{})
			if err != nil {
				return err
			}
			defer tx.Discard()
			synced, err := tx.Commit(ctx, fate)
			if err != nil {
				return err
			}
			return synced(ctx)
		})
	}
	var rows []registry.PendingRow
	again(func() (err error) {
		rows, err = r.Pending(ctx)
		return err
	})
	if len(rows) != 0 {
		t.Errorf("pending: got %+v, want none", rows)
	}
	again(func() error { return errors.Join(r.Check(ctx)...) })
	deleted := false
	again(func() error {
		err := r.DeleteDevice(ctx, p.Device.ID)
		if errors.Is(err, registry.ErrNotFound) && deleted {
			return r.Housekeep(ctx) // its end was written, and the rest was not
		}
		deleted = true
		return err
	})
	again(func() error { return r.Close() })
	again(func() error {
		var err error
		r, err = registry.Open(ctx, s, o)
		if err != nil {
			return err
		}
		return errors.Join(append(r.Check(ctx), r.Close())...)
	})
}
