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
	ended    atomic.Bool   // whether there is a cause: looked at after every node, and seldom so
	renewals atomic.Uint32 // how often the context ended for a node only

	mu     sync.Mutex // protects what follows: the watchdog cancels from outside
	ending *ending    // nil while nobody asked for the end or caused it

	hops [8]uint32 // room for the run's path, which lives as long as the context
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

func (c *runContext) Done() <-chan struct{} { return c.doneSince(0) }

// doneSince is Done for the context that there is since so many renewals.
func (c *runContext) doneSince(renewals uint32) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.renewals.Load() != renewals {
		done := make(chan struct{})
		close(done)
		return done
	}
	return c.endingLocked().done
}

func (c *runContext) endingLocked() *ending {
	if c.ending == nil {
		c.ending = &ending{done: make(chan struct{})}
	}
	return c.ending
}

func (c *runContext) Err() error { return c.errSince(0) }

func (c *runContext) errSince(renewals uint32) error {
	if c.ended.Load() || c.renewals.Load() != renewals { // in this order: over writes them in the other one
		return context.Canceled
	}
	return nil
}

// renewed is the run's context as it is now, with the values of another that was derived from it.
func (c *runContext) renewed(values context.Context) context.Context {
	n := c.renewals.Load()
	if n == 0 {
		return values
	}
	return &renewedContext{Context: values, run: c, renewals: n}
}

// renewedContext stands for a run's context after it ended for one node only. It is another value, because a context that
// has ended must stay so: who still holds the former one may be about to ask it why.
type renewedContext struct {
	context.Context // for its values
	run             *runContext
	renewals        uint32
}

func (c *renewedContext) Done() <-chan struct{} { return c.run.doneSince(c.renewals) }
func (c *renewedContext) Err() error            { return c.run.errSince(c.renewals) }

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
	if e.cause == nil {
		close(e.done)
	} else if e.final || !final {
		return
	}
	e.cause, e.final = cause, final
	c.ended.Store(true)
}

// over tells why the context ended, if it did. A context that ended for a node only is to be renewed for the next one:
// what handles the failure must be able to work.
func (c *runContext) over() (cause error, final bool) {
	if !c.ended.Load() {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cause, final = c.ending.cause, c.ending.final
	if !final {
		c.ending = nil
		c.renewals.Add(1)
		c.ended.Store(false)
	}
	return cause, final
}
