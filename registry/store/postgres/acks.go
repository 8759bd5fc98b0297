package postgres

import (
	"sync"
	"sync/atomic"

	"github.com/gridtie/gridtie/registry/store"
)

// acks knows which states are committed and lets those go who wait for one.
type acks struct {
	synced atomic.Uint64

	mu   sync.Mutex    // protects turn, and orders wait against raise
	turn chan struct{} // closed by the next raise
}

// wait returns a channel that is closed when more is committed, nil if lsn is already.
func (a *acks) wait(lsn store.LSN) <-chan struct{} {
	if uint64(lsn) <= a.synced.Load() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if uint64(lsn) <= a.synced.Load() {
		return nil
	}
	if a.turn == nil {
		a.turn = make(chan struct{})
	}
	return a.turn
}

// raise says that lsn and all before it are committed.
func (a *acks) raise(lsn store.LSN) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.synced.Store(uint64(lsn))
	if a.turn != nil {
		close(a.turn)
		a.turn = nil
	}
}
