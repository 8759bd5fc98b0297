package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/internal/crashdisk"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

func memory(t *testing.T) store.Store {
	t.Helper()
	s, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem(), CacheSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// filled has enough rows for several batches, some of them odd.
func filled(t *testing.T) store.Store {
	t.Helper()
	s := memory(t)
	b := store.Batch{Puts: []store.Put{{Key: []byte{0}}, {Key: []byte{0xff, 0xff}, Value: []byte{0}}, {Key: []byte("big"), Value: make([]byte, 5<<20)}}}
	for i := range 2500 {
		b.Puts = append(b.Puts, store.Put{Key: fmt.Appendf(nil, "device\x00\x01%d", i), Value: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	if _, err := s.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return s
}

func rows(t *testing.T, s store.Store) string {
	t.Helper()
	var all strings.Builder
	_, err := s.View(t.Context(), func(r store.Reader) error {
		for row, err := range r.Scan(nil, nil) {
			if err != nil {
				return err
			}
			fmt.Fprintf(&all, "%q=%q\n", row.Key, row.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := filled(t), memory(t)
	last := 0
	c, err := store.Copy(t.Context(), from, to, store.CopyOptions{Step: func(done, total int) {
		if done < last || done > total || total != 2*2503 {
			t.Errorf("step: got %d of %d after %d", done, total, last)
		}
		last = done
	}})
	if err != nil || c.Rows != 2503 || c.Again {
		t.Errorf("got %+v, %v; want 2503 rows", c, err)
	}
	if last != 2*2503 {
		t.Errorf("last step: got %d, want all", last)
	}
	if rows(t, from) != rows(t, to) {
		t.Error("the copy differs")
	}
	if err := store.Complete(t.Context(), to); err != nil {
		t.Errorf("complete: got %v", err)
	}
	if _, err := store.Copy(t.Context(), from, to, store.CopyOptions{}); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("into a store that is not empty: got %v, want ErrNotEmpty", err)
	}
	if rows(t, from) != rows(t, to) {
		t.Error("a refused copy has changed its target")
	}
}

var errEnd = errors.New("ended on purpose")

// ending is a store that ends at one of its batches, or loses a row of it.
type ending struct {
	store.Store
	left int // batches until then
	lose bool
}

func (e *ending) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	if e.left--; e.left == 0 {
		if !e.lose {
			return 0, errEnd
		}
		b.Puts = b.Puts[:len(b.Puts)-1]
	}
	return e.Store.Apply(ctx, b)
}

// TestCopyInterrupted ends a copy at every batch. What is left is no store, until the copy is run once more.
func TestCopyInterrupted(t *testing.T) {
	t.Parallel()
	from := filled(t)
	for n := 1; ; n += crashdisk.Thinner {
		to := memory(t)
		_, err := store.Copy(t.Context(), from, &ending{Store: to, left: n}, store.CopyOptions{})
		if err == nil {
			if n < 5 {
				t.Errorf("only %d batches", n)
			}
			return
		}
		if !errors.Is(err, errEnd) {
			t.Fatalf("batch %d: got %v", n, err)
		}
		whole := n == 1 // nothing was written
		if err := store.Complete(t.Context(), to); errors.Is(err, store.ErrUnfinished) == whole {
			t.Errorf("ended at batch %d: got %v", n, err)
		}
		if _, err := store.Copy(t.Context(), to, memory(t), store.CopyOptions{}); errors.Is(err, store.ErrUnfinished) == whole {
			t.Errorf("copied on after batch %d: got %v", n, err)
		}
		c, err := store.Copy(t.Context(), from, to, store.CopyOptions{})
		if err != nil || c.Again == whole || rows(t, from) != rows(t, to) {
			t.Errorf("once more after batch %d: got %+v, %v", n, c, err)
		}
	}
}

// TestCopyIsCompared: a target that loses a row is found out.
func TestCopyIsCompared(t *testing.T) {
	t.Parallel()
	to := memory(t)
	_, err := store.Copy(t.Context(), filled(t), &ending{Store: to, left: 3, lose: true}, store.CopyOptions{})
	if err == nil || !strings.Contains(err.Error(), "2502 rows, want 2503") {
		t.Errorf("got %v, want that a row is missing", err)
	}
	if err := store.Complete(t.Context(), to); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("complete: got %v, want ErrUnfinished", err)
	}
}
