package mqttserver

import "github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"

// Observer counts what a server does. Its methods are called concurrently and on the hot path; they must not block.
//
// Every connection is Accepted, then either Refused or Opened; every one Opened is Closed. So accepted - refused -
// opened is the number of half-open connections at any moment, and opened - closed that of the open ones.
type Observer interface {
	Accepted()
	Refused(Refusal)
	Opened()
	Closed(CloseReason)
	// Received and Sent count control packets: Received when the fixed header is there, Sent when an answer is queued
	// or a PUBLISH is about to be written.
	Received(packet.Type)
	Sent(packet.Type)
	// Denied counts filters of a SUBSCRIBE that were refused.
	Denied(Denial)
	// Dropped counts QoS 0 messages to a client that did not read them.
	Dropped()
	// Panicked counts panics of dialects and handlers.
	Panicked()
}

// Refusal says why a connection was not opened.
type Refusal uint8

const (
	// RefusedTotal: Limits.Connections are open.
	RefusedTotal Refusal = iota + 1
	// RefusedHalfOpen: Limits.HalfOpen have not finished their CONNECT.
	RefusedHalfOpen
	// RefusedAddress: Limits.HalfOpenAddress from this address have not finished their CONNECT.
	RefusedAddress
	// RefusedTimeout: no whole CONNECT within Limits.ConnectTimeout.
	RefusedTimeout
	// RefusedGone: the peer left before its CONNECT was answered.
	RefusedGone
	// RefusedMalformed: the first packet was not a CONNECT, or not a sound one.
	RefusedMalformed
	// RefusedTooLarge: the first packet was larger than Limits.ConnectBytes.
	RefusedTooLarge
	// RefusedCode: a return code other than 0 was sent.
	RefusedCode
	// RefusedUnclaimed: no dialect knew the connection.
	RefusedUnclaimed
	// RefusedPanic: a dialect panicked.
	RefusedPanic
	// RefusedShutdown: the server stops, or the dialect itself closed the connection.
	RefusedShutdown
)

var refusals = [...]string{
	RefusedTotal: "connections", RefusedHalfOpen: "half-open", RefusedAddress: "half-open-address",
	RefusedTimeout: "timeout", RefusedGone: "gone", RefusedMalformed: "malformed", RefusedTooLarge: "too-large",
	RefusedCode: "code", RefusedUnclaimed: "unclaimed", RefusedPanic: "panic", RefusedShutdown: "shutdown",
}

// String gives a short word from a closed set, fit for a metric label.
func (r Refusal) String() string {
	if int(r) < len(refusals) && r > 0 {
		return refusals[r]
	}
	return "unknown"
}

// Denial says why a filter of a SUBSCRIBE was refused.
type Denial uint8

const (
	// DeniedFilter: the handler does not grant it, or it is one that no client is granted.
	DeniedFilter Denial = iota + 1
	// DeniedLength: it is longer than Limits.TopicBytes.
	DeniedLength
	// DeniedNumber: the SUBSCRIBE has more than Limits.Filters.
	DeniedNumber
)

var denials = [...]string{DeniedFilter: "filter", DeniedLength: "too-long", DeniedNumber: "too-many"}

// String gives a short word from a closed set, fit for a metric label.
func (d Denial) String() string {
	if int(d) < len(denials) && d > 0 {
		return denials[d]
	}
	return "unknown"
}

// unobserved is the Observer of a server that has none.
type unobserved struct{}

func (unobserved) Accepted()            {}
func (unobserved) Refused(Refusal)      {}
func (unobserved) Opened()              {}
func (unobserved) Closed(CloseReason)   {}
func (unobserved) Received(packet.Type) {}
func (unobserved) Sent(packet.Type)     {}
func (unobserved) Denied(Denial)        {}
func (unobserved) Dropped()             {}
func (unobserved) Panicked()            {}
