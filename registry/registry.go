package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry/store"
)

// Options of Open. ServerKey is mandatory, the zero value of all others works.
type Options struct {
	ServerKey secret.Key
	Clock     func() time.Time // default time.Now
	Logger    zerolog.Logger   // the zero value logs nothing
	Owner     string           // name of this process in pending rows, where several share a store
	Retention time.Duration    // of outcomes and dead letters; default 90 days
	Lazy      time.Duration    // how often activity is written; default 5 s, negative for only when told (Housekeep)
	// Devices is how many devices there may be; 0 for any number. Those that are there stay, however many they are.
	Devices int
}

const (
	defaultRetention = 90 * 24 * time.Hour
	defaultLazy      = 5 * time.Second
)

// Registry is an open registry.
type Registry struct {
	store     store.Store
	clock     func() time.Time
	log       zerolog.Logger
	owner     string
	retention time.Duration
	keys      keys

	// turn is held with weight one while a batch is applied and by everybody's weight while a transaction runs alone.
	turn *semaphore.Weighted

	last      atomic.Int64              // newest id, see nextID
	directory atomic.Pointer[directory] // as of the version it names
	pending   pendingWork
	quiet     quietRing
	activity  activity
	hooks     hooks
	quota     quota
	uploads   sync.Map    // ids of packages that are being written
	rollouts  atomic.Bool // assignments of which some devices may not have been told

	stop   context.CancelFunc
	lazies chan struct{} // closed when the goroutine of lazy writes has ended
	closed atomic.Bool
}

// Open opens the registry that s holds, and makes one if s is empty. It errs with ErrServerKey if the registry was
// sealed with another key, with ErrSchema if a newer version wrote it, and with store.ErrUnfinished if it is half a copy. The
// store stays the caller's to close, after the registry.
func Open(ctx context.Context, s store.Store, o Options) (*Registry, error) {
	if o.ServerKey.IsZero() {
		return nil, fmt.Errorf("opening the registry: %w: no server key", ErrInvalid)
	}
	r := &Registry{
		store: s, clock: o.Clock, log: o.Logger, owner: o.Owner, retention: o.Retention,
		turn:   semaphore.NewWeighted(everybody),
		lazies: make(chan struct{}),
	}
	if r.clock == nil {
		r.clock = time.Now
	}
	if r.retention <= 0 {
		r.retention = defaultRetention
	}
	r.pending.steps = map[uint64]int{}
	r.quota.most = o.Devices
	r.hooks.init()
	r.rollouts.Store(true) // a former process may have left some
	if err := r.open(ctx, o.ServerKey); err != nil {
		return nil, fmt.Errorf("opening the registry: %w", err)
	}
	if err := r.CountDevices(ctx); err != nil {
		return nil, fmt.Errorf("opening the registry: %w", err)
	}
	running, stop := context.WithCancel(context.Background())
	r.stop = stop
	go r.hooks.run(r)
	go r.writeLazily(running, o.Lazy)
	return r, nil
}

// Close writes what was to be written lazily, tells the hooks what they have not heard, and ends the registry. The
// store stays open. Closing twice is harmless.
func (r *Registry) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	r.stop()
	<-r.lazies
	err := r.writeActivity(context.Background())
	err = errors.Join(err, r.writeConsumed(context.Background()))
	err = errors.Join(err, r.settle(context.Background(), r.store.Applied()))
	r.hooks.end()
	if err != nil {
		return fmt.Errorf("closing the registry: %w", err)
	}
	return nil
}

// now is the clock's time in UTC, without what its monotonic part would add to JSON.
func (r *Registry) now() time.Time { return r.clock().UTC().Round(0) }

// nextID returns an id that rises with time, also where the clock does not: 16 hexadecimal digits.
func (r *Registry) nextID() string {
	now := r.clock().UnixNano()
	for {
		last := r.last.Load()
		next := max(now, last+1)
		if r.last.CompareAndSwap(last, next) {
			return idAt(next)
		}
	}
}

func idAt(nanos int64) string { return fmt.Sprintf("%016x", uint64(max(nanos, 0))) }
