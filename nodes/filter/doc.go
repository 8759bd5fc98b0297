// Package filter holds the node kinds that only decide where a message goes: they change nothing about it and write
// nothing.
//
// Each kind is a function that returns an engine.Kind: [Expr] (a condition), [Type] (a list of message types),
// [TypeSwitch] (ThingsBoard's labels of message types) and [Switch] (an expression names the relation). Their nodes hold
// only immutable fields, so that messages pass through them concurrently.
package filter
