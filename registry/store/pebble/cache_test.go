package pebble

import (
	"context"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

// Rows that are read again and again stay in memory, however much was written since.
func TestReadRowsAreCached(t *testing.T) {
	t.Parallel()
	const memTable, cache = 1 << 20, 1 << 20
	s, err := Open(t.TempDir(), Options{MemTableSize: memTable, CacheSize: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	for n := range uint64(6 * memTable / benchPuts / 100) {
		var b store.Batch
		for i := range benchPuts {
			key, value := benchPut(n, i)
			b.Puts = append(b.Puts, store.Put{Key: key, Value: value})
		}
		if _, err := s.Apply(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (missed int64) {
		before := s.db.Metrics().BlockCache.Misses
		for n := range uint64(20) {
			_, err := s.View(ctx, func(r store.Reader) error {
				_, found, err := r.Get(benchKey(n, 0))
				if err == nil && !found {
					t.Errorf("row %d is not there", n)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return s.db.Metrics().BlockCache.Misses - before
	}
	first := read()
	// A compaction may put the rows into other tables meanwhile.
	for range 10 {
		if read() == 0 {
			return
		}
	}
	t.Errorf("rows are read from the disk every time; the first time missed %d blocks", first)
}
