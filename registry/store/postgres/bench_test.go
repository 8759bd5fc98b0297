package postgres_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// The message of the benchmarks: 64 writers, each with a view, 8 checks and 8 puts in 4 tables, waiting for the disk.
// Bare pgx does the same puts in the same groups, without views and checks, into tables without a column doc.
const (
	benchWriters = 64
	benchPuts    = 8
	benchChecks  = 8
)

func benchTable(i int) string {
	return [...]string{"device", "credential", "relation", "attribute"}[i%4]
}

func benchKey(n uint64, i int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n*2654435761)), byte(i)) // spread, like ids
}

func benchRow(n uint64, i int) (key, value []byte) {
	key = append([]byte(benchTable(i)+"\x00\x01"), benchKey(n, i)...)
	if i >= 2 && i < 6 {
		return key, []byte("{}") // index rows
	}
	return key, fmt.Appendf(nil, `{"id":"%016x","profile":"meter","part":%d,"updated":"2026-11-21T06:00:00Z","note":"%0150d"}`, n, i, n)
}

// inParallel runs b.N messages over the writers.
func inParallel(b *testing.B, message func(n uint64) error) {
	b.Helper()
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

func benchStore(b *testing.B) store.Store {
	b.Helper()
	dsn, schema := database(b)
	s, err := opener{dsn, postgres.Options{Schema: schema}}.Open()
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

func BenchmarkApply(b *testing.B) {
	for _, views := range []bool{false, true} {
		b.Run(fmt.Sprintf("views=%t", views), func(b *testing.B) {
			s, ctx := benchStore(b), context.Background()
			inParallel(b, func(n uint64) error {
				batch := store.Batch{Puts: make([]store.Put, benchPuts)}
				if views {
					_, err := s.View(ctx, func(r store.Reader) error {
						for i := range benchChecks {
							batch.Checks = append(batch.Checks, store.Check{Key: benchKey(n, benchPuts+i), At: r.At()})
						}
						return nil
					})
					if err != nil {
						return err
					}
				}
				for i := range batch.Puts {
					batch.Puts[i].Key, batch.Puts[i].Value = benchRow(n, i)
				}
				lsn, err := s.Apply(ctx, batch)
				if err != nil {
					return err
				}
				return s.Sync(ctx, lsn)
			})
		})
	}
}

func BenchmarkBarePgx(b *testing.B) {
	dsn, schema := database(b)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	sql := "CREATE SCHEMA " + schema
	for i := range 4 {
		sql += fmt.Sprintf("; CREATE TABLE %s.%s (key bytea PRIMARY KEY, value bytea NOT NULL)", schema, benchTable(i))
	}
	if _, err := conn.Exec(ctx, sql); err != nil {
		b.Fatal(err)
	}
	defer func() {
		if _, err := conn.Exec(ctx, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			b.Error(err)
		}
	}()

	type waiter struct {
		n    uint64
		done chan error
	}
	queue := make(chan waiter, 256)
	var ended sync.WaitGroup
	ended.Go(func() {
		for first := range queue {
			group := []waiter{first}
			for len(group) < 256 && len(queue) > 0 {
				group = append(group, <-queue)
			}
			var keys, values [4][][]byte
			for _, w := range group {
				for i := range benchPuts {
					key, value := benchRow(w.n, i)
					keys[i%4], values[i%4] = append(keys[i%4], key), append(values[i%4], value)
				}
			}
			var batch pgx.Batch
			batch.Queue("BEGIN")
			for i := range 4 {
				batch.Queue("INSERT INTO "+schema+"."+benchTable(i)+" SELECT * FROM unnest($1::bytea[], $2::bytea[])"+
					" ON CONFLICT (key) DO UPDATE SET value = excluded.value", keys[i], values[i])
			}
			batch.Queue("COMMIT")
			err := conn.SendBatch(ctx, &batch).Close()
			for _, w := range group {
				w.done <- err
			}
		}
	})
	inParallel(b, func(n uint64) error {
		w := waiter{n, make(chan error, 1)}
		queue <- w
		return <-w.done
	})
	close(queue)
	ended.Wait()
}

const benchRows = 20_000

// BenchmarkGet reads in a view of its own each time: one row, or two, as authentication does.
func BenchmarkGet(b *testing.B) {
	s, ctx := benchStore(b), context.Background()
	for n := uint64(0); n < benchRows; {
		var batch store.Batch
		for range 1000 {
			key, value := benchRow(n, 0)
			batch.Puts = append(batch.Puts, store.Put{Key: key, Value: value})
			n++
		}
		if _, err := s.Apply(ctx, batch); err != nil {
			b.Fatal(err)
		}
	}
	for _, rows := range []int{1, 2} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			n := uint64(0)
			read := func(r store.Reader) error {
				for range rows {
					n++
					key, _ := benchRow(n*7919%benchRows, 0)
					if _, ok, err := r.Get(key); err != nil || !ok {
						return fmt.Errorf("row %d: found %t: %w", n, ok, err)
					}
				}
				return nil
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.View(ctx, read); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
