package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

// Torture is a workload that can tell afterwards what was lost. Its writers write numbered batches, each of some
// parts, a head that tells the writer's last number, and a total over all writers; each batch deletes the parts of an
// older one. A writer counts a batch as acknowledged when Sync has returned.
//
// Writers may run in parallel, each in one goroutine at a time.
type Torture struct {
	mu    sync.Mutex // protects acked
	acked Ledger
}

// Ledger holds the number of the last acknowledged batch of each writer.
type Ledger []uint64

const (
	tortureParts = 6
	tortureKept  = 3 // batches whose parts are still there
)

// NewTorture begins with an empty store.
func NewTorture(writers int) *Torture { return &Torture{acked: make(Ledger, writers)} }

// Acknowledged returns what has been acknowledged up to now. Taken before a crash, it is what must survive.
func (t *Torture) Acknowledged() Ledger {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.acked)
}

func headKey(w int) []byte              { return fmt.Appendf(nil, "head/%04d", w) }
func partKey(w int, n, p uint64) []byte { return fmt.Appendf(nil, "part/%04d/%016x/%02d", w, n, p) }
func partValue(w int, n, p uint64) []byte {
	return bytes.Repeat(partKey(w, n, p), 1+int(n%7))
}

var totalKey = []byte("total")

func number(r store.Reader, key []byte) (uint64, error) {
	v, ok, err := r.Get(key)
	if err != nil || !ok {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("row %q has %d bytes, want 8", key, len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

// Write writes the next batch of the writer w and waits until it is on disk.
func (t *Torture) Write(ctx context.Context, s store.Store, w int) error {
	for {
		n, lsn, err := t.apply(ctx, s, w)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.Sync(ctx, lsn); err != nil {
			return err
		}
		t.mu.Lock()
		t.acked[w] = n
		t.mu.Unlock()
		return nil
	}
}

func (t *Torture) apply(ctx context.Context, s store.Store, w int) (n uint64, _ store.LSN, err error) {
	var b store.Batch
	_, err = s.View(ctx, func(r store.Reader) error {
		head, err := number(r, headKey(w))
		if err != nil {
			return err
		}
		total, err := number(r, totalKey)
		if err != nil {
			return err
		}
		n = head + 1
		b.Checks = []store.Check{{Key: headKey(w), At: r.At()}, {Key: totalKey, At: r.At()}}
		b.Puts = []store.Put{
			{Key: headKey(w), Value: binary.BigEndian.AppendUint64(nil, n)},
			{Key: totalKey, Value: binary.BigEndian.AppendUint64(nil, total+1)},
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	for p := range uint64(tortureParts) {
		b.Puts = append(b.Puts, store.Put{Key: partKey(w, n, p), Value: partValue(w, n, p)})
		if n > tortureKept {
			b.Deletes = append(b.Deletes, partKey(w, n-tortureKept, p))
		}
	}
	lsn, err := s.Apply(ctx, b)
	return n, lsn, err
}

// Check reads a store that was opened after a crash and returns what is wrong with it: acknowledged batches that are
// missing, and batches of which a part is there and a part is not. None of either is what a store promises.
func (t *Torture) Check(ctx context.Context, s store.Store, acked Ledger) (findings []string, err error) {
	note := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)) }
	_, err = s.View(ctx, func(r store.Reader) error {
		var sum uint64
		want := map[string][]byte{}
		for w, last := range acked {
			head, err := number(r, headKey(w))
			if err != nil {
				return err
			}
			sum += head
			if head < last {
				note("writer %d: batches %d to %d were acknowledged and are missing", w, head+1, last)
			}
			for n := head; n > 0 && n+tortureKept > head; n-- {
				for p := range uint64(tortureParts) {
					want[string(partKey(w, n, p))] = partValue(w, n, p)
				}
			}
		}
		total, err := number(r, totalKey)
		if err != nil {
			return err
		}
		if total != sum {
			note("the heads count %d batches, the total %d", sum, total)
		}
		for row, err := range r.Scan(store.Prefix([]byte("part/"))) {
			if err != nil {
				return err
			}
			value, ok := want[string(row.Key)]
			switch {
			case !ok:
				note("part %q belongs to no whole batch", row.Key)
			case !bytes.Equal(value, row.Value):
				note("part %q has a wrong value", row.Key)
			}
			delete(want, string(row.Key))
		}
		for key := range want {
			note("part %q is missing", key)
		}
		return nil
	})
	return findings, err
}

func torture(t *testing.T, o Opener) {
	ctx := context.Background()
	tor := NewTorture(4)
	for range 3 {
		s, err := o.Open()
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for range 25 {
					if err := tor.Write(ctx, s, w); err != nil {
						t.Errorf("writer %d: %v", w, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	verify(t, mustOpen(t, o), tor, tor.Acknowledged())
}

// verify reports every finding.
func verify(t *testing.T, s store.Store, tor *Torture, acked Ledger) {
	t.Helper()
	findings, err := tor.Check(context.Background(), s, acked)
	if err != nil {
		t.Errorf("check: %v", err)
	}
	for _, f := range findings {
		t.Error(f)
	}
}
