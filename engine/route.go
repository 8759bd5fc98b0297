package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// Metadata that a message carries along a Failure relation or into onFailure, as in ThingsBoard.
const (
	MetaError     = "error"
	MetaErrorNode = "errorNode"
)

// route moves a branch on by a node's result.
func (r *run) route(b *branch, result Result) {
	s := b.step
	var e *edge
	if result.turn == follow {
		e = s.edge(result.relation)
	}
	if plain := e != nil && result.message != nil && result.more == nil; !plain { // most are, and nothing is wrong with them
		if fault := r.misrouted(s, e, result); fault != nil {
			r.fail(b, fault)
			return
		}
		if result.more != nil {
			r.emit(s, result.more.emitted)
		}
	}
	if m := result.message; m != nil && m.changed != b.message.changed {
		r.decide(s, b.message, m)
	}
	if result.more != nil {
		for _, m := range result.more.others {
			r.decide(s, b.message, m)
		}
	}
	switch result.turn {
	case callChain:
		r.enterChain(b, result)
	case backToCall:
		r.leaveChain(b, result)
	default:
		if e == nil {
			b.step = nil // an expression named a relation that nothing is connected to
			return
		}
		if e.relation == RelationFailure && len(e.to) == 0 {
			r.fail(b, fmt.Errorf("the node sent the message along %s", RelationFailure))
			return
		}
		r.follow(b, e, result)
	}
}

// decide notes the outcome that a node set, if it did: the last one set is the run's.
func (r *run) decide(s *step, before, after *Message) {
	if code := after.Outcome(); code != "" && code != before.Outcome() {
		r.last, r.decided = after, s
	}
}

// misrouted is a result that no node may give. It is a failure as if the node had said so: none of its writes stay.
func (r *run) misrouted(s *step, e *edge, result Result) (err error) {
	switch more := result.more; {
	case result.turn == follow && e == nil && !s.kind.AnyRelation:
		err = fmt.Errorf("the node gave the relation %q, which its kind %s does not have", result.relation, s.kind.Name)
	case result.turn == callChain && r.chain.byID[result.relation] == nil:
		err = fmt.Errorf("%w: %q", ErrUnknownChain, result.relation)
	case result.turn == callChain && result.message == nil,
		more != nil && (slices.Contains(more.others, nil) || slices.Contains(more.emitted, nil)):
		err = errors.New("the node gave a message that is nil")
	default:
		return nil
	}
	if r.tx != nil {
		r.tx.Rollback(r.mark)
	}
	return err
}

// follow continues the branch along an edge: the first message to the first node at once, the rest later in order.
func (r *run) follow(b *branch, e *edge, result Result) {
	r.pass(e)
	if e.back && !r.visit(b, e.from.graph) {
		return
	}
	if len(e.to) == 0 || result.message == nil {
		b.step = nil
		return
	}
	var others []*Message
	if result.more != nil {
		others = result.more.others
	}
	if n := (1 + len(others)) * len(e.to); n > 1 {
		r.branches += n - 1
		if r.branches > maxBranches {
			r.failure = r.located(e.from, fmt.Errorf("the message became more than %d branches", maxBranches))
			return
		}
		for _, m := range slices.Backward(others) {
			r.later(b, m, e.to)
		}
		r.later(b, result.message, e.to[1:])
	}
	b.message, b.step = result.message, e.to[0]
}

// pass adds an edge to the path.
func (r *run) pass(e *edge) { r.path = append(r.path, e.number) }

// later puts branches on the stack so that they come off it in file order.
func (r *run) later(b *branch, m *Message, steps []*step) {
	for _, to := range slices.Backward(steps) {
		r.stack = append(r.stack, branch{message: m, step: to, returns: b.returns, handling: b.handling})
	}
}

func (r *run) enterChain(b *branch, result Result) {
	g := r.chain.byID[result.relation]
	if !r.visit(b, g) {
		return
	}
	b.returns = &caller{step: b.step, next: b.returns, handling: b.handling}
	b.message, b.step, b.handling = result.message, g.first, nil
}

func (r *run) leaveChain(b *branch, result Result) {
	if b.step.leave != nil {
		r.pass(b.step.leave)
	}
	back := b.returns
	if back == nil {
		b.step = nil
		return
	}
	b.step, b.returns, b.handling = back.step, back.next, back.handling
	e := back.step.edge(result.relation)
	if e == nil {
		b.step = nil
		return
	}
	r.follow(b, e, Result{message: result.message})
}

// visit counts an entry into a chain, or a turn of a cycle in it; false means that it was one too many.
func (r *run) visit(b *branch, g *graph) bool {
	if r.visits == nil {
		r.visits = map[*graph]int{}
	}
	r.visits[g]++
	if r.visits[g] <= g.maxVisits {
		return true
	}
	r.failure = r.located(b.step, fmt.Errorf("the message visited chain %q more than %d times", g.id, g.maxVisits))
	return false
}

// fail takes a failure to whoever handles it: the node's Failure relation, the chain's onFailure, the caller's Failure
// relation, and so on outwards. What nobody takes ends the run.
func (r *run) fail(b *branch, err error) {
	err = r.located(b.step, err)
	m := b.message.WithMeta(Pair{MetaError, err.Error()}, Pair{MetaErrorNode, b.step.id})
	for {
		s := b.step
		e := s.edge(RelationFailure)
		if len(e.to) > 0 {
			r.follow(b, e, Result{message: m})
			return
		}
		r.pass(e)
		if g := s.graph; g.onFailure != nil && b.handling != g {
			b.message, b.step, b.handling = m, g.onFailure, g
			return
		}
		if b.returns == nil {
			r.failure = err
			return
		}
		b.step, b.returns, b.handling = b.returns.step, b.returns.next, b.returns.handling
	}
}

// NodeError is a failure with the node that it came from.
type NodeError struct {
	Chain, Node string
	Err         error
}

func (e *NodeError) Error() string {
	return fmt.Sprintf("chain %q: node %q: %v", e.Chain, e.Node, e.Err)
}

func (e *NodeError) Unwrap() error { return e.Err }

func (r *run) located(s *step, err error) error {
	return &NodeError{Chain: s.graph.id, Node: s.id, Err: err}
}

// emit keeps the messages that a node brought forth. Their ids follow from the parent's, so that a run that is repeated
// emits the same messages.
func (r *run) emit(s *step, messages []*Message) {
	for _, m := range messages {
		h := m.head.Header
		name := fmt.Sprintf("%s/%s/%s/%d", r.context.message.ID(), s.graph.id, s.id, len(r.emitted))
		h.ID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)).String()
		r.emitted = append(r.emitted, m.withHead(&h, nil))
	}
}

// save remembers where to go on behind a barrier.
func (r *run) save(b *branch) {
	p := &savepoint{
		stack: slices.Clone(r.stack), path: slices.Clone(r.path), emitted: slices.Clone(r.emitted),
		last: r.last, decided: r.decided, branches: r.branches, visits: maps.Clone(r.visits), failure: r.failure,
	}
	if b.step != nil && r.failure == nil {
		p.stack = append(p.stack, *b)
	}
	r.barrier = p
}

// fate describes how the attempt ended.
func (r *run) fate(j *job, f *Fate) {
	*f = Fate{
		Message: j.message, Last: r.last, State: Done, Outcome: r.last.Outcome(), Attempt: int(r.context.attempt),
		Path: Path{chain: r.chain, hops: r.path}, Revision: r.chain.revision, Consumed: j.message.pending(),
	}
	if r.failure != nil {
		f.State, f.Cause, f.Outcome = DeadLettered, r.failure, ""
		return
	}
	if s := r.decided; s != nil {
		f.Decided = Place{Chain: s.graph.id, Node: s.id, Revision: r.chain.revision}
	}
	for _, m := range r.emitted { // one row for each lane; mostly there is one
		i := slices.IndexFunc(f.Emitted, func(p Pending) bool { return p.Lane == m.Lane() })
		if i < 0 {
			f.Emitted = append(f.Emitted, Pending{Sequence: r.engine.sequence(), Lane: m.Lane()})
			i = len(f.Emitted) - 1
		}
		f.Emitted[i].Steps = append(f.Emitted[i].Steps, Step{Message: m, Chain: m.Chain()})
	}
}

func (e *Engine) repeated() {
	e.mu.Lock()
	e.counts.Repeated++
	e.mu.Unlock()
}
