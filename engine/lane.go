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
	slot    bool            // holds one of the places that Submit waits for
	next    *job            // in its lane
}

var jobs = sync.Pool{New: func() any { return new(job) }}

// lane is the queue of one origin. At most one worker has it at a time: that is the promise of order.
type lane struct {
	key         string
	current     *job  // the one being run, or to run next
	first, last *job  // those that wait behind it
	next        *lane // in the pool's queue of lanes with work
}

const laneShards = 64

// lanes finds the lane of a key. A lane exists while it has work.
type lanes struct {
	seed   maphash.Seed
	shards [laneShards]struct {
		mu   sync.Mutex // protects the map and every lane in it
		live map[string]*lane
		free *lane // one spare, so that a lane that comes and goes is no allocation
		_    [32]byte
	}
}

func (l *lanes) init() {
	l.seed = maphash.MakeSeed()
	for i := range l.shards {
		l.shards[i].live = map[string]*lane{}
	}
}

func (l *lanes) shard(key string) int { return int(maphash.String(l.seed, key) % laneShards) }

// enqueue appends a job to its lane, and wakes the lane if it had none.
func (e *Engine) enqueue(j *job) {
	key := j.message.lane
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
	at := s.free
	if at == nil {
		at = new(lane)
	}
	s.free = nil
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
	s.free = at
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
