package engine

import (
	"context"
	"hash/maphash"
	"math/bits"
	"sync"
)

// job is a message on its way through the engine.
type job struct {
	message *Message
	done    func(Fate)
	values  context.Context // the submitter's, for its values
	start   *Step           // where the run begins; nil for the message's entry
	placed  bool            // holds one of the places that Submit waits for
	keeping *keeping        // its pending row, which it waits for; nil if that is there, or there is none
	crowd   *crowd          // the stored messages that it is one of; nil for others
	next    *job            // in its lane, or among the spare ones
}

// lane is the queue of one origin. At most one worker has it at a time: that is the promise of order.
type lane struct {
	key         uint64
	current     *job  // the one being run, or to run next
	first, last *job  // those that wait behind it
	next        *lane // in the pool's queue of lanes with work, or among the spare ones
}

const laneShards = 64

// lanes finds the lane of an origin. A lane exists while it has work.
//
// The key is a hash of the origin: it is made once, where a map of two texts would hash them again for each of looking
// up, inserting and deleting. Should two origins ever share one, they wait for each other; no order is lost.
type lanes struct {
	seed   maphash.Seed
	shards [laneShards]laneShard
}

type laneShard struct {
	mu    sync.Mutex // protects all below, and every lane in it
	live  map[uint64]*lane
	spare *lane    // lanes without work, to be used again
	_     [40]byte // a cache line each
}

func (l *lanes) init() {
	l.seed = maphash.MakeSeed()
	for i := range l.shards {
		l.shards[i].live = map[uint64]*lane{}
	}
}

func (l *lanes) key(o *Origin) uint64 {
	return maphash.String(l.seed, o.ID) ^ bits.RotateLeft64(maphash.String(l.seed, o.Type), 1)
}

func (l *lanes) shard(key uint64) *laneShard { return &l.shards[key%laneShards] }

// enqueue appends a job to its lane, and wakes the lane if it had none.
func (e *Engine) enqueue(j *job) {
	key := e.lanes.key(&j.message.head.Origin)
	s := e.lanes.shard(key)
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
	at := s.spare
	if at == nil {
		at = &lane{}
	} else {
		s.spare = at.next
	}
	at.key, at.current, at.next = key, j, nil
	s.live[key] = at
	s.mu.Unlock()
	e.pool.push(at)
}

// finished moves the lane on behind the job that has just run, and says whether another waits.
func (e *Engine) finished(at *lane) (more bool) {
	s := e.lanes.shard(at.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.current = at.first; at.current != nil {
		at.first, at.current.next = at.current.next, nil
		return true
	}
	delete(s.live, at.key)
	at.last, at.next = nil, s.spare
	s.spare = at
	return false
}

// runLane runs one job of a lane and says whether another waits. The lane goes to the back of the queue then, so that one
// busy device does not keep a worker for itself.
func (e *Engine) runLane(w *worker, at *lane) (more bool) {
	var fate Fate // filled in place: it is too large to be handed up by value
	j := at.current
	if synced := e.process(w, j, &fate); synced != nil {
		e.acks.add(ack{job: j, fate: fate, synced: synced})
	} else {
		e.finish(j, &fate)
	}
	return e.finished(at)
}
