package pebble_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/gridtie/gridtie/internal/crashdisk"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/registry/store/storetest"
)

// crash is what a power cut would have left, and what had been acknowledged just before.
type crash struct {
	disk  *crashdisk.Disk
	acked storetest.Ledger
	at    string
}

// crashes runs writers on a disk in memory and pulls the plug many times: before every flush, and at random moments in
// between, each time with another share of what was not flushed, blocks and directory entries alike. wrap stands
// between the writers and the store.
func crashes(t *testing.T, writers, batches, atRandom int, wrap func(store.Store) store.Store) []crash {
	t.Helper()
	disk := crashdisk.New()
	tor := storetest.NewTorture(writers)
	var mu sync.Mutex // protects rng and found
	rng := rand.New(rand.NewPCG(7, uint64(batches)))
	var found []crash
	plug := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		flush := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
		if !flush {
			if atRandom == 0 || rng.IntN(2) != 0 {
				return nil
			}
			atRandom--
		}
		percent := []int{0, 0, 10, 50, 90, 100}[rng.IntN(6)]
		acked := tor.Acknowledged() // before the disk is copied: what is acknowledged later need not be there
		found = append(found, crash{
			disk:  disk.Cut(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}),
			acked: acked, at: op.Path,
		})
		return nil
	})
	inner, err := pebble.Open("store", small(errorfs.Wrap(disk, plug)))
	if err != nil {
		t.Fatal(err)
	}
	s := wrap(inner)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range batches {
				if err := tor.Write(context.Background(), s, w); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := inner.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	return found
}

// examine opens what a crash left and returns what is wrong with it.
func examine(t *testing.T, c crash) []string {
	t.Helper()
	s, err := pebble.Open("store", small(c.disk))
	if err != nil {
		return []string{err.Error()}
	}
	findings, err := storetest.NewTorture(len(c.acked)).Check(context.Background(), s, c.acked)
	if err != nil {
		findings = append(findings, err.Error())
	}
	if err := s.Close(); err != nil {
		findings = append(findings, err.Error())
	}
	return findings
}

func TestCrash(t *testing.T) {
	t.Parallel()
	all := crashes(t, 4, 400, 200, func(s store.Store) store.Store { return s })
	where := map[string]int{}
	for i, c := range all {
		if i%crashdisk.Thinner == 0 {
			for _, f := range examine(t, c) {
				t.Errorf("crash %d at %s, %v acknowledged: %s", i, c.at, c.acked, f)
			}
		}
		_, ext, _ := strings.Cut(c.at, ".")
		where[ext]++
	}
	if len(all) < 250 || where["log"] == 0 || where["sst"] == 0 {
		t.Errorf("%d crashes at files %v; want 250 and more, in the log and in tables", len(all), where)
	}
	t.Logf("%d crashes, at files %v", len(all), where)
}

// TestCrashIsNoticed shows that the crash test would find a store that breaks its promises.
func TestCrashIsNoticed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		wrap func(store.Store) store.Store
		want string
	}{
		{"a store that does not wait for the disk", func(s store.Store) store.Store { return hasty{s} }, "acknowledged"},
		{"a store that applies halves", func(s store.Store) store.Store { return halving{s} }, "part"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found := 0
			for _, c2 := range crashes(t, 1, 60, 100, c.wrap) {
				for _, f := range examine(t, c2) {
					if strings.Contains(f, c.want) {
						found++
					}
				}
			}
			if found == 0 {
				t.Errorf("no crash brought a finding about %q", c.want)
			}
		})
	}
}

type hasty struct{ store.Store }

func (hasty) Sync(context.Context, store.LSN) error { return nil }

type halving struct{ store.Store }

func (s halving) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	half := len(b.Puts) / 2
	first := store.Batch{Checks: b.Checks, Puts: b.Puts[:half]}
	lsn, err := s.Store.Apply(ctx, first)
	if err == nil {
		err = s.Sync(ctx, lsn)
	}
	if err != nil {
		return 0, err
	}
	return s.Store.Apply(ctx, store.Batch{Puts: b.Puts[half:], Deletes: b.Deletes})
}
