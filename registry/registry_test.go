package registry_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/registry/store/postgres"
	"github.com/gridtie/gridtie/supplypoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is the time at which every test's clock begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: start} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is a registry under test with what stands under it.
type bench struct {
	*registry.Registry
	clock *clock
	store *counted
	key   secret.Key
}

// counted counts the batches that are applied.
type counted struct {
	store.Store
	mu      sync.Mutex
	applied int
	largest int
}

func (c *counted) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	lsn, err := c.Store.Apply(ctx, b)
	if err == nil {
		c.mu.Lock()
		c.applied++
		c.largest = max(c.largest, len(b.Puts)+len(b.Deletes))
		c.mu.Unlock()
	}
	return lsn, err
}

// during returns how many batches do applies, and the number of keys in the largest.
func (c *counted) during(do func()) (batches, largest int) {
	c.mu.Lock()
	c.applied, c.largest = 0, 0
	c.mu.Unlock()
	do()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied, c.largest
}

// addressEnv names a PostgreSQL database in which the tests then keep their registries.
const addressEnv = "GRIDTIE_TEST_POSTGRES"

// schemas are the schemas in that database, each standing for the file system that a test opens.
var (
	schemas sync.Map // vfs.FS → name
	schema  atomic.Int64
)

// openStore opens the store that fs holds, or the one that stands for it in the database that addressEnv names.
func openStore(tb testing.TB, fs vfs.FS) store.Store {
	tb.Helper()
	if dsn := os.Getenv(addressEnv); dsn != "" {
		name, there := schemas.LoadOrStore(fs, fmt.Sprintf("gridtie_registry_%d_%d", os.Getpid(), schema.Add(1)))
		o := postgres.Options{Schema: name.(string), Readers: 8}
		if !there {
			tb.Cleanup(func() { ok(tb, postgres.Drop(context.Background(), dsn, o)) })
		}
		s, err := postgres.Open(context.Background(), dsn, o)
		ok(tb, err)
		return s
	}
	s, err := pebble.Open("registry", pebble.Options{FS: fs})
	ok(tb, err)
	return s
}

// open opens a registry in memory. When the test ends, it must be consistent.
func open(tb testing.TB) *bench {
	tb.Helper()
	s := &counted{Store: openStore(tb, vfs.NewMem())}
	b := &bench{clock: newClock(), store: s, key: secret.NewKey()}
	r, err := registry.Open(tb.Context(), s, registry.Options{ServerKey: b.key, Clock: b.clock.Now, Lazy: -1})
	if err != nil {
		tb.Fatal(err)
	}
	b.Registry = r
	tb.Cleanup(func() {
		consistent(tb, r)
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b
}

func consistent(tb testing.TB, r *registry.Registry) {
	tb.Helper()
	for _, err := range r.Check(context.Background()) {
		tb.Errorf("inconsistent: %v", err)
	}
}

// must returns a value or fails the test.
func must[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// profile adds a profile with the secret "s3cret".
func (b *bench) profile(tb testing.TB, name string, change ...func(*registry.Profile)) registry.Profile {
	tb.Helper()
	p := registry.NewProfile(name)
	for _, c := range change {
		c(&p)
	}
	return must[registry.Profile](tb)(b.AddProfile(tb.Context(), p, secret.NewText("s3cret")))
}

// device provisions a device in the profile "meters", which must be there.
func (b *bench) device(tb testing.TB, name string) registry.Device {
	tb.Helper()
	p := must[registry.Provisioned](tb)(b.Provision(tb.Context(), registry.ProvisionRequest{Profile: "meters", Name: name}))
	return p.Device
}

// supplier adds a supplier with one key.
func (b *bench) supplier(tb testing.TB, s registry.Supplier, k registry.SupplierKey) (registry.Supplier, registry.SupplierKey) {
	tb.Helper()
	s = must[registry.Supplier](tb)(b.AddSupplier(tb.Context(), s))
	k.Supplier = s.ID
	k, _, err := b.AddKey(tb.Context(), k, secret.NewText("key of "+s.ID+k.ID))
	ok(tb, err)
	return s, k
}

func point(tb testing.TB, distributor string, n int) supplypoint.Point {
	tb.Helper()
	p := supplypoint.Synthetic(distributor, uint64(n))
	if p.IsZero() {
		tb.Fatalf("no synthetic point %s %d", distributor, n)
	}
	return p
}

func text(s string) secret.Text { return secret.NewText(s) }

func meterName(n int) string { return fmt.Sprintf("meter-%04d", n) }

// keys counts the keys that begin so.
func (c *counted) keys(tb testing.TB, prefix string) int {
	tb.Helper()
	n := 0
	_, err := c.View(context.Background(), func(r store.Reader) error {
		for _, err := range r.Scan(store.Prefix([]byte(prefix))) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	ok(tb, err)
	return n
}
