package registry_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// onDisk opens a registry in a real folder.
func onDisk(b *testing.B) *registry.Registry {
	b.Helper()
	var s store.Store
	var err error
	if os.Getenv(addressEnv) != "" {
		s = openStore(b, vfs.NewMem())
	} else if s, err = pebble.Open(b.TempDir(), pebble.Options{}); err != nil {
		b.Fatal(err)
	}
	r, err := registry.Open(b.Context(), s, registry.Options{ServerKey: secret.NewKey()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := r.Close(); err != nil {
			b.Error(err)
		}
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return r
}

// many runs work on 64 goroutines, whatever the number of processors.
func many(b *testing.B, work func(ctx context.Context, n int) error) {
	b.Helper()
	const writers = 64
	var next atomic.Int64
	b.SetParallelism(writers)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := work(b.Context(), int(next.Add(1)-1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// BenchmarkAttach attaches new meters, each durably and with its outcome, as a run does: in one transaction.
func BenchmarkAttach(b *testing.B) {
	r := onDisk(b)
	ctx := b.Context()
	_, err := r.AddProfile(ctx, registry.NewProfile("meters"), secret.Text{})
	ok(b, err)
	_, err = r.AddSupplier(ctx, registry.Supplier{ID: "luz"})
	ok(b, err)
	k, _, err := r.AddKey(ctx, registry.SupplierKey{Supplier: "luz"}, text("000712"))
	ok(b, err)
	devices := make([]string, b.N)
	for from := 0; from < b.N; from += 500 {
		inOne(b, r, func(ctx context.Context) error {
			for i := from; i < min(from+500, b.N); i++ {
				p, err := r.Provision(ctx, registry.ProvisionRequest{Profile: "meters"})
				if err != nil {
					return err
				}
				devices[i] = p.Device.ID
			}
			return nil
		})
	}
	digest := r.KeyDigest("000712")
	many(b, func(ctx context.Context, n int) error {
		ctx, tx, err := r.Begin(ctx, registry.TxOptions{})
		if err != nil {
			return err
		}
		defer tx.Discard()
		p := point(b, "0021", n)
		match, err := r.SupplierByKey(ctx, digest, start)
		if err != nil {
			return err
		}
		grid, err := r.GridOf(ctx, p)
		if err != nil {
			return err
		}
		_, code, err := r.Attach(ctx, registry.AttachRequest{
			Device: devices[n], Point: p, Supplier: match.Supplier, Key: k.ID, Grid: grid.Grid, GridBy: grid.By,
		})
		if err != nil {
			return err
		}
		synced, err := tx.Commit(ctx, registry.Fate{Outcome: &registry.Outcome{Device: devices[n], Code: code, Message: "m"}})
		if err != nil {
			return err
		}
		return synced(ctx)
	})
}

func BenchmarkProvision(b *testing.B) {
	r := onDisk(b)
	_, err := r.AddProfile(b.Context(), registry.NewProfile("meters"), secret.Text{})
	ok(b, err)
	many(b, func(ctx context.Context, n int) error {
		_, err := r.Provision(ctx, registry.ProvisionRequest{Profile: "meters", Name: meterName(n)})
		return err
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	r := onDisk(b)
	_, err := r.AddProfile(b.Context(), registry.NewProfile("meters"), secret.Text{})
	ok(b, err)
	tokens := make([]secret.Text, 1000)
	for i := range tokens {
		p, err := r.Provision(b.Context(), registry.ProvisionRequest{Profile: "meters", Name: meterName(i)})
		ok(b, err)
		tokens[i] = p.Credentials.Token
	}
	many(b, func(ctx context.Context, n int) error {
		_, err := r.Authenticate(ctx, registry.Login{ClientID: text("any"), UserName: tokens[n%len(tokens)]})
		return err
	})
}

// inOne does several things in one transaction.
func inOne(tb testing.TB, r *registry.Registry, do func(context.Context) error) {
	tb.Helper()
	ctx, tx, err := r.Begin(tb.Context(), registry.TxOptions{})
	ok(tb, err)
	defer tx.Discard()
	ok(tb, do(ctx))
	synced, err := tx.Commit(ctx, registry.Fate{})
	ok(tb, err)
	ok(tb, synced(tb.Context()))
}
