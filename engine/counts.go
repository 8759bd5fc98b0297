package engine

import (
	"maps"
	"time"
)

// Counts are what an engine has done since it started. At any moment In = Done + DeadLettered + Abandoned + InFlight.
type Counts struct {
	In           uint64 // messages submitted or emitted
	Done         uint64
	DeadLettered uint64
	Abandoned    uint64
	InFlight     uint64
	Repeated     uint64            // attempts that a conflict made necessary
	Outcomes     map[string]uint64 // done, by code; runs that set none are not in it
}

// Counts returns one consistent set of figures.
func (e *Engine) Counts() Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.counts
	c.Outcomes = maps.Clone(c.Outcomes)
	return c
}

// finish settles one message: its fate is told, then its place is given back.
func (e *Engine) finish(j *job, f *Fate) {
	if j.done != nil {
		j.done(*f)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	placed, crowd := j.placed, j.crowd
	*j = job{next: e.spare}
	e.spare = j
	switch f.State {
	case Done:
		e.counts.Done++
		if f.Outcome != "" {
			e.counts.Outcomes[f.Outcome]++
		}
	case DeadLettered:
		e.counts.DeadLettered++
	default:
		e.counts.Abandoned++
	}
	if f.State != Abandoned {
		// Here and not at each node: the lock is held anyway, and an atomic add a node would cost as much as the walk.
		for _, n := range f.Path.hops {
			f.Path.chain.counts[n]++
		}
	}
	e.counts.InFlight--
	if crowd != nil {
		e.thinLocked(crowd, 1)
	}
	if placed {
		e.places++
		if e.places > 0 {
			e.offerLocked()
		}
	}
	if e.counts.InFlight == 0 && e.draining {
		close(e.idle)
	}
}

// EdgeCount is how often messages left a node by a relation, on the current revision. A message counts once it has met
// its fate, unless it was abandoned.
type EdgeCount struct {
	Chain, Node, Relation string
	Count                 uint64
}

// EdgeCounts lists every relation of every node of the current chain set.
func (e *Engine) EdgeCounts() []EdgeCount {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []EdgeCount
	chain := e.current.Load()
	for _, g := range chain.graphs {
		for _, s := range g.steps {
			for _, x := range s.edges {
				all = append(all, EdgeCount{Chain: g.id, Node: s.id, Relation: x.relation, Count: chain.counts[x.number]})
			}
		}
	}
	return all
}

// Stuck is a node that has not returned although its time is over. It holds its lane.
type Stuck struct {
	Chain, Node, Message string
	Since                time.Time
}

// Stuck lists the nodes that do not return.
func (e *Engine) Stuck() []Stuck { return e.watch.stuck() }
