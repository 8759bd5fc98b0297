package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Options of an engine. The zero value runs chains without effects.
type Options struct {
	// Begin opens the transaction of each attempt of a run; nil: a run has no effects.
	Begin BeginFunc
	// Logger gets what an operator must know: panics in nodes, nodes that do not return, fates that could not be kept.
	Logger zerolog.Logger
	// InFlight is how many messages may be in the engine at once; more make Submit wait. Default 4,096. Emitted
	// messages do not wait and come on top.
	InFlight int
	// Stored is how many messages of one origin may be stored and not run yet; more make Store wait. Default 100. A batch
	// larger than that is let in when none is left.
	Stored int
	// Parallel is how many messages may be in their nodes at once. Default 1,024: nodes wait for other systems.
	Parallel int
	// NodeTimeout is how long a node may take unless its chain says otherwise. Default 10 s.
	NodeTimeout time.Duration
	// RunTimeout is how long a whole run may take. Default 60 s.
	RunTimeout time.Duration
	// Now is the clock that numbers emitted messages; nil for time.Now.
	Now func() time.Time
	// Redact takes personal data out of what a trace shows; nil: a trace shows metadata and payload as they are.
	Redact func(text string) string
}

// The errors of Submit.
var (
	ErrDraining     = errors.New("the engine takes no more messages: it is stopping")
	ErrUnknownChain = errors.New("there is no such chain")
)

// Engine runs messages through the current chain set. All its methods are safe for concurrent use.
//
// Order: messages of one origin are processed in the order in which Submit and Store were called, each to its end, forks and
// nested chains included; messages of different origins run in parallel. Less formally: a lane per device, one message
// at a time.
type Engine struct {
	options Options
	current atomic.Pointer[Chain]
	lanes   lanes
	pool    pool
	acks    acks
	keeper  keeper
	watch   watchdog
	last    atomic.Uint64 // sequence of the newest pending row
	// cancelled makes runs that have not begun end as abandoned.
	cancelled atomic.Bool

	mu       sync.Mutex // protects what follows
	counts   Counts
	places   int // left for messages from outside; fewer than none after a batch, or a restart
	crowds   map[uint64]*crowd
	over     bool            // Drain gave the chain set back: there are no more runs
	waiting  []chan struct{} // who wait for a place, first come first served
	spare    *job            // jobs that are done, to be used again
	left     map[uint64]bool // pending rows, by sequence, of which a step was abandoned
	draining bool
	idle     chan struct{} // closed when nothing is in flight while draining
}

// New starts an engine on a chain set. End it with Drain.
func New(chain *Chain, options Options) *Engine {
	if options.InFlight <= 0 {
		options.InFlight = 4096
	}
	if options.Stored <= 0 {
		options.Stored = 100
	}
	if options.Parallel <= 0 {
		options.Parallel = 1024
	}
	if options.NodeTimeout <= 0 {
		options.NodeTimeout = 10 * time.Second
	}
	if options.RunTimeout <= 0 {
		options.RunTimeout = time.Minute
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Redact == nil {
		options.Redact = func(text string) string { return text }
	}
	e := &Engine{options: options, places: options.InFlight, idle: make(chan struct{})}
	chain.users.Add(1)
	e.current.Store(chain)
	e.lanes.init()
	e.counts.Outcomes = map[string]uint64{}
	e.pool.init(options.Parallel, e.runLane, e.closeUnused)
	e.acks.start(e.finish)
	e.keeper.start(e.keep)
	e.watch.start(&e.pool, &e.options)
	return e
}

// Submit hands a message over. It blocks while the engine is full, until ctx is done. Once it returned nil, done is
// called exactly once, from another goroutine, when the fate is on disk (or cannot come to be); it must not block.
// Until then the values of ctx are visible to nodes; its end does not stop the run.
func (e *Engine) Submit(ctx context.Context, m *Message, done func(Fate)) error {
	if m.Chain() != "" && !e.current.Load().Has(m.Chain()) {
		return errors.Join(ErrUnknownChain, errors.New(m.Chain()))
	}
	j, err := e.enter(ctx)
	if err != nil {
		return err
	}
	j.message, j.done, j.values, j.placed = m, done, ctx, true
	e.enqueue(j)
	return nil
}

// Resume queues what a former process left undone, in the order of the rows. Call it before any listener opens.
func (e *Engine) Resume(rows []Pending) {
	for _, row := range rows {
		e.observe(row.Sequence)
		// They count as stored: a server that starts over and over takes no more than it runs.
		key := e.lanes.key(&row.Steps[0].Message.head.Origin)
		e.mu.Lock()
		c := e.crowdLocked(key)
		c.count += len(row.Steps)
		jobs := e.storedLocked(c, len(row.Steps))
		e.mu.Unlock()
		e.queueSteps(context.Background(), row, jobs)
	}
}

// Swap makes another chain set the current one, in one atomic step. Runs under way finish on the set that they started
// on; its nodes are closed after the last of them. After Drain, the nodes of the new set are closed at once.
func (e *Engine) Swap(chain *Chain) {
	chain.users.Add(1)
	e.mu.Lock()
	former := chain
	if !e.over {
		former = e.current.Swap(chain)
	}
	e.mu.Unlock()
	e.release(former)
}

// Chain is the current chain set.
func (e *Engine) Chain() *Chain { return e.current.Load() }

// Drain refuses further messages, waits until those inside have met their fates, then ends the engine's goroutines and
// closes the nodes. When ctx ends first, runs under way are cancelled and what has not ended is abandoned:
// unacknowledged, so that its sender repeats it.
func (e *Engine) Drain(ctx context.Context) error {
	e.mu.Lock()
	first := !e.draining
	e.draining = true
	e.offerLocked()
	for _, c := range e.crowds {
		c.wakeLocked()
	}
	if first && e.counts.InFlight == 0 {
		close(e.idle)
	}
	e.mu.Unlock()
	var err error
	select {
	case <-e.idle:
	case <-ctx.Done():
		err = ctx.Err()
		e.cancelled.Store(true)
		e.watch.cancelAll(errStopping)
		<-e.idle
	}
	if first {
		e.watch.stop()
		e.pool.stop()
		e.keeper.stop()
		e.acks.stop()
		e.mu.Lock()
		e.over = true
		last := e.current.Load()
		e.mu.Unlock()
		e.release(last)
	}
	return err
}

// release gives back one use of a chain set; the last one closes its nodes.
func (e *Engine) release(c *Chain) {
	if c.leave() {
		e.closeUnused(c)
	}
}

func (e *Engine) closeUnused(c *Chain) {
	if err := c.Close(); err != nil {
		e.options.Logger.Warn().Err(err).Str("revision", c.revision).Str("event", "node_close_failed").Send()
	}
}

// follow gives a worker the current chain set for its next run. It keeps the one that it has if that is still current:
// a counter that all workers write at every message would cost two of them half of what they are worth. A set that was
// swapped out between the look and the count may be closed already: then the next look finds its successor.
func (e *Engine) follow(w *worker) {
	for w.chain != e.current.Load() {
		if w.chain != nil {
			e.release(w.chain)
		}
		w.chain = e.current.Load()
		w.chain.users.Add(1)
	}
}

// enter takes a place for one more message, and waits for one if there is none. The job is for that message.
func (e *Engine) enter(ctx context.Context) (*job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.awaitPlaceLocked(ctx); err != nil {
		return nil, err
	}
	e.places--
	return e.countInLocked(), nil
}

// awaitPlaceLocked waits until there is a place, which it leaves to the caller to take.
func (e *Engine) awaitPlaceLocked(ctx context.Context) error {
	for e.places <= 0 && !e.draining {
		ready := make(chan struct{})
		e.waiting = append(e.waiting, ready)
		e.mu.Unlock()
		select {
		case <-ready:
			e.mu.Lock()
		case <-ctx.Done():
			e.mu.Lock()
			e.giveUpLocked(ready)
			return ctx.Err()
		}
	}
	if e.draining {
		return ErrDraining
	}
	return nil
}

// countInLocked counts a message in, and gives it a job. Jobs are kept here because the lock is held anyway.
func (e *Engine) countInLocked() *job {
	e.counts.In++
	e.counts.InFlight++
	j := e.spare
	if j == nil {
		return &job{}
	}
	e.spare, j.next = j.next, nil
	return j
}

// giveUpLocked stops waiting for a place; one that was offered meanwhile goes to the next.
func (e *Engine) giveUpLocked(ready chan struct{}) {
	if i := slices.Index(e.waiting, ready); i >= 0 {
		e.waiting = slices.Delete(e.waiting, i, i+1)
		return
	}
	e.offerLocked()
}

// offerLocked wakes one of those who wait for a place, all of them when there will be none.
func (e *Engine) offerLocked() {
	for len(e.waiting) > 0 {
		close(e.waiting[0])
		e.waiting = e.waiting[1:]
		if !e.draining {
			return
		}
	}
}

// countAllInLocked counts the steps of a row in, all before the first is run, so that the engine is not idle in between.
func (e *Engine) countAllInLocked(n int) []*job {
	jobs := make([]*job, n)
	for i := range jobs {
		jobs[i] = e.countInLocked()
	}
	return jobs
}

// queueRow puts what a run emitted into its lane. It does not wait for a place, and may come while draining.
func (e *Engine) queueRow(values context.Context, row Pending) {
	e.mu.Lock()
	jobs := e.countAllInLocked(len(row.Steps))
	e.mu.Unlock()
	e.queueSteps(values, row, jobs)
}

// queueSteps puts the steps of a pending row into their lane, as jobs that were counted in.
func (e *Engine) queueSteps(values context.Context, row Pending, jobs []*job) {
	for i, j := range jobs {
		step := &row.Steps[i]
		ref := &PendingRef{Sequence: row.Sequence, Step: i, Last: i == len(row.Steps)-1}
		j.message, j.values, j.start = step.Message.withHead(&step.Message.head.Header, ref), values, step
		e.enqueue(j)
	}
}

// errOvertakes abandons a pending step behind one that was abandoned: its commit would say that the row is done up to it.
var errOvertakes = errors.New("an earlier step of its pending row was abandoned: both wait for the next start")

// leaveBehind notes that a step of a pending row was abandoned. The row stays where it is until the next start.
func (e *Engine) leaveBehind(ref PendingRef) {
	if ref.Sequence == 0 || ref.Last {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left == nil {
		e.left = map[uint64]bool{}
	}
	e.left[ref.Sequence] = true
}

// overtakes says whether an earlier step of the row was left behind.
func (e *Engine) overtakes(ref PendingRef) bool {
	if ref.Step == 0 {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	left := e.left[ref.Sequence]
	if ref.Last {
		delete(e.left, ref.Sequence)
	}
	return left
}

// observe raises the newest sequence to at least n.
func (e *Engine) observe(n uint64) {
	for {
		last := e.last.Load()
		if n <= last || e.last.CompareAndSwap(last, n) {
			return
		}
	}
}

// sequence gives the next sequence for a pending row: rising, also from one process to the next if the clock does.
func (e *Engine) sequence() uint64 {
	for {
		last := e.last.Load()
		next := max(last+1, uint64(e.options.Now().UnixNano()))
		if e.last.CompareAndSwap(last, next) {
			return next
		}
	}
}
