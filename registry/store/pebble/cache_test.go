package pebble

import (
	"context"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

// Rows that are read again and again stay in memory, also while several memory tables take theirs off the cache.
func TestReadRowsAreCached(t *testing.T) {
	t.Parallel()
	const memTable, cache = 1 << 20, 1 << 20
	s, err := Open(t.TempDir(), Options{MemTableSize: memTable, CacheSize: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	message := func(n uint64) {
		var b store.Batch
		for i := range benchPuts {
			key, value := benchPut(n, i)
			b.Puts = append(b.Puts, store.Put{Key: key, Value: value})
		}
		if _, err := s.Apply(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	const messages = 6 * memTable / benchPuts / 100
	for n := range uint64(messages) {
		message(n)
	}
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	// A view keeps the memory table that there was when it began. It also keeps its tables on disk, so what is flushed and
	// merged meanwhile is no part of this.
	var within func(views int, then func()) error
	within = func(views int, then func()) error {
		if views == 0 {
			then()
			return nil
		}
		_, err := s.View(ctx, func(store.Reader) error {
			message(messages + uint64(views))
			if err := s.db.Flush(); err != nil {
				return err
			}
			return within(views-1, then)
		})
		return err
	}
	_, err = s.View(ctx, func(r store.Reader) error {
		read := func() (missed int64) {
			before := s.db.Metrics().BlockCache.Misses
			for n := range uint64(20) {
				if _, found, err := r.Get(benchKey(n, 0)); err != nil || !found {
					t.Errorf("row %d: found %t: %v", n, found, err)
				}
			}
			return s.db.Metrics().BlockCache.Misses - before
		}
		return within(memTables-2, func() {
			first := read()
			if again := read(); again != 0 {
				t.Errorf("rows read again: %d blocks were not in memory, of %d the first time", again, first)
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
