package pebble_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// sized is a disk in memory of 1,000 MiB, of which so many bytes are free.
type sized struct {
	vfs.FS
	free atomic.Uint64
}

func (d *sized) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{TotalBytes: 1000 << 20, AvailBytes: d.free.Load()}, nil
}

func put(key string) store.Batch {
	return store.Batch{Puts: []store.Put{{Key: []byte(key), Value: []byte("v")}}}
}

// TestLittleRoom: below the reserve nothing is applied and reading goes on; a quarter above it, what waited is applied
// without anybody's doing.
func TestLittleRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &sized{FS: vfs.NewMem()}
		disk.free.Store(500 << 20)
		o := small(disk)
		var log strings.Builder
		o.Logger = zerolog.New(zerolog.SyncWriter(&log))
		s, err := pebble.Open("store", o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(t.Context(), put("a")); err != nil || s.Away() != nil {
			t.Fatalf("with room: got %v, away %v", err, s.Away())
		}
		disk.free.Store(100<<20 - 1) // a tenth of the disk is kept
		time.Sleep(time.Second)
		if err := s.Away(); !errors.Is(err, pebble.ErrFull) || !strings.Contains(err.Error(), "100.0 MiB") {
			t.Errorf("away: got %v, want ErrFull and the reserve", err)
		}

		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Apply(hasty, put("b")); !errors.Is(err, pebble.ErrFull) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("somebody in a hurry: got %v, want ErrFull and the context's error", err)
		}
		if got := s.Applied(); got != 2 {
			t.Errorf("applied: got state %d, want 2", got)
		}
		if _, err := s.View(t.Context(), func(r store.Reader) error {
			if _, ok, err := r.Get([]byte("a")); !ok || err != nil {
				t.Errorf("reading: got %t, %v", ok, err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}

		applied := make(chan error, 1)
		go func() {
			lsn, err := s.Apply(t.Context(), put("c"))
			applied <- errors.Join(err, s.Sync(t.Context(), lsn))
		}()
		disk.free.Store(120 << 20) // not enough to begin again
		time.Sleep(time.Minute)
		if len(applied) > 0 || s.Away() == nil {
			t.Fatalf("a fifth above the reserve: got %v, want it to wait", <-applied)
		}
		disk.free.Store(125 << 20)
		if err := <-applied; err != nil || s.Away() != nil {
			t.Errorf("room again: got %v, away %v", err, s.Away())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, event := range []string{`"event":"store_full"`, `"event":"store_has_room"`} {
			if strings.Count(log.String(), event) != 1 {
				t.Errorf("log: want %s once, got\n%s", event, log.String())
			}
		}
	})
}

// TestNobodyWaitsForRoom: whoever stops, or closes, ends the waiting; nothing has failed then.
func TestNobodyWaitsForRoom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(*pebble.Store) error
	}{
		{"given up", func(s *pebble.Store) error { s.GiveUp(); return nil }},
		{"closed", (*pebble.Store).Close},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				disk := &sized{FS: vfs.NewMem()}
				s, err := pebble.Open("store", small(disk)) // full from the start: it opens, and takes nothing
				if err != nil {
					t.Fatal(err)
				}
				applied := make(chan error, 1)
				go func() {
					_, err := s.Apply(t.Context(), put("a"))
					applied <- err
				}()
				synctest.Wait()
				if len(applied) > 0 {
					t.Fatalf("applied on a full disk: %v", <-applied)
				}
				if err := c.end(s); err != nil {
					t.Errorf("got %v, want no error", err)
				}
				if err := <-applied; !errors.Is(err, pebble.ErrFull) {
					t.Errorf("who waited: got %v, want ErrFull", err)
				}
				if err := errors.Join(s.Err(), s.Close()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestDiskStops: a flush that does not return makes the store say so, and is no failure: once it returns, all goes on.
func TestDiskStops(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	var stopped atomic.Bool
	s, err := pebble.Open("store", small(errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if stopped.Load() && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			<-gate
		}
		return nil
	}))))
	if err != nil {
		t.Fatal(err)
	}
	stopped.Store(true)
	lsn, err := s.Apply(t.Context(), put("a"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	s.LookForFlush(now)
	if err := s.Away(); err != nil {
		t.Errorf("at first: got %v, want nil", err)
	}
	s.LookForFlush(now.Add(3 * time.Second))
	if err := s.Away(); err == nil || errors.Is(err, pebble.ErrFull) {
		t.Errorf("after 3 s: got %v, want that the disk has stopped", err)
	}
	stopped.Store(false)
	close(gate)
	if err := s.Sync(t.Context(), lsn); err != nil {
		t.Error(err)
	}
	s.LookForFlush(now.Add(4 * time.Second))
	if err := errors.Join(s.Away(), s.Close()); err != nil {
		t.Error(err)
	}
}

// TestDiskIsFull: where nothing is kept free, the end of the disk fails the store like any failed write, at whichever
// write it is met; what was acknowledged is there when the disk has room again.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	for after := int64(0); ; after++ {
		disk := vfs.NewMem()
		var writes atomic.Int64
		var full atomic.Bool
		o := small(errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			log := strings.HasSuffix(op.Path, ".log")
			if full.Load() && log && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && writes.Add(1) > after {
				return &vfsError{op.Path}
			}
			return nil
		})))
		o.Reserve = -1
		s, err := pebble.Open("store", o)
		if err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		acked := 0
		for n := range 40 {
			lsn, err := s.Apply(t.Context(), put(string(rune('A'+n))))
			if err == nil {
				err = s.Sync(t.Context(), lsn)
			}
			if err != nil {
				if !errors.Is(err, store.ErrFailed) || !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("after %d writes: got %v, want ErrFailed and ENOSPC", after, err)
				}
				break
			}
			acked++
		}
		failed := s.Err() != nil
		_ = s.Close()
		again, err := pebble.Open("store", small(disk))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.View(t.Context(), func(r store.Reader) error {
			for n := range acked {
				if _, ok, err := r.Get([]byte(string(rune('A' + n)))); !ok || err != nil {
					t.Errorf("after %d writes: batch %d was acknowledged, and is not there: %v", after, n, err)
				}
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
		if !failed {
			if after < 40 {
				t.Errorf("no write failed after %d", after)
			}
			return
		}
	}
}

// vfsError is what the operating system says when the disk is full.
type vfsError struct{ path string }

func (e *vfsError) Error() string { return "write " + e.path + ": no space left on device" }
func (e *vfsError) Unwrap() error { return syscall.ENOSPC }

// TestCloseWithoutRoomForTables: a store that cannot write its tables closes all the same, without an error, because the
// log has everything; the next one reads it there.
func TestCloseWithoutRoomForTables(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem()
	var full atomic.Bool
	tried := make(chan struct{}, 1)
	s, err := pebble.Open("store", small(errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !full.Load() || !strings.HasSuffix(op.Path, ".sst") || op.Kind.ReadOrWrite() == errorfs.OpIsRead || op.Kind == errorfs.OpFileClose {
			return nil
		}
		select {
		case tried <- struct{}{}:
		default:
		}
		return &vfsError{op.Path}
	}))))
	if err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	const rows = 400 // more than a table in memory holds, and less than all of them
	for n := range rows {
		lsn, err := s.Apply(t.Context(), store.Batch{Puts: []store.Put{{Key: fmt.Appendf(nil, "k%d", n), Value: make([]byte, 250)}}})
		if err := errors.Join(err, s.Sync(t.Context(), lsn)); err != nil {
			t.Fatal(err)
		}
	}
	<-tried
	if err := s.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	again, err := pebble.Open("store", small(disk))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if _, err := again.View(t.Context(), func(r store.Reader) error {
		for _, err := range r.Scan(nil, nil) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}); err != nil || n != rows {
		t.Errorf("afterwards: got %d rows, %v, want %d", n, err, rows)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestNoRoomToAllocate: a log that cannot be allocated in advance is written all the same.
func TestNoRoomToAllocate(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	var refused atomic.Int64
	s, err := pebble.Open(t.TempDir(), small(errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind == errorfs.OpFilePreallocate {
			refused.Add(1)
			return &vfsError{op.Path}
		}
		return nil
	}))))
	if err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	for n := range 600 { // several logs
		lsn, err := s.Apply(t.Context(), store.Batch{Puts: []store.Put{{Key: fmt.Appendf(nil, "k%d", n), Value: make([]byte, 250)}}})
		if err := errors.Join(err, s.Sync(t.Context(), lsn)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil || refused.Load() == 0 {
		t.Errorf("got %v, with %d logs that were not allocated, want some", err, refused.Load())
	}
}
