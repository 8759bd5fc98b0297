package coapserver

import (
	"bytes"
	"context"
	"math/rand/v2"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// exchange is one request that is not answered yet.
type exchange struct {
	endpoint    *endpoint
	known       *remembered
	confirmable bool
	token       []byte
	size        int // of the request's datagram
	request     *Request
	block1      *message.Block // of the request, if it had one
	block2      *message.Block
	timer       *time.Timer

	// Guarded by endpoint.mu.
	admitted    bool // counted by table
	entered     bool // counted by group
	answered    bool // answer was called, or is not awaited any more
	acked       bool // an empty acknowledgement was sent
	proving     bool // the answer waits until the address is proved
	sent        bool // the answer was
	observation *Observation
}

// job is something for the handler to do for a request.
type job struct {
	do       func(context.Context)
	exchange *exchange
}

// handOverLocked gives a whole request to the handler.
func (e *endpoint) handOverLocked(x *exchange) {
	if !e.group.enter() {
		x.refuseLocked(RefusedBusy, message.ServiceUnavailable)
		return
	}
	if !e.server.table.admit(e) {
		e.group.leave()
		x.refuseLocked(RefusedBusy, message.ServiceUnavailable)
		return
	}
	x.admitted, x.entered = true, true
	e.enqueueLocked(job{func(ctx context.Context) { e.server.handler.Handle(ctx, x.request, x.answer) }, x})
}

// enqueueLocked lets the handler do something after what it does for the peer already.
func (e *endpoint) enqueueLocked(j job) {
	e.waiting = append(e.waiting, j)
	if e.working {
		return
	}
	if e.working = e.group.start(e.work); e.working {
		return
	}
	e.waiting = nil
	if !j.exchange.answered {
		j.exchange.refuseLocked(RefusedBusy, message.ServiceUnavailable)
	}
}

// work hands requests over one after another, for as long as there are any.
func (e *endpoint) work() {
	for {
		e.lock()
		if len(e.waiting) == 0 {
			e.working, e.waiting = false, nil
			e.unlock()
			return
		}
		j := e.waiting[0]
		e.waiting[0] = job{}
		e.waiting = e.waiting[1:]
		e.unlock()
		if e.server.guard(func() { j.do(e.group.ctx) }) {
			j.exchange.answer(Response{Code: message.InternalServerError, Format: NoFormat})
		}
	}
}

// answer is what handlers call.
func (x *exchange) answer(r Response) {
	x.endpoint.lock()
	defer x.endpoint.unlock()
	if !x.answered {
		x.answerLocked(r)
	}
}

func (x *exchange) answerLocked(r Response) {
	x.answered = true
	if o := x.observation; o != nil && !r.Code.Success() {
		o.endLocked(EndedRefused)
		x.observation = nil
	}
	x.deliverLocked(r)
}

// refuseLocked answers a request that the handler does not see.
func (x *exchange) refuseLocked(why Refusal, code message.Code) {
	x.endpoint.server.observer.Refused(why)
	r := Response{Code: code, Format: NoFormat}
	if code == message.ServiceUnavailable {
		r.MaxAge = busyFor
	}
	x.answerLocked(r)
}

// deliverLocked sends the answer. If it is larger than what an address may be sent that is not proved, it proves it first.
func (x *exchange) deliverLocked(r Response) {
	e := x.endpoint
	m := x.composeLocked(r, message.Largest)
	if x.fitsLocked(&m) {
		x.sendLocked(&m, r)
		return
	}
	// Answers that wait for a proof must not use up the room for requests: forged addresses would keep others out.
	x.release()
	e.chargeLocked(len(r.Payload))
	x.proving = true
	e.proveLocked(func() {
		x.proving = false
		e.chargeLocked(-len(r.Payload))
		m := x.composeLocked(r, message.Largest)
		for size := int(message.Largest) - 1; size >= 0 && !x.fitsLocked(&m); size-- {
			m = x.composeLocked(r, message.Size(size))
		}
		if !x.fitsLocked(&m) {
			r = Response{Code: message.InternalServerError, Format: NoFormat}
			m = x.composeLocked(r, message.Largest)
		}
		x.sendLocked(&m, r)
	})
}

// fitsLocked reports whether the peer may be sent the message in answer to this request.
func (x *exchange) fitsLocked(m *message.Message) bool {
	if x.endpoint.proved {
		return true
	}
	return len(m.Append(nil)) <= min(amplification*x.size, x.endpoint.credit)
}

// sendLocked sends the answer: with the acknowledgement if that was not sent, else on its own (RFC 7252 section 5.2).
func (x *exchange) sendLocked(m *message.Message, r Response) {
	e := x.endpoint
	x.sent = true
	if x.timer != nil {
		x.timer.Stop()
	}
	e.server.observer.Answered(m.Code)
	if b, _, _ := m.Options.Block(message.Block2); b.More && b.Number == 0 && r.Part == nil {
		e.keepLocked(x.request.key(), r)
	}
	over := func(outcome) { x.settle() }
	switch {
	case x.confirmable && !x.acked:
		m.Type, m.ID = message.Acknowledgement, x.known.id
		e.replyLocked(x.known, m.Append(nil))
		over(acked)
	case x.confirmable:
		m.Type, m.ID = message.Confirmable, e.newIDLocked()
		e.transmitLocked(m.ID, m.Append(nil), maxRetransmit, firstTimeout(), over)
	default:
		m.Type, m.ID = message.NonConfirmable, e.newIDLocked()
		e.sendLocked(m.Append(nil))
		over(acked)
	}
	if x.observation != nil {
		x.observation.beginLocked()
		x.observation = nil
	}
}

// settle takes back what was counted for the request.
func (x *exchange) settle() {
	x.release()
	if x.entered {
		x.entered = false
		x.endpoint.group.leave()
	}
}

func (x *exchange) release() {
	if x.admitted {
		x.admitted = false
		x.endpoint.server.table.settle(x.endpoint)
	}
}

// firstTimeout is between ACK_TIMEOUT and ACK_TIMEOUT times ACK_RANDOM_FACTOR.
func firstTimeout() time.Duration { return ackTimeout + rand.N(ackTimeout/2) }

// late is called when the answer takes longer than an acknowledgement may wait, and again when it takes too long.
func (x *exchange) late() {
	e := x.endpoint
	e.lock()
	defer e.unlock()
	switch {
	case x.sent || e.dead:
	case x.proving && !x.acked:
		// It is there in time to travel with the acknowledgement. Some peers cannot go on with blocks if it does not: the
		// client of libcoap 4.3.1, for one.
	case x.confirmable && !x.acked:
		x.acked = true
		ack := message.Message{Type: message.Acknowledgement, ID: x.known.id}
		e.replyLocked(x.known, ack.Append(nil))
		x.timer.Reset(e.server.limits.AnswerTimeout)
	case !x.answered:
		x.refuseLocked(RefusedTimeout, message.GatewayTimeout)
	}
}

// again answers a message that came before.
func (e *endpoint) againLocked(k *remembered) {
	e.server.observer.Repeated()
	if k.reply != nil {
		e.sendLocked(k.reply)
	}
}

// requestLocked takes a request that did not come before. m points into the datagram.
func (e *endpoint) requestLocked(m *message.Message, size int, now time.Duration) {
	confirmable := m.Type == message.Confirmable
	x := &exchange{
		endpoint: e, known: e.rememberLocked(m.ID, confirmable, now), confirmable: confirmable,
		token: bytes.Clone(m.Token), size: size,
	}
	usable, ok := m.Options.Check()
	m.Options = usable
	if !ok {
		if !confirmable { // RFC 7252 section 5.4.1: reject
			e.server.observer.Ignored(IgnoredOption)
			e.sendLocked(resetOf(m.ID))
			return
		}
		x.refuseLocked(RefusedOption, message.BadOption)
		return
	}
	if size > e.server.limits.DatagramBytes {
		x.refuseLocked(RefusedTooLarge, message.EntityTooLarge)
		return
	}
	_, proxy := m.Options.Get(message.ProxyURI)
	_, scheme := m.Options.Get(message.ProxyScheme)
	switch {
	case proxy || scheme:
		x.refuseLocked(RefusedProxy, message.ProxyingNotSupported)
		return
	case m.Code > message.DELETE:
		x.refuseLocked(RefusedMethod, message.MethodNotAllowed)
		return
	}
	x.request = requestOf(m, e.peer)
	x.request.exchange = x
	if x.request.Observe == ObserveDeregister {
		if o := e.observations[string(m.Token)]; o != nil {
			o.endLocked(EndedByPeer)
		}
	}
	wait := e.server.limits.AnswerTimeout
	if confirmable {
		wait = piggyback
	}
	x.timer = time.AfterFunc(wait, x.late)
	e.blocksLocked(x, m)
}

func requestOf(m *message.Message, from *Peer) *Request {
	r := &Request{
		Method: m.Code, Path: m.Options.Strings(message.URIPath), Queries: m.Options.Strings(message.URIQuery),
		Payload: bytes.Clone(m.Payload), Format: NoFormat, Accept: NoFormat,
		Confirmable: m.Type == message.Confirmable, Peer: from,
	}
	if f, ok := m.Options.Uint(message.ContentFormat); ok {
		r.Format = int(f)
	}
	if f, ok := m.Options.Uint(message.Accept); ok {
		r.Accept = int(f)
	}
	if o, ok := m.Options.Uint(message.Observe); ok && m.Code == message.GET {
		switch o {
		case 0:
			r.Observe = ObserveRegister
		case 1:
			r.Observe = ObserveDeregister
		}
	}
	return r
}

func resetOf(id uint16) []byte {
	m := message.Message{Type: message.Reset, ID: id}
	return m.Append(nil)
}
