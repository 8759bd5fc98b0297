package mqttserver

import (
	"sync"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// Session is what a client and the server know of each other beyond one connection: messages that wait or are on their way,
// and received ones of QoS 2. Subscriptions are the dialect's. It is in memory, and ends with the process. A dialect gets it
// from Conn.Resume; its methods may be called from any goroutine, and never block.
type Session struct {
	server  *Server
	name    string
	lasting bool // it may outlive its connection; guarded by sessions.mu

	mu      sync.Mutex // may be held when Conn.mu is taken, not the other way round
	handler Handler
	conn    *Conn         // nil while the client is away
	left    chan struct{} // closed when conn has left; nil while there is none
	over    bool          // nothing is sent any more
	ended   bool          // and nothing else is to be done

	// While the client is away.
	state  state
	will   *packet.Will // to be sent at willAt, which is no later than endsAt
	willAt time.Time
	endsAt time.Time
	timer  *time.Timer
}

// Send queues a message for the client, whether it is there or not; one with QoS 0 is dropped if it is not. An error is
// ErrClosed when the session is over, ErrSlow or ErrMessage.
func (s *Session) Send(m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	limits := &s.server.limits
	switch {
	case s.over:
		return ErrClosed
	case s.conn != nil:
		return s.conn.send(m)
	case !limits.sound(&m):
		return ErrMessage
	case m.QoS == 0:
		s.server.observer.Dropped()
		return nil
	case !s.state.fits(&m, limits.OutboundMessages, limits.OutboundBytes, s.server.observer.Dropped):
		return ErrSlow
	}
	s.state.push(m)
	return nil
}

// Connected reports whether the client is there.
func (s *Session) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil
}

// attachLocked hands the session to a connection.
func (s *Session) attachLocked(c *Conn, present bool, expiry time.Duration) {
	s.conn, s.left = c, make(chan struct{})
	if s.timer != nil {
		s.timer.Stop()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.present, c.expiry, c.keep = s, present, expiry, expiry > 0
	c.state, s.state = s.state, state{}
	c.out.again = c.flights.n
}

// begin takes note of the handler that the dialect returned.
func (s *Session) begin(h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

// leave takes the session back from a connection that is gone and whose handler knows.
func (s *Session) leave(c *Conn) {
	s.mu.Lock()
	c.mu.Lock()
	c.recordRestLocked()
	s.state, c.state = c.state, state{}
	expiry, greeted := c.expiry, c.greeted
	c.mu.Unlock()
	s.state.park(s.server.observer.Dropped)
	s.conn = nil
	if s.over {
		expiry = 0 // another session has its name
	}
	// A connection that was refused has no will, and leaves the session as it was.
	if now := time.Now(); greeted || s.over {
		s.endsAt = now.Add(expiry)
		s.will = c.will
		s.willAt = now.Add(willDelay(c.will, expiry))
	}
	s.mu.Unlock()
	s.advance()
	s.mu.Lock()
	left := s.left
	s.left = nil
	s.mu.Unlock()
	close(left)
}

// willDelay is how long a will waits after the connection: no longer than the session [MQTT-3.1.3-9].
func willDelay(w *packet.Will, expiry time.Duration) time.Duration {
	if w == nil {
		return expiry
	}
	return min(expiry, time.Duration(w.Properties.Value(packet.WillDelayInterval))*time.Second)
}

// advance does what is due of a session whose client is away: first the will, then the end.
func (s *Session) advance() {
	s.mu.Lock()
	if s.conn != nil || s.ended {
		s.mu.Unlock()
		return
	}
	now := time.Now()
	var will *packet.Will
	if !now.Before(s.willAt) {
		will, s.will = s.will, nil
	}
	ending := !now.Before(s.endsAt)
	s.ended, s.over = ending, s.over || ending
	keeper, _ := s.handler.(Keeper)
	var waiting []func(bool)
	switch {
	case ending:
		waiting = s.state.waiting()
		if s.timer != nil {
			s.timer.Stop() // or it would hold the session until then
		}
	case s.will != nil:
		s.armLocked(s.willAt)
	default:
		s.armLocked(s.endsAt)
	}
	s.mu.Unlock()
	if will != nil && keeper != nil {
		s.server.guard(func() {
			keeper.Will(Publish{
				Topic: will.Topic, Payload: will.Payload, QoS: will.QoS, Retain: will.Retain, Properties: will.Properties,
			})
		})
	}
	if !ending {
		return
	}
	s.server.sessions.remove(s)
	s.server.guard(func() { abandon(waiting) })
	if keeper != nil {
		s.server.guard(keeper.Ended)
	}
}

func (s *Session) armLocked(at time.Time) {
	if s.timer == nil {
		s.timer = time.AfterFunc(time.Until(at), s.advance)
		return
	}
	s.timer.Reset(time.Until(at))
}

// settle takes a verdict on a QoS 2 message that came with a connection which was closed meanwhile. Its client may have sent
// the message again, and waits for the answer.
func (s *Session) settle(late slot) {
	what, code := late.verdict.parts()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conn
	if c == nil {
		s.state.record(late.id, what != CloseWithoutAck && !code.Failed())
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch h := c.held[late.id]; {
	case !h.asked:
		c.record(late.id, what != CloseWithoutAck && !code.Failed())
	case what == CloseWithoutAck:
		c.forgetLocked(late.id)
		c.closeForVerdictLocked(code)
	default:
		c.recordLocked(late.id, code)
	}
}
