package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
)

// maxBranches bounds what one message can become in one run: forks of forks grow without measure.
const maxBranches = 1000

// run is one message's way through the chain set. It belongs to a worker and is used again for the next message.
type run struct {
	engine   *Engine
	chain    *Chain
	context  *runContext
	contexts []runContext    // for the runs to come. None is used twice: a node may keep its context
	node     context.Context // what nodes are handed: the run's context with the transaction in it
	tx       Tx
	tracer   Tracer

	path     []uint32 // numbers of the edges followed; handed over with the fate
	moves    uint32   // between nodes
	stack    []branch // branches still to walk, the next one last
	emitted  []*Message
	last     *Message // the one that set the outcome
	decided  *step    // the node that did
	branches int
	visits   map[*graph]int // made when a chain is called or a cycle closed
	barrier  *savepoint     // set once something has been done outside
	failure  error          // a failure that nothing took
	refused  error          // the store would not flush before a barrier: ErrConflict, or worse
	mark     int            // of the transaction, before the current node
}

// branch is a message in front of a step.
type branch struct {
	message  *Message
	step     *step
	returns  *caller
	handling *graph // the chain whose onFailure this branch runs in
}

// caller is a calling step that waits for a return: a stack as a list, because branches share its lower part.
type caller struct {
	step     *step
	next     *caller
	handling *graph // as the branch had it at the call
}

// savepoint is where a run goes on when it has to repeat: behind the last barrier, with the result that it gave.
type savepoint struct {
	stack    []branch
	path     []uint32
	emitted  []*Message
	last     *Message
	decided  *step
	branches int
	visits   map[*graph]int
	failure  error // that of the barrier's own, which nothing took
}

// process carries one job to its fate. It returns nil if there is no disk to wait for.
func (e *Engine) process(w *worker, j *job, f *Fate) (synced func(context.Context) error) {
	if j.keeping != nil {
		<-j.keeping.over // a moment, as a rule: the row was handed over before
	}
	e.follow(w)
	r := &w.run
	r.reset(e, w.chain, j)
	w.at.Store(r.context)
	synced = r.toFate(w, j, f)
	w.at.Store(nil)
	for _, p := range f.Emitted {
		e.queueRow(context.Background(), p)
	}
	if f.State == Abandoned {
		e.leaveBehind(f.Consumed)
		e.options.Logger.Warn().Str("event", "message_abandoned").Str("message", j.message.ID()).
			Str("device", j.message.Origin().Name).Err(f.Cause).Send()
	}
	return synced
}

func (r *run) reset(e *Engine, chain *Chain, j *job) {
	r.engine, r.chain = e, chain
	r.renew(j, 1)
	r.tracer, _ = j.values.Value(tracerKey{}).(Tracer)
	r.barrier = nil
}

// renew gives the run a context whose time begins now.
func (r *run) renew(j *job, attempt uint32) {
	if len(r.contexts) == 0 {
		r.contexts = make([]runContext, 8)
	}
	r.context, r.contexts = &r.contexts[0], r.contexts[1:]
	c := r.context
	c.values, c.message, c.chain, c.attempt = j.values, j.message, r.chain, attempt
	r.path = c.hops[:0]
}

// toFate makes attempts until one is applied.
func (r *run) toFate(w *worker, j *job, f *Fate) (synced func(context.Context) error) {
	for {
		if r.engine.cancelled.Load() {
			r.abandoned(j, f, ErrDraining)
			return nil
		}
		if j.keeping != nil && j.keeping.err != nil {
			r.abandoned(j, f, j.keeping.err)
			return nil
		}
		if r.engine.overtakes(j.message.pending()) {
			r.abandoned(j, f, errOvertakes)
			return nil
		}
		if err := r.begin(j); err != nil {
			r.abandoned(j, f, err)
			return nil
		}
		r.walkAll()
		if errors.Is(r.failure, errStopping) {
			if r.tx != nil {
				r.tx.Discard()
			}
			r.abandoned(j, f, ErrDraining)
			return nil
		}
		r.fate(j, f)
		if r.tx == nil {
			return nil
		}
		err := r.refused
		if err == nil {
			if synced, err = r.engine.commit(r.tx, f); err == nil {
				return synced
			}
		}
		r.tx.Discard()
		lost := errors.Is(err, ErrLost)
		if !lost && !errors.Is(err, ErrConflict) {
			r.abandoned(j, f, err)
			return nil
		}
		r.engine.repeated()
		if lost {
			r.renew(j, r.context.attempt) // what it waited for the store is not the run's time, nor a conflict
			w.at.Store(r.context)
			continue
		}
		r.context.attempt++
		r.path = nil // the transaction may have kept the one that it was shown
	}
}

// commit hands the fate to the transaction. A panic in it costs its message, not the process.
func (e *Engine) commit(tx Tx, f *Fate) (synced func(context.Context) error, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.options.Logger.Error().Str("event", "transaction_panic").Str("message", f.Message.ID()).
				Str("device", f.Message.Origin().Name).Str("stack", string(debug.Stack())).Send()
			err = fmt.Errorf("the transaction panicked: %T", p) // the value may hold anything
		}
	}()
	return tx.Commit(context.Background(), *f)
}

func (r *run) abandoned(j *job, f *Fate, cause error) {
	*f = Fate{
		Message: j.message, Last: j.message, State: Abandoned, Cause: cause, Attempt: int(r.context.attempt),
		Revision: r.chain.revision, Consumed: j.message.pending(),
	}
}

// begin opens the transaction and puts the first branch, or those behind the last barrier, before the walk.
func (r *run) begin(j *job) error {
	clear(r.stack)
	clear(r.emitted)
	r.stack, r.emitted = r.stack[:0], r.emitted[:0]
	r.failure, r.refused, r.branches, r.visits, r.last, r.decided = nil, nil, 1, nil, j.message, nil
	r.node, r.tx = r.context.renewed(r.context), nil
	if begin := r.engine.options.Begin; begin != nil {
		var err error
		if r.node, r.tx, err = begin(r.node, j.message); err != nil {
			return fmt.Errorf("opening a transaction: %w", err)
		}
	}
	if s := r.barrier; s != nil {
		r.stack, r.path, r.emitted = append(r.stack, s.stack...), append(r.path, s.path...), append(r.emitted, s.emitted...)
		r.last, r.decided, r.branches = s.last, s.decided, s.branches
		r.visits, r.failure = maps.Clone(s.visits), s.failure
		return nil
	}
	first, err := r.entry(j)
	if err != nil {
		r.failure = err
		return nil
	}
	r.stack = append(r.stack, first)
	return nil
}

// entry is where the message begins: a pending step says so itself, else the message's chain, else the root chain.
func (r *run) entry(j *job) (branch, error) {
	id := j.message.Chain()
	if j.start != nil && j.start.Chain != "" {
		id = j.start.Chain
	}
	g := r.chain.root
	if id != "" {
		g = r.chain.byID[id]
	}
	if g == nil {
		return branch{}, fmt.Errorf("%w: %q", ErrUnknownChain, id)
	}
	b := branch{message: j.message, step: g.first}
	if j.start == nil {
		return b, nil
	}
	if j.start.Node != "" {
		if b.step = g.step(j.start.Node); b.step == nil {
			return branch{}, fmt.Errorf("chain %q has no node %q any more", g.id, j.start.Node)
		}
	}
	for _, ret := range j.start.Returns {
		g := r.chain.byID[ret.Chain]
		if g == nil || g.step(ret.Node) == nil {
			return branch{}, fmt.Errorf("chain %q has no node %q to return to any more", ret.Chain, ret.Node)
		}
		b.returns = &caller{step: g.step(ret.Node), next: b.returns}
	}
	return b, nil
}

// walkAll walks every branch to its end, depth first, in file order.
func (r *run) walkAll() {
	for r.failure == nil && len(r.stack) > 0 {
		b := r.stack[len(r.stack)-1]
		r.stack = r.stack[:len(r.stack)-1]
		r.walk(&b)
	}
	r.at(0)
}

// walk follows one branch. A panic in a node is that node's failure: the walk is left, and taken up again behind it.
func (r *run) walk(b *branch) {
	for b.step != nil && r.failure == nil {
		r.guarded(b)
	}
}

func (r *run) guarded(b *branch) {
	defer func() {
		if p := recover(); p != nil {
			s := b.step
			r.engine.options.Logger.Error().Str("event", "node_panic").Str("chain", s.graph.id).Str("node", s.id).
				Str("message", b.message.ID()).Str("stack", string(debug.Stack())).Send()
			if r.tx != nil {
				r.tx.Rollback(r.mark)
			}
			if cause, final := r.overNow(); final {
				r.failure = r.located(s, cause)
			} else {
				r.fail(b, fmt.Errorf("the node panicked: %T", p)) // the value may hold anything
			}
			if s.kind.Barrier {
				r.save(b)
			}
		}
	}()
	for b.step != nil && r.failure == nil {
		r.step(b)
	}
}

// at notes where the run is.
func (r *run) at(number uint32) {
	r.moves++
	r.context.position.Store(uint64(r.moves)<<32 | uint64(number))
}

// step runs one node and moves the branch on.
func (r *run) step(b *branch) {
	s := b.step
	r.at(s.number)
	if r.tx != nil {
		if s.kind.Barrier {
			if r.refused = r.tx.Flush(r.node); r.refused != nil {
				r.failure = r.refused // ends the walk; toFate repeats or abandons the run
				return
			}
		}
		r.mark = r.tx.Mark()
	}
	var result Result
	var err error
	if r.tracer == nil {
		result, err = s.process(r.node, b.message)
	} else {
		result, err = r.traced(b)
	}
	cause, final := r.overNow()
	if cause != nil && err != nil {
		err = cause
	}
	switch {
	case final:
		r.failure = r.located(s, cause)
	case err != nil:
		if r.tx != nil {
			r.tx.Rollback(r.mark)
		}
		r.fail(b, err)
	default:
		r.route(b, result)
	}
	if s.kind.Barrier { // also one that failed: it may have acted
		r.save(b)
	}
}

// overNow tells why the context ended during the node that just ran, and gives the next node a new one.
func (r *run) overNow() (cause error, final bool) {
	cause, final = r.context.over()
	if cause != nil && !final {
		r.node = r.context.renewed(r.node)
	}
	return cause, final
}
