package engine

import (
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"
)

// The relations that ThingsBoard reserves. Relations are compared without regard to case.
const (
	RelationSuccess = "Success"
	RelationFailure = "Failure"
	RelationTrue    = "True"
	RelationFalse   = "False"
	RelationOther   = "Other"
)

// Node is one step of a chain: it looks at a message and says where it goes next.
//
// Process is called concurrently for messages of different origins. It may block and must honour ctx. An error means
// the relation Failure, and that nothing the node wrote through the transaction in ctx stays. A node that holds
// something open also implements io.Closer; Close is called exactly once, after the last run on the node's revision.
type Node interface {
	Process(ctx context.Context, m *Message) (Result, error)
}

// NodeFunc is a Node that is a plain function.
type NodeFunc func(ctx context.Context, m *Message) (Result, error)

// Process calls the function.
func (f NodeFunc) Process(ctx context.Context, m *Message) (Result, error) { return f(ctx, m) }

// Result names the relation that a message leaves a node by, and carries the message, or several, that follow it.
type Result struct {
	relation string
	message  *Message
	more     *moreMessages // nil for nearly every result
	turn     turn
}

// moreMessages stand apart so that a Result is small enough to be returned in registers: it is handed up through two or
// three functions at every node.
type moreMessages struct {
	others  []*Message // that follow the relation behind the first
	emitted []*Message
}

// turn is what a result asks of the walk besides following a relation.
type turn uint8

const (
	follow     turn = iota
	callChain       // relation holds the chain's id
	backToCall      // relation holds the label
)

// On sends the message along a relation.
func On(relation string, m *Message) Result { return Result{relation: relation, message: m} }

// Success sends the message along Success.
func Success(m *Message) Result { return On(RelationSuccess, m) }

// If sends the message along True or False.
func If(yes bool, m *Message) Result {
	if yes {
		return On(RelationTrue, m)
	}
	return On(RelationFalse, m)
}

// Fork sends several messages along one relation, one after another, each to its end before the next. They share the
// run's transaction and fate.
func Fork(relation string, messages ...*Message) Result {
	switch len(messages) {
	case 0:
		return Result{relation: relation}
	case 1:
		return On(relation, messages[0])
	}
	return Result{relation: relation, message: messages[0], more: &moreMessages{others: messages[1:]}}
}

// Call enters another chain of the set. The message comes back to the calling node's relations by Return; a message
// that ends in the called chain without one does not come back.
func Call(chain string, m *Message) Result {
	return Result{relation: chain, message: m, turn: callChain}
}

// Return leaves the current chain: the caller continues along the relation of that name. Without a caller the message
// ends.
func Return(label string, m *Message) Result {
	return Result{relation: label, message: m, turn: backToCall}
}

// Emit adds messages that start runs of their own once this one is applied. They are durable with the run's effects.
// Their ids are derived from the parent's id, the node and an ordinal: what Header.ID holds is ignored.
func (r Result) Emit(messages ...*Message) Result {
	more := moreMessages{}
	if r.more != nil {
		more = *r.more
	}
	more.emitted = slices.Concat(more.emitted, messages)
	r.more = &more
	return r
}

// Env is everything wide that a node may need; it is handed over once, at construction.
type Env interface {
	Chain() string          // id of the chain that the node stands in
	Node() string           // id of the node
	Logger() zerolog.Logger // carries chain and node already
	Now() time.Time         // the injected clock
}
