// Package engine runs messages through JSON rule chains. It knows no network, no storage and no devices.
//
// Learn seven types:
//
//   - [Message] is one event on its way through a chain, immutable; [Data] is its JSON payload, indexed when somebody looks.
//   - [Node] is one step: it looks at a message and returns a [Result], which names the relation that the message leaves
//     by. Routing is a return value; a node never sees another node.
//   - [Kind] describes a kind of node once: decoding, defaults, checks and documentation follow from its configuration
//     struct. A [Catalog] is the set of kinds that chains may use.
//   - [Tx] is what a run does to the world, gathered while the chain runs and applied as one, with the run's [Fate].
//   - [Chain] is a compiled chain set; [Engine] holds the current one and swaps it in one step.
//
// # What is promised
//
// Order: let a and b be messages of one origin, and let Submit or Store of a return before that of b is called. Then every node
// is done with a, in all its branches and nested chains, before any node sees b, and the batch of a is applied before
// that. Less formally: a lane per device. Messages of different origins do not wait for one another.
//
// One fate: the function given to Submit is called exactly once, after the fate is on disk. Done means that the effects
// are; DeadLettered, that the message is kept and the effects are not; Abandoned, that nothing is, and that the sender
// must be told nothing. The function given to Store is called when the message itself is on disk, to be run.
//
// Failures: an error of a node leaves none of its writes. It goes along the node's Failure relation, else to the chain's
// onFailure, else to the node that called the chain, and so outwards. What nobody takes dead-letters the message. A panic
// is a failure. A conflict with another run repeats the run and never dead-letters it.
//
// # Lifetime
//
// [New] starts goroutines; [Engine.Drain] ends them, and closes the nodes of the chain set. [Engine.Swap] hands over
// another set: runs under way finish on theirs, whose nodes are closed after the last of them. All methods are safe for
// concurrent use. What Submit is given as done must not block.
package engine
