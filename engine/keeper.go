package engine

import (
	"context"
	"errors"
	"sync"
)

// Store hands messages over that are acknowledged before they are run: done is called, once, when they are on disk as a
// pending row, with the state Stored, or Abandoned if that cannot come to be. They are run afterwards, each as a message of
// its own, in the order of Submit and Store for their origin, which is the same for all; a restart takes up what was not run.
// What comes of them is told to nobody: it is an outcome or a dead letter.
//
// It blocks as Submit does, and while Options.Stored messages of the origin wait to be run, until ctx is done. The values of
// ctx are not visible to nodes.
func (e *Engine) Store(ctx context.Context, ms []*Message, done func(Fate)) error {
	if len(ms) == 0 {
		return errors.New("there is nothing to store")
	}
	for _, m := range ms {
		if m.Chain() != "" && !e.current.Load().Has(m.Chain()) {
			return errors.Join(ErrUnknownChain, errors.New(m.Chain()))
		}
	}
	jobs, err := e.enterStored(ctx, &ms[0].head.Origin, len(ms))
	if err != nil {
		return err
	}
	row := Pending{Sequence: e.sequence(), Lane: ms[0].Lane(), Steps: make([]Step, len(ms))}
	for i, m := range ms {
		row.Steps[i] = Step{Message: m, Chain: m.Chain()}
	}
	k := &keeping{row: row, done: done, over: make(chan struct{})}
	for _, j := range jobs {
		j.keeping = k
	}
	e.keeper.add(k)
	e.queueSteps(context.Background(), row, jobs)
	return nil
}

// crowd is the stored messages of one origin that were not run yet.
type crowd struct {
	key     uint64
	count   int
	waiting []chan struct{} // who wait for it to be fewer
}

// enterStored takes places for n messages of an origin, and waits until there are: first among its own, then among all. A
// batch needs one place to be free, and takes as many as it has messages: a part of it would hold what others wait for.
func (e *Engine) enterStored(ctx context.Context, o *Origin, n int) ([]*job, error) {
	key := e.lanes.key(o)
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.crowdLocked(key)
	for c.count > 0 && c.count+n > e.options.Stored && !e.draining {
		ready := make(chan struct{})
		c.waiting = append(c.waiting, ready)
		e.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
		}
		e.mu.Lock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c = e.crowdLocked(key)
	}
	c.count += n // before the next wait, so that no other of its own comes in between
	if err := e.awaitPlaceLocked(ctx); err != nil {
		e.thinLocked(c, n)
		return nil, err
	}
	return e.storedLocked(c, n), nil
}

// storedLocked counts n stored messages in, which the crowd has in its count already.
func (e *Engine) storedLocked(c *crowd, n int) []*job {
	e.places -= n
	jobs := e.countAllInLocked(n)
	for _, j := range jobs {
		j.crowd, j.placed = c, true
	}
	return jobs
}

func (e *Engine) crowdLocked(key uint64) *crowd {
	if c := e.crowds[key]; c != nil {
		return c
	}
	if e.crowds == nil {
		e.crowds = map[uint64]*crowd{}
	}
	c := &crowd{key: key}
	e.crowds[key] = c
	return c
}

// thinLocked takes n messages out of a crowd.
func (e *Engine) thinLocked(c *crowd, n int) {
	if c.count -= n; c.count == 0 {
		delete(e.crowds, c.key)
	}
	c.wakeLocked()
}

func (c *crowd) wakeLocked() {
	for _, ready := range c.waiting {
		close(ready)
	}
	c.waiting = nil
}

// keeper writes down what Store was given, in that order. One goroutine does it for all, so that many rows make one batch,
// and nobody who hands messages over waits for a store that is away or full.
type keeper struct {
	mu     sync.Mutex // protects queue and closed
	wake   sync.Cond
	queue  []*keeping
	closed bool
	write  func([]*keeping)
	group  sync.WaitGroup
}

// keeping is one pending row on its way to the disk.
type keeping struct {
	row  Pending
	done func(Fate)
	over chan struct{} // closed when the row is applied, or never will be
	err  error         // why it never will be; to be read after over
}

// keepTogether is how many rows one batch has at most.
const keepTogether = 256

func (p *keeper) start(write func([]*keeping)) {
	p.wake.L = &p.mu
	p.write = write
	p.group.Go(p.run)
}

func (p *keeper) add(k *keeping) {
	p.mu.Lock()
	p.queue = append(p.queue, k)
	p.mu.Unlock()
	p.wake.Signal()
}

func (p *keeper) run() {
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.closed {
			p.wake.Wait()
		}
		all := p.queue
		p.queue = nil
		p.mu.Unlock()
		if len(all) == 0 {
			return
		}
		for len(all) > 0 {
			n := min(len(all), keepTogether)
			p.write(all[:n])
			all = all[n:]
		}
	}
}

func (p *keeper) stop() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.wake.Signal()
	p.group.Wait()
}

// keep writes rows as one batch. If the store refuses it, it is tried in halves: it may have been too large, and a row that
// cannot be written costs no other.
func (e *Engine) keep(rows []*keeping) {
	synced, err := e.keepBatch(rows)
	if half := len(rows) / 2; err != nil && half > 0 {
		e.keep(rows[:half])
		e.keep(rows[half:])
		return
	}
	for _, k := range rows {
		k.err = err
		close(k.over)
		f := Fate{Message: k.row.Steps[0].Message, State: Stored, Revision: e.Chain().Revision(), Attempt: 1}
		f.Last = f.Message
		if err != nil {
			f.State, f.Cause = Abandoned, err
		}
		if synced == nil {
			k.done(f)
			continue
		}
		e.acks.add(ack{stored: k.done, fate: f, synced: synced})
	}
}

func (e *Engine) keepBatch(rows []*keeping) (synced func(context.Context) error, err error) {
	begin := e.options.Begin
	if begin == nil {
		return nil, nil
	}
	f := Fate{Message: rows[0].row.Steps[0].Message, State: Stored, Attempt: 1}
	f.Last = f.Message
	for _, k := range rows {
		f.Emitted = append(f.Emitted, k.row)
	}
	for !e.cancelled.Load() {
		_, tx, err := begin(context.Background(), f.Message)
		if err != nil {
			return nil, err
		}
		synced, err := e.commit(tx, &f)
		if err == nil {
			return synced, nil
		}
		tx.Discard()
		if !errors.Is(err, ErrLost) && !errors.Is(err, ErrConflict) {
			return nil, err
		}
	}
	return nil, ErrDraining
}
