package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// watchInterval is how finely time limits are kept. Workers read no clock: the watchdog looks at them.
const watchInterval = 50 * time.Millisecond

// The causes of a context that the watchdog ended.
var (
	errNodeTime = errors.New("the node took longer than it may")
	errRunTime  = errors.New("the run took longer than it may")
)

// worker is a goroutine of the pool, as the watchdog sees it.
type worker struct {
	run   run // reused from message to message
	runs  atomic.Uint64
	moves atomic.Uint64
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
	runs, moves         uint64
	runSince, nodeSince time.Time
	told                bool
	visit               *runContext
}

func (d *watchdog) start(p *pool, o *Options) {
	d.pool, d.logger, d.node, d.whole = p, o.Logger, o.NodeTimeout, o.RunTimeout
	d.quit, d.seen = make(chan struct{}), map[*worker]*sighting{}
	d.group.Go(func() {
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case <-d.quit:
				return
			case now := <-tick.C:
				d.look(now)
			}
		}
	})
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
		runs, moves, v := w.runs.Load(), w.moves.Load(), w.at.Load()
		if v == nil || runs != s.runs || s.visit == nil {
			*s = sighting{runs: runs, moves: moves, runSince: now, nodeSince: now, visit: v}
			continue
		}
		if moves != s.moves {
			s.moves, s.nodeSince, s.told = moves, now, false
		}
		d.judge(now, s)
	}
}

func (d *watchdog) judge(now time.Time, s *sighting) {
	at := s.visit.step.Load()
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
		if at := s.visit.step.Load(); at != nil {
			all = append(all, Stuck{Chain: at.graph.id, Node: at.id, Message: s.visit.message.ID(), Since: s.nodeSince})
		}
	}
	return all
}
