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
	values   context.Context
	message  *Message
	revision string
	attempt  int
	step     atomic.Pointer[step] // where the run is; nil between nodes

	mu    sync.Mutex // protects what follows: the watchdog cancels from outside
	done  chan struct{}
	cause error
	final bool // the run's own time is over, not only a node's
}

func (c *runContext) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c *runContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.cause != nil {
			close(c.done)
		}
	}
	return c.done
}

func (c *runContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return context.Canceled
	}
	return nil
}

func (c *runContext) Value(key any) any {
	switch key.(type) {
	case attemptKey:
		return c.attempt
	case messageKey:
		return c.message
	case placeKey:
		at := c.step.Load()
		if at == nil {
			return nil
		}
		return Place{Chain: at.graph.id, Node: at.id, Revision: c.revision}
	}
	return c.values.Value(key)
}

// cancel ends the context: for the current node, or for the whole run.
func (c *runContext) cancel(cause error, final bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.final = c.final || final
	if c.cause != nil {
		return
	}
	c.cause = cause
	if c.done != nil {
		close(c.done)
	}
}

// over tells why the context ended, if it did. A context that ended for a node only is renewed for the next one: what
// handles the failure must be able to work. Whoever still holds the channel of the ended one sees it closed.
func (c *runContext) over() (cause error, final bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cause, final = c.cause, c.final
	if !final {
		c.cause, c.done = nil, nil
	}
	return cause, final
}
