package registry

import (
	"context"
	"fmt"
	"hash/fnv"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/gridtie/gridtie/registry/store"
)

// notice is what hooks are told once the batch that brought it is on disk: a change, do, or that something happened to
// the device.
type notice struct {
	lsn    store.LSN
	device string
	change *SharedChange
	do     func()
	event  deviceEvent
}

// deviceEvent is what can be heard of a device besides changed attributes.
type deviceEvent uint8

const (
	deviceGone deviceEvent = iota
	credentialsChanged
	callQueued
	deviceEvents // how many there are
)

// hooks tells those who asked from one goroutine, for each device in the order in which batches were applied.
type hooks struct {
	mu      sync.Mutex
	waits   []notice
	changed []func(SharedChange)
	events  [deviceEvents][]func(device string)
	ending  bool

	// lanes are held from applying a batch until its notices are queued, so that a subscriber does not end with an
	// older value than the store. A device has one lane; many share it.
	lanes [64]sync.Mutex

	wake  chan struct{} // holds one
	ended chan struct{}
}

func (h *hooks) init() { h.wake, h.ended = make(chan struct{}, 1), make(chan struct{}) }

// OnSharedChange calls hook after a change of shared attributes is on disk, in order for each device. Hooks are called
// by one goroutine and must return soon; they may call the registry, but must not close it.
func (r *Registry) OnSharedChange(hook func(SharedChange)) {
	r.hooks.mu.Lock()
	defer r.hooks.mu.Unlock()
	r.hooks.changed = append(r.hooks.changed, hook)
}

// OnDeviceGone calls hook with the id of a device after its end is on disk, as OnSharedChange does.
func (r *Registry) OnDeviceGone(hook func(device string)) { r.hooks.on(deviceGone, hook) }

// OnCredentialsChange calls hook with the id of a device that got other credentials, as OnSharedChange does.
func (r *Registry) OnCredentialsChange(hook func(device string)) {
	r.hooks.on(credentialsChanged, hook)
}

// OnCall calls hook with the id of a device for which a call was queued, as OnSharedChange does.
func (r *Registry) OnCall(hook func(device string)) { r.hooks.on(callQueued, hook) }

func (h *hooks) on(e deviceEvent, hook func(string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events[e] = append(h.events[e], hook)
}

// After calls do when the transaction of ctx is on disk, in one line with what hooks are told of the device; never if it
// comes to nothing. Without a transaction it is called at once. It has to return soon, as a hook does.
func (r *Registry) After(ctx context.Context, device string, do func()) {
	t := r.find(ctx)
	switch {
	case t == nil:
		do()
	case !t.over:
		t.notify(notice{device: device, do: do})
	}
}

// tell queues the notices of a batch.
func (r *Registry) tell(lsn store.LSN, notices []notice) {
	if len(notices) == 0 {
		return
	}
	h := &r.hooks
	h.mu.Lock()
	for _, n := range notices {
		n.lsn = lsn
		h.waits = append(h.waits, n)
	}
	h.mu.Unlock()
	h.rouse()
}

// lock holds the lanes of the devices that notices are about, and returns what lets go of them.
func (h *hooks) lock(notices []notice) (unlock func()) {
	var lanes []int
	for _, n := range notices {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(n.device))
		lanes = append(lanes, int(hash.Sum32()%uint32(len(h.lanes))))
	}
	slices.Sort(lanes) // always in one order, so that two batches cannot wait for each other
	lanes = slices.Compact(lanes)
	for _, lane := range lanes {
		h.lanes[lane].Lock()
	}
	return func() {
		for _, lane := range lanes {
			h.lanes[lane].Unlock()
		}
	}
}

func (h *hooks) rouse() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// end lets run finish what is queued and waits for it.
func (h *hooks) end() {
	h.mu.Lock()
	h.ending = true
	h.mu.Unlock()
	h.rouse()
	<-h.ended
}

func (h *hooks) run(r *Registry) {
	defer close(h.ended)
	for range h.wake {
		h.mu.Lock()
		waits, ending := h.waits, h.ending
		h.waits = nil
		h.mu.Unlock()
		for _, n := range waits {
			if err := r.settle(context.Background(), n.lsn); err != nil {
				r.log.Error().Str("event", "hook_dropped").Err(err).Send()
				continue
			}
			for _, hook := range h.of(n) {
				r.guard(hook)
			}
		}
		if ending {
			return
		}
	}
}

// of lists what is to be called for a notice.
func (h *hooks) of(n notice) (calls []func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case n.do != nil:
		calls = append(calls, n.do)
	case n.change != nil:
		for _, hook := range h.changed {
			calls = append(calls, func() { hook(*n.change) })
		}
	default:
		for _, hook := range h.events[n.event] {
			calls = append(calls, func() { hook(n.device) })
		}
	}
	return calls
}

// guard keeps a hook's panic from ending the process.
func (r *Registry) guard(hook func()) {
	defer func() {
		if p := recover(); p != nil {
			// Its type, not its value: that may hold anything.
			r.log.Error().Str("event", "hook_panicked").Str("panic", fmt.Sprintf("%T", p)).Bytes("stack", debug.Stack()).Send()
		}
	}()
	hook()
}
