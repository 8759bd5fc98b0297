package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

// unfinished is the key of the row that stands in the target of a copy until all of it is there.
const unfinished = "_copy unfinished"

// A copy is applied a batch at a time.
const (
	copyRows  = 1000
	copyBytes = 4 << 20
)

// CopyOptions of Copy. The zero value works.
type CopyOptions struct {
	// Step is told how many rows are done, of how many: counted, then copied and read again. It must return soon.
	Step func(done, total int)
}

// Copied is what a copy did.
type Copied struct {
	Rows  int
	Bytes int64 // of keys and values
	Again bool  // the target held an unfinished copy, which was cleared away first
}

// Copy copies all rows of one snapshot of from into to, reads them there again, and compares. It errs with ErrNotEmpty if
// to holds anything but an unfinished copy, and with ErrUnfinished if from is one. Until it has returned nil, to is marked
// as unfinished (see Complete), whatever happens; a copy that is begun again clears it first.
func Copy(ctx context.Context, from, to Store, o CopyOptions) (c Copied, err error) {
	if err := Complete(ctx, from); err != nil {
		return c, fmt.Errorf("copying from the source: %w", err)
	}
	if c.Again, err = mark(ctx, to); err != nil {
		return c, fmt.Errorf("preparing the target: %w", err)
	}
	var total int
	_, err = from.View(ctx, func(r Reader) error {
		for _, err := range r.Scan(nil, nil) {
			if err != nil {
				return err
			}
			total++
		}
		w := &copier{to: to, sum: sha256.New(), step: func(done int) { o.tell(done, 2*total) }}
		for row, err := range r.Scan(nil, nil) {
			if err == nil {
				err = w.add(ctx, row)
			}
			if err != nil {
				return err
			}
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
		c.Rows, c.Bytes = w.rows, w.bytes
		return same(ctx, w, func(done int) { o.tell(total+done, 2*total) })
	})
	if err != nil {
		return c, fmt.Errorf("copying: %w", err)
	}
	if err := write(ctx, to, Batch{Deletes: [][]byte{[]byte(unfinished)}}); err != nil {
		return c, fmt.Errorf("ending the copy: %w", err)
	}
	return c, nil
}

func (o CopyOptions) tell(done, total int) {
	if o.Step != nil {
		o.Step(done, total)
	}
}

// Complete errs with ErrUnfinished if s is the target of a copy that did not reach its end.
func Complete(ctx context.Context, s Store) error {
	_, err := s.View(ctx, func(r Reader) error {
		_, ok, err := r.Get([]byte(unfinished))
		if ok {
			return ErrUnfinished
		}
		return err
	})
	return err
}

// mark marks an empty store as a copy, or clears an unfinished one; the mark is on disk before anything else is.
func mark(ctx context.Context, s Store) (again bool, err error) {
	switch err := Complete(ctx, s); {
	case errors.Is(err, ErrUnfinished):
		return true, clearAway(ctx, s)
	case err != nil:
		return false, err
	}
	rest, err := s.View(ctx, func(r Reader) error {
		for _, err := range r.Scan(nil, nil) {
			if err != nil {
				return err
			}
			return ErrNotEmpty
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	return false, errors.Join(s.Sync(ctx, rest), write(ctx, s, Batch{Puts: []Put{{Key: []byte(unfinished)}}}))
}

// clearAway deletes all but the mark.
func clearAway(ctx context.Context, s Store) error {
	var from []byte // what was deleted may still have to be stepped over
	for {
		var b Batch
		_, err := s.View(ctx, func(r Reader) error {
			for row, err := range r.Scan(from, nil) {
				if err != nil || len(b.Deletes) == copyRows {
					return err
				}
				if string(row.Key) != unfinished {
					b.Deletes = append(b.Deletes, bytes.Clone(row.Key))
				}
			}
			return nil
		})
		if err != nil || len(b.Deletes) == 0 {
			return err
		}
		if err := write(ctx, s, b); err != nil {
			return err
		}
		from = b.Deletes[len(b.Deletes)-1]
	}
}

func write(ctx context.Context, s Store, b Batch) error {
	lsn, err := s.Apply(ctx, b)
	if err != nil {
		return err
	}
	return s.Sync(ctx, lsn)
}

// copier gathers rows and writes them.
type copier struct {
	to    Store
	batch Batch
	size  int // of batch
	sum   hash.Hash
	rows  int
	bytes int64
	step  func(done int)
}

func (c *copier) add(ctx context.Context, row Row) error {
	size := len(row.Key) + len(row.Value)
	if len(c.batch.Puts) == copyRows || len(c.batch.Puts) > 0 && c.size+size > copyBytes {
		if err := c.flush(ctx); err != nil {
			return err
		}
	}
	c.batch.Puts = append(c.batch.Puts, Put{Key: bytes.Clone(row.Key), Value: bytes.Clone(row.Value)})
	c.size += size
	c.rows++
	c.bytes += int64(size)
	digest(c.sum, row)
	return nil
}

func (c *copier) flush(ctx context.Context) error {
	if len(c.batch.Puts) == 0 {
		return nil
	}
	if err := write(ctx, c.to, c.batch); err != nil {
		return err
	}
	c.batch, c.size = Batch{Puts: c.batch.Puts[:0]}, 0
	c.step(c.rows)
	return nil
}

func digest(sum hash.Hash, row Row) {
	var lengths [16]byte
	binary.BigEndian.PutUint64(lengths[:8], uint64(len(row.Key)))
	binary.BigEndian.PutUint64(lengths[8:], uint64(len(row.Value)))
	sum.Write(lengths[:])
	sum.Write(row.Key)
	sum.Write(row.Value)
}

// errDiffers is a target that does not hold what was written into it.
var errDiffers = errors.New("the target does not hold what was copied into it")

// same reads the target and compares it with what was copied: number, order and every byte.
func same(ctx context.Context, c *copier, step func(done int)) error {
	sum, rows := sha256.New(), 0
	_, err := c.to.View(ctx, func(r Reader) error {
		for row, err := range r.Scan(nil, nil) {
			if err != nil {
				return err
			}
			if string(row.Key) == unfinished {
				continue
			}
			digest(sum, row)
			if rows++; rows%copyRows == 0 {
				step(rows)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("reading the target: %w", err)
	case rows != c.rows:
		return fmt.Errorf("%w: %d rows, want %d", errDiffers, rows, c.rows)
	case !bytes.Equal(sum.Sum(nil), c.sum.Sum(nil)):
		return fmt.Errorf("%w: %d rows, but others", errDiffers, rows)
	}
	step(rows)
	return nil
}
