package mqttserver

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// errStopped ends reading when the connection is closed from this side.
var errStopped = errors.New("reading is over")

// inflow is the byte stream of a connection. Before it waits for the client, it writes what waits for the client: so
// the answers to packets that came together leave together, and no goroutine has to be started for them.
//
// The client's time begins when the last packet was handled, not at every read: a packet that drips in, byte by byte,
// does not keep a connection alive, and time that a handler takes does not count against the client.
type inflow Conn

func (s *inflow) Read(p []byte) (int, error) {
	c := (*Conn)(s)
	if !c.await() {
		return 0, errStopped
	}
	for {
		n, err := c.nc.Read(p)
		if c.heard(n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return n, err
		}
	}
}

// await prepares the reading goroutine to wait for the client. It reports false if reading is over.
func (c *Conn) await() bool {
	if !c.reader.More() {
		c.finish()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attended = false
	c.startFlushLocked()
	if c.closing || c.draining {
		return false
	}
	if c.fresh {
		c.fresh = false
		c.due = time.Now().Add(c.idle)
		// A deadline that is too early is mended when it has passed. A client that sends all the time costs none.
		if c.armed.After(c.due) || c.armed.IsZero() {
			c.armLocked()
		}
	}
	return true
}

func (c *Conn) armLocked() {
	c.armed = c.due
	_ = c.nc.SetReadDeadline(c.armed)
}

// heard takes note that a read has ended. It reports false if it has to be repeated: the deadline has passed, and was
// too early.
func (c *Conn) heard(something bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !something && !c.closing && !c.draining && time.Now().Before(c.due) {
		c.armLocked()
		return false
	}
	c.attended = true
	return true
}

// leave and enter stand around calls of code that is not ours. What was answered before may wait until it returns, so
// that answers to packets that came together leave together; what is answered meanwhile does not.
func (c *Conn) leave() {
	c.mu.Lock()
	c.attended = false
	c.mu.Unlock()
}

func (c *Conn) enter() {
	c.mu.Lock()
	c.attended, c.in.handing = true, 0
	c.mu.Unlock()
}

// serve is the life of a connection.
func (c *Conn) serve() {
	refused := RefusedPanic
	c.guard(func() { refused = c.open() })
	c.server.settled(c.source)
	if refused == 0 {
		c.guard(c.converse)
	}
	c.reader.Release()
	c.finish()
	<-c.gone
	reason := c.reason // constant since gone
	if c.session == nil {
		c.guard(c.abandon)
	}
	if c.handler != nil {
		c.guard(func() { c.handler.Closed(reason) })
	}
	if c.session != nil {
		c.session.leave(c)
	}
	if refused != 0 {
		c.server.observer.Refused(refused)
		c.server.log.Debug().Stringer("remote", c.RemoteAddr()).Stringer("reason", refused).Str("event", "mqtt_refused").Send()
		return
	}
	c.server.observer.Closed(reason)
	c.server.log.Debug().Stringer("remote", c.RemoteAddr()).Stringer("reason", reason).Str("event", "mqtt_closed").Send()
}

// finish ends that the connection is attended, and writes what waits if nobody else does.
func (c *Conn) finish() {
	c.mu.Lock()
	c.attended = false
	write := c.flushableLocked()
	c.out.writing = c.out.writing || write
	c.mu.Unlock()
	if write {
		c.flush()
	}
}

// guard runs f, which calls code that is not ours. A panic closes the connection, and nothing else.
func (c *Conn) guard(f func()) {
	if !c.server.guard(f) {
		c.Close(ClosedPanic)
	}
}

// guard runs f, which calls code that is not ours, and reports whether it did not panic.
func (s *Server) guard(f func()) (well bool) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		s.observer.Panicked()
		// The value of a panic may quote a payload or a credential; that of a run-time error does not.
		what := fmt.Sprintf("%T", v)
		if err, ok := v.(runtime.Error); ok {
			what = err.Error()
		}
		s.loud.Error().Str("panic", what).Bytes("stack", debug.Stack()).Str("event", "mqtt_panic").Send()
	}()
	f()
	return true
}

// open reads the CONNECT and answers it. It returns 0 if the session is open; otherwise the connection is closing.
func (c *Conn) open() Refusal {
	var p packet.Connect
	err := c.readConnect(&p)
	c.version, c.clientID = p.Version, p.ClientID
	if p.Version == packet.V5 {
		return c.open5(&p, err)
	}
	var bad *packet.Error
	if errors.As(err, &bad) {
		switch bad.Fault {
		case packet.BadVersion:
			return c.refuse(RefusedVersion)
		case packet.BadIdentifier:
			return c.refuse(RefusedIdentifier)
		}
	}
	if err != nil {
		return c.turnAway(err)
	}
	return c.admitted(&p)
}

// admitted answers a sound CONNECT as the dialects say.
func (c *Conn) admitted(p *packet.Connect) Refusal {
	h, code := c.ask(p)
	if code == NotMine {
		c.refuse(RefusedNotAuthorized)
		return RefusedUnclaimed
	}
	if code != Accepted || h == nil {
		return c.refuse(code)
	}
	c.handler = h
	if err := c.terms.will(p); err != nil {
		c.refuseFor(err)
		return RefusedCode
	}
	if c.session != nil {
		c.session.begin(h)
	}
	refused := c.greet(p.KeepAlive)
	if refused == 0 && c.session != nil {
		c.will = p.Will
	}
	return refused
}

func (c *Conn) readConnect(p *packet.Connect) error {
	h, err := c.reader.ReadHeader()
	if err != nil {
		return err
	}
	c.server.observer.Received(h.Type)
	if h.Type != packet.CONNECT { // [MQTT-3.1.0-1]
		return packet.Unexpected(h.Type, packet.V311)
	}
	body, err := c.reader.ReadBody(h)
	if err != nil {
		return err
	}
	return p.DecodeAny(h, body, &c.server.rules)
}

func (c *Conn) ask(p *packet.Connect) (Handler, ConnectCode) {
	c.leave()
	defer c.enter()
	c.hello = p
	defer func() { c.hello = nil }()
	for _, d := range c.server.dialects {
		if h, code := d.Connect(c.ctx, c, p); code != NotMine {
			return h, code
		}
	}
	return nil, NotMine
}

// refuse sends a return code and closes [MQTT-3.2.2-5].
func (c *Conn) refuse(code ConnectCode) Refusal {
	k := packet.Connack{Code: packet.ReasonCode(code)}
	if c.version == packet.V5 {
		k.Code = code.reason()
	}
	return c.refuseWith(&k)
}

func (c *Conn) refuseWith(k *packet.Connack) Refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return RefusedShutdown
	}
	c.controlLocked(packet.CONNACK, k.Append(c.out.control, c.version, c.five.packetLimit()))
	c.closeLocked(ClosedVerdict, polite)
	return RefusedCode
}

// turnAway closes a connection whose CONNECT did not come or was not one.
func (c *Conn) turnAway(err error) Refusal {
	reason, how := closeReason(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(reason, how)
	switch c.reason {
	case ClosedKeepAlive:
		return RefusedTimeout
	case ClosedMalformed:
		return RefusedMalformed
	case ClosedTooLarge:
		return RefusedTooLarge
	case ClosedGone:
		return RefusedGone
	}
	return RefusedShutdown
}

// greet opens the session.
func (c *Conn) greet(keepAlive uint16) Refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return RefusedShutdown
	}
	k := packet.Connack{SessionPresent: c.present} // [MQTT-3.2.2-2]
	if c.five != nil {
		c.five.naming.most = min(c.five.naming.most, c.terms.TopicAliases)
		k.Properties, keepAlive = c.announce(keepAlive)
	}
	c.idle = time.Duration(keepAlive) * 3 * time.Second / 2 // [MQTT-3.1.2-24], in MQTT 5 [MQTT-3.1.2-22]
	if keepAlive == 0 {
		c.idle = c.server.limits.Inactivity
	}
	grown := k.Append(c.out.control, c.version, c.five.packetLimit())
	if len(grown) == len(c.out.control) { // not even its CONNACK may be sent
		c.closeLocked(ClosedTooLarge, polite)
		return RefusedTooLarge
	}
	c.fresh, c.greeted = true, true
	c.reader.Accept(c.version, c.server.limits.PacketBytes)
	c.controlLocked(packet.CONNACK, grown)
	c.server.observer.Opened()
	return 0
}

// converse reads packets until the connection closes.
func (c *Conn) converse() {
	for c.room() {
		h, err := c.reader.ReadHeader()
		var body []byte
		if err == nil {
			c.server.observer.Received(h.Type)
			body, err = c.reader.ReadBody(h)
		}
		if err == nil {
			err = c.handle(h, body)
		}
		if errors.Is(err, errStopped) {
			return
		}
		if err != nil {
			c.mu.Lock()
			if !c.draining { // the error is then that of the deadline which ended reading
				c.closeForLocked(err)
			}
			c.mu.Unlock()
			return
		}
	}
}

// abandon ends what was to be sent to the client.
func (c *Conn) abandon() {
	c.mu.Lock()
	waiting := c.waiting()
	c.mu.Unlock()
	abandon(waiting)
}

// closeForLocked closes for an error of reading or handling. A client of MQTT 5 is told, and given time to read it.
func (c *Conn) closeForLocked(err error) {
	reason, how := closeReason(err)
	code, text := reason.code(), ""
	var bad *packet.Error
	if errors.As(err, &bad) {
		code, text = bad.Code, bad.Error()
	}
	if c.five != nil && how == flushed && code != 0 {
		how = polite
	}
	c.closeSayingLocked(reason, how, code, text)
}

// streamError is that of a stream with rules of its own, as a websocket is, which the client broke.
type streamError interface {
	error
	TooLarge() bool // more than the stream takes; otherwise not what it may carry
}

// closeReason says what an error of reading or handling means for the connection.
func closeReason(err error) (CloseReason, manner) {
	var bad *packet.Error
	var broken streamError
	switch {
	case errors.As(err, &broken) && broken.TooLarge():
		return ClosedTooLarge, polite
	case broken != nil:
		return ClosedMalformed, polite
	case errors.Is(err, errDisconnect):
		return ClosedByClient, flushed
	case errors.As(err, &bad) && (bad.Fault == packet.TooLarge || bad.Fault == packet.Unacceptable):
		return ClosedTooLarge, flushed
	case bad != nil:
		return ClosedMalformed, flushed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ClosedKeepAlive, flushed
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ClosedGone, flushed // the peer may have closed its half only
	}
	return ClosedGone, abrupt
}
