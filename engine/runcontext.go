package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// runContext is the context of one run. Its values are the submitter's; its end is the engine's. It is a type of its
// own because a timer and a goroutine per node would cost more than the node.
type runContext struct {
	values  context.Context
	message *Message
	chain   *Chain
	// position is the number of nodes entered so far in the upper half, and in the lower one the number of the step that
	// the run is in, 0 outside of nodes. In one word, because it is written at every node for the watchdog to see.
	position atomic.Uint64
	attempt  uint32
	ended    atomic.Bool // whether there is a cause: looked at after every node, and seldom so

	mu     sync.Mutex // protects what follows: the watchdog cancels from outside
	ending *ending    // nil while nobody asked for the end or caused it

	hops [12]uint32 // room for the run's path, which lives as long as the context
}

type ending struct {
	done  chan struct{}
	cause error
	final bool // the run's own time is over, not only a node's
}

// step is where the run is; nil outside of nodes.
func (c *runContext) step() *step {
	number := uint32(c.position.Load())
	if number == 0 {
		return nil
	}
	return c.chain.steps[number-1]
}

func (c *runContext) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c *runContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endingLocked().done
}

func (c *runContext) endingLocked() *ending {
	if c.ending == nil {
		c.ending = &ending{done: make(chan struct{})}
	}
	return c.ending
}

func (c *runContext) Err() error {
	if c.ended.Load() {
		return context.Canceled
	}
	return nil
}

func (c *runContext) Value(key any) any {
	switch key.(type) {
	case attemptKey:
		return int(c.attempt)
	case messageKey:
		return c.message
	case placeKey:
		at := c.step()
		if at == nil {
			return nil
		}
		return Place{Chain: at.graph.id, Node: at.id, Revision: c.chain.revision}
	}
	return c.values.Value(key)
}

// cancel ends the context: for the current node, or for the whole run.
func (c *runContext) cancel(cause error, final bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.endingLocked()
	e.final = e.final || final
	if e.cause != nil {
		return
	}
	e.cause = cause
	c.ended.Store(true)
	close(e.done)
}

// over tells why the context ended, if it did. A context that ended for a node only is renewed for the next one: what
// handles the failure must be able to work. Whoever still holds the channel of the ended one sees it closed.
func (c *runContext) over() (cause error, final bool) {
	if !c.ended.Load() {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cause, final = c.ending.cause, c.ending.final
	if !final {
		c.ending = nil
		c.ended.Store(false)
	}
	return cause, final
}
