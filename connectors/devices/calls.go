package devices

import (
	"context"
	"sync"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// CallVerbs is what Calls ask of a registry; *registry.Registry has it.
type CallVerbs interface {
	QueueCall(ctx context.Context, c registry.Call) (registry.Call, error)
	OpenCalls(ctx context.Context, device string) ([]registry.Call, error)
	NextCallNumber(ctx context.Context, device string) (int32, error)
	ReportCall(ctx context.Context, c registry.Call) error
	// After calls do when the transaction of ctx is on disk, or at once if there is none.
	After(ctx context.Context, device string, do func())
}

// Calls are what is on its way between this process and devices: calls to devices, and requests of devices that wait for
// their replies. Nodes use it within a run ([Calls.Send], [Calls.Reply]); a Service is bound to it by Options.Calls.
type Calls struct {
	registry CallVerbs
	service  *Service // set by New, before any device is there

	mu       sync.Mutex
	lines    map[string]*line   // by device
	requests map[string]*asking // by session and request
	closed   bool
	running  sync.WaitGroup // goroutines of lines
	life     context.Context
	stop     context.CancelFunc
}

// NewCalls makes Calls over a registry.
func NewCalls(r CallVerbs) *Calls {
	life, stop := context.WithCancel(context.Background())
	return &Calls{registry: r, lines: map[string]*line{}, requests: map[string]*asking{}, life: life, stop: stop}
}

// Send makes a call from within a run: it is part of the run's transaction. A kept call survives a restart. One that is not
// kept has to be one-way, and is lost if the device is not there before its time is over.
func (c *Calls) Send(ctx context.Context, call registry.Call, keep bool) error {
	if keep {
		_, err := c.registry.QueueCall(ctx, call)
		return err
	}
	if err := registry.CheckCall(call.Method, call.Params); err != nil {
		return err
	}
	call.OneWay = true
	c.registry.After(ctx, call.Device, func() { _, _ = c.add(call) })
	return nil
}

// line returns a device's line, locked, and makes it if need be; nil after the end. What is called on it unlocks it.
func (c *Calls) line(device string) *line {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	l := c.lines[device]
	if l == nil {
		l = &line{calls: c, device: device}
		c.lines[device] = l
	}
	l.mu.Lock()
	return l
}

// find returns a device's line, locked; nil if there is none.
func (c *Calls) find(device string) *line {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[device]
	if l != nil {
		l.mu.Lock()
	}
	return l
}

// rows reads what is kept of a device's calls: those that are open, and the number of the next one.
func (c *Calls) rows(ctx context.Context, device string) (open []registry.Call, next int32, err error) {
	if open, err = c.registry.OpenCalls(ctx, device); err == nil {
		next, err = c.registry.NextCallNumber(ctx, device)
	}
	return open, next, err
}

// retire drops a line that there is nothing to remember of: no call was numbered since it was read, and none waits.
func (c *Calls) retire(l *line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.lines[l.device] == l && l.next == l.kept && !l.running && l.readers == 0 && len(l.waiting)+len(l.taken)+len(l.reports) == 0 {
		delete(c.lines, l.device)
	}
}

// add puts a call that is not kept into its line.
func (c *Calls) add(row registry.Call) (*outgoing, error) {
	l := c.line(row.Device)
	if l == nil {
		return nil, ErrClosed
	}
	o := &outgoing{call: row, verdict: make(chan verdict, 1)}
	if err := l.add(o); err != nil {
		return nil, err
	}
	return o, nil
}

// wait makes a call that is not kept and waits for its end.
func (c *Calls) wait(ctx context.Context, row registry.Call) (Answer, error) {
	o, err := c.add(row)
	if err != nil {
		return Answer{}, err
	}
	select {
	case v := <-o.verdict:
		return Answer{Body: v.body}, v.err
	case <-ctx.Done():
		if l := c.find(row.Device); l != nil {
			l.forget(o)
		}
		return Answer{}, ctx.Err()
	}
}

// queued is the registry's hook: a call is kept for the device.
func (c *Calls) queued(device string) {
	if l := c.line(device); l != nil {
		l.reload()
	}
}

// subscribed: a session of the device takes calls from now on.
func (c *Calls) subscribed(device string) {
	if l := c.line(device); l != nil {
		l.reload()
	}
}

func (c *Calls) sessionEnded(s *Session) {
	if l := c.find(s.device.ID); l != nil {
		l.sessionEnded(s)
	}
	c.drop(s)
}

func (c *Calls) delivered(s *Session, id int32) {
	if l := c.find(s.device.ID); l != nil {
		l.delivered(s, id)
	}
}

func (c *Calls) deviceGone(device string) {
	c.mu.Lock()
	l := c.lines[device]
	delete(c.lines, device)
	c.mu.Unlock()
	if l != nil {
		l.mu.Lock()
		l.end(registry.ErrNotFound)
	}
}

// close ends all lines and waits for what they write.
func (c *Calls) close() {
	c.mu.Lock()
	c.closed = true
	lines := c.lines
	c.lines = map[string]*line{}
	c.mu.Unlock()
	for _, l := range lines {
		l.mu.Lock()
		l.end(ErrClosed)
	}
	c.running.Wait()
	c.stop()
	c.dropAll()
}

// answered takes an answer of a device.
func (c *Calls) answered(ctx context.Context, s *Session, id int32, body []byte, done func(engine.Fate)) {
	l := c.line(s.device.ID)
	if l == nil {
		done(abandoned(ErrClosed))
		return
	}
	o, err := l.take(ctx, id)
	switch {
	case err != nil:
		done(abandoned(err))
	case o == nil:
		done(engine.Fate{State: engine.Done})
	case o.verdict != nil:
		o.verdict <- verdict{body: body}
		done(engine.Fate{State: engine.Done})
	default:
		c.keepAnswer(ctx, s, o, asJSON(body), done)
	}
}

// keepAnswer hands a kept call's answer to the chains, and then notes it: whatever comes between, the device sends its
// answer again, and finds the call still open.
func (c *Calls) keepAnswer(ctx context.Context, s *Session, o *outgoing, body []byte, done func(engine.Fate)) {
	row := o.call
	row.Status, row.Response, row.Updated = registry.CallSuccessful, body, c.service.now()
	lost := func(f engine.Fate) {
		if l := c.find(row.Device); l != nil {
			l.putBack(o)
		}
		done(f)
	}
	c.service.callEvent(ctx, *s.device, row, func(f engine.Fate) {
		l := c.line(row.Device)
		switch {
		case f.State == engine.Abandoned:
			if l != nil {
				l.mu.Unlock()
			}
			lost(f)
		case l == nil:
			done(abandoned(ErrClosed))
		default:
			l.report(row, func(err error) {
				if err != nil {
					lost(abandoned(err))
					return
				}
				done(f)
			})
		}
	})
}

// ended tells the chains of a kept call that came to no good end. Nobody waits for that.
func (c *Calls) ended(row registry.Call) {
	d, err := c.service.registry.Device(c.life, row.Device)
	if err != nil {
		return // gone, or nobody can be told
	}
	row.Updated = c.service.now()
	c.service.callEvent(c.life, d, row, func(engine.Fate) {})
}

// deliveryTimeout is how long a device has to acknowledge a call.
func (c *Calls) deliveryTimeout() time.Duration { return c.service.limits.DeliveryTimeout }
