package coapserver

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// Handler takes what peers ask for.
type Handler interface {
	// Connected is called once for a DTLS connection, after its handshake and before its first request. It may block to hold
	// the peer back. ctx ends with the connection.
	Connected(ctx context.Context, p *Peer)
	// Handle takes one request. It may block to hold the peer back, but must not wait for an outcome: answer is called
	// once, later or at once, from any goroutine; further calls do nothing. ctx ends with the server and governs this
	// call only: what goes on after it returned must not depend on it. Different peers are served concurrently.
	Handle(ctx context.Context, r *Request, answer func(Response))
}

// Request is a request of a peer, whole: blocks of its payload are put together. It belongs to the handler.
type Request struct {
	Method      message.Code // GET, POST, PUT or DELETE
	Path        []string     // the Uri-Path options
	Queries     []string     // the Uri-Query options
	Payload     []byte
	Format      int // Content-Format of the payload; NoFormat if the peer did not say
	Accept      int // Content-Format that the answer has to have; NoFormat if any will do
	Observe     Observe
	Confirmable bool
	Peer        *Peer

	exchange *exchange
}

// NoFormat is for payloads whose Content-Format is not told.
const NoFormat = -1

// Observe is what a GET request asks for besides its answer (RFC 7641 section 2).
type Observe uint8

const (
	// ObserveNothing: no more than an answer.
	ObserveNothing Observe = iota
	// ObserveRegister: the peer wants to hear of changes. Request.Register grants it.
	ObserveRegister
	// ObserveDeregister: the peer does not want to hear of changes any more; its observation has ended.
	ObserveDeregister
)

// Response is the answer to a request, or a notification.
type Response struct {
	Code    message.Code
	Payload []byte // must not be changed afterwards
	Format  int    // Content-Format of the payload, if there is one; NoFormat or a number
	MaxAge  uint32 // for how many seconds it holds, or after how many to try again; 0: not told
	Part    *Part  // what Payload is a part of; nil if it is the whole. Only in the answer to a GET

	most uint32 // how large a payload may be
}

// Peer is where requests come from. Over UDP it lasts for as long as the server remembers the address.
type Peer struct {
	Address netip.AddrPort
	// Secure says that the peer came over DTLS, and so is where it seems to be. Of the fields below, at most one is set.
	Secure bool
	// Identity is the PSK identity that the peer knows the key of, and Known what Security.PSK gave with that key.
	Identity string
	Known    any
	// Certificates is the chain that the peer showed, its own first. It has the private key of that; nothing else of the
	// chain is verified, names and dates included.
	Certificates []*x509.Certificate

	close func()
	life  context.Context // of the DTLS connection, else nil
}

// OnEnd calls f, once and from a goroutine of its own, when the DTLS connection has ended, or ends. Over UDP it is never called.
func (p *Peer) OnEnd(f func()) {
	if p.life != nil {
		context.AfterFunc(p.life, f)
	}
}

// Close ends a DTLS connection, and does nothing over UDP. It does not wait. What was answered or notified before goes out.
func (p *Peer) Close() {
	if p.close != nil {
		p.close()
	}
}

// Proved reports whether somebody is at the peer's address. Over UDP anybody can send from any address; an address that is
// not proved must not be blamed for what comes from there.
func (r *Request) Proved() bool {
	e := r.exchange.endpoint
	e.lock()
	defer e.unlock()
	return e.proved
}

// Prove finds out whether somebody is at the peer's address, which takes up to 1.2 seconds, and then calls f as Handle would be
// called, unless the request was answered meanwhile.
func (r *Request) Prove(f func(ctx context.Context, proved bool)) {
	x := r.exchange
	e := x.endpoint
	e.lock()
	defer e.unlock()
	x.release() // as with answers that wait for a proof
	e.proveLocked(func() {
		proved := e.proved
		if x.answered {
			return // it took too long
		}
		if x.admitted = e.server.table.admit(e); !x.admitted {
			x.refuseLocked(RefusedBusy, message.ServiceUnavailable)
			return
		}
		e.enqueueLocked(job{func(ctx context.Context) { f(ctx, proved) }, x})
	})
}

var (
	// ErrEnded: the observation has ended.
	ErrEnded = errors.New("observation has ended")
	// ErrSlow: the peer leaves too many notifications unacknowledged; its observation was ended for it.
	ErrSlow = errors.New("peer is too slow")
	// ErrObservers: there are too many observations, or the request does not ask for one.
	ErrObservers = errors.New("no observation to be had")
)

// Ended says why an observation ended: a closed set, fit for a metric label.
type Ended string

// Why an observation ended.
const (
	EndedByPeer   Ended = "peer"     // the peer deregistered
	EndedReset    Ended = "reset"    // the peer rejected a notification
	EndedRenewed  Ended = "renewed"  // the peer registered again with the same token
	EndedTimeout  Ended = "timeout"  // a notification was not acknowledged
	EndedSlow     Ended = "slow"     // too many notifications wait
	EndedRefused  Ended = "refused"  // the request was answered with an error
	EndedByServer Ended = "server"   // Observation.End
	EndedGone     Ended = "gone"     // the DTLS connection is gone
	EndedShutdown Ended = "shutdown" // the server stops
)
