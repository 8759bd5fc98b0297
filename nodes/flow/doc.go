// Package flow holds the node kinds that lead a message from one chain into another and back: [Chain] calls, [Output]
// returns. The called chain shares the run, its transaction and its fate with the caller.
package flow
