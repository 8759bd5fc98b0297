package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/gridtie/gridtie/registry/store"
)

// reader reads one Pebble snapshot. What Get returned points into Pebble's cache, which is held until the view ends.
type reader struct {
	ctx  context.Context // of the view, whose life the reader shares
	snap *pebble.Snapshot
	at   store.Stamp
	held []io.Closer
	room [4]io.Closer // held, for the usual view
}

func (r *reader) At() store.Stamp { return r.at }

func (r *reader) Get(key []byte) ([]byte, bool, error) {
	if r.snap == nil {
		return nil, false, errOver
	}
	value, closer, err := r.snap.Get(key)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("reading a row: %w", err)
	}
	r.held = append(r.held, closer)
	return value, true, nil
}

func (r *reader) Scan(from, to []byte) iter.Seq2[store.Row, error] {
	return r.scan(from, to, (*pebble.Iterator).First, (*pebble.Iterator).Next)
}

func (r *reader) ScanReverse(from, to []byte) iter.Seq2[store.Row, error] {
	return r.scan(from, to, (*pebble.Iterator).Last, (*pebble.Iterator).Prev)
}

func (r *reader) scan(from, to []byte, first, next func(*pebble.Iterator) bool) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if err := r.rows(from, to, first, next, yield); err != nil {
			yield(store.Row{}, err)
		}
	}
}

// rows yields the rows until the end, an error, or until yield has had enough.
func (r *reader) rows(from, to []byte, first, next func(*pebble.Iterator) bool,
	yield func(store.Row, error) bool,
) (err error) {
	if r.snap == nil {
		return errOver
	}
	var o pebble.IterOptions
	if len(from) > 0 {
		o.LowerBound = from
	}
	if len(to) > 0 {
		o.UpperBound = to
		if bytes.Compare(from, to) >= 0 {
			return nil
		}
	}
	it, err := r.snap.NewIterWithContext(r.ctx, &o)
	if err != nil {
		return fmt.Errorf("scanning rows: %w", err)
	}
	enough := false
	defer func() {
		if cerr := it.Close(); cerr != nil && err == nil && !enough { // yield must not be called again after enough
			err = fmt.Errorf("scanning rows: %w", cerr)
		}
	}()
	for ok := first(it); ok; ok = next(it) {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("scanning rows: %w", err)
		}
		if enough = !yield(store.Row{Key: it.Key(), Value: value}, nil); enough {
			return nil
		}
	}
	return nil
}

// release ends the reader; what it gave out is no longer valid.
func (r *reader) release() {
	for _, c := range r.held {
		_ = c.Close() // frees memory only
	}
	_ = r.snap.Close()
	r.held, r.snap = nil, nil
}

var errOver = errors.New("the reader's view is over")
