package postgres

import (
	"sync"

	"github.com/gridtie/gridtie/registry/store"
)

// gate counts the calls under way, so that closing can wait for them. Unlike a read-write lock it refuses a call that
// is made from within another (an Apply in a view) while somebody waits to close, where the lock would block for ever.
type gate struct {
	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // closed when the last call leaves a closed gate
}

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return store.ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.empty)
	}
}

// close lets nobody in any more and waits until all are out. It is called once.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	if g.inside == 0 {
		close(g.empty)
	}
	g.mu.Unlock()
	<-g.empty
}
