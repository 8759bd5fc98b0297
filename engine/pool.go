package engine

import "sync"

// pool is the set of goroutines that walk messages. It grows when a lane has work while every worker is in a node, up to
// its limit; a worker is kept and used again, because growing its stack anew for each message would cost a quarter of
// the run.
type pool struct {
	mu          sync.Mutex // protects all below
	wake        sync.Cond
	first, last *lane
	waiting     int  // workers without a lane
	coming      bool // a worker was woken or started, and has not looked at the queue yet
	workers     []*worker
	limit       int
	stopped     bool
	run         func(*worker, *lane) (more bool)
	group       sync.WaitGroup
}

func (p *pool) init(limit int, run func(*worker, *lane) bool) {
	p.wake.L = &p.mu
	p.limit, p.run = limit, run
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
	for {
		for p.first == nil && !p.stopped {
			p.waiting++
			p.wake.Wait()
			p.coming = false
		}
		at := p.first
		if at == nil {
			return
		}
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
