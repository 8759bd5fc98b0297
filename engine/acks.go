package engine

import (
	"context"
	"sync"
)

// acks tells fates once they are on disk. One goroutine waits for the disk on behalf of all, in the order of applying:
// when the first is there, those behind it mostly are too.
type acks struct {
	mu     sync.Mutex // protects queue and closed
	wake   sync.Cond
	queue  []ack
	closed bool
	finish func(*job, *Fate)
	group  sync.WaitGroup
}

type ack struct {
	job    *job
	stored func(Fate) // instead of a job: messages that were written down, and are to be run
	fate   Fate
	synced func(context.Context) error
}

func (a *acks) start(finish func(*job, *Fate)) {
	a.wake.L = &a.mu
	a.finish = finish
	a.group.Go(a.run)
}

func (a *acks) add(x ack) {
	a.mu.Lock()
	a.queue = append(a.queue, x)
	a.mu.Unlock()
	a.wake.Signal()
}

func (a *acks) run() {
	var batch []ack
	for {
		a.mu.Lock()
		for len(a.queue) == 0 && !a.closed {
			a.wake.Wait()
		}
		batch, a.queue = a.queue, batch[:0]
		a.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for i := range batch {
			x := &batch[i]
			if err := x.synced(context.Background()); err != nil {
				x.fate.State, x.fate.Cause = Abandoned, err
			}
			if x.stored != nil {
				x.stored(x.fate)
			} else {
				a.finish(x.job, &x.fate)
			}
			*x = ack{}
		}
	}
}

func (a *acks) stop() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.wake.Signal()
	a.group.Wait()
}
