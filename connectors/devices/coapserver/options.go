package coapserver

import (
	"cmp"
	"time"

	"github.com/rs/zerolog"
)

// Options of a server. The zero value works: default limits, no log, nothing observed.
type Options struct {
	Limits   Limits
	Logger   zerolog.Logger
	Observer Observer
}

// Limits bound what peers can cost. A field that is not positive has its default. A source is an IPv4 address or an IPv6
// /64 network.
type Limits struct {
	// DatagramBytes is the largest request taken in one datagram; a larger one is answered with 4.13. Default 4,096.
	DatagramBytes int
	// BodyBytes is the largest payload put together from blocks. Default 65,536.
	BodyBytes int
	// Uploads is how many payloads may be incomplete at once, half of them from addresses that are not proved.
	// Default 100.
	Uploads int
	// UploadTimeout is how long to wait for the next block. Default 30 s.
	UploadTimeout time.Duration
	// Requests is how many requests may be without an answer at once; one more is answered with 5.03. Default 4,096.
	Requests int
	// RequestsSource is the same for one source. Default 1,024.
	RequestsSource int
	// RequestsPeer is the same for one peer. Default 64.
	RequestsPeer int
	// AnswerTimeout is how long a handler may take; then 5.04 is answered. Default 90 s.
	AnswerTimeout time.Duration
	// Memory bounds what is remembered of peers: answers for requests that come again, and bodies that are sent or
	// received in blocks. Default 64 MiB.
	Memory int
	// MemorySource is the same for one source. Default 16 MiB.
	MemorySource int
	// MemoryPeer is the same for one peer. Default 1 MiB.
	MemoryPeer int
	// Observations is how many there may be at once. Default 10,000.
	Observations int
	// ObservationsPeer is the same for one peer. Default 16.
	ObservationsPeer int
	// Notifications is how many may wait for one observation. Default 64.
	Notifications int
	// Connections is how many DTLS connections may be open. Default 10,000.
	Connections int
	// Handshakes is how many more may be on their way. Default 1,024.
	Handshakes int
	// HandshakesSource is the same for one source. Default 64.
	HandshakesSource int
	// HandshakeTimeout is how long a DTLS handshake may take. Default 10 s.
	HandshakeTimeout time.Duration
	// Inactivity closes a DTLS connection from which nothing came and to which nothing is to be sent. Default 15 min.
	Inactivity time.Duration
	// DrainTimeout is how long the server waits for answers when it stops. Default 5 s.
	DrainTimeout time.Duration
}

func (l Limits) withDefaults() Limits {
	l.DatagramBytes = positive(l.DatagramBytes, 4096)
	l.BodyBytes = positive(l.BodyBytes, 65536)
	l.Uploads = positive(l.Uploads, 100)
	l.UploadTimeout = positive(l.UploadTimeout, 30*time.Second)
	l.Requests = positive(l.Requests, 4096)
	l.RequestsSource = positive(l.RequestsSource, 1024)
	l.RequestsPeer = positive(l.RequestsPeer, 64)
	l.AnswerTimeout = positive(l.AnswerTimeout, 90*time.Second)
	l.Memory = positive(l.Memory, 64<<20)
	l.MemorySource = positive(l.MemorySource, 16<<20)
	l.MemoryPeer = positive(l.MemoryPeer, 1<<20)
	l.Observations = positive(l.Observations, 10_000)
	l.ObservationsPeer = positive(l.ObservationsPeer, 16)
	l.Notifications = positive(l.Notifications, 64)
	l.Connections = positive(l.Connections, 10_000)
	l.Handshakes = positive(l.Handshakes, 1024)
	l.HandshakesSource = positive(l.HandshakesSource, 64)
	l.HandshakeTimeout = positive(l.HandshakeTimeout, 10*time.Second)
	l.Inactivity = positive(l.Inactivity, 15*time.Minute)
	l.DrainTimeout = positive(l.DrainTimeout, 5*time.Second)
	return l
}

func positive[T cmp.Ordered](v, otherwise T) T {
	var zero T
	if v > zero {
		return v
	}
	return otherwise
}

// Times and counts of the protocol (RFC 7252 sections 4.8 and 4.8.2, with the default parameters).
const (
	ackTimeout       = 2 * time.Second // ACK_TIMEOUT, up to ACK_RANDOM_FACTOR 1.5 times as long
	maxRetransmit    = 4
	exchangeLifetime = 247 * time.Second // how long a confirmable message may be repeated
	nonLifetime      = 145 * time.Second // the same for a non-confirmable one
	// piggyback is how long an answer may take to travel with the acknowledgement; ThingsBoard's value.
	piggyback = 500 * time.Millisecond
	// pingTimeout is how long the answer to a ping may take before it is sent again; then it has twice as long. With what
	// piggyback allows that ends before a peer repeats its request.
	pingTimeout = 400 * time.Millisecond
	// reassure is how often an observer is asked for an acknowledgement at least (RFC 7641 section 4.5).
	reassure = 24 * time.Hour
	// amplification is how many bytes may be sent for each that came from an address that is not proved.
	amplification = 3
	// busyFor is after how many seconds a peer may try again that was refused for want of room.
	busyFor = 5
)
