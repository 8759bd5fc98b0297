// Command mutations breaks the product on purpose, in a copy, one fault at a time, and tells whether the tests see it.
//
//	go run ./conformance/mutations                 # all, in minutes
//	go run ./conformance/mutations --quick         # those that stand for each promise, in a minute
//	go run ./conformance/mutations lose-event …    # these
//
// Learn the type [mutation]: one file below faults/, which says in words what is broken, where, and which tests are to
// notice. A text that is to be replaced must stand in its file exactly once; where it no longer does, the run fails, and
// so does the test of this package, so that a fault which cannot be made any more is not taken for one that is caught.
//
// The copy is what git has at HEAD (--rev for another revision), in a temporary folder that is removed. Tests first run
// there unbroken: only what passes then can catch something. The exit code is 1 if a fault survived or could not be made.
package main
