package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

// faults lets the first operation that changes the disk fail, then the second, and so on until a run comes through
// with none failing (SQLite tests itself so: "anomaly testing"). Each time the store is opened again on a mended disk
// and must hold all that was acknowledged, nothing half, and work.
func faults(t *testing.T, fresh func(t *testing.T) Opener, forever bool) {
	for n := 1; ; n++ {
		hit := true
		t.Run(fmt.Sprintf("operation %d", n), func(t *testing.T) {
			hit = faulty(t, fresh(t).(Faulty), n, forever)
		})
		if t.Failed() || !hit {
			t.Logf("%d operations failed in turn", n-1)
			return
		}
		if n > 20_000 {
			t.Fatalf("no end after %d operations", n)
		}
	}
}

func faulty(t *testing.T, o Faulty, n int, forever bool) (hit bool) {
	ctx := context.Background()
	tor := NewTorture(2)
	o.Fail(n, forever)
	if s, err := o.Open(); err == nil {
		suffer(t, s, tor)
	} else if !o.Failed() {
		t.Fatalf("open: %v", err)
	}
	hit = o.Failed()
	o.Fail(0, false)

	s, err := o.Open()
	if err != nil {
		t.Fatalf("open on the mended disk: %v", err)
	}
	verify(t, s, tor, tor.Acknowledged())
	for w := range 2 {
		if err := tor.Write(ctx, s, w); err != nil {
			t.Errorf("write on the mended disk: %v", err)
		}
	}
	verify(t, s, tor, tor.Acknowledged())
	if err := s.Close(); err != nil {
		t.Errorf("close on the mended disk: %v", err)
	}
	return hit
}

// suffer writes until the store errs, which it may do only by failing for good.
func suffer(t *testing.T, s store.Store, tor *Torture) {
	ctx := context.Background()
	for i := range 60 {
		err := tor.Write(ctx, s, i%2)
		if err == nil {
			continue
		}
		if !errors.Is(err, store.ErrFailed) {
			t.Errorf("write on a failing disk: got %v, want ErrFailed", err)
		}
		select {
		case <-s.Failed():
		default:
			t.Error("ErrFailed was returned, and Failed is not closed")
		}
		if !errors.Is(s.Err(), store.ErrFailed) {
			t.Errorf("Err is %v, want ErrFailed", s.Err())
		}
		if _, err := s.Apply(ctx, puts(put("x", ""))); !errors.Is(err, store.ErrFailed) {
			t.Errorf("apply after the failure: got %v, want ErrFailed", err)
		}
		if err := s.Sync(ctx, s.Synced()); !errors.Is(err, store.ErrFailed) {
			t.Errorf("sync after the failure: got %v, want ErrFailed", err)
		}
		break
	}
	failed := s.Err() != nil
	if err := s.Close(); failed && !errors.Is(err, store.ErrFailed) {
		t.Errorf("close of a failed store: got %v, want ErrFailed", err)
	}
}
