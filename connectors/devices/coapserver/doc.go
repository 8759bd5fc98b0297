// Package coapserver speaks CoAP with devices, over UDP and over DTLS (RFC 7252, 7641, 7959). It knows no path and no
// body: what a request means is up to a [Handler].
//
// Learn four types: a [Server] reads datagrams and bounds what they cost; a [Handler] takes a [Request] and answers it,
// at once or when the outcome is on disk; an [Observation] is the way to a peer that wants to hear of changes; a [Peer]
// says where a request came from, and who proved to be there.
//
// What the server promises:
//
//   - A message that arrives again is not processed again. A confirmable one is answered with the bytes of the first
//     answer, for as long as RFC 7252 section 4.8.2 lets a peer repeat it, and the memory given by [Limits] lasts.
//   - A confirmable request without an answer after 500 ms is acknowledged, and answered later with a confirmable
//     message, which is repeated until it is acknowledged. The answer to a non-confirmable one is non-confirmable.
//   - Nobody can make the server send to an address more than three times what came from there, until it is proved that
//     somebody is there who speaks CoAP: by DTLS, by an acknowledgement, or by the answer to a ping. An answer that is
//     larger is preceded by a ping; if none comes back, the answer goes out in blocks that are small enough.
//   - The requests of one peer are handed over one after another, in the order in which they came. Waiting for an answer
//     does not stop that.
//   - Bytes that are not a message, and messages that answer nothing that was asked, are ignored; a confirmable message
//     that cannot be read, and a ping, get a Reset. A panic in a handler costs its request only.
//   - Memory for peers that did not prove anything is bounded, and taken from the one that was silent the longest.
//
// What it does not do: it sends no requests, but for pings; it serves no multicast address, no proxying, and none of the
// conditional requests (If-Match), which are refused as an option that is not understood.
//
// # Why not a library
//
// github.com/plgd-dev/go-coap/v3 was looked at, up to 3.5.4. It drops unknown options while it reads, critical ones
// included, answers a stray acknowledgement with a request-like message of its own, and looks through all the answers it
// remembers for a peer at every datagram of it. A guard in front could mend the first two at the price of reading
// everything twice. It is the peer that tests speak with. DTLS is github.com/pion/dtls.
//
// # Concurrency and lifetime
//
// All exported methods are safe for concurrent use. A Server starts goroutines in Serve and ServeDTLS only, and these
// return when all of them have ended. No token, path, payload or identity is logged.
package coapserver
