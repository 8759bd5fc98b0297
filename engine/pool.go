package engine

import "sync"

// pool is the set of goroutines that walk messages. It grows when a lane has work while every worker is in a node, up to
// its limit; a worker is kept and used again, because growing its stack anew for each message would cost a quarter of
// the run.
type pool struct {
	mu          sync.Mutex // protects all below
	wake        sync.Cond
	first, last *lane
	waiting     int // workers without a lane
	workers     []*worker
	limit       int
	stopped     bool
	run         func(*worker, *lane)
	group       sync.WaitGroup
}

func (p *pool) init(limit int, run func(*worker, *lane)) {
	p.wake.L = &p.mu
	p.limit, p.run = limit, run
}

// push queues a lane that has work.
func (p *pool) push(at *lane) {
	p.mu.Lock()
	at.next = nil
	if p.last == nil {
		p.first = at
	} else {
		p.last.next = at
	}
	p.last = at
	switch {
	case p.waiting > 0:
		p.waiting--
		p.wake.Signal()
	case len(p.workers) < p.limit:
		w := &worker{}
		p.workers = append(p.workers, w)
		p.group.Go(func() { p.work(w) })
	}
	p.mu.Unlock()
}

func (p *pool) work(w *worker) {
	for {
		p.mu.Lock()
		for p.first == nil && !p.stopped {
			p.waiting++
			p.wake.Wait()
		}
		at := p.first
		if at == nil {
			p.mu.Unlock()
			return
		}
		p.first = at.next
		if p.first == nil {
			p.last = nil
		}
		p.mu.Unlock()
		p.run(w, at)
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
