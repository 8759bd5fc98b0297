package mqttserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

var (
	// ErrClosed: the connection is closed or closing.
	ErrClosed = errors.New("connection is closed")
	// ErrSlow: the client leaves too much unread or unacknowledged; its connection, if there was one, was closed for it.
	ErrSlow = errors.New("client is too slow")
	// ErrMessage: the client cannot be sent such a message: bad topic, QoS above 2, or larger than Limits.OutboundBytes or
	// than the Maximum Packet Size that a client of MQTT 5 gave [MQTT-3.1.2-24].
	ErrMessage = errors.New("message cannot be sent")
)

// Conn is a client's connection. Its methods may be called from any goroutine, and never block.
type Conn struct {
	server *Server
	nc     net.Conn
	source source
	ctx    context.Context // ends when the connection starts to close
	cancel context.CancelFunc
	gone   chan struct{} // closed when nc is

	// Set before the dialect sees the connection, then constant.
	clientID string
	version  packet.Version
	five     *five // of a client of MQTT 5, else nil

	// Used by the reading goroutine alone.
	reader  packet.Reader
	handler Handler
	publish packet.Publish  // the last one; keeps its topic
	hello   *packet.Connect // while the dialects are asked
	will    *packet.Will    // of a client with a Session, until it says good-bye
	terms   Terms
	idle    time.Duration
	fresh   bool      // a packet was handled since due was set
	due     time.Time // when a packet has to be there
	armed   time.Time // the read deadline that was set for that; never later than due

	mu       sync.Mutex
	wake     sync.Cond // the reading goroutine waits here for room
	attended bool      // the reading goroutine is at work, and will write what waits before it waits itself
	greeted  bool      // CONNACK 0 is queued
	draining bool
	closing  bool
	linger   bool
	reason   CloseReason
	closeBy  time.Time
	timer    *time.Timer
	in       inbound
	out      outbound
	state

	// Of a Session; without one it is nil, and nothing outlives the connection.
	session *Session
	present bool          // it was there before
	keep    bool          // it may outlive the connection
	expiry  time.Duration // by how long
}

// RemoteAddr is the address of the peer.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// ClientID is the client identifier as sent, or the one that a client of MQTT 5 without one is assigned; it says nothing
// about who the client is, and may be a credential.
func (c *Conn) ClientID() string { return c.clientID }

// Version is the protocol version that the client speaks.
func (c *Conn) Version() packet.Version { return c.version }

// PeerCertificates are those that the client showed in its TLS handshake, its own first, which it has proved to hold the key
// of; none without TLS, or where it showed none. Nothing else about them is verified: that is up to who asks.
func (c *Conn) PeerCertificates() []*x509.Certificate {
	// The CONNECT has been read: the handshake is complete.
	if secure, ok := c.nc.(interface{ ConnectionState() tls.ConnectionState }); ok {
		return secure.ConnectionState().PeerCertificates
	}
	return nil
}

// Send queues a message for the client. An error is ErrClosed, ErrSlow or ErrMessage. Who has a Session calls its Send.
func (c *Conn) Send(m Message) error { return c.send(m) }

// Publish is Send for a plain message. payload must not be changed afterwards.
func (c *Conn) Publish(topic string, payload []byte, qos byte) error {
	return c.send(Message{Topic: topic, Payload: payload, QoS: qos})
}

// PublishAcked is Publish with QoS 1, and tells whether the client acknowledged. If the error is nil, acked is called
// once: with true at the PUBACK, with false if that says that it failed, or after the connection is gone. It must not block.
func (c *Conn) PublishAcked(topic string, payload []byte, acked func(ok bool)) error {
	return c.send(Message{Topic: topic, Payload: payload, QoS: 1, Acked: acked})
}

// Offer sets the terms for this client. It is called within Dialect.Connect; without it the zero Terms hold.
func (c *Conn) Offer(t Terms) { c.terms = t }

// Close closes the connection, after what is queued for the client was written, or a second has passed. It returns at
// once; Handler.Closed tells when it is done, with the reason of the first Close.
func (c *Conn) Close(reason CloseReason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(reason, polite)
}

// CloseAfter closes the connection with ClosedTimeUp when d has passed. A further call starts the time anew.
func (c *Conn) CloseAfter(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closing:
	case c.timer != nil:
		c.timer.Reset(d)
	default:
		c.timer = time.AfterFunc(d, func() { c.Close(ClosedTimeUp) })
	}
}

// manner is how a connection is closed.
type manner uint8

const (
	// abrupt: nothing more is written; the peer is gone or does not read.
	abrupt manner = iota
	// flushed: what is queued is written first.
	flushed
	// polite: and the peer is given time to read it. Closing a TCP connection while bytes of the peer are unread
	// resets it, and a reset can destroy what the peer has not read yet (RFC 1122 section 4.2.2.13).
	polite
)

// farewell is how long the last words to a client may take.
const farewell = time.Second

var past = time.Unix(1, 0)

// closeLocked starts to close, once: the first reason counts. The rest is done by flush.
func (c *Conn) closeLocked(reason CloseReason, how manner) {
	c.closeSayingLocked(reason, how, reason.code(), "")
}

// closeSayingLocked is closeLocked with the last word to a client of MQTT 5; it is not said abruptly, nor if code is 0.
func (c *Conn) closeSayingLocked(reason CloseReason, how manner, code packet.ReasonCode, text string) {
	if c.closing {
		return
	}
	if c.five != nil && c.greeted && how != abrupt && code != 0 {
		c.five.part(code, text)
	}
	c.closing, c.reason, c.linger = true, reason, how == polite
	c.closeBy = time.Now().Add(farewell)
	if how == abrupt {
		c.closeBy = past
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.cancel()
	if !c.attended {
		_ = c.nc.SetReadDeadline(past) // wakes the reading goroutine
	}
	if c.out.writing {
		_ = c.nc.SetWriteDeadline(c.closeBy)
	}
	c.wake.Broadcast()
	c.startFlushLocked()
}

// drain closes the connection as soon as no verdict is outstanding, and reads nothing more.
func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	if c.in.slots.n == 0 {
		c.closeLocked(ClosedShutdown, polite)
		return
	}
	_ = c.nc.SetReadDeadline(past)
	c.wake.Broadcast()
}
