package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/gridtie/gridtie/registry/store"
)

// reader reads one state of Pebble, held by an iterator. A Pebble snapshot would do the same, but it takes the
// database's lock twice and looks for work for compactions when it is released, which costs as much as a third of the
// read that it is for.
type reader struct {
	ctx    context.Context  // of the view, whose life the reader shares
	points *pebble.Iterator // for Get; scans are clones of it. nil when the view is over
	at     store.Stamp
	rooms  *sync.Pool // of *room
	room   *room      // of the first values, nil before
	values []byte     // copies of what Get returned, since the iterator moves on
}

// room is for the values that a view was given, which end with it; most views need no more.
type room [1 << 10]byte

func newRoom() any { return new(room) }

func (r *reader) At() store.Stamp { return r.at }

func (r *reader) Get(key []byte) ([]byte, bool, error) {
	if r.points == nil {
		return nil, false, errOver
	}
	// To Pebble a whole key is a prefix of its own here, so the filters of the tables are asked first.
	if !r.points.SeekPrefixGE(key) {
		if err := r.points.Error(); err != nil {
			return nil, false, fmt.Errorf("reading a row: %w", err)
		}
		return nil, false, nil
	}
	value, err := r.points.ValueAndErr()
	if err != nil {
		return nil, false, fmt.Errorf("reading a row: %w", err)
	}
	return r.keep(value), true, nil
}

// keep returns a copy of value that lasts as long as the view.
func (r *reader) keep(value []byte) []byte {
	if r.room == nil {
		r.room = r.rooms.Get().(*room)
		r.values = r.room[:0]
	}
	if cap(r.values)-len(r.values) < len(value) {
		r.values = make([]byte, 0, max(len(room{}), len(value)))
	}
	begin := len(r.values)
	r.values = append(r.values, value...)
	return r.values[begin:len(r.values):len(r.values)]
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
	if r.points == nil {
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
	it, err := r.points.CloneWithContext(r.ctx, pebble.CloneOptions{IterOptions: &o})
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
	_ = r.points.Close() // errs only with what Get has returned already
	r.points = nil
	if r.room != nil {
		r.rooms.Put(r.room)
		r.room, r.values = nil, nil
	}
}

var errOver = errors.New("the reader's view is over")
