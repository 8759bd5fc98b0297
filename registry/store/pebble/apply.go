package pebble

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/gridtie/gridtie/registry/store"
)

// maxFlushes bounds the batches that are applied and not yet on disk; Pebble's log has room for 4,096.
const maxFlushes = 4096

// flush is an applied batch on its way to the disk.
type flush struct {
	lsn   store.LSN
	batch *pebble.Batch
}

// Apply applies b and returns when views show it.
func (s *Store) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	if err := b.Validate(); err != nil {
		return 0, err
	}
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.gate.Leave()

	// All that does not need the lock comes before it.
	var room [64]uint64
	hashes := room[:0]
	for _, c := range b.Checks {
		hashes = append(hashes, s.written.Hash(c.Key))
	}
	for _, k := range b.Deletes {
		hashes = append(hashes, s.written.Hash(k))
	}
	for _, p := range b.Puts {
		hashes = append(hashes, s.written.Hash(p.Key))
	}
	checks, writes := hashes[:len(b.Checks)], hashes[len(b.Checks):]
	if len(writes) == 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return store.LSN(s.applied.Load()), s.check(b.Checks, checks)
	}
	if err := s.awaitRoom(ctx); err != nil {
		return 0, err
	}
	pb, err := s.translate(b)
	if err != nil {
		return 0, err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.Err(); err != nil {
		return 0, err
	}
	if err := s.check(b.Checks, checks); err != nil {
		_ = pb.Close() // frees memory only
		return 0, err
	}
	return s.commitLocked(pb, writes)
}

// check compares the checks, whose keys have the given hashes, with the table of last writes. It wants s.mu held.
func (s *Store) check(checks []store.Check, hashes []uint64) error {
	applied := store.LSN(s.applied.Load())
	for i, c := range checks {
		if at := store.LSN(c.At); s.written.Last(hashes[i]) > at {
			return store.ErrConflict
		} else if at > applied {
			return fmt.Errorf("%w: check at %d, which is to come", store.ErrInvalid, at)
		}
	}
	return nil
}

// commitLocked makes pb the next state.
func (s *Store) commitLocked(pb *pebble.Batch, writes []uint64) (_ store.LSN, err error) {
	lsn := store.LSN(s.applied.Load() + 1)
	defer func() {
		if p := recover(); p != nil {
			s.panics = true
			s.fail(panicked(p))
		}
		if failed := s.Err(); failed != nil {
			err = failed
		}
	}()
	s.applied.Store(uint64(lsn)) // a1
	for _, h := range writes {
		s.written.Mark(h, lsn)
	}
	if err := s.db.ApplyNoSyncWait(pb, pebble.Sync); err != nil { // a2
		s.fail(err)
		return 0, s.Err()
	}
	s.visible.Store(uint64(lsn)) // a3
	s.flushes <- flush{lsn, pb}
	return lsn, nil
}

// translate makes a Pebble batch of b.
func (s *Store) translate(b store.Batch) (*pebble.Batch, error) {
	pb := s.db.NewBatch()
	for _, k := range b.Deletes {
		if err := pb.Delete(k, nil); err != nil {
			return nil, fmt.Errorf("%w: %w", store.ErrInvalid, err)
		}
	}
	for _, p := range b.Puts {
		if err := pb.Set(p.Key, p.Value, nil); err != nil {
			return nil, fmt.Errorf("%w: %w", store.ErrInvalid, err)
		}
	}
	return pb, nil
}

// acknowledge is the one goroutine that waits for the disk, for all batches in the order in which they were applied.
// Pebble's log is written in that order too, so a flushed batch has all before it on disk.
func (s *Store) acknowledge() {
	defer close(s.flushed)
	for f := range s.flushes {
		if err := f.batch.SyncWait(); err != nil {
			s.fail(err)
		}
		// Only now, after the flush, can the store be asked whether it has failed; see fence.
		if s.Err() != nil {
			continue // the batch is left to the garbage collector, Pebble may still look at it
		}
		_ = f.batch.Close() // frees memory only
		s.acks.raise(f.lsn)
	}
}

// Sync waits until lsn is on disk.
func (s *Store) Sync(ctx context.Context, lsn store.LSN) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	if lsn > s.Applied() {
		return fmt.Errorf("%w: waiting for state %d, which is to come", store.ErrInvalid, lsn)
	}
	ch := s.acks.wait(lsn)
	if ch == nil {
		return nil
	}
	select {
	case <-ch:
		return nil
	case <-s.failed:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
