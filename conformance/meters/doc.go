// Command meters is a load generator: meters that connect, provision themselves, come back with their credentials, and
// send supplier key and CUPS once, each acknowledgement meaning that it is on disk.
//
//	go run ./conformance/meters                              # starts a server of its own in a temporary folder
//	go run ./conformance/meters --meters 100000 --rate 1500  # at a given rate, for the latency
//	go run ./conformance/meters --server HOST:PORT           # a server that runs; see --help for what it has to know
//
// Without --rate the loop is closed: as many meters as --connections says live at once, and a new one begins when one
// has ended. That finds the rate, and says little of latency, since a slow server is asked less. With --rate the loop is
// open: each meter has a moment to begin, whatever the server does, and its latency counts from that moment, also if it
// could only begin later. So a server that stalls is charged for every meter that it kept waiting.
//
// At the end some meters are asked, by attribute request, whether they know of their attachment. The exit code is 0 if
// every meter was acknowledged and all of these know it, 1 otherwise.
package main
