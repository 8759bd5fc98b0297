package engine

import (
	"context"
	"errors"
)

// ErrConflict is returned by a Tx when a row that the run decided on has changed meanwhile. The engine then repeats the
// run; a conflict never dead-letters.
var ErrConflict = errors.New("a row that the run decided on has changed")

// ErrLost is returned by a Tx that could not reach its store, and has waited until it could. The engine then repeats the
// run, whatever came of it, and its time limits begin anew: it is not to blame.
var ErrLost = errors.New("the store was away during the run")

// Tx is what a run does to the world, gathered while the chain runs and applied as one. Its methods are called by one
// goroutine at a time.
type Tx interface {
	// Mark and Rollback stand around every node, so that one that errs leaves no writes.
	Mark() int
	Rollback(mark int)
	// Flush applies what was gathered so far and waits for the disk, before an external effect.
	Flush(ctx context.Context) error
	// Commit applies effects and fate as one batch. It returns once that state is visible; synced then waits until it
	// is on disk. ErrConflict and ErrLost ask for another attempt.
	Commit(ctx context.Context, f Fate) (synced func(context.Context) error, err error)
	// Discard drops what was gathered. It may be called after Commit, and does nothing then.
	Discard()
}

// BeginFunc opens the transaction of one attempt of a run. Registry verbs find it in the returned context.
type BeginFunc func(ctx context.Context, m *Message) (context.Context, Tx, error)

// MessageOf is the message that a context's run was started with; nil outside a run. Expression functions that look
// things up find its origin and time there.
func MessageOf(ctx context.Context) *Message {
	m, _ := ctx.Value(messageKey{}).(*Message)
	return m
}

type messageKey struct{}

// Place is where a run stands. It is evidence: what decided, and on which revision.
type Place struct{ Chain, Node, Revision string }

// PlaceOf is the place of the node that a context was handed to; zero outside a run.
func PlaceOf(ctx context.Context) Place {
	if p, ok := ctx.Value(placeKey{}).(Place); ok {
		return p
	}
	return Place{}
}

type placeKey struct{}

// Attempt is the number of the attempt that a context belongs to, from 1. A transaction asked for with attempt 4 or
// above should run alone, with no other batch applied meanwhile, so that it cannot lose for ever.
func Attempt(ctx context.Context) int {
	if n, ok := ctx.Value(attemptKey{}).(int); ok {
		return n
	}
	return 1
}

type attemptKey struct{}

// State is how a run ended.
type State uint8

const (
	// Stored: the message is on disk and will be run; what comes of it is told to nobody. See Engine.Store.
	Stored State = iota + 1
	// Done: the run reached its end; its outcome, if it has one, may still be a refusal.
	Done
	// DeadLettered: a failure that nothing took; the message is kept with cause and path.
	DeadLettered
	// Abandoned: the message is neither processed nor kept (the store refused it, or the engine stopped). Nothing may
	// be acknowledged; the sender has to repeat. One that was stored before waits in its row for the next start.
	Abandoned
)

// String names the state as metrics and JSON do.
func (s State) String() string {
	switch s {
	case Stored:
		return "stored"
	case Done:
		return "done"
	case DeadLettered:
		return "dead-lettered"
	case Abandoned:
		return "abandoned"
	}
	return "unknown"
}

// Hop is one step of the way that a message took.
type Hop struct {
	Chain    string `json:"chain"`
	Node     string `json:"node"`
	Relation string `json:"relation"`
}

// Path is the way that a message took, through all its branches, in the order in which they were walked.
type Path struct {
	chain *Chain
	hops  []uint32 // numbers of edges
}

// Len is the number of hops.
func (p Path) Len() int { return len(p.hops) }

// Hops spells the path out.
func (p Path) Hops() []Hop {
	hops := make([]Hop, len(p.hops))
	for i := range hops {
		hops[i] = p.hop(i)
	}
	return hops
}

// Last is the last hop; zero for a message that met no node.
func (p Path) Last() Hop {
	if len(p.hops) == 0 {
		return Hop{}
	}
	return p.hop(len(p.hops) - 1)
}

func (p Path) hop(i int) Hop {
	e := p.chain.edges[p.hops[i]]
	return Hop{Chain: e.from.graph.id, Node: e.from.id, Relation: e.relation}
}

// Fate is how one message ended.
type Fate struct {
	Message  *Message // as it was submitted
	Last     *Message // the one that set the outcome, with its metadata; Message where none did
	State    State
	Outcome  string // code set by the chain; empty where none was
	Decided  Place  // the node that set it; zero where none did
	Path     Path
	Cause    error  // why it was dead-lettered or abandoned; nil when done
	Attempt  int    // from 1
	Revision string // of the chain set that it ran on

	Emitted  []Pending  // what is still to be done: to be written with the run's effects. If State is Stored, that is all
	Consumed PendingRef // the pending step that this run carried out; zero if it came from outside
}

// Pending is work that outlives a run and must survive a restart: messages that a run emitted, or that were stored.
type Pending struct {
	Sequence uint64 // rising; the order in which a restart queues the rows
	Lane     string
	Steps    []Step
}

// Step is one message and the place from which its run goes on.
type Step struct {
	Message *Message
	Chain   string  // empty: the message's own entry
	Node    string  // empty: the chain's first node
	Returns []Frame // callers that wait for a return, innermost last
}

// Frame is a place in a calling chain.
type Frame struct {
	Chain string `json:"chain"`
	Node  string `json:"node"`
}

// PendingRef names the pending step that a run carries out.
type PendingRef struct {
	Sequence uint64 // 0: the message came from outside
	Step     int    // position in the row, from 0
	Last     bool   // nothing of the row is left after this step
}
