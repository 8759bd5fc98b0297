package coapserver

import "github.com/gridtie/gridtie/connectors/devices/coapserver/message"

// Observer is told what happens, to count it. Its methods are called concurrently and must not block.
type Observer interface {
	// Received: a datagram arrived, or a DTLS record with a message.
	Received()
	// Ignored: a message had no effect, for this reason; it may have been rejected with a Reset.
	Ignored(Ignored)
	// Repeated: a message arrived again, and was answered as before.
	Repeated()
	// Answered: a request was answered.
	Answered(message.Code)
	// Refused: a request did not reach the handler. The answer is counted as well.
	Refused(Refusal)
	// Registered and Ended: an observation began, or ended.
	Registered()
	Ended(Ended)
	// Notified: a notification was sent.
	Notified()
	// Unacknowledged: a confirmable message was given up.
	Unacknowledged()
	// Withheld: a message was not sent, because the address of the peer is not proved and too little came from there.
	Withheld()
	// Forgotten: a peer was forgotten before its time, for want of memory.
	Forgotten()
	// Secured: a DTLS connection is open. Insecure: a handshake did not lead to one, for this reason.
	Secured()
	Insecure(Insecure)
	// Panicked: a handler did.
	Panicked()
}

// Ignored is why a message had no effect: a closed set, fit for a metric label.
type Ignored string

// Why a message had no effect.
const (
	IgnoredForeign   Ignored = "foreign"   // not CoAP version 1
	IgnoredMalformed Ignored = "malformed" // message format error
	IgnoredPing      Ignored = "ping"      // answered with Reset
	IgnoredStray     Ignored = "stray"     // answers nothing that was sent
	IgnoredOption    Ignored = "option"    // a critical option of a non-confirmable request is not understood
	IgnoredShutdown  Ignored = "shutdown"  // a request while the server stops
)

// Refusal is why a request did not reach the handler: a closed set, fit for a metric label.
type Refusal string

// Why a request did not reach the handler.
const (
	RefusedOption     Refusal = "option"     // 4.02: a critical option is not understood
	RefusedMethod     Refusal = "method"     // 4.05
	RefusedProxy      Refusal = "proxy"      // 5.05
	RefusedBlock      Refusal = "block"      // 4.00: a block that contradicts itself
	RefusedIncomplete Refusal = "incomplete" // 4.08: a block whose predecessor is not known
	RefusedTooLarge   Refusal = "too-large"  // 4.13
	RefusedUploads    Refusal = "uploads"    // 5.03: too many incomplete payloads
	RefusedBusy       Refusal = "busy"       // 5.03: too many requests without an answer
	RefusedTimeout    Refusal = "timeout"    // 5.04: the handler took too long
)

// Insecure is why a DTLS handshake did not lead to a connection: a closed set, fit for a metric label.
type Insecure string

// Why a DTLS handshake did not lead to a connection.
const (
	InsecureConnections Insecure = "connections" // too many connections
	InsecureSource      Insecure = "handshakes"  // too many handshakes from one source
	InsecureDisplaced   Insecure = "displaced"   // made room for another one
	InsecureFailed      Insecure = "failed"      // wrong key, bad certificate, no common cipher
	InsecureTimeout     Insecure = "timeout"     // not complete within Limits.HandshakeTimeout
	InsecureShutdown    Insecure = "shutdown"    // the server stops
)

// unobserved is the Observer of a server that has none.
type unobserved struct{}

func (unobserved) Received()             {}
func (unobserved) Ignored(Ignored)       {}
func (unobserved) Repeated()             {}
func (unobserved) Answered(message.Code) {}
func (unobserved) Refused(Refusal)       {}
func (unobserved) Registered()           {}
func (unobserved) Ended(Ended)           {}
func (unobserved) Notified()             {}
func (unobserved) Unacknowledged()       {}
func (unobserved) Withheld()             {}
func (unobserved) Forgotten()            {}
func (unobserved) Secured()              {}
func (unobserved) Insecure(Insecure)     {}
func (unobserved) Panicked()             {}

// IgnoredReasons is every Ignored.
func IgnoredReasons() []Ignored {
	return []Ignored{
		IgnoredForeign, IgnoredMalformed, IgnoredPing, IgnoredStray, IgnoredOption, IgnoredShutdown,
	}
}

// Refusals is every Refusal.
func Refusals() []Refusal {
	return []Refusal{
		RefusedOption, RefusedMethod, RefusedProxy, RefusedBlock, RefusedIncomplete, RefusedTooLarge, RefusedUploads,
		RefusedBusy, RefusedTimeout,
	}
}

// Ends is every Ended.
func Ends() []Ended {
	return []Ended{
		EndedByPeer, EndedReset, EndedRenewed, EndedTimeout, EndedSlow, EndedRefused, EndedByServer, EndedGone, EndedShutdown,
	}
}

// InsecureReasons is every Insecure.
func InsecureReasons() []Insecure {
	return []Insecure{
		InsecureConnections, InsecureSource, InsecureDisplaced, InsecureFailed, InsecureTimeout, InsecureShutdown,
	}
}
