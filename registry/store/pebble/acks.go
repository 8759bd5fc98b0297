package pebble

import (
	"sync"
	"sync/atomic"

	"github.com/gridtie/gridtie/registry/store"
)

// acks knows which states are on disk and lets those go who wait for one. States are acknowledged one by one, none
// left out, so a waiter stands under exactly the LSN that it waits for.
type acks struct {
	synced atomic.Uint64

	mu      sync.Mutex // protects waiting, and orders wait against raise
	waiting map[store.LSN]chan struct{}
}

// wait returns a channel that is closed when lsn is on disk, nil if it is already.
func (a *acks) wait(lsn store.LSN) <-chan struct{} {
	if uint64(lsn) <= a.synced.Load() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if uint64(lsn) <= a.synced.Load() {
		return nil
	}
	ch, ok := a.waiting[lsn]
	if !ok {
		ch = make(chan struct{})
		a.waiting[lsn] = ch
	}
	return ch
}

// raise says that lsn, the successor of the last one raised, is on disk.
func (a *acks) raise(lsn store.LSN) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.synced.Store(uint64(lsn))
	if ch, ok := a.waiting[lsn]; ok {
		close(ch)
		delete(a.waiting, lsn)
	}
}
