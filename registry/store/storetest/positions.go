package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

// increments: counters that many raise at once, each with a check, lose nothing.
func increments(t *testing.T, o Opener) { incrementing(t, mustOpen(t, o), 8, 200, 0) }

// incrementsBig: the same with batches of 500 more rows, so that a batch takes long to become visible after it was
// counted; a store that confuses the two positions of a view fails here.
func incrementsBig(t *testing.T, o Opener) { incrementing(t, mustOpen(t, o), 4, 40, 500) }

func incrementing(t *testing.T, s store.Store, writers, times, ballast int) {
	if lost, err := Increments(s, writers, times, ballast); err != nil {
		t.Error(err)
	} else if lost != 0 {
		t.Errorf("%d of %d increments are lost", lost, writers*times)
	}
}

// Increments lets writers raise one counter, each so many times, reading it and writing it back with a check in a
// batch of ballast more rows. It returns how many increments were lost, of which none may be.
func Increments(s store.Store, writers, times, ballast int) (lost int, err error) {
	ctx, counter := context.Background(), []byte("counter")
	read := func() (n uint64, at store.Stamp, err error) {
		_, err = s.View(ctx, func(r store.Reader) error {
			v, ok, err := r.Get(counter)
			if ok {
				n = binary.BigEndian.Uint64(v)
			}
			at = r.At()
			return err
		})
		return n, at, err
	}
	raise := func(w int) error {
		for {
			n, at, err := read()
			if err != nil {
				return err
			}
			b := store.Batch{Checks: []store.Check{{Key: counter, At: at}}}
			for i := range ballast {
				b.Puts = append(b.Puts, put(fmt.Sprintf("ballast %d %d", w, i), ""))
			}
			b.Puts = append(b.Puts, store.Put{Key: counter, Value: binary.BigEndian.AppendUint64(nil, n+1)})
			if _, err = s.Apply(ctx, b); !errors.Is(err, store.ErrConflict) {
				return err
			}
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for range times {
				if errs[w] = raise(w); errs[w] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	n, _, rerr := read()
	return writers*times - int(n), errors.Join(append(errs, rerr)...)
}

func positions(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	ctx := context.Background()
	var at0 store.Stamp
	if rests := mustView(t, s, func(r store.Reader) { at0 = r.At() }); at0 == 0 || store.LSN(at0) > rests {
		t.Errorf("a view of an empty store: stamp %d, rests on %d; want 0 < stamp <= rests", at0, rests)
	}
	one := mustApply(t, s, puts(put("a", "1")))
	two := mustApply(t, s, puts(put("a", "2")))
	if one >= two {
		t.Errorf("the LSN of the second batch is %d, of the first %d", two, one)
	}
	if got := s.Applied(); got < two {
		t.Errorf("applied %d after batch %d", got, two)
	}
	var at store.Stamp
	if rests := mustView(t, s, func(r store.Reader) { at = r.At() }); rests < two {
		t.Errorf("a view after batch %d rests on %d", two, rests)
	}
	if at <= at0 {
		t.Errorf("the stamp stayed at %d over two batches", at)
	}
	before := s.Applied()
	three, err := s.Apply(ctx, store.Batch{Checks: []store.Check{{Key: []byte("a"), At: at}}})
	if err != nil || three < two || s.Applied() != before {
		t.Errorf("a batch without writes: LSN %d (%v), applied %d; want >= %d, unchanged %d", three, err, s.Applied(), two, before)
	}
}

// positionsUnderLoad looks at the two lemmas of package store while batches are applied.
func positionsUnderLoad(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	ctx, key := context.Background(), []byte("n")
	const batches = 400
	lsns := make([]store.LSN, batches+1) // of the batch that wrote n
	type sight struct {
		n     uint64
		at    store.Stamp
		rests store.LSN
	}
	done := make(chan struct{})
	seen := make([][]sight, 3)
	var wg sync.WaitGroup
	for i := range seen {
		wg.Go(func() {
			for {
				var g sight
				rests, err := s.View(ctx, func(r store.Reader) error {
					v, ok, err := r.Get(key)
					if ok {
						g.n = binary.BigEndian.Uint64(v)
					}
					g.at = r.At()
					return err
				})
				if err != nil {
					t.Errorf("view: %v", err)
					return
				}
				g.rests = rests
				seen[i] = append(seen[i], g)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := uint64(1); n <= batches; n++ {
		b := puts(store.Put{Key: key, Value: binary.BigEndian.AppendUint64(nil, n)})
		for i := range 50 {
			b.Puts = append(b.Puts, put(fmt.Sprintf("ballast %d", i), ""))
		}
		lsns[n] = mustApply(t, s, b)
	}
	close(done)
	wg.Wait()
	for _, sights := range seen {
		for _, g := range sights {
			if g.rests < lsns[g.n] {
				t.Fatalf("a view saw batch %d, LSN %d, and rests on %d only", g.n, lsns[g.n], g.rests)
			}
			if g.n < batches && store.LSN(g.at) >= lsns[g.n+1] {
				t.Fatalf("a view with stamp %d did not see batch %d, LSN %d", g.at, g.n+1, lsns[g.n+1])
			}
		}
	}
}
