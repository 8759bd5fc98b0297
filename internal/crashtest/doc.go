// Package crashtest kills the whole product and looks at what is left: sockets or none, real processes with SIGKILL and
// Pebble's file system in memory with the plug pulled at every flush.
//
// Learn four types. A [Meter] is what a client knows of its own device: what it asked for and what it was told. A [Log]
// keeps the meters while they work, and gives snapshots that bound what a crash may have left: what was acknowledged
// before must be there, what was sent after cannot be. A [World] is what the meters live in: keys, supply points and a
// set of chains in which every event leaves a trace that can be counted. [Check] holds a registry against a snapshot and
// says what is lost, half made, double or unknown.
//
// Meters speak MQTT, HTTP and CoAP, each its own: over sockets where there is a process, else by the handlers of the
// protocols. They are also called (persistent RPC), and answer: an accepted call is there, in order, under the number that the
// meter has seen, and has the answer that was acknowledged, or none yet.
//
// A checker that finds nothing proves little, so the tests also run it on builds that are broken on purpose: one that
// does not wait for the disk, one that forgets the last row of each batch.
//
// A Log may be used by many goroutines; everything else belongs to one. Nothing here outlives the call that made it.
package crashtest
