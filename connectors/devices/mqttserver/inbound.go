package mqttserver

import "github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"

// inbound is what is known of messages from the client; guarded by Conn.mu.
type inbound struct {
	slots ring[slot] // messages without a verdict, and those behind them, oldest first
	base  uint64     // number of the oldest
	once  int        // QoS 1 messages among them
	twice int        // of Conn.held, what came with this connection
	// handing is 1 more than the number of the message that is being handed to the handler, 0 while none is.
	handing uint64
}

// slot is one message that waits for its verdict or for its turn.
type slot struct {
	id      uint16
	qos     byte
	verdict Verdict
}

// unwritten is how many bytes of answers may wait for a client that goes on sending.
const unwritten = 4096

// room waits until answers may be queued. It reports false when reading is over.
func (c *Conn) room() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out.control) > unwritten && !c.closing && !c.draining {
		c.waitLocked()
	}
	return !c.closing && !c.draining
}

// waitLocked waits on the reading goroutine's behalf, having others write what waits for the client.
func (c *Conn) waitLocked() {
	c.attended = false
	c.startFlushLocked()
	c.wake.Wait()
	c.attended = true
}

// admit gives a message its place in the order of acknowledgements, waiting while too many have none. deliver is
// false if the handler must not see it: reading is over, or it is a QoS 2 message that it has already seen. If it is
// true, the handler is called next, and then enter. A client of MQTT 5 was told how many it may send, and has no more
// read for it [MQTT-3.3.4-7].
func (c *Conn) admit(p *packet.Publish) (number uint64, deliver bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.QoS == 2 {
		if h, known := c.held[p.ID]; known {
			if h.recorded {
				c.answerLocked(packet.PUBREC, p.ID, packet.Success)
			} else if h.former {
				h.asked = true
				c.held[p.ID] = h
			}
			return 0, false
		}
		if len(c.held) >= c.server.limits.Unreleased {
			c.closeLocked(ClosedUnreleased, flushed)
			return 0, false
		}
	}
	if c.five != nil && p.QoS > 0 && c.in.once+c.in.twice >= c.server.receiveMaximum() {
		c.closeSayingLocked(ClosedMalformed, polite, packet.ReceiveMaximumExceeded, "more messages than the Receive Maximum")
		return 0, false
	}
	for c.in.slots.n >= c.server.limits.Inflight && !c.closing && !c.draining {
		c.waitLocked()
	}
	if c.closing || c.draining {
		return 0, false
	}
	if p.QoS == 2 {
		if c.held == nil {
			c.held = map[uint16]hold{}
		}
		c.held[p.ID] = hold{}
		c.in.twice++
	}
	if p.QoS == 1 {
		c.in.once++
	}
	c.in.slots.push(slot{id: p.ID, qos: p.QoS})
	number = c.in.base + uint64(c.in.slots.n) - 1
	c.attended, c.in.handing = false, number+1
	return number, true
}

// settle takes a verdict and acknowledges every message whose turn has come: PUBACKs and PUBRECs leave in the order
// of their PUBLISHes [MQTT-4.6.0-2], [MQTT-4.6.0-3].
func (c *Conn) settle(number uint64, v Verdict) {
	if late := c.settled(number, v); late.verdict != 0 {
		c.session.settle(late)
	}
}

// settled gives what the session has still to be told of.
func (c *Conn) settled(number uint64, v Verdict) (late slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if number < c.in.base {
		return slot{}
	}
	s := c.in.slots.at(int(number - c.in.base))
	if s.verdict != 0 {
		return slot{}
	}
	s.verdict = v
	if what, code := v.parts(); what != Ack && what != AckAndClose {
		s.verdict = CloseWithoutAck.With(code)
	}
	if c.closing {
		if c.keep && s.qos == 2 {
			return *s
		}
		return slot{}
	}
	if c.in.handing == number+1 {
		// The handler is about to return, and the reading goroutine will write.
		was := c.attended
		c.attended = true
		defer func() { c.attended = was }()
	}
	for !c.closing && c.in.slots.n > 0 && c.in.slots.at(0).verdict != 0 {
		c.in.base++
		c.applyLocked(c.in.slots.pop())
	}
	if c.draining && c.in.slots.n == 0 {
		c.closeLocked(ClosedShutdown, polite)
	}
	c.wake.Signal()
	return slot{}
}

func (c *Conn) applyLocked(s slot) {
	what, code := s.verdict.parts()
	if what != CloseWithoutAck {
		switch s.qos {
		case 1:
			c.in.once--
			c.answerLocked(packet.PUBACK, s.id, code)
		case 2:
			c.recordLocked(s.id, code)
		}
	} else if s.qos == 2 {
		c.forgetLocked(s.id) // it may come again
	}
	if what != Ack {
		c.closeForVerdictLocked(code)
	}
}

// recordRestLocked takes what verdicts there are on messages whose turn did not come before the connection closed.
func (c *Conn) recordRestLocked() {
	for i := range c.in.slots.n {
		if s := c.in.slots.at(i); s.qos == 2 && s.verdict != 0 {
			what, code := s.verdict.parts()
			c.record(s.id, what != CloseWithoutAck && !code.Failed())
		}
	}
}

func (c *Conn) closeForVerdictLocked(code packet.ReasonCode) {
	last := ClosedVerdict.code()
	if code.Failed() {
		last = orUnspecified(code, packet.DISCONNECT)
	}
	c.closeSayingLocked(ClosedVerdict, polite, last, "")
}

// recordLocked answers a QoS 2 message.
func (c *Conn) recordLocked(id uint16, code packet.ReasonCode) {
	h := c.held[id]
	h.recorded = true
	c.held[id] = h
	if c.five != nil && code.Failed() {
		c.forgetLocked(id) // no PUBREL follows: MQTT 5.0 section 4.3.3
	}
	c.answerLocked(packet.PUBREC, id, code)
}

// release answers a PUBREL. One for an unknown message is answered too [MQTT-4.3.3-2]: the PUBCOMP may have been
// lost with an earlier connection. One before the PUBREC is out of order.
func (c *Conn) release(id uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, known := c.held[id]
	if known && !h.recorded {
		c.closeForLocked(packet.Unexpected(packet.PUBREL, c.version))
		return
	}
	c.forgetLocked(id)
	code := packet.Success
	if !known {
		code = packet.PacketIdentifierNotFound
	}
	c.answerLocked(packet.PUBCOMP, id, code)
}

func (c *Conn) forgetLocked(id uint16) {
	h, known := c.held[id]
	if !known {
		return
	}
	if !h.former {
		c.in.twice--
	}
	delete(c.held, id)
	if len(c.held) == 0 {
		c.held = nil
	}
}

// answerLocked queues an answer that has an identifier.
func (c *Conn) answerLocked(t packet.Type, id uint16, code packet.ReasonCode) {
	c.controlLocked(t, c.appendAck(c.out.control, t, id, code))
}

// appendAck appends a packet that has an identifier; only MQTT 5 has a code in it.
func (c *Conn) appendAck(dst []byte, t packet.Type, id uint16, code packet.ReasonCode) []byte {
	if c.five == nil {
		return packet.Ack{ID: id}.Append(dst, t)
	}
	a := packet.Ack5{ID: id, Code: code}
	if code != packet.Success {
		a.Code = orUnspecified(code, t)
	}
	return a.Append(dst, t, c.five.limit)
}
