package pebble_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

func TestCompact(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, err := pebble.Open("folder", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(ctx); err != nil {
		t.Errorf("an empty store: %v", err)
	}
	const rows = 1000
	for n := range rows {
		b := store.Batch{Puts: []store.Put{{Key: fmt.Appendf(nil, "\xff%04d", n), Value: []byte("{}")}}}
		if n%2 == 1 {
			b.Deletes = [][]byte{fmt.Appendf(nil, "\xff%04d", n-1)}
		}
		if _, err := s.Apply(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	found := 0
	if _, err := s.View(ctx, func(r store.Reader) error {
		for _, err := range r.Scan(nil, nil) {
			if err != nil {
				return err
			}
			found++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if found != rows/2 {
		t.Errorf("got %d rows after compaction, want %d", found, rows/2)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(ctx); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a closed store: got %v, want %v", err, store.ErrClosed)
	}
}
