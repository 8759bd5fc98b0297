package mqttserver

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// outbound is how what waits for the client gets there; guarded by Conn.mu. The reading goroutine writes it before it waits
// itself; if it waits already, a goroutine that writes exists as long as something waits, so that an idle connection does
// not pay for one.
type outbound struct {
	writing bool
	control []byte    // answers, encoded; they go before messages
	counted int       // of flights, how many count against what the client takes at once
	again   int       // of flights, how many at the end have to be sent again
	armed   time.Time // the write deadline that is set
}

const (
	batchBytes = 16 << 10 // written at once, unless a single message is larger
	keepBytes  = 256      // of capacity that an idle connection keeps for its answers

	lingerBytes = 1 << 20 // read and thrown away before a polite close
)

var batches = sync.Pool{New: func() any { return new([]byte) }}

func (c *Conn) send(m Message) error {
	limits := &c.server.limits
	if !limits.sound(&m) || !c.five.takes(&m) {
		return ErrMessage
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closing && !c.keep:
		return ErrClosed
	case c.fits(&m, limits.OutboundMessages, limits.OutboundBytes, c.server.observer.Dropped):
	case m.QoS == 0:
		c.server.observer.Dropped()
		return nil
	default:
		c.closeLocked(ClosedSlow, abrupt)
		return ErrSlow
	}
	c.push(m)
	if !c.closing {
		c.startFlushLocked()
	}
	return nil
}

// sound reports whether m may be sent to anybody.
func (l *Limits) sound(m *Message) bool {
	return m.QoS <= 2 && packet.ValidTopic(m.Topic) && m.size() <= l.OutboundBytes
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
// too many before it are unacknowledged. Those behind it wait too, which keeps their order. What is to be sent again goes
// first. When the connection closes and the session goes on, what waits stays with the session.
func (c *Conn) sendableLocked() bool {
	most := c.server.limits.OutboundMessages
	open := c.out.counted < c.five.window(most)
	switch {
	case !c.greeted, c.closing && c.keep:
		return false
	case c.out.again > 0:
		return open || c.flights.at(c.flights.n-c.out.again).released
	case c.queue.n == 0:
		return false
	}
	return c.queue.at(0).QoS == 0 || open && c.flights.n < most
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
	var lost []func(bool)
	defer func() {
		if len(lost) > 0 {
			c.guard(func() { abandon(lost) })
		}
	}()
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
		var unsent func(bool)
		if batch, unsent = c.appendNextLocked(batch); unsent != nil {
			lost = append(lost, unsent)
		}
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

// appendNextLocked appends the next message; or gives who waits for its acknowledgement if it is not sent after all, because
// it came too late or is larger than the client takes, which only a session that had another connection before can find out
// now [MQTT-3.1.2-25].
func (c *Conn) appendNextLocked(batch []byte) (_ []byte, unsent func(bool)) {
	if c.out.again > 0 {
		return c.appendAgainLocked(batch)
	}
	m := c.pull(0)
	if m.expired() || !c.five.takes(&m) {
		return batch, m.Acked
	}
	p := m.packet(c.five != nil)
	if m.QoS > 0 {
		p.ID = c.nextID()
		f := flight{id: p.ID, qos: m.QoS, counted: true, acked: m.Acked}
		if c.keep {
			kept := m
			f.message = &kept
			c.bytes += m.size()
		}
		c.out.counted++
		c.flights.push(f)
	}
	return c.appendPublishLocked(batch, &p), nil
}

// appendAgainLocked appends what a former connection left unacknowledged: the PUBLISH with DUP [MQTT-3.3.1-1], or the PUBREL
// [MQTT-4.4.0-1].
func (c *Conn) appendAgainLocked(batch []byte) (_ []byte, unsent func(bool)) {
	i := c.flights.n - c.out.again
	f := c.flights.at(i)
	c.out.again--
	if f.released {
		c.server.observer.Sent(packet.PUBREL)
		return c.appendAck(batch, packet.PUBREL, f.id, packet.Success), nil
	}
	if !c.five.takes(f.message) {
		return batch, c.land(i).acked
	}
	p := f.message.packet(c.five != nil)
	p.ID, p.Dup, f.counted = f.id, true, true
	c.out.counted++
	return c.appendPublishLocked(batch, &p), nil
}

func (c *Conn) appendPublishLocked(batch []byte, p *packet.Publish) []byte {
	c.server.observer.Sent(packet.PUBLISH)
	if c.five == nil {
		return p.Append(batch)
	}
	c.five.alias(p)
	return p.Append5(batch)
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
