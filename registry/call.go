package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/gridtie/gridtie/registry/store"
)

// CallStatus is how far a call has come, named as ThingsBoard's RpcStatus names it.
type CallStatus string

const (
	CallQueued     CallStatus = "QUEUED"     // waits for the device
	CallSent       CallStatus = "SENT"       // on its way, not acknowledged
	CallDelivered  CallStatus = "DELIVERED"  // the device has it; the end of a call that wants no answer
	CallSuccessful CallStatus = "SUCCESSFUL" // the device has answered
	CallTimeout    CallStatus = "TIMEOUT"    // not acknowledged in time; it is sent again
	CallExpired    CallStatus = "EXPIRED"    // its time was over before the device had it, or had answered
	CallFailed     CallStatus = "FAILED"     // sent as often as allowed, and never acknowledged
)

// Call is a call to a device that is kept until it has come to its end, also over a restart (a persistent RPC).
type Call struct {
	ID       string          `json:"id"` // rises with time
	Device   string          `json:"device"`
	Method   string          `json:"method"`
	Params   json.RawMessage `json:"params"`
	OneWay   bool            `json:"oneWay"`
	Retries  int             `json:"retries"` // how often it is sent again when it is not acknowledged
	Created  time.Time       `json:"created"`
	Expires  time.Time       `json:"expires"`
	Status   CallStatus      `json:"status"`
	Updated  time.Time       `json:"updated"`
	Response json.RawMessage `json:"response,omitempty"` // with CallSuccessful: what the device answered, or as JSON text if that is no JSON
	// Number is the request id that the device knows it by, once it has been sent.
	Number *int32 `json:"number,omitempty"`
}

// Open tells whether the call has still to come to its end.
func (c *Call) Open() bool {
	switch c.Status {
	case CallQueued, CallSent, CallTimeout:
		return true
	case CallDelivered:
		return !c.OneWay
	}
	return false
}

// Limits of a call.
const (
	MaxCallMethod = 255      // bytes of a method's name
	MaxCallParams = 60 << 10 // bytes of its parameters: with topic and method they fit into one packet of the smallest limit
	MaxOpenCalls  = 100      // kept for one device
)

var calls = table[Call]{
	name: "call",
	key:  func(c *Call) tuple { return keyOf("call").text(c.Device).text(c.ID) },
	index: func(c *Call, add func(tuple, []byte)) {
		if c.Open() {
			add(keyOf("call/open").text(c.Device).text(c.ID), nil)
		}
	},
	indexes: []string{"call/open"},
}

// CheckCall says what is wrong with a call, nil if nothing is.
func CheckCall(method string, params json.RawMessage) error {
	switch {
	case method == "" || len(method) > MaxCallMethod || hasControl(method):
		return fmt.Errorf("%w: a method's name has 1 to %d bytes and no control characters", ErrInvalid, MaxCallMethod)
	case len(params) > MaxCallParams:
		return fmt.Errorf("%w: parameters of %d bytes; at most %d", ErrInvalid, len(params), MaxCallParams)
	case !json.Valid(params):
		return fmt.Errorf("%w: the parameters are not JSON", ErrInvalid)
	}
	return nil
}

// QueueCall keeps a call for a device. Of c, Device, Method, Params, OneWay, Retries and Expires count. ErrNotFound if there
// is no such device, ErrInUse if too many calls wait for it.
func (r *Registry) QueueCall(ctx context.Context, c Call) (Call, error) {
	if err := CheckCall(c.Method, c.Params); err != nil {
		return Call{}, fmt.Errorf("queueing a call: %w", err)
	}
	if c.Retries < 0 {
		return Call{}, fmt.Errorf("queueing a call: %w: retries %d", ErrInvalid, c.Retries)
	}
	err := r.run(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			if _, err := t.device(ctx, c.Device); err != nil {
				return err
			}
			waiting := 0
			err := t.ids(ctx, keyOf("call/open").text(c.Device), func(string) error { waiting++; return nil })
			if err != nil {
				return err
			}
			if waiting >= MaxOpenCalls {
				return fmt.Errorf("%w: %d calls wait for it", ErrInUse, waiting)
			}
			now := r.now()
			c.ID, c.Created, c.Updated, c.Status, c.Response, c.Number = r.nextID(), now, now, CallQueued, nil, nil
			c.Expires = c.Expires.UTC().Round(0)
			t.notify(notice{device: c.Device, event: callQueued})
			return calls.put(t, nil, &c)
		})
	})
	if err != nil {
		return Call{}, fmt.Errorf("queueing a call for device %q: %w", c.Device, err)
	}
	return c, nil
}

// OpenCalls returns the calls of a device that have still to come to their end, oldest first, those included whose time is
// over.
func (r *Registry) OpenCalls(ctx context.Context, device string) ([]Call, error) {
	var open []Call
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			return t.ids(ctx, keyOf("call/open").text(device), func(id string) error {
				c, err := calls.peek(ctx, t, keyOf(calls.name).text(device).text(id))
				if err == nil && c != nil {
					open = append(open, *c)
				}
				return err
			})
		})
	})
	return open, err
}

// NextCallNumber is the request id after the highest under which the device has seen a call that is kept still, 0 if it has
// seen none. An answer that comes late must not meet a later call.
func (r *Registry) NextCallNumber(ctx context.Context, device string) (next int32, err error) {
	err = r.read(ctx, func(t *Tx) error {
		newest, _, err := calls.page(ctx, t, keyOf(calls.name).text(device), Page{Limit: 1}, true, func(c *Call) bool { return c.Number != nil })
		if len(newest) > 0 && *newest[0].Number < math.MaxInt32-1 {
			next = *newest[0].Number + 1
		}
		return err
	})
	return next, err
}

// ReportCall notes how far a call has come: status, updated time, number and response are taken from c. A call that has
// come to its end, or is gone, stays as it is.
func (r *Registry) ReportCall(ctx context.Context, c Call) error {
	err := r.run(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			old, err := calls.get(ctx, t, calls.key(&c))
			if err != nil || old == nil || !old.Open() {
				return err
			}
			next := *old
			next.Status, next.Updated, next.Response = c.Status, r.now(), c.Response
			if c.Number != nil {
				next.Number = c.Number
			}
			return calls.put(t, old, &next)
		})
	})
	if err != nil {
		return fmt.Errorf("noting how a call stands: %w", err)
	}
	return nil
}

// Call returns a call, or ErrNotFound.
func (r *Registry) Call(ctx context.Context, device, id string) (Call, error) {
	var found *Call
	err := r.read(ctx, func(t *Tx) (err error) {
		found, err = calls.peek(ctx, t, keyOf(calls.name).text(device).text(id))
		return err
	})
	if err != nil {
		return Call{}, err
	}
	if found == nil {
		return Call{}, fmt.Errorf("call %q: %w", id, ErrNotFound)
	}
	return r.shownCall(found), nil
}

// Calls lists the calls of a device, newest first.
func (r *Registry) Calls(ctx context.Context, device string, p Page) (list []Call, next string, err error) {
	err = r.read(ctx, func(t *Tx) error {
		rows, n, err := calls.page(ctx, t, keyOf(calls.name).text(device), p, true, nil)
		for _, row := range rows {
			list = append(list, r.shownCall(row))
		}
		next = n
		return err
	})
	return list, next, err
}

// shownCall says of a call whose time is over that it is, also before anybody has noted it.
func (r *Registry) shownCall(c *Call) Call {
	shown := *c
	if shown.Open() && !r.clock().Before(shown.Expires) {
		shown.Status = CallExpired
	}
	return shown
}

// sweepCalls closes the calls whose time is over, and deletes those that have been closed for as long as outcomes are kept.
func (r *Registry) sweepCalls(ctx context.Context) error {
	now := r.now()
	oldest := now.Add(-r.retention)
	from, to := store.Prefix(keyOf(calls.name))
	for {
		n := 0
		err := r.run(ctx, func(t *Tx) error {
			n = 0
			var rows []*Call
			err := t.scan(ctx, from, to, false, func(_, value []byte) (bool, error) {
				row := new(Call)
				if err := decode(calls.name, value, row); err != nil {
					return false, err
				}
				if row.Open() && !now.Before(row.Expires) || !row.Open() && row.Updated.Before(oldest) {
					rows = append(rows, row)
				}
				return len(rows) < sweepBatch, nil
			})
			if err != nil {
				return err
			}
			for _, row := range rows {
				if err := t.sweepCall(ctx, row, now); err != nil {
					return err
				}
			}
			n = len(rows)
			return nil
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

func (t *Tx) sweepCall(ctx context.Context, found *Call, now time.Time) error {
	row, err := calls.get(ctx, t, calls.key(found)) // decided on: it may have been answered meanwhile
	if err != nil || row == nil {
		return err
	}
	if !row.Open() {
		calls.delete(t, row)
		return nil
	}
	closed := *row
	closed.Status, closed.Updated = CallExpired, now
	return calls.put(t, row, &closed)
}
