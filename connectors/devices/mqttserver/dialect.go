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
	// Subscribe returns the granted QoS, packet.GrantedQoS0 to packet.GrantedQoS2, no higher than what the client asked for;
	// anything else refuses, and is told to a client of MQTT 5. It is called for each filter of a SUBSCRIBE up to
	// Limits.Filters, also for one granted before, which it replaces.
	Subscribe(ctx context.Context, s Subscription) packet.ReasonCode
	// Unsubscribe is called for every filter of an UNSUBSCRIBE, subscribed or not. What it returns is told to a client of
	// MQTT 5: packet.Success, packet.NoSubscriptionExisted, or why the filter cannot be.
	Unsubscribe(ctx context.Context, filter string) packet.ReasonCode
	// Closed is called once for a connection, after it is gone and no other method is running. Verdicts may still be
	// outstanding; they do nothing any more, but for QoS 2 messages of a session that goes on.
	Closed(reason CloseReason)
}

// Keeper is a Handler of a session that may outlive its connection: see Conn.Resume. Its further methods may be called from
// any goroutine.
type Keeper interface {
	Handler
	// Will takes the will of a client that left without saying good-bye, or said that it is to be sent, when its time has
	// come: to be published as if the client did it now. Properties are those of the will.
	Will(p Publish)
	// Ended is called once, last of all: the session is over.
	Ended()
}

// Publish is an application message from a client. It belongs to the handler. In MQTT 5 Topic is what a topic alias stands
// for, and Properties are as they came.
type Publish = packet.Publish

// Verdict is what becomes of a PUBLISH, and of its connection. With adds why.
type Verdict uint16

const (
	// Ack acknowledges the message: PUBACK for QoS 1, PUBREC for QoS 2, nothing for QoS 0.
	Ack Verdict = iota + 1
	// AckAndClose acknowledges and then closes the connection.
	AckAndClose
	// CloseWithoutAck closes the connection. Messages before this one are acknowledged first.
	CloseWithoutAck
)

// With is v with a reason, which a client of MQTT 5 is told: in the acknowledgement, and in the DISCONNECT if the connection
// is closed. Without one an acknowledgement says Success and a DISCONNECT Implementation specific error. A message that is
// acknowledged with a failure is over for its client, as with Success. Others are told nothing.
func (v Verdict) With(code packet.ReasonCode) Verdict { return v&0xff | Verdict(code)<<8 }

func (v Verdict) parts() (what Verdict, code packet.ReasonCode) {
	return v & 0xff, packet.ReasonCode(v >> 8)
}

// ConnectCode is the return code of a CONNACK in MQTT 3.1 and 3.1.1. With adds the reason code of MQTT 5.
type ConnectCode uint16

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

// With is the refusal c, with what a client of MQTT 5 is told. Without it these are the reasons under the same names:
// RefusedVersion is Unsupported Protocol Version and so on, RefusedCredentials Bad User Name or Password.
func (c ConnectCode) With(code packet.ReasonCode) ConnectCode { return c&0xff | ConnectCode(code)<<8 }

// reason is what a refused client of MQTT 5 is told.
func (c ConnectCode) reason() packet.ReasonCode {
	if code := packet.ReasonCode(c >> 8); code != 0 {
		return orUnspecified(code, packet.CONNACK)
	}
	switch c {
	case RefusedVersion:
		return packet.UnsupportedProtocolVersion
	case RefusedIdentifier:
		return packet.ClientIdentifierNotValid
	case RefusedUnavailable:
		return packet.ServerUnavailable
	case RefusedCredentials:
		return packet.BadUserNameOrPassword
	case RefusedNotAuthorized:
		return packet.NotAuthorized
	}
	return packet.UnspecifiedError
}

// orUnspecified is code if a packet of type t may have it.
func orUnspecified(code packet.ReasonCode, t packet.Type) packet.ReasonCode {
	if !code.AllowedIn(t, true) {
		return packet.UnspecifiedError
	}
	return code
}

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

// code is what a client of MQTT 5 is told in a DISCONNECT, 0 for nothing: it said good-bye itself, or is gone.
func (r CloseReason) code() packet.ReasonCode {
	switch r {
	case ClosedKeepAlive:
		return packet.KeepAliveTimeout
	case ClosedMalformed:
		return packet.MalformedPacket
	case ClosedTooLarge:
		return packet.PacketTooLarge
	case ClosedUnreleased:
		return packet.ReceiveMaximumExceeded
	case ClosedVerdict:
		return packet.ImplementationSpecificError
	case ClosedTimeUp:
		return packet.MaximumConnectTime
	case ClosedTakenOver:
		return packet.SessionTakenOver
	case ClosedRevoked, ClosedSlow:
		return packet.AdministrativeAction
	case ClosedShutdown:
		return packet.ServerShuttingDown
	case ClosedPanic:
		return packet.UnspecifiedError
	}
	return 0
}

// String gives a short word from a closed set, fit for a metric label.
func (r CloseReason) String() string {
	if int(r) < len(closeReasons) && r > 0 {
		return closeReasons[r]
	}
	return "unknown"
}
