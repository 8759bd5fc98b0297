package devices

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/gridtie/gridtie/engine"
)

// TypeRequest is the type of a message in which a device asks something, and its metadata that name who waits for the reply.
const (
	TypeRequest = "TO_SERVER_RPC_REQUEST"

	MetaRequestID = "requestId"
	MetaServiceID = "serviceId"
	MetaSessionID = "sessionId"
)

// serviceID is what ThingsBoard calls the process that holds a session. One process holds all of them.
const serviceID = "gridtie"

// TimeoutReply is what a device is told that nobody replied to, as in ThingsBoard.
const TimeoutReply = `{"error":"timeout"}`

// ErrTooManyRequests: Limits.Requests of one session wait for their replies already.
var ErrTooManyRequests = errors.New("too many requests wait for a reply")

// Request is what a device asks of the server: ThingsBoard's client-side RPC.
type Request struct {
	ID     int32 // of the device's choice
	Method string
	Params json.RawMessage // any JSON value; empty if the device sent none
}

// asking is a device that waits for a reply.
type asking struct {
	session *Session
	reply   func([]byte)
	timer   *time.Timer
}

// Ask hands a request of the device to the chains. reply is called once, from any goroutine, with what a chain replies
// (node action.rpc-reply), or with TimeoutReply after Limits.ReplyTimeout; not at all if the session ends before, or the
// request is not accepted. done tells the request's fate, as with PostAttributes. A session that is not open has to be
// closed by its caller when the reply has come or nobody wants it any more. A request with the id of one that waits takes
// its place. An error is ErrTooManyRequests; done is not called then.
func (s *Session) Ask(ctx context.Context, r Request, done func(engine.Fate), reply func([]byte)) error {
	p, err := s.begin(ctx, nil)
	if err == nil {
		err = s.pay(ctx, p, false, none)
	}
	if err != nil {
		done(abandoned(err))
		return nil
	}
	key := s.id() + "/" + strconv.Itoa(int(r.ID))
	if !s.service.calls.ask(key, s, reply) {
		return ErrTooManyRequests
	}
	text := quote(append([]byte(nil), `{"method":`...), r.Method)
	if len(r.Params) > 0 {
		text = append(append(text, `,"params":`...), r.Params...)
	}
	text = append(text, '}')
	m := s.message(p, TypeRequest, engine.NewData(string(text)), nil,
		engine.Pair{Key: MetaRequestID, Value: strconv.Itoa(int(r.ID))},
		engine.Pair{Key: MetaServiceID, Value: serviceID},
		engine.Pair{Key: MetaSessionID, Value: s.id()})
	err = s.submit(ctx, m, func(f engine.Fate) {
		if f.State == engine.Abandoned {
			s.service.calls.forget(key) // it will be asked again
		}
		done(f)
	})
	if err != nil {
		s.service.calls.forget(key)
		done(abandoned(err))
	}
	return nil
}

// id names the session in metadata; most are never asked.
func (s *Session) id() string {
	if id := s.name.Load(); id != nil {
		return *id
	}
	id := newID()
	if s.name.CompareAndSwap(nil, &id) {
		return id
	}
	return *s.name.Load()
}

// ask notes who waits for a reply.
func (c *Calls) ask(key string, s *Session, reply func([]byte)) bool {
	a := &asking{session: s, reply: reply}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.requests[key]; old != nil {
		c.removeLocked(key, old)
	}
	if c.closed || int(s.asking.Load()) >= c.service.limits.Requests {
		return false
	}
	s.asking.Add(1)
	c.requests[key] = a
	a.timer = time.AfterFunc(c.service.limits.ReplyTimeout, func() {
		if c.remove(key, a) {
			reply([]byte(TimeoutReply))
		}
	})
	return true
}

func (c *Calls) removeLocked(key string, a *asking) {
	delete(c.requests, key)
	a.timer.Stop()
	a.session.asking.Add(-1)
}

// remove tells whether it was this one that waited under the key.
func (c *Calls) remove(key string, a *asking) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.requests[key] != a {
		return false
	}
	c.removeLocked(key, a)
	return true
}

// forget drops who waits under the key.
func (c *Calls) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.requests[key]; a != nil {
		c.removeLocked(key, a)
	}
}

// drop forgets what a session that has ended waited for.
func (c *Calls) drop(s *Session) {
	if s.asking.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, a := range c.requests {
		if a.session == s {
			c.removeLocked(key, a)
		}
	}
}

func (c *Calls) dropAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, a := range c.requests {
		c.removeLocked(key, a)
	}
}

// Reply replies to a request of a device from within a run, when the run is on disk. Session and request are what the
// message's metadata said. A device that does not wait any more gets nothing.
func (c *Calls) Reply(ctx context.Context, device, session, request string, body []byte) error {
	key := session + "/" + request
	c.registry.After(ctx, device, func() {
		c.mu.Lock()
		a := c.requests[key]
		if a != nil && a.session.device.ID != device {
			a = nil
		}
		if a != nil {
			c.removeLocked(key, a)
		}
		c.mu.Unlock()
		if a != nil {
			a.reply(body)
		}
	})
	return nil
}
