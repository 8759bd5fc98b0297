package engine

import (
	"slices"
	"sync"
)

// pool is the set of goroutines that walk messages. It grows when a lane has work while every worker is in a node, up to
// its limit; a worker is kept and used again, because growing its stack anew for each message would cost a quarter of
// the run. Of those that have nothing to do for long, only some are kept.
type pool struct {
	mu          sync.Mutex // protects all below
	wake        sync.Cond
	first, last *lane
	waiting     int  // workers without a lane
	idle        int  // how many were always waiting since trim was called last
	surplus     int  // workers that are to end
	coming      bool // a worker was woken or started, and has not looked at the queue yet
	workers     []*worker
	limit       int
	stopped     bool
	run         func(*worker, *lane) (more bool)
	unused      func(*Chain) // is given the chain sets that the last worker has left
	group       sync.WaitGroup
}

func (p *pool) init(limit int, run func(*worker, *lane) bool, unused func(*Chain)) {
	p.wake.L = &p.mu
	p.limit, p.run, p.unused = limit, run, unused
}

// push queues a lane that has work.
func (p *pool) push(at *lane) {
	p.mu.Lock()
	p.appendLocked(at)
	p.callLocked()
	p.mu.Unlock()
}

func (p *pool) appendLocked(at *lane) {
	at.next = nil
	if p.last == nil {
		p.first = at
	} else {
		p.last.next = at
	}
	p.last = at
}

// callLocked sees to it that somebody comes for the first lane. One worker at a time is on its way, and calls the next
// if it leaves something in the queue: with one called for every lane, most would find that the first took them all.
func (p *pool) callLocked() {
	switch {
	case p.first == nil || p.coming:
	case p.waiting > 0:
		p.waiting--
		p.idle = min(p.idle, p.waiting)
		p.coming = true
		p.wake.Signal()
	case len(p.workers) < p.limit:
		w := &worker{}
		p.workers = append(p.workers, w)
		p.coming = true
		p.group.Go(func() { p.work(w) })
	}
}

func (p *pool) work(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.coming = false
	for p.awaitLocked(w) {
		at := p.first
		if p.first = at.next; p.first == nil {
			p.last = nil
		}
		p.callLocked()
		p.mu.Unlock()
		more := p.run(w, at)
		p.mu.Lock()
		if more {
			p.appendLocked(at)
		}
	}
}

// awaitLocked waits until a lane has work; false means that there will be none. A worker with nothing to do keeps no
// hold of a chain set.
func (p *pool) awaitLocked(w *worker) bool {
	for p.first == nil {
		switch chain := w.chain; {
		case chain != nil:
			w.chain = nil
			if chain.leave() {
				p.mu.Unlock()
				p.unused(chain)
				p.mu.Lock()
			}
		case p.stopped:
			return false
		case p.surplus > 0:
			p.surplus--
			p.workers = slices.DeleteFunc(slices.Clone(p.workers), func(other *worker) bool { return other == w }) // see snapshot
			return false
		default:
			p.waiting++
			p.wake.Wait()
			p.coming = false
		}
	}
	return true
}

// keptIdle is how many workers are kept that have nothing to do.
const keptIdle = 64

// trim ends workers that had nothing to do since it was called last, except for some.
func (p *pool) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range max(0, p.idle-keptIdle) {
		p.waiting--
		p.surplus++
		p.wake.Signal()
	}
	p.idle = p.waiting
}

// stop ends the workers once the queue is empty.
func (p *pool) stop() {
	p.mu.Lock()
	p.stopped = true
	p.wake.Broadcast()
	p.mu.Unlock()
	p.group.Wait()
}

// snapshot is the list of workers at this moment.
func (p *pool) snapshot() []*worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.workers[:len(p.workers):len(p.workers)]
}
