package pebble

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/gridtie/gridtie/registry/store"
)

// The message of the benchmarks: 64 writers, each with a view, 8 checks and 20 puts, waiting for the disk. Bare
// Pebble does the same puts with its own synced commit, without view and checks.
const (
	benchWriters = 64
	benchPuts    = 20
	benchChecks  = 8
)

func benchKey(n uint64, i int) []byte {
	key := binary.BigEndian.AppendUint32([]byte("device/"), uint32(n*2654435761)) // spread, like ids
	return append(key, '/', byte(i))
}

func benchPut(n uint64, i int) (key, value []byte) {
	key = benchKey(n, i)
	value = fmt.Appendf(nil, `{"id":"%016x","profile":"meter","part":%d,"updated":"2026-11-21T06:00:00Z"}`, n, i)
	return key, value
}

// inParallel runs b.N messages over the writers.
func inParallel(b *testing.B, message func(n uint64) error) {
	var next atomic.Uint64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range benchWriters {
		wg.Go(func() {
			for n := next.Add(1); n <= uint64(b.N); n = next.Add(1) {
				if err := message(n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}

func benchStore(b *testing.B) *Store {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

func benchPebble(b *testing.B) *pebble.DB {
	opts := settings(Options{})
	opts.Logger = logger{fatal: func(err error) { panic(err) }}
	db, err := pebble.Open(b.TempDir(), opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db
}

func BenchmarkApply(b *testing.B) {
	s, ctx := benchStore(b), context.Background()
	inParallel(b, func(n uint64) error {
		var at store.Stamp
		if _, err := s.View(ctx, func(r store.Reader) error { at = r.At(); return nil }); err != nil {
			return err
		}
		batch := store.Batch{Checks: make([]store.Check, benchChecks), Puts: make([]store.Put, benchPuts)}
		for i := range batch.Checks {
			batch.Checks[i] = store.Check{Key: benchKey(n, benchPuts+i), At: at}
		}
		for i := range batch.Puts {
			batch.Puts[i].Key, batch.Puts[i].Value = benchPut(n, i)
		}
		lsn, err := s.Apply(ctx, batch)
		if err != nil {
			return err
		}
		return s.Sync(ctx, lsn)
	})
}

func BenchmarkBarePebble(b *testing.B) {
	db := benchPebble(b)
	inParallel(b, func(n uint64) error {
		batch := db.NewBatch()
		for i := range benchPuts {
			key, value := benchPut(n, i)
			if err := batch.Set(key, value, nil); err != nil {
				return err
			}
		}
		if err := batch.Commit(pebble.Sync); err != nil {
			return err
		}
		return batch.Close()
	})
}

const benchRows = 200_000

// fill writes rows straight into Pebble and moves them to where they come to rest.
func fill(b *testing.B, db *pebble.DB) {
	for n := range uint64(benchRows) {
		key, value := benchPut(n, 0)
		if err := db.Set(key, value, pebble.NoSync); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Compact(context.Background(), []byte{0}, []byte{0xff}, true); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGet reads in a view of its own each time. Two rows are what authentication reads: an index row, and the
// one that it leads to.
func BenchmarkGet(b *testing.B) {
	for _, rows := range []int{1, 2} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			s, ctx := benchStore(b), context.Background()
			fill(b, s.db)
			b.ReportAllocs()
			b.ResetTimer()
			n := uint64(0)
			read := func(r store.Reader) error {
				for range rows {
					n++
					if _, ok, err := r.Get(benchKey(n*7919%benchRows, 0)); err != nil || !ok {
						return fmt.Errorf("row %d: found %t: %w", n, ok, err)
					}
				}
				return nil
			}
			for b.Loop() {
				if _, err := s.View(ctx, read); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBareGet(b *testing.B) {
	for _, rows := range []int{1, 2} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			db := benchPebble(b)
			fill(b, db)
			b.ReportAllocs()
			b.ResetTimer()
			n := uint64(0)
			for b.Loop() {
				for range rows {
					n++
					_, closer, err := db.Get(benchKey(n*7919%benchRows, 0))
					if err != nil {
						b.Fatal(err)
					}
					_ = closer.Close()
				}
			}
		})
	}
}
