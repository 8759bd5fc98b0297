package coapserver

import (
	"slices"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// Observation is the way to a peer that wants to hear of changes. Its methods may be called from any goroutine and never
// block.
type Observation struct {
	endpoint    *endpoint
	token       []byte
	key         string // of the request that made it
	confirmable bool
	largest     message.Size
	ended       func(Ended)

	// Guarded by endpoint.mu.
	over     bool
	begun    bool // the request was answered
	order    uint32
	queue    []notification
	busy     bool // a confirmable message is on its way, or a ping
	reached  time.Duration
	reassure *time.Timer
	sent     []uint16 // identifiers of the last non-confirmable notifications
}

type notification struct {
	response Response
	acked    func(ok bool)
}

// remembers is how many non-confirmable notifications a peer can reject late.
const remembers = 8

// orders is where the number that orders notifications starts anew (RFC 7641 section 3.4).
const orders = 1 << 24

// Register grants what a request with ObserveRegister asks for. Call it before answering. If the answer is of class 2, the
// observation begins with it; what was notified before follows it. If not, it ends. ended is called once, from any
// goroutine, unless the error is not nil: then it is ErrObservers, and the request is to be answered as any other.
func (r *Request) Register(ended func(Ended)) (*Observation, error) {
	x := r.exchange
	e := x.endpoint
	e.lock()
	defer e.unlock()
	if r.Observe != ObserveRegister || x.answered || e.dead {
		return nil, ErrObservers
	}
	if old := e.observations[string(x.token)]; old != nil { // RFC 7641 section 4.1
		old.endLocked(EndedRenewed)
	}
	if len(e.observations) >= e.server.limits.ObservationsPeer || !e.server.table.observe(e) {
		return nil, ErrObservers
	}
	o := &Observation{
		endpoint: e, token: x.token, key: r.key(), confirmable: x.confirmable, largest: message.Largest,
		ended: ended, reached: e.server.now(),
	}
	if x.block2 != nil {
		o.largest = x.block2.Size
	}
	if e.observations == nil {
		e.observations = map[string]*Observation{}
	}
	e.observations[string(x.token)] = o
	x.observation = o
	e.server.observer.Registered()
	return o, nil
}

// Notify queues a notification. It is confirmable if the request was. acked, if not nil, is called once if the error is
// nil: with true when the peer acknowledged it, or when it was sent if it is not confirmable. An error is ErrEnded or
// ErrSlow.
func (o *Observation) Notify(r Response, acked func(ok bool)) error {
	e := o.endpoint
	e.lock()
	defer e.unlock()
	if o.over {
		return ErrEnded
	}
	if len(o.queue) >= e.server.limits.Notifications {
		o.endLocked(EndedSlow)
		return ErrSlow
	}
	o.queue = append(o.queue, notification{r, acked})
	o.pumpLocked()
	return nil
}

// End ends the observation. The peer is sent last, unless its code is Empty. What is queued is dropped.
func (o *Observation) End(last Response) {
	e := o.endpoint
	e.lock()
	defer e.unlock()
	if o.over {
		return
	}
	begun := o.begun
	o.endLocked(EndedByServer)
	if last.Code == message.Empty || !begun {
		return
	}
	m := compose(o.token, last, nil, nil, false, 0, o.largest)
	m.ID = e.newIDLocked()
	if o.confirmable {
		e.transmitLocked(m.ID, m.Append(nil), maxRetransmit, firstTimeout(), func(outcome) {})
		return
	}
	m.Type = message.NonConfirmable
	e.sendLocked(m.Append(nil))
}

// beginLocked is called when the request was answered.
func (o *Observation) beginLocked() {
	if o.over {
		return
	}
	o.begun = true
	o.reassure = time.AfterFunc(reassure, o.reassureNow)
	o.pumpLocked()
}

// pumpLocked sends what is queued, one confirmable message at a time (RFC 7641 section 4.5.1).
func (o *Observation) pumpLocked() {
	e := o.endpoint
	for o.begun && !o.over && !o.busy && len(o.queue) > 0 {
		n := o.queue[0]
		o.queue = slices.Delete(o.queue, 0, 1)
		o.order = (o.order + 1) % orders
		if m := o.messageLocked(n.response, o.largest); e.proved || len(m.Append(nil)) <= e.credit {
			o.sendLocked(&m, n)
			continue
		}
		o.busy = true
		e.proveLocked(func() {
			o.busy = false
			if o.over {
				o.ackedLocked(n, false)
				return
			}
			m := o.messageLocked(n.response, o.largest)
			for size := int(o.largest) - 1; size >= 0 && !e.proved && len(m.Append(nil)) > e.credit; size-- {
				m = o.messageLocked(n.response, message.Size(size))
			}
			o.sendLocked(&m, n)
			o.pumpLocked()
		})
	}
}

func (o *Observation) messageLocked(r Response, largest message.Size) message.Message {
	order := &o.order
	if !r.Code.Success() {
		order = nil // RFC 7641 section 4.2
	}
	return compose(o.token, r, order, nil, false, 0, largest)
}

func (o *Observation) sendLocked(m *message.Message, n notification) {
	e := o.endpoint
	m.ID = e.newIDLocked()
	e.server.observer.Notified()
	if b, _, _ := m.Options.Block(message.Block2); b.More {
		e.keepLocked(o.key, n.response)
	}
	if last := !n.response.Code.Success(); last {
		defer o.endLocked(EndedByServer)
	}
	if !o.confirmable && e.proved && e.server.now()-o.reached < reassure {
		m.Type = message.NonConfirmable
		o.sent = append(o.sent, m.ID)
		if len(o.sent) > remembers {
			o.sent = slices.Delete(o.sent, 0, 1)
		}
		e.sendLocked(m.Append(nil))
		o.ackedLocked(n, true)
		return
	}
	o.busy = true
	e.transmitLocked(m.ID, m.Append(nil), maxRetransmit, firstTimeout(), func(how outcome) {
		o.busy = false
		o.ackedLocked(n, how == acked)
		o.heardLocked(how, EndedReset)
		o.pumpLocked()
	})
}

// heardLocked draws the conclusion from the fate of a confirmable message.
func (o *Observation) heardLocked(how outcome, onReset Ended) {
	switch {
	case how == lost:
		o.endLocked(EndedTimeout)
	case how == reset && onReset != "":
		o.endLocked(onReset)
	default:
		o.reached = o.endpoint.server.now()
		if o.reassure != nil && !o.over {
			o.reassure.Reset(reassure)
		}
	}
}

// reassureNow finds out whether a peer is still there that heard nothing for long.
func (o *Observation) reassureNow() {
	e := o.endpoint
	e.lock()
	defer e.unlock()
	if o.over || o.busy {
		return
	}
	ping := message.Message{Type: message.Confirmable, ID: e.newIDLocked()}
	e.transmitLocked(ping.ID, ping.Append(nil), maxRetransmit, firstTimeout(), func(how outcome) { o.heardLocked(how, "") })
}

func (o *Observation) ackedLocked(n notification, ok bool) {
	if n.acked != nil {
		o.endpoint.later = append(o.endpoint.later, func() { n.acked(ok) })
	}
}

// endLocked ends the observation, once.
func (o *Observation) endLocked(why Ended) {
	if o.over {
		return
	}
	o.over = true
	e := o.endpoint
	delete(e.observations, string(o.token))
	if o.reassure != nil {
		o.reassure.Stop()
	}
	for _, n := range o.queue {
		o.ackedLocked(n, false)
	}
	o.queue = nil
	e.server.table.unobserve(e)
	e.server.observer.Ended(why)
	if o.ended != nil {
		e.later = append(e.later, func() { o.ended(why) })
	}
}

// rejectedLocked ends the observation whose non-confirmable notification the peer rejected, if there is one.
func (e *endpoint) rejectedLocked(id uint16) bool {
	for _, o := range e.observations {
		if slices.Contains(o.sent, id) {
			o.endLocked(EndedReset)
			return true
		}
	}
	return false
}
