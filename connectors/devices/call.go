package devices

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Call is a request to a device: what ThingsBoard calls a server-side RPC.
type Call struct {
	Method string
	Params json.RawMessage // any JSON value; empty: {}
	OneWay bool            // no answer is wanted
	// Timeout is how long the device has to take the call and to answer. Default 10 s; for a persistent call 24 h.
	Timeout time.Duration
	// Persistent calls are kept, over a restart too, until they have come to their end or their time is over. Nobody waits
	// for them: the registry says how they stand, and the chains hear of their end.
	Persistent bool
	// Retries is how often the call is sent again to a device that does not acknowledge it. Negative: the default, 5.
	Retries int
}

// Answer is what came of a call.
type Answer struct {
	ID   string // of a persistent call
	Body []byte // what the device answered, byte by byte; empty for a one-way call
}

// CallRequest is a call as a device gets it.
type CallRequest struct {
	ID     int32 // counts for each device, from 0
	Method string
	Params json.RawMessage
	OneWay bool
}

// The errors of a call besides registry.ErrNotFound, registry.ErrInvalid, and registry.ErrInUse for too many at once.
var (
	// ErrNoAnswer: the device was sent the call, and did not acknowledge or answer it in time.
	ErrNoAnswer = errors.New("the device did not answer in time")
	// ErrNotConnected: the device was not there to be sent the call, for as long as the call could wait.
	ErrNotConnected = errors.New("the device is not connected")
	// ErrClosed: the service ends.
	ErrClosed = errors.New("the service is closed")
)

// The defaults of a Call.
const (
	defaultCallTimeout = 10 * time.Second
	defaultCallKept    = 24 * time.Hour
	defaultCallRetries = 5
)

// Call makes a call and waits for what comes of it: for the answer, for the delivery of a one-way call, or for a persistent
// one to be on disk. A device that is not connected is waited for; calls of one device go out one after another, each when
// the one before is acknowledged.
func (s *Service) Call(ctx context.Context, device string, c Call) (Answer, error) {
	if len(c.Params) == 0 {
		c.Params = json.RawMessage("{}")
	}
	if err := registry.CheckCall(c.Method, c.Params); err != nil {
		return Answer{}, err
	}
	if c.Retries < 0 {
		c.Retries = defaultCallRetries
	}
	row := registry.Call{Device: device, Method: c.Method, Params: c.Params, OneWay: c.OneWay, Retries: c.Retries}
	if c.Persistent {
		row.Expires = s.now().Add(cmp.Or(c.Timeout, defaultCallKept))
		kept, err := s.registry.QueueCall(ctx, row)
		return Answer{ID: kept.ID}, err
	}
	if _, err := s.registry.Device(ctx, device); err != nil {
		return Answer{}, err
	}
	row.Expires = s.now().Add(cmp.Or(c.Timeout, defaultCallTimeout))
	return s.calls.wait(ctx, row)
}

// Delivered says that the device has a call that its Client was handed: it acknowledged the message that carried it, or,
// where the protocol knows no acknowledgement, the message was sent.
func (s *Session) Delivered(call int32) { s.service.calls.delivered(s, call) }

// Answer takes the device's answer to a call. One to a call that nobody waits for (any more) is done with, as in
// ThingsBoard. For a persistent call done is called when the disk has the answer, and what the chains make of it. done is
// called once, from any goroutine, also at once.
func (s *Session) Answer(ctx context.Context, call int32, body []byte, done func(engine.Fate)) {
	if err := s.Admit(ctx); err != nil {
		done(abandoned(err))
		return
	}
	s.service.calls.answered(ctx, s, call, body, done)
}

// asJSON is an answer as the registry keeps it: as it came if it is JSON, else as a JSON text.
func asJSON(body []byte) json.RawMessage {
	if json.Valid(body) {
		return json.RawMessage(strings.Clone(string(body)))
	}
	return quote(nil, string(body))
}
