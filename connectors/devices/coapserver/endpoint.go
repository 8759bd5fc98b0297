package coapserver

import (
	"sync"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// link carries datagrams to one peer.
type link interface{ write(datagram []byte) }

// endpoint is what is known of one peer.
type endpoint struct {
	standing // guarded by table.mu

	server *Server
	group  *group
	link   link
	peer   *Peer

	mu     sync.Mutex
	later  []func() // to be called when the lock is given back: code that is not ours
	grown  bool     // more memory is charged than before
	dead   bool     // nothing is sent any more, and nothing kept
	proved bool     // somebody is at the address
	credit int      // bytes that may be sent while nobody is proved to be there
	nextID uint16

	recent       map[uint16]*remembered
	order        []*remembered // as they came; those in front may be overdue, or replaced
	outgoing     map[uint16]*outgoing
	proofs       []func() // wait for the ping that is on its way
	waiting      []job
	working      bool
	uploads      map[string]*upload
	bodies       []*body
	observations map[string]*Observation
}

func (e *endpoint) lock() { e.mu.Lock() }

// unlock gives the lock back, and then does what must not be done under it.
func (e *endpoint) unlock() {
	later, grown := e.later, e.grown
	e.later, e.grown = nil, false
	e.mu.Unlock()
	for _, f := range later {
		e.server.guard(f)
	}
	if grown {
		e.server.trim(e)
	}
}

func (e *endpoint) chargeLocked(n int) {
	if n > 0 {
		e.grown = true
	}
	e.server.table.charge(e, n)
}

// heardLocked notes that so many bytes came from the peer.
func (e *endpoint) heardLocked(n int) {
	const most = 65536
	e.credit = min(e.credit+amplification*n, most)
}

// sendLocked sends a datagram, if the peer may be sent so much.
func (e *endpoint) sendLocked(datagram []byte) {
	if e.dead {
		return
	}
	if !e.proved {
		if len(datagram) > e.credit {
			e.server.observer.Withheld()
			return
		}
		e.credit -= len(datagram)
	}
	e.link.write(datagram)
}

// newIDLocked gives a message identifier that is not in use. They start at random and count up: who does not see what is
// sent to the peer cannot guess them.
func (e *endpoint) newIDLocked() uint16 {
	for {
		e.nextID++
		if e.outgoing[e.nextID] == nil {
			return e.nextID
		}
	}
}

// forget ends everything about the peer. The endpoint must be out of the table.
func (e *endpoint) forget(why Ended) {
	e.lock()
	defer e.unlock()
	if e.dead {
		return
	}
	for _, o := range e.observations {
		o.endLocked(why)
	}
	for _, u := range e.uploads {
		e.dropUploadLocked(u)
	}
	e.dead = true
	for _, o := range e.outgoing {
		o.timer.Stop()
		o.settleLocked(lost)
	}
	clear(e.outgoing)
	proofs := e.proofs
	e.proofs = nil
	for _, f := range proofs {
		f()
	}
	e.recent, e.order, e.bodies = nil, nil, nil
}

// remembered is a message that was processed, and what is sent when it comes again.
type remembered struct {
	id          uint16
	confirmable bool
	until       time.Duration
	reply       []byte // nil: nothing yet, or ever
}

// rememberedBytes is roughly what a message costs whose reply is empty.
const rememberedBytes = 112

// rememberLocked makes a place for a message, and forgets those that cannot come again.
func (e *endpoint) rememberLocked(id uint16, confirmable bool, now time.Duration) *remembered {
	k := &remembered{id: id, confirmable: confirmable, until: now + nonLifetime}
	if confirmable {
		k.until = now + exchangeLifetime
	}
	for len(e.order) > 0 && e.order[0].until <= now {
		e.forgetOldestLocked()
	}
	if e.recent == nil {
		e.recent = map[uint16]*remembered{}
	}
	e.recent[id] = k
	e.order = append(e.order, k)
	e.chargeLocked(rememberedBytes)
	return k
}

// replyLocked sends a datagram, and will again if the message comes again.
func (e *endpoint) replyLocked(k *remembered, datagram []byte) {
	if !e.dead {
		e.chargeLocked(len(datagram) - len(k.reply))
	}
	k.reply = datagram
	e.sendLocked(datagram)
}

func (e *endpoint) forgetOldestLocked() {
	k := e.order[0]
	e.order[0] = nil
	e.order = e.order[1:]
	if e.recent[k.id] == k {
		delete(e.recent, k.id)
	}
	e.chargeLocked(-rememberedBytes - len(k.reply))
}

// shrink forgets something for want of memory. It reports whether there was anything.
func (e *endpoint) shrink() bool {
	e.lock()
	defer e.unlock()
	switch {
	case len(e.bodies) > 0:
		e.dropBodyLocked()
	case len(e.order) > 0:
		e.forgetOldestLocked()
	case len(e.uploads) > 0:
		for _, u := range e.uploads {
			e.dropUploadLocked(u)
			break
		}
	default:
		return false
	}
	return true
}

// outcome is what became of a confirmable message.
type outcome uint8

const (
	acked outcome = iota
	reset
	lost
)

// outgoing is a confirmable message that is not acknowledged yet.
type outgoing struct {
	endpoint *endpoint
	id       uint16
	datagram []byte
	again    int // how often it may still be sent
	wait     time.Duration
	timer    *time.Timer
	// settleLocked is called once, with the endpoint's lock.
	settleLocked func(outcome)
}

// transmitLocked sends a confirmable message until it is acknowledged (RFC 7252 section 4.2), at most so often.
func (e *endpoint) transmitLocked(id uint16, datagram []byte, again int, wait time.Duration, settle func(outcome)) {
	if e.dead {
		settle(lost)
		return
	}
	o := &outgoing{endpoint: e, id: id, datagram: datagram, again: again, wait: wait, settleLocked: settle}
	if e.outgoing == nil {
		e.outgoing = map[uint16]*outgoing{}
	}
	e.outgoing[id] = o
	o.timer = time.AfterFunc(wait, o.overdue)
	e.sendLocked(datagram)
}

func (o *outgoing) overdue() {
	e := o.endpoint
	e.lock()
	defer e.unlock()
	if e.outgoing[o.id] != o {
		return
	}
	if o.again == 0 {
		delete(e.outgoing, o.id)
		e.server.observer.Unacknowledged()
		o.settleLocked(lost)
		return
	}
	o.again--
	o.wait *= 2
	o.timer.Reset(o.wait)
	e.sendLocked(o.datagram)
}

// acknowledged takes an acknowledgement or a reset of the peer.
func (e *endpoint) acknowledged(id uint16, how outcome) {
	e.lock()
	defer e.unlock()
	o := e.outgoing[id]
	if o == nil {
		if how != reset || !e.rejectedLocked(id) {
			e.server.observer.Ignored(IgnoredStray)
		}
		return
	}
	delete(e.outgoing, id)
	o.timer.Stop()
	e.proved = true
	o.settleLocked(how)
}

// proveLocked calls f when it is known whether somebody is at the address, which a ping finds out (RFC 7252 section
// 4.3): whoever speaks CoAP answers it. It is sent twice, as it may be lost.
func (e *endpoint) proveLocked(f func()) {
	if e.proved || e.dead {
		f()
		return
	}
	if len(e.proofs) > 0 {
		e.proofs = append(e.proofs, f)
		return
	}
	if !e.server.table.prove() { // too many; go on as if nobody were there
		f()
		return
	}
	e.proofs = append(e.proofs, f)
	ping := message.Message{Type: message.Confirmable, ID: e.newIDLocked()}
	e.transmitLocked(ping.ID, ping.Append(nil), 1, pingTimeout, func(outcome) {
		e.server.table.proven()
		proofs := e.proofs
		e.proofs = nil
		for _, f := range proofs {
			f()
		}
	})
}
