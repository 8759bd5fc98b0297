// Package pebble keeps a [store.Store] in a folder of its own with CockroachDB's Pebble, the embedded default.
//
// [Open] and [Options] are all there is to learn; the rest is the contract of package store.
//
// # How it works
//
// Writers apply one after another under one lock: checks are compared with a table in memory that remembers when keys
// were last written (8 MiB, see written), then the batch goes into Pebble's memory table and into the queue of its
// log, without waiting for the disk. Pebble's log writer flushes whatever is queued in one go, so many batches share
// one flush; one goroutine of ours takes the answers in order and lets those go who wait in Sync.
//
// # Failure
//
// A write or flush that fails on anything but a table file is final. Pebble would answer it by panics with its locks
// held, or by ending the process. So a fence between Pebble and the file system notes the failure first, fails the
// store, and from then on swallows every write: Pebble runs on undisturbed until Close, the folder stays as it was at
// the failure, as after a power cut, and nothing is acknowledged any more. A failed table file is no loss, since its
// rows are in the log until another try succeeds.
//
// The end of the disk is such a failure, so the store stops short of it: while there is less room than Options.Reserve,
// Apply waits, and goes on by itself. Away tells of that, and of a disk that has stopped answering; nothing has failed
// then.
//
// # Concurrency and lifetime
//
// The folder belongs to one Store at a time; a second one gets [store.ErrLocked]. Close waits for views and calls
// under way.
package pebble
