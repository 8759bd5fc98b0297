package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gridtie/gridtie/internal/crashtest"
)

// connections is how many meters are connected at once.
const connections = 16

// load is meters that come in and send, and come again where they were cut off.
type load struct {
	bench  *bench
	cancel context.CancelFunc
	ended  chan struct{}

	mu   sync.Mutex // protects what follows
	took []time.Duration
	cuts map[string]int
	last string // what cut the last one off
}

// load lets meters loose on a program.
func (p *program) load() *load {
	ctx, cancel := context.WithCancel(p.bench)
	l := &load{bench: p.bench, cancel: cancel, ended: make(chan struct{}), cuts: map[string]int{}}
	go func() {
		defer close(l.ended)
		p.bench.storm.Persist(ctx, crashtest.Addresses{p.mqtt}, connections, l.visited)
	}()
	p.bench.later(func() error { l.stop(); return nil })
	return l
}

func (l *load) stop() {
	l.cancel()
	<-l.ended
}

func (l *load) visited(took time.Duration, cut error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cut == nil {
		l.took = append(l.took, took)
		return
	}
	l.cuts[kind(cut)]++
	l.last = cut.Error()
}

// kind is what a client notices of a server that does not take it.
func kind(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, crashtest.ErrRefused):
		return "CONNECT refused"
	case errors.Is(err, crashtest.ErrNotProvisioned):
		return "not provisioned"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "closed"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer"
	}
	return "other"
}

// cutOff counts those that were, by how they noticed.
func (l *load) cutOff() (all int, by string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for what, n := range l.cuts {
		all += n
		by += fmt.Sprintf(" %d %s,", n, what)
	}
	if by == "" {
		return 0, "none"
	}
	return all, by[1 : len(by)-1]
}

// mark returns the visits since the last mark.
func (l *load) mark() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := l.took
	l.took = nil
	if len(took) == 0 {
		return "no visit ended"
	}
	slices.Sort(took)
	at := func(p int) time.Duration { return took[(len(took)-1)*p/100].Round(100 * time.Microsecond) }
	return fmt.Sprintf("%d visits, p50 %v, p99 %v", len(took), at(50), at(99))
}

// progresses waits until so many more answers have come.
func (l *load) progresses(answers int) error {
	began, first := time.Now(), l.bench.acknowledged()
	for l.bench.acknowledged() < first+answers {
		if time.Since(began) > patience {
			_, by := l.cutOff()
			return fmt.Errorf("%d answers in %v, want %d; cut off: %s; the last one: %s",
				l.bench.acknowledged()-first, patience, answers, by, l.last)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// pausesFor says whether no answer comes for a while, after those that were on their way.
func (l *load) pausesFor(d time.Duration) error {
	before := l.bench.acknowledged()
	time.Sleep(d)
	if n := l.bench.acknowledged() - before; n > 0 {
		return fmt.Errorf("%d answers in %v, want none", n, d)
	}
	return nil
}
