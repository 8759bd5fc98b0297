package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// watchInterval is how finely time limits are kept. Workers read no clock: the watchdog looks at them.
const watchInterval = 50 * time.Millisecond

// trimInterval is how long a worker has nothing to do before it may be ended.
const trimInterval = time.Minute

// The causes of a context that the watchdog or a stopping engine ended.
var (
	errNodeTime = errors.New("the node took longer than it may")
	errRunTime  = errors.New("the run took longer than it may")
	errStopping = errors.New("the engine is stopping")
)

// worker is a goroutine of the pool, as the watchdog sees it.
type worker struct {
	run   run                        // reused from message to message
	chain *Chain                     // the set that it ran on last, and still holds
	at    atomic.Pointer[runContext] // the run under way
}

// watchdog keeps the time limits of all nodes and runs.
type watchdog struct {
	pool   *pool
	logger zerolog.Logger
	node   time.Duration
	whole  time.Duration
	quit   chan struct{}
	group  sync.WaitGroup
	mu     sync.Mutex // protects seen
	seen   map[*worker]*sighting
}

type sighting struct {
	visit               *runContext // holding it, we never see another run at its address
	position            uint64
	runSince, nodeSince time.Time
	told                bool
}

func (d *watchdog) start(p *pool, o *Options) {
	d.pool, d.logger, d.node, d.whole = p, o.Logger, o.NodeTimeout, o.RunTimeout
	d.quit, d.seen = make(chan struct{}), map[*worker]*sighting{}
	d.group.Go(func() {
		tick, trim := time.NewTicker(watchInterval), time.NewTicker(trimInterval)
		defer tick.Stop()
		defer trim.Stop()
		for {
			select {
			case <-d.quit:
				return
			case now := <-tick.C:
				d.look(now)
			case <-trim.C:
				d.pool.trim()
				d.forget()
			}
		}
	})
}

// forget drops workers that have ended.
func (d *watchdog) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	there := d.pool.snapshot()
	maps.DeleteFunc(d.seen, func(w *worker, _ *sighting) bool { return !slices.Contains(there, w) })
}

func (d *watchdog) stop() {
	close(d.quit)
	d.group.Wait()
}

func (d *watchdog) look(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.pool.snapshot() {
		s := d.seen[w]
		if s == nil {
			s = &sighting{}
			d.seen[w] = s
		}
		v := w.at.Load()
		if v == nil || v != s.visit {
			*s = sighting{visit: v, runSince: now, nodeSince: now}
			if v != nil {
				s.position = v.position.Load()
			}
			continue
		}
		if position := v.position.Load(); position != s.position {
			s.position, s.nodeSince, s.told = position, now, false
		}
		d.judge(now, s)
	}
}

func (d *watchdog) judge(now time.Time, s *sighting) {
	at := s.visit.step()
	limit := d.node
	if at != nil && at.timeout > 0 {
		limit = at.timeout
	}
	if now.Sub(s.runSince) >= d.whole {
		s.visit.cancel(fmt.Errorf("%w: %s", errRunTime, d.whole), true)
	}
	if at == nil || now.Sub(s.nodeSince) < limit {
		return
	}
	s.visit.cancel(fmt.Errorf("%w: %s", errNodeTime, limit), false)
	if !s.told && now.Sub(s.nodeSince) >= limit+2*time.Second {
		s.told = true
		d.logger.Error().Str("event", "node_stuck").Str("chain", at.graph.id).Str("node", at.id).
			Str("message", s.visit.message.ID()).Dur("took", now.Sub(s.nodeSince)).Send()
	}
}

func (d *watchdog) cancelAll(cause error) {
	for _, w := range d.pool.snapshot() {
		if v := w.at.Load(); v != nil {
			v.cancel(cause, true)
		}
	}
}

func (d *watchdog) stuck() []Stuck {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Stuck
	for _, s := range d.seen {
		if !s.told || s.visit == nil {
			continue
		}
		if at := s.visit.step(); at != nil {
			all = append(all, Stuck{Chain: at.graph.id, Node: at.id, Message: s.visit.message.ID(), Since: s.nodeSince})
		}
	}
	return all
}
