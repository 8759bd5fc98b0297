package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/registry/store"
)

// A group is ended by the number of its batches or by their bytes, a big batch being a group by itself.
const (
	maxGroup      = 256
	maxGroupBytes = 8 << 20
)

// Apply applies b and returns when it is committed.
func (s *Store) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	if err := b.Validate(); err != nil {
		return 0, err
	}
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.gate.Leave()
	r := &request{batch: b, done: make(chan struct{})}
	select {
	case s.queue <- r:
	case <-ctx.Done():
		return 0, s.given(ctx)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.owner.CompareAndSwap(waiting, withdrawn) {
			return 0, s.given(ctx)
		}
		<-r.done // its transaction is under way, and only its end tells what became of it
	}
	return r.lsn, r.err
}

// write is the one goroutine that writes, until the queue is closed.
func (s *Store) write() {
	defer close(s.ended)
	var next *request // taken from the queue and too big for the last group
	for {
		first := next
		if first == nil {
			var open bool
			if first, open = <-s.queue; !open {
				return
			}
		}
		var rs []*request
		rs, next = s.gather(first)
		s.group(rs)
	}
}

// gather takes what waits.
func (s *Store) gather(first *request) (rs []*request, next *request) {
	bytes := 0
	for r := first; ; {
		bytes += size(r.batch)
		if len(rs) > 0 && bytes > maxGroupBytes {
			return rs, r
		}
		if r.owner.CompareAndSwap(waiting, taken) {
			rs = append(rs, r)
		}
		if len(rs) == maxGroup {
			return rs, nil
		}
		select {
		case more, open := <-s.queue:
			if !open {
				return rs, nil
			}
			r = more
		default:
			return rs, nil
		}
	}
}

func size(b store.Batch) (n int) {
	for _, k := range b.Deletes {
		n += len(k)
	}
	for _, p := range b.Puts {
		n += len(p.Key) + len(p.Value)
	}
	return n
}

// group decides on the requests one after another and applies those that pass as one transaction. All are answered
// after it: who met a conflict within the group will read again, and should find what was in its way.
func (s *Store) group(rs []*request) {
	g := newGroup(s.Applied())
	for _, r := range rs {
		if r.err = s.Err(); r.err != nil {
			continue
		}
		if r.err = s.check(r.batch.Checks, g.last); r.err != nil {
			continue
		}
		if len(r.batch.Puts)+len(r.batch.Deletes) > 0 {
			g.add(r.batch)
			s.mark(r.batch, g.last)
		}
		r.lsn = g.last
	}
	if g.last > g.prev {
		s.applied.Store(uint64(g.last)) // before it can be seen
		if err := s.commit(g); err != nil {
			s.fail(err)
		} else {
			s.acks.raise(g.last)
		}
	}
	for _, r := range rs {
		if r.err == nil {
			r.err = s.Err()
		}
		if r.err != nil {
			r.lsn = 0
		}
		close(r.done)
	}
}

// check compares checks with the table of last writes.
func (s *Store) check(checks []store.Check, applied store.LSN) error {
	for _, c := range checks {
		if at := store.LSN(c.At); s.recent.Last(s.recent.Hash(c.Key)) > at {
			return store.ErrConflict
		} else if at > applied {
			return fmt.Errorf("%w: check at %d, which is to come", store.ErrInvalid, at)
		}
	}
	return nil
}

func (s *Store) mark(b store.Batch, lsn store.LSN) {
	for _, k := range b.Deletes {
		s.recent.Mark(s.recent.Hash(k), lsn)
	}
	for _, p := range b.Puts {
		s.recent.Mark(s.recent.Hash(p.Key), lsn)
	}
}

// Pauses between attempts.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = time.Second
)

// commit tries until the group is committed for certain, and errs when that is not to be had.
func (s *Store) commit(g *group) error {
	ctx, cancel := s.opts.patience(context.Background())
	defer cancel()
	var err error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if err = s.attempt(ctx, g); err == nil {
			s.log.back()
			return nil
		}
		if isFinal(err) {
			return plain(err)
		}
		s.log.away(plain(err))
		if s.pause(ctx, pause) != nil {
			return fmt.Errorf("%w: %w", errGone, plain(err))
		}
	}
}

// attempt commits the group, or finds that the attempt before has. It errs if neither is known.
func (s *Store) attempt(ctx context.Context, g *group) error {
	ctx, cancel := s.once(ctx)
	defer cancel()
	if s.session == nil {
		now, newest, err := s.resume(ctx)
		if err != nil {
			return err
		}
		s.session = now
		switch newest {
		case g.last:
			return nil
		case g.prev:
		default:
			return final{fmt.Errorf("the database is in state %d, where it had acknowledged %d", newest, g.prev)}
		}
	}
	err := s.transact(ctx, g)
	if err == nil {
		return nil
	}
	s.lose()
	if g.docs && refusesData(err) {
		g.docs = false
		return err
	}
	return judge(err)
}

func (s *Store) transact(ctx context.Context, g *group) error {
	conn := s.session.conn
	if names := g.missing(s.catalog.Load()); len(names) > 0 {
		if err := s.grow(ctx, conn, names); err != nil {
			return err
		}
	}
	return g.send(ctx, conn, s.sql, s.owner, s.catalog.Load())
}

// lose gives the session up; the next attempt opens another.
func (s *Store) lose() {
	lost := s.session
	s.lost, s.session = lost, nil
	s.loose.Go(func() { _ = lost.close() }) // it is broken, or about to be ended by its successor
}
