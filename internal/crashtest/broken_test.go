package crashtest_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashtest"
	"github.com/gridtie/gridtie/registry/store"
)

// TestBrokenBuildsAreFound runs the crash test on builds that break the product's promises, one each.
func TestBrokenBuildsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		noFlush bool
		store   func(store.Store) store.Store
		want    []crashtest.Fault // one of them
		stored  bool
	}{
		{"it does not wait for the disk", false, func(s store.Store) store.Store { return hasty{s} }, []crashtest.Fault{crashtest.Lost}, false},
		{"it does not flush", true, nil, []crashtest.Fault{crashtest.Lost}, false},
		{
			"it forgets the last row of a provision", false, func(s store.Store) store.Store { return forgetful{s, "pending"} },
			[]crashtest.Fault{crashtest.HalfMade, crashtest.Lost},
			false,
		},
		{
			"it forgets the last row of an attachment", false, func(s store.Store) store.Store { return forgetful{s, "attachment"} },
			[]crashtest.Fault{crashtest.HalfMade, crashtest.Lost},
			false,
		},
		{
			"it emits events in a batch of their own", false, func(s store.Store) store.Store { return splitting{s} },
			[]crashtest.Fault{crashtest.Lost},
			false,
		},
		{
			"it acknowledges what it stores before the disk has it", false, func(s store.Store) store.Store { return hasty{s} },
			[]crashtest.Fault{crashtest.Lost},
			true,
		},
		{
			"it forgets what it stores", false, func(s store.Store) store.Store { return forgetful{s, "pending"} },
			[]crashtest.Fault{crashtest.HalfMade, crashtest.Lost},
			true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			key := secret.NewKey()
			for seed := range uint64(5) {
				crashes, err := crashtest.Crashes(t.Context(), key, crashtest.Options{
					Seed: seed, Meters: 8, Workers: 2, Random: 50, NoFlush: c.noFlush, Store: c.store, Stored: c.stored,
				})
				if err != nil {
					t.Fatal(err)
				}
				for i := range crashes {
					if len(crashes[i].Meters) == 0 {
						continue // nobody had asked for anything
					}
					found, _, err := crashes[i].Examine(t.Context(), key)
					if err != nil {
						t.Fatalf("crash %d %s: %v", i, crashes[i].Moment, err)
					}
					for _, fault := range c.want {
						if found.Of(fault) > 0 {
							t.Logf("seed %d, crash %d of %d, %s: %s; the first: %v", seed, i, len(crashes), crashes[i].Moment, found.Verdict(), found[0])
							return
						}
					}
				}
			}
			t.Errorf("no crash brought a finding of %v", c.want)
		})
	}
}

// hasty answers before the disk does.
type hasty struct{ store.Store }

func (hasty) Sync(context.Context, store.LSN) error { return nil }

// forgetful drops the last row of every batch that holds a row of a table.
type forgetful struct {
	store.Store
	table string
}

func (s forgetful) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	if slices.ContainsFunc(b.Puts, func(p store.Put) bool { return bytes.HasPrefix(p.Key, []byte(s.table)) }) {
		b.Puts = b.Puts[:len(b.Puts)-1]
	}
	return s.Store.Apply(ctx, b)
}

// splitting applies pending rows after all the rest is on disk.
type splitting struct{ store.Store }

func (s splitting) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	var effects, events []store.Put
	for _, put := range b.Puts {
		if bytes.Contains(put.Key, []byte("pending")) {
			events = append(events, put)
		} else {
			effects = append(effects, put)
		}
	}
	if len(effects) == 0 || len(events) == 0 {
		return s.Store.Apply(ctx, b)
	}
	lsn, err := s.Store.Apply(ctx, store.Batch{Checks: b.Checks, Puts: effects, Deletes: b.Deletes})
	if err != nil {
		return 0, err
	}
	if err := s.Sync(ctx, lsn); err != nil {
		return 0, err
	}
	return s.Store.Apply(ctx, store.Batch{Puts: events})
}
