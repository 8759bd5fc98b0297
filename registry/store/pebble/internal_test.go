package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/internal/single"
)

// TestPositions goes through all orders in which the three steps of a batch and the three of a view can mix, and shows
// that the rules of package store hold in each, and that the simpler rules do not.
func TestPositions(t *testing.T) {
	t.Parallel()
	type seen struct {
		applied1, visible1 store.LSN // at v1
		shows              bool      // whether the snapshot, v2, shows the batch
		applied3, visible3 store.LSN // at v3
	}
	var orders []seen
	w := single.NewWritten()
	h := w.Hash([]byte("k"))
	w.Mark(h, 1)
	var mix func(applied, visible store.LSN, shown bool, a, v int, s seen)
	mix = func(applied, visible store.LSN, shown bool, a, v int, s seen) {
		if a == 3 && v == 3 {
			orders = append(orders, s)
			return
		}
		switch a {
		case 0:
			mix(2, visible, shown, 1, v, s)
		case 1:
			mix(applied, visible, true, 2, v, s)
		case 2:
			mix(applied, 2, shown, 3, v, s)
		}
		switch v {
		case 0:
			s.applied1, s.visible1 = applied, visible
			mix(applied, visible, shown, a, 1, s)
		case 1:
			s.shows = shown
			mix(applied, visible, shown, a, 2, s)
		case 2:
			s.applied3, s.visible3 = applied, visible
			mix(applied, visible, shown, a, 3, s)
		}
	}
	mix(1, 1, false, 0, 0, seen{})
	w.Mark(h, 2) // the batch under test writes the key
	if len(orders) != 20 {
		t.Fatalf("got %d orders, want 20", len(orders))
	}
	for _, c := range []struct {
		name        string
		at          func(seen) store.LSN // nil: not about checks
		rests       func(seen) store.LSN
		lost, early bool // whether some order passes a wrong check, or waits for too little
	}{
		{name: "as it is", at: func(s seen) store.LSN { return s.visible1 }, rests: func(s seen) store.LSN { return s.applied3 }},
		{name: "stamp from applied", at: func(s seen) store.LSN { return s.applied1 }, lost: true},
		{name: "stamp after the snapshot", at: func(s seen) store.LSN { return s.visible3 }, lost: true},
		{name: "one number, the later", at: func(s seen) store.LSN { return s.applied3 }, lost: true},
		{name: "rests from visible", rests: func(s seen) store.LSN { return s.visible3 }, early: true},
		{name: "one number, the earlier", rests: func(s seen) store.LSN { return s.visible1 }, early: true},
	} {
		lost, early := false, false
		for _, s := range orders {
			if c.at != nil && w.Last(h) <= c.at(s) && !s.shows {
				lost = true
			}
			if c.rests != nil && s.shows && c.rests(s) < 2 {
				early = true
			}
		}
		if lost != c.lost || early != c.early {
			t.Errorf("%s: loses an update: %t, want %t; waits for too little: %t, want %t", c.name, lost, c.lost, early, c.early)
		}
	}
}

// TestWritten: the table never tells too low an LSN, and tells the right one while keys are few.
func TestWritten(t *testing.T) {
	t.Parallel()
	w := single.NewWritten()
	rng := rand.New(rand.NewPCG(3, 3))
	truth := map[uint64]store.LSN{}
	var keys []uint64
	exact := func(lsn store.LSN) (wrong int) {
		for _, h := range keys {
			got := w.Last(h)
			if got < truth[h] {
				t.Fatalf("at %d: last write is %d, told %d", lsn, truth[h], got)
			}
			if got > truth[h] {
				wrong++
			}
		}
		return wrong
	}
	for lsn := store.LSN(1); lsn <= 1_000_000; lsn++ {
		h := w.Hash(fmt.Appendf(nil, "key %d", lsn))
		if lsn%3 == 0 {
			h = keys[rng.IntN(len(keys))/2*2] // every other key stays as it was, until it is displaced
		} else if lsn%1000 == 1 {
			keys = append(keys, h)
		}
		if _, ok := truth[h]; ok || lsn%1000 == 1 {
			truth[h] = lsn
		}
		w.Mark(h, lsn)
		if lsn == 2_000 && exact(lsn) > 0 {
			t.Errorf("after %d writes %d keys have a wrong last write", lsn, exact(lsn))
		}
	}
	t.Logf("after 1,000,000 writes %d of %d keys are taken for written later", exact(1_000_000), len(keys))
	if w.Last(w.Hash([]byte("never"))) > 1_000_000 {
		t.Error("a key is told to be written in the future")
	}
}

// TestViewAmidCommit puts the store by hand between the steps of a commit and looks at what a view says then.
func TestViewAmidCommit(t *testing.T) {
	t.Parallel()
	s, err := Open("store", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := s.Applied()
	for _, c := range []struct {
		name  string
		step  func()
		shown bool
		at    store.Stamp
		rests store.LSN
	}{
		{"before", func() {}, false, store.Stamp(before), before},
		{"counted", func() { s.applied.Add(1) }, false, store.Stamp(before), before + 1},
		{"shown", func() { err = s.db.Set([]byte("k"), nil, nil) }, true, store.Stamp(before), before + 1},
		{"done", func() { s.visible.Add(1) }, true, store.Stamp(before + 1), before + 1},
	} {
		c.step()
		var shown bool
		var at store.Stamp
		rests, verr := s.View(context.Background(), func(r store.Reader) error {
			at = r.At()
			_, shown, err = r.Get([]byte("k"))
			return err
		})
		if err != nil || verr != nil {
			t.Fatalf("%s: %v, %v", c.name, err, verr)
		}
		if shown != c.shown || at != c.at || rests != c.rests {
			t.Errorf("%s: shown %t, stamp %d, rests on %d; want %t, %d, %d", c.name, shown, at, rests, c.shown, c.at, c.rests)
		}
	}
}

// TestFlushAfterFailure: a flush that ends well after the store has failed acknowledges nothing, since Pebble is told
// that all ends well from then on.
func TestFlushAfterFailure(t *testing.T) {
	t.Parallel()
	flushing, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var armed atomic.Bool
	hold := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if armed.Load() && strings.HasSuffix(op.Path, ".log") &&
			(op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			once.Do(func() { close(flushing) })
			<-goOn
		}
		return nil
	})
	s, err := Open("store", Options{FS: errorfs.Wrap(vfs.NewMem(), hold)})
	if err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	ctx := context.Background()
	lsn, err := s.Apply(ctx, store.Batch{Puts: []store.Put{{Key: []byte("k")}}})
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	go func() { waited <- s.Sync(ctx, lsn) }()
	<-flushing
	s.fail(errors.New("something else"))
	if err := <-waited; !errors.Is(err, store.ErrFailed) {
		t.Errorf("sync: got %v, want ErrFailed", err)
	}
	close(goOn)
	if err := s.Close(); !errors.Is(err, store.ErrFailed) {
		t.Errorf("close: got %v, want ErrFailed", err)
	}
	if got := s.Synced(); got >= lsn {
		t.Errorf("synced rose to %d after the failure, the last batch is %d", got, lsn)
	}
}

// TestFatal: what Pebble would end the process for fails the store.
func TestFatal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s, err := Open("store", Options{FS: vfs.NewMem(), Logger: zerolog.New(&out)})
	if err != nil {
		t.Fatal(err)
	}
	logger{often: s.log, fatal: s.fail}.Fatalf("key %s is out of order in %v", "ES0021000000000001RK", errors.New("a file"))
	<-s.Failed()
	if _, err := s.Apply(context.Background(), store.Batch{}); !errors.Is(err, store.ErrFailed) {
		t.Errorf("apply: got %v, want ErrFailed", err)
	}
	if err := s.Close(); !errors.Is(err, store.ErrFailed) {
		t.Errorf("close: got %v, want ErrFailed", err)
	}
	for _, text := range []string{out.String(), s.Err().Error()} {
		if strings.Contains(text, "ES0021") || !strings.Contains(text, "is out of order in") {
			t.Errorf("got %q, want the text without the key", text)
		}
	}
}

// TestPanic: a panic of Pebble in a commit fails the store, and closing it does not hang.
func TestPanic(t *testing.T) {
	t.Parallel()
	s, err := Open("store", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	pb := s.db.NewBatch()
	if err := pb.Set([]byte("k"), nil, nil); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	if _, err := s.commitLocked(pb, nil); err != nil {
		t.Errorf("first commit: %v", err)
	}
	_, err = s.commitLocked(pb, nil) // Pebble panics: the batch is applied already
	s.mu.Unlock()
	if !errors.Is(err, store.ErrFailed) {
		t.Errorf("second commit: got %v, want ErrFailed", err)
	}
	db := s.db
	if err := s.Close(); !errors.Is(err, store.ErrFailed) {
		t.Errorf("close: got %v, want ErrFailed", err)
	}
	if err := db.Close(); err != nil { // this panic left no lock held
		t.Errorf("closing Pebble: %v", err)
	}
}
