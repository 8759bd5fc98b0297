package mqttserver

import (
	"context"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// Dialect is a family of devices: it decides at CONNECT whether a connection is its own, and who it is.
type Dialect interface {
	// Connect is called once for each CONNECT, at most once at a time for a connection, concurrently for many. It
	// may block for look-ups; ctx ends with the connection. It returns the handler of the session and Accepted; or
	// NotMine, and the next dialect is asked; or another code, which the client is told before it is cut off. c may
	// be used at once and kept; what is published on it leaves after the CONNACK, and never if the code is not
	// Accepted. p belongs to the dialect.
	Connect(ctx context.Context, c *Conn, p *packet.Connect) (Handler, ConnectCode)
}

// Handler is one client's session.
type Handler interface {
	// Publish takes one message of the client, its payload included. It may block to hold the client back, but must
	// not wait for the outcome: done is called once, later or at once, from any goroutine; further calls do nothing.
	// A verdict on a message that is given before Publish has returned may leave only then.
	// ctx ends with the connection and governs this call only: what goes on after it returned must not depend on it.
	Publish(ctx context.Context, p Publish, done func(Verdict))
	// Subscribe returns the granted QoS, 0 or 1; anything else, best 0x80, refuses. qos is what the client asked for,
	// 0 to 2. It is called for each filter of a SUBSCRIBE up to Limits.Filters, also for one granted before.
	Subscribe(ctx context.Context, filter string, qos byte) (granted byte)
	// Unsubscribe is called for every filter of an UNSUBSCRIBE, subscribed or not.
	Unsubscribe(ctx context.Context, filter string)
	// Closed is called once, after the connection is gone and no other method is running. Verdicts may still be
	// outstanding; they do nothing any more.
	Closed(reason CloseReason)
}

// Publish is an application message from a client. It belongs to the handler.
type Publish = packet.Publish

// Verdict is what becomes of a PUBLISH, and of its connection.
type Verdict uint8

const (
	// Ack acknowledges the message: PUBACK for QoS 1, PUBREC for QoS 2, nothing for QoS 0.
	Ack Verdict = iota + 1
	// AckAndClose acknowledges and then closes the connection.
	AckAndClose
	// CloseWithoutAck closes the connection. Messages before this one are acknowledged first.
	CloseWithoutAck
)

// ConnectCode is the return code of a CONNACK.
type ConnectCode byte

// The return codes of MQTT 3.1.1 table 3.1.
const (
	Accepted             ConnectCode = 0
	RefusedVersion       ConnectCode = 1
	RefusedIdentifier    ConnectCode = 2
	RefusedUnavailable   ConnectCode = 3
	RefusedCredentials   ConnectCode = 4
	RefusedNotAuthorized ConnectCode = 5
	// NotMine is never sent: the dialect does not claim the connection. If none does, it is RefusedNotAuthorized.
	NotMine ConnectCode = 0xff
)

// CloseReason says why an open connection ended.
type CloseReason uint8

const (
	// ClosedByClient: the client sent DISCONNECT.
	ClosedByClient CloseReason = iota + 1
	// ClosedGone: the network connection ended without a DISCONNECT.
	ClosedGone
	// ClosedKeepAlive: nothing arrived for one and a half times the keep-alive, or for Limits.Inactivity.
	ClosedKeepAlive
	// ClosedMalformed: the client sent bytes or packets that MQTT does not allow.
	ClosedMalformed
	// ClosedTooLarge: the client sent a packet or a topic above the limits.
	ClosedTooLarge
	// ClosedUnreleased: the client left too many QoS 2 messages without PUBREL.
	ClosedUnreleased
	// ClosedSlow: the client did not read what it was sent, or not acknowledge it.
	ClosedSlow
	// ClosedVerdict: the handler's verdict on a message closed the connection.
	ClosedVerdict
	// ClosedTimeUp: the time given with Conn.CloseAfter has passed.
	ClosedTimeUp
	// ClosedTakenOver: another connection of the same device took its place.
	ClosedTakenOver
	// ClosedRevoked: the device was deleted or its credentials changed.
	ClosedRevoked
	// ClosedShutdown: the server stops.
	ClosedShutdown
	// ClosedPanic: a handler panicked.
	ClosedPanic
)

var closeReasons = [...]string{
	ClosedByClient: "client", ClosedGone: "gone", ClosedKeepAlive: "keep-alive", ClosedMalformed: "malformed",
	ClosedTooLarge: "too-large", ClosedUnreleased: "unreleased", ClosedSlow: "slow", ClosedVerdict: "verdict",
	ClosedTimeUp: "time-up", ClosedTakenOver: "taken-over", ClosedRevoked: "revoked", ClosedShutdown: "shutdown",
	ClosedPanic: "panic",
}

// String gives a short word from a closed set, fit for a metric label.
func (r CloseReason) String() string {
	if int(r) < len(closeReasons) && r > 0 {
		return closeReasons[r]
	}
	return "unknown"
}
