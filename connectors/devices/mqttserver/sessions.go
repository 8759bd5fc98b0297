package mqttserver

import (
	"context"
	"sync"
	"time"
)

// sessions is the sessions of a server by their names.
type sessions struct {
	limit int

	mu      sync.Mutex // may be held when Session.mu is taken, not the other way round
	byName  map[string]*Session
	lasting int // that may outlive their connections
}

// Resume gives the connection the session of that name: the one that is there, unless the client wants a clean start, or else
// a new one. It is called within Dialect.Connect, at most once, and before anything is published to the client; whoever the
// client is, is for the dialect to know before that. The session then lives as long as the client asked for, within
// Limits.SessionExpiry: MQTT 3 without clean session as long as that.
//
// h is the Handler of the session that goes on, for the dialect to return again; it is nil if the session is new. If it is a
// Keeper, it is told of the client's will and of the end of the session.
//
// Another connection that has the session is closed with ClosedTakenOver [MQTT-3.1.4-3]. If the session goes on, Resume waits
// for that until its Handler's Closed has returned; the only error is that of ctx.
func (c *Conn) Resume(ctx context.Context, name string) (s *Session, h Handler, err error) {
	t := &c.server.sessions
	for {
		s, old, left := t.take(name, c)
		if s != nil {
			if old != nil {
				old.discard()
			}
			return s, s.handler, nil
		}
		select {
		case <-left:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// take gives a connection the session of that name, and the one that it replaces, if any. If another connection has it first
// to be gone, there is no session, and left says when to try again.
func (t *sessions) take(name string, c *Conn) (s, old *Session, left chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old = t.byName[name]
	if old != nil {
		old.mu.Lock()
		defer old.mu.Unlock()
	}
	switch {
	case old == nil || old.over:
		s, old = &Session{server: c.server}, nil
	case c.hello.CleanSession || old.conn != nil && !old.conn.lasting():
		s, old.over = &Session{server: c.server}, true
		if old.conn != nil {
			old.conn.yield()
		}
	case old.left != nil:
		if old.conn != nil {
			old.conn.yield()
		}
		return nil, nil, old.left
	default:
		old.attachLocked(c, true, t.grant(old, c))
		return old, nil, nil
	}
	t.byName[name] = s
	s.name = name
	s.attachLocked(c, false, t.grant(s, c))
	return s, old, nil
}

// grant is how long a session may outlive its next connection.
func (t *sessions) grant(s *Session, c *Conn) time.Duration {
	most := c.server.limits.SessionExpiry
	var wanted time.Duration
	switch {
	case c.five != nil:
		wanted = min(time.Duration(c.five.expiry)*time.Second, most)
	case !c.hello.CleanSession:
		wanted = most
	}
	switch {
	case wanted > 0 && !s.lasting && t.lasting >= t.limit:
		return 0
	case wanted > 0 && !s.lasting:
		s.lasting = true
		t.lasting++
	case wanted == 0 && s.lasting:
		s.lasting = false
		t.lasting--
	}
	return wanted
}

// remove forgets a session that is over.
func (t *sessions) remove(s *Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName[s.name] == s {
		delete(t.byName, s.name)
	}
	if s.lasting {
		s.lasting = false
		t.lasting--
	}
}

// discard ends a session whose name has another. If a connection has it, it ends with that.
func (s *Session) discard() {
	s.mu.Lock()
	s.endsAt, s.willAt = time.Time{}, time.Time{}
	s.mu.Unlock()
	s.advance()
}

// lasting reports whether the session may outlive the connection.
func (c *Conn) lasting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.expiry > 0
}

// yield closes the connection for another one of the same client, which may have to wait for it.
func (c *Conn) yield() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.closeLocked(ClosedTakenOver, flushed)
		return
	}
	c.linger = false
	_ = c.nc.SetReadDeadline(past)
}
