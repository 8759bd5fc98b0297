package devices

import (
	"context"
	"sync"

	"github.com/gridtie/gridtie/registry"
)

// NextChange waits for the next change of the device's shared attributes: what a poll asks for. Call it on a session that
// is neither open nor attached, once. The error is ctx's if that ends first, ErrGone if the device was deleted or has other
// credentials, or that of a registry that cannot be asked.
func (s *Session) NextChange(ctx context.Context) (registry.SharedChange, error) {
	w := newWaiter()
	if err := s.Attach(ctx, w); err != nil {
		return registry.SharedChange{}, err
	}
	s.seen()
	s.Subscribe(true)
	err := w.wait(ctx)
	s.Close()
	if change, _ := w.got(); change != nil {
		return *change, nil // it has come, whatever came after it
	}
	return registry.SharedChange{}, err
}

// NextCall waits for the next call to the device: what a poll asks for. The call counts as delivered. Otherwise it is as
// NextChange.
func (s *Session) NextCall(ctx context.Context) (CallRequest, error) {
	w := newWaiter()
	if err := s.Attach(ctx, w); err != nil {
		return CallRequest{}, err
	}
	s.seen()
	s.SubscribeCalls(true)
	err := w.wait(ctx)
	s.calls.Store(false) // the next one is for the next poll
	if _, call := w.got(); call != nil {
		s.Delivered(call.ID)
		s.Close()
		return *call, nil
	}
	s.Close()
	return CallRequest{}, err
}

// waiter is the client of somebody who waits for one thing.
type waiter struct {
	mu     sync.Mutex
	change *registry.SharedChange
	call   *CallRequest
	come   chan struct{} // closed with the first of them
	once   sync.Once
}

func newWaiter() *waiter { return &waiter{come: make(chan struct{})} }

func (w *waiter) wait(ctx context.Context) error {
	select {
	case <-w.come:
	case <-ctx.Done():
		return ctx.Err()
	}
	return ErrGone
}

func (w *waiter) got() (*registry.SharedChange, *CallRequest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.change, w.call
}

// SharedChanged takes the first change.
func (w *waiter) SharedChanged(c registry.SharedChange) {
	w.note(func() {
		if w.change == nil {
			w.change = &c
		}
	})
}

// Called takes the first call. A second one would not be delivered, and come again.
func (w *waiter) Called(c CallRequest) {
	w.note(func() {
		if w.call == nil {
			w.call = &c
		}
	})
}

// Close ends the waiting.
func (w *waiter) Close(Reason) { w.note(func() {}) }

func (w *waiter) note(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what()
	w.once.Do(func() { close(w.come) })
}
