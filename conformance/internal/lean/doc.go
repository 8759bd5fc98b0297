// Package lean is an MQTT 3.1.1 client that costs as little as a client can, for programs that measure a server on the
// same machine: what the client spends, the server does not have.
//
// Learn three types: a [Dialer] opens connections from several addresses, a [Conn] writes bytes and cuts what comes back
// into packets, and [Latencies] are what was measured. Nothing is retried, reordered or kept alive: the caller says what
// is sent and reads what it waits for.
//
// A Dialer is safe for concurrent use. A Conn belongs to one goroutine.
package lean
