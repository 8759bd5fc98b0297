package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

func syncing(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	ctx := context.Background()
	rests := mustView(t, s, func(store.Reader) {})
	if err := s.Sync(ctx, rests); err != nil {
		t.Errorf("sync of an empty store's state: %v", err)
	}
	if err := s.Sync(ctx, 0); err != nil {
		t.Errorf("sync of nothing: %v", err)
	}
	if err := s.Sync(ctx, s.Applied()+1000); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("sync of a state to come: got %v, want ErrInvalid", err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				lsn, err := s.Apply(ctx, puts(put("a", "1")))
				if err == nil {
					err = s.Sync(ctx, lsn)
				}
				if err != nil {
					t.Errorf("apply and sync: %v", err)
				}
				if got := s.Synced(); got < lsn {
					t.Errorf("synced is %d after sync of %d", got, lsn)
				}
				if synced, applied := s.Synced(), s.Applied(); synced > applied {
					t.Errorf("synced %d is above applied %d", synced, applied)
				}
			}
		})
	}
	wg.Wait()
	select {
	case <-s.Failed():
		t.Errorf("the store has failed: %v", s.Err())
	default:
		if err := s.Err(); err != nil {
			t.Errorf("the store has an error and has not failed: %v", err)
		}
	}
}

func reopen(t *testing.T, o Opener) {
	want := ""
	for range 3 {
		s, err := o.Open()
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		var at store.Stamp
		mustView(t, s, func(r store.Reader) {
			at = r.At()
			wantRow(t, r, "last", append([]byte(nil), want...))
			wantRow(t, r, "gone", nil)
		})
		want += "x"
		// Stamps of this opening are good for rows of an earlier one.
		lsn := mustApply(t, s, store.Batch{
			Checks: []store.Check{{Key: []byte("last"), At: at}},
			Puts:   []store.Put{put("last", want), put("gone", "")},
		})
		if err := s.Sync(context.Background(), lsn); err != nil {
			t.Fatalf("sync: %v", err)
		}
		mustApply(t, s, store.Batch{Deletes: keys("gone")}) // flushed by Close
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
}

func cancelled(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	mustApply(t, s, puts(rowOf("a"), rowOf("b")))
	ctx, cancel := context.WithCancel(context.Background())
	_, err := s.View(ctx, func(r store.Reader) error {
		for row, err := range r.Scan(nil, nil) {
			if err != nil {
				return err
			}
			if string(row.Key) == "b" {
				t.Error("a scan went on after its context was cancelled")
			}
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled scan: got %v", err)
	}
	_, err = s.View(ctx, func(store.Reader) error { t.Error("a view began after its context was cancelled"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled view: got %v", err)
	}
	if _, err := s.Apply(ctx, puts(put("c", ""))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled apply: got %v", err)
	}
	if err := s.Sync(ctx, s.Applied()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled sync: got %v", err)
	}
	mustView(t, s, func(r store.Reader) { wantRow(t, r, "c", nil) })
}

func closed(t *testing.T, o Opener) {
	s := mustOpen(t, o) // closes once more at the end
	ctx := context.Background()
	mustApply(t, s, puts(put("a", "1")))
	begun, end := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		mustView(t, s, func(r store.Reader) {
			close(begun)
			<-end
			wantRow(t, r, "a", []byte("1")) // Close waits for the view
		})
	})
	<-begun
	wg.Go(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	close(end)
	wg.Wait()
	if _, err := s.View(ctx, func(store.Reader) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("view: got %v, want ErrClosed", err)
	}
	if _, err := s.Apply(ctx, puts(put("a", "2"))); !errors.Is(err, store.ErrClosed) {
		t.Errorf("apply: got %v, want ErrClosed", err)
	}
	if err := s.Sync(ctx, 1); !errors.Is(err, store.ErrClosed) {
		t.Errorf("sync: got %v, want ErrClosed", err)
	}
	s, err := o.Open()
	if err != nil {
		t.Fatalf("open again: %v", err)
	}
	mustView(t, s, func(r store.Reader) { wantRow(t, r, "a", []byte("1")) })
	if err := s.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}
