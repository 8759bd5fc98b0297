// Package storetest is the suite that every store.Store passes, and the tools to crash one.
//
// [Run] is the suite. [Torture] writes batches and remembers what was acknowledged, and its Check tells what a store,
// opened again after a crash, has lost or torn: the same pair serves the suite and each store's own crash tests.
package storetest

import (
	"bytes"
	"context"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

// Opener opens one and the same store, again after it was closed.
type Opener interface {
	Open() (store.Store, error)
}

// Faulty is an Opener whose disk can be made to fail; Run then also fails each operation in turn.
type Faulty interface {
	Opener

	// Fail makes the n-th operation that changes the disk fail, counted from 1 and from now, and if forever is true
	// all operations after it too. 0 mends the disk. Failed tells whether it came to that.
	Fail(n int, forever bool)
	Failed() bool
}

// Run tests the stores that fresh gives, each empty and independent of the others. They are closed by the test.
func Run(t *testing.T, fresh func(t *testing.T) Opener) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, o Opener)
	}{
		{"get", get},
		{"scan in key order", scan},
		{"scan against a model", scanModel},
		{"scan stops early", scanStops},
		{"snapshot", snapshot},
		{"view's error", viewError},
		{"deletes then puts", batchOrder},
		{"big values", bigValues},
		{"batch is copied", batchIsCopied},
		{"invalid", invalid},
		{"checks", checks},
		{"all or nothing", allOrNothing},
		{"increments", increments},
		{"increments under big batches", incrementsBig},
		{"positions", positions},
		{"positions under load", positionsUnderLoad},
		{"sync", syncing},
		{"reopen", reopen},
		{"cancelled", cancelled},
		{"closed", closed},
		{"torture", torture},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, fresh(t))
		})
	}
	t.Run("faults", func(t *testing.T) {
		if _, ok := fresh(t).(Faulty); !ok {
			t.Skip("this opener has no disk that can fail")
		}
		t.Run("once", func(t *testing.T) { t.Parallel(); faults(t, fresh, false) })
		t.Run("for ever", func(t *testing.T) { t.Parallel(); faults(t, fresh, true) })
	})
}

// mustOpen opens the store, to be closed at the end of the test.
func mustOpen(t *testing.T, o Opener) store.Store {
	t.Helper()
	s, err := o.Open()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func mustApply(t *testing.T, s store.Store, b store.Batch) store.LSN {
	t.Helper()
	lsn, err := s.Apply(context.Background(), b)
	if err != nil {
		t.Fatalf("apply: %v", err)
	}
	return lsn
}

func mustView(t *testing.T, s store.Store, fn func(r store.Reader)) store.LSN {
	t.Helper()
	lsn, err := s.View(context.Background(), func(r store.Reader) error { fn(r); return nil })
	if err != nil {
		t.Fatalf("view: %v", err)
	}
	return lsn
}

// wantRow checks what key reads as; a nil want means absent.
func wantRow(t *testing.T, r store.Reader, key string, want []byte) {
	t.Helper()
	got, ok, err := r.Get([]byte(key))
	switch {
	case err != nil:
		t.Errorf("get %q: %v", key, err)
	case ok != (want != nil):
		t.Errorf("get %q: found %t, want %t", key, ok, want != nil)
	case !bytes.Equal(got, want):
		t.Errorf("get %q: got %.40q (%d bytes), want %.40q (%d bytes)", key, got, len(got), want, len(want))
	}
}

func put(key, value string) store.Put { return store.Put{Key: []byte(key), Value: []byte(value)} }

func puts(p ...store.Put) store.Batch { return store.Batch{Puts: p} }

func keys(k ...string) [][]byte {
	var b [][]byte
	for _, s := range k {
		b = append(b, []byte(s))
	}
	return b
}
