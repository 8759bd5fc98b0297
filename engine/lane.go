package engine

import (
	"context"
	"hash/maphash"
	"sync"
)

// job is a message on its way through the engine.
type job struct {
	message *Message
	done    func(Fate)
	values  context.Context // the submitter's, for its values
	start   Step            // where the run begins, if not at the message's entry
	placed  bool            // holds one of the places that Submit waits for
	next    *job            // in its lane
}

var jobs = sync.Pool{New: func() any { return new(job) }}

// lane is the queue of one origin. At most one worker has it at a time: that is the promise of order.
type lane struct {
	key         laneKey
	current     *job  // the one being run, or to run next
	first, last *job  // those that wait behind it
	next        *lane // in the pool's queue of lanes with work
}

// laneKey says whose lane it is. It is a struct because joining the two texts would be an allocation a message.
type laneKey struct{ typ, id string }

func keyOf(m *Message) laneKey { return laneKey{m.head.Origin.Type, m.head.Origin.ID} }

var spareLanes = sync.Pool{New: func() any { return new(lane) }}

const laneShards = 64

// lanes finds the lane of a key. A lane exists while it has work.
type lanes struct {
	seed   maphash.Seed
	shards [laneShards]struct {
		mu   sync.Mutex // protects the map and every lane in it
		live map[laneKey]*lane
		_    [48]byte // a cache line each
	}
}

func (l *lanes) init() {
	l.seed = maphash.MakeSeed()
	for i := range l.shards {
		l.shards[i].live = map[laneKey]*lane{}
	}
}

func (l *lanes) shard(key laneKey) int { return int(maphash.String(l.seed, key.id) % laneShards) }

// enqueue appends a job to its lane, and wakes the lane if it had none.
func (e *Engine) enqueue(j *job) {
	key := keyOf(j.message)
	s := &e.lanes.shards[e.lanes.shard(key)]
	s.mu.Lock()
	if at := s.live[key]; at != nil {
		if at.first == nil {
			at.first = j
		} else {
			at.last.next = j
		}
		at.last = j
		s.mu.Unlock()
		return
	}
	at := spareLanes.Get().(*lane)
	at.key, at.current = key, j
	s.live[key] = at
	s.mu.Unlock()
	e.pool.push(at)
}

// finished moves the lane on behind the job that has just run, and says whether another waits.
func (e *Engine) finished(at *lane) (more bool) {
	s := &e.lanes.shards[e.lanes.shard(at.key)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.current = at.first; at.current != nil {
		at.first, at.current.next = at.current.next, nil
		return true
	}
	delete(s.live, at.key)
	*at = lane{}
	spareLanes.Put(at)
	return false
}

// runLane processes one job of a lane and gives the lane back if another waits, so that one busy device does not keep a
// worker for itself.
func (e *Engine) runLane(w *worker, at *lane) {
	e.process(w, at.current)
	if e.finished(at) {
		e.pool.push(at)
	}
}
