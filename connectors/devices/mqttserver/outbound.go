package mqttserver

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// outbound is what waits for the client; guarded by Conn.mu. The reading goroutine writes it before it waits itself; if
// it waits already, a goroutine that writes exists as long as something waits, so that an idle connection does not pay
// for one.
type outbound struct {
	writing bool
	control []byte // answers, encoded; they go before messages
	queue   ring[message]
	bytes   int // of topics and payloads in queue
	lastID  uint16
	unacked map[uint16]func(ok bool) // QoS 1 messages on their way; the function may be nil
	armed   time.Time                // the write deadline that is set
}

type message struct {
	topic   string
	payload []byte
	qos     byte
	acked   func(ok bool)
}

func (m *message) size() int { return len(m.topic) + len(m.payload) }

const (
	batchBytes = 16 << 10 // written at once, unless a single message is larger
	keepBytes  = 256      // of capacity that an idle connection keeps for its answers

	lingerBytes = 1 << 20 // read and thrown away before a polite close
)

var batches = sync.Pool{New: func() any { return new([]byte) }}

func (c *Conn) send(m message) error {
	limits := &c.server.limits
	if m.qos > 1 || !packet.ValidTopic(m.topic) || m.size() > limits.OutboundBytes || !c.five.takes(&m) {
		return ErrMessage
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return ErrClosed
	}
	full := func() bool {
		return c.out.queue.n >= limits.OutboundMessages || c.out.bytes+m.size() > limits.OutboundBytes
	}
	for full() && c.dropOldestLocked() {
	}
	if full() {
		if m.qos == 0 {
			c.server.observer.Dropped()
			return nil
		}
		c.closeLocked(ClosedSlow, abrupt)
		return ErrSlow
	}
	c.out.queue.push(m)
	c.out.bytes += m.size()
	c.startFlushLocked()
	return nil
}

// dropOldestLocked makes room at the cost of the oldest QoS 0 message, if there is one.
func (c *Conn) dropOldestLocked() bool {
	for i := range c.out.queue.n {
		if c.out.queue.at(i).qos == 0 {
			m := c.out.queue.remove(i)
			c.out.bytes -= m.size()
			c.server.observer.Dropped()
			return true
		}
	}
	return false
}

// acknowledged takes a PUBACK. One for a message that is not on its way is ignored.
func (c *Conn) acknowledged(id uint16, ok bool) {
	c.mu.Lock()
	acked := c.out.unacked[id]
	delete(c.out.unacked, id)
	c.startFlushLocked()
	c.mu.Unlock()
	if acked != nil {
		acked(ok)
	}
}

// controlLocked replaces the queued answers by grown, which has one of type t more; or none, if a client of MQTT 5 takes
// no packets of that size [MQTT-3.1.2-24].
func (c *Conn) controlLocked(t packet.Type, grown []byte) {
	if c.closing || len(grown) == len(c.out.control) {
		return
	}
	c.out.control = grown
	c.server.observer.Sent(t)
	c.startFlushLocked()
}

func (c *Conn) startFlushLocked() {
	if !c.attended && c.flushableLocked() {
		c.out.writing = true
		go c.flush()
	}
}

// flushableLocked reports whether somebody has to call flush.
func (c *Conn) flushableLocked() bool {
	return !c.out.writing && (c.closing || len(c.out.control) > 0 || c.sendableLocked())
}

// sendableLocked reports whether the oldest message may leave: not before the CONNACK [MQTT-3.2.0-1], and not while
// too many before it are unacknowledged. Those behind it wait too, which keeps their order.
func (c *Conn) sendableLocked() bool {
	return c.greeted && c.out.queue.n > 0 &&
		(c.out.queue.at(0).qos == 0 || len(c.out.unacked) < c.five.window(c.server.limits.OutboundMessages))
}

// flush writes until nothing is left, and closes the network connection if it is to be closed.
func (c *Conn) flush() {
	pooled := batches.Get().(*[]byte)
	for {
		batch, more := c.takeBatch((*pooled)[:0])
		if cap(batch) <= 2*batchBytes {
			*pooled = batch[:0]
		}
		if !more {
			batches.Put(pooled)
			return
		}
		if len(batch) == 0 {
			batches.Put(pooled)
			c.hangUp()
			return
		}
		if _, err := c.nc.Write(batch); err != nil {
			c.mu.Lock()
			reason := ClosedGone
			if errors.Is(err, os.ErrDeadlineExceeded) {
				reason = ClosedSlow
			}
			c.closeLocked(reason, abrupt)
			c.closeBy, c.linger = past, false
			c.mu.Unlock()
		}
	}
}

// takeBatch appends what is to be written next. more is false if there is nothing and the connection stays open; an
// empty batch with more means that it is to be closed.
func (c *Conn) takeBatch(batch []byte) (_ []byte, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing && c.closeBy.Equal(past) {
		return batch, true
	}
	batch = append(batch, c.out.control...)
	c.out.control = c.out.control[:0]
	if cap(c.out.control) > keepBytes {
		c.out.control = nil
	}
	c.wake.Signal()
	for len(batch) < batchBytes && c.sendableLocked() {
		batch = c.appendNextLocked(batch)
	}
	if c.five != nil && len(c.five.parting) > 0 && !c.sendableLocked() {
		batch = append(batch, c.five.parting...) // nothing may follow it [MQTT-3.14.4-1]
		c.five.parting = nil
		c.server.observer.Sent(packet.DISCONNECT)
	}
	if len(batch) == 0 {
		c.out.writing = c.closing // the last flush is never followed by another
		return batch, c.closing
	}
	c.armWriteLocked()
	return batch, true
}

// armWriteLocked sets the write deadline. Most writes set none: what is left of the last one must only be enough.
func (c *Conn) armWriteLocked() {
	timeout := c.server.limits.WriteTimeout
	switch now := time.Now(); {
	case c.closing:
		_ = c.nc.SetWriteDeadline(c.closeBy)
	case c.out.armed.Sub(now) < timeout-timeout/4:
		c.out.armed = now.Add(timeout)
		_ = c.nc.SetWriteDeadline(c.out.armed)
	}
}

func (c *Conn) appendNextLocked(batch []byte) []byte {
	m := c.out.queue.pop()
	c.out.bytes -= m.size()
	p := packet.Publish{Topic: m.topic, Payload: m.payload, QoS: m.qos}
	if m.qos > 0 {
		p.ID = c.nextIDLocked()
		c.out.unacked[p.ID] = m.acked
	}
	c.server.observer.Sent(packet.PUBLISH)
	if c.five != nil {
		return p.Append5(batch)
	}
	return p.Append(batch)
}

// nextIDLocked finds a packet identifier that is not in use [MQTT-2.3.1-2]. There always is one: fewer messages than
// identifiers may be unacknowledged.
func (c *Conn) nextIDLocked() uint16 {
	if c.out.unacked == nil {
		c.out.unacked = map[uint16]func(bool){}
	}
	for {
		c.out.lastID++
		if _, used := c.out.unacked[c.out.lastID]; c.out.lastID != 0 && !used {
			return c.out.lastID
		}
	}
}

// hangUp closes the network connection. It runs once, as the end of the last flush.
func (c *Conn) hangUp() {
	defer close(c.gone)
	c.mu.Lock()
	linger, by := c.linger, c.closeBy
	c.mu.Unlock()
	if hard, ok := c.nc.(interface{ SetLinger(int) error }); ok && by.Equal(past) {
		_ = hard.SetLinger(0) // else the kernel keeps what a stalled reader has left, for minutes
	}
	if half, ok := c.nc.(interface{ CloseWrite() error }); linger && ok && half.CloseWrite() == nil {
		_ = c.nc.SetReadDeadline(by)
		_, _ = io.CopyN(io.Discard, c.nc, lingerBytes)
	}
	_ = c.nc.Close()
}

// abandon tells everybody who waits for a PUBACK that there will be none.
func (c *Conn) abandon() {
	c.mu.Lock()
	var waiting []func(bool)
	for _, acked := range c.out.unacked {
		waiting = append(waiting, acked)
	}
	for c.out.queue.n > 0 {
		waiting = append(waiting, c.out.queue.pop().acked)
	}
	c.out.unacked, c.out.bytes = nil, 0
	c.mu.Unlock()
	for _, acked := range waiting {
		if acked != nil {
			acked(false)
		}
	}
}
