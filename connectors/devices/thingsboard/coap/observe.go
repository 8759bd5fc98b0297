package coap

import (
	"context"
	"sync/atomic"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/registry"
)

// watched is what a device can observe. As in ThingsBoard it has one observation of each kind: who registers again, from
// elsewhere or with another token, takes the place of the one before.
type watched struct {
	device  string
	feature feature
}

// watcher is an observation, as the service sees it.
type watcher struct {
	dialect     *Dialect
	what        watched
	session     *devices.Session
	observation *coapserver.Observation
	format      int
	ended       atomic.Bool
}

var _ devices.Client = (*watcher)(nil)

// observe begins an observation: of shared attributes with the present ones, of calls with 2.03 and nothing.
func (d *Dialect) observe(
	ctx context.Context, s *devices.Session, r *coapserver.Request, what feature, answer func(coapserver.Response),
) {
	w := &watcher{dialect: d, what: watched{s.Device().ID, what}, session: s, format: content(r, nil).Format}
	o, err := r.Register(func(coapserver.Ended) { w.end() })
	if err != nil {
		answer(later(message.ServiceUnavailable, retryAfter))
		return
	}
	w.observation = o
	if old := d.enter(w); old != nil {
		old.observation.End(plain(message.Deleted))
	}
	if err := s.Attach(ctx, w); err != nil {
		answer(d.refusal(err))
		return
	}
	if w.ended.Load() { // before it was known to anybody
		w.end()
	}
	if what == calls {
		s.SubscribeCalls(true) // calls that wait are notified after the answer
		answer(plain(message.Valid))
		return
	}
	s.Subscribe(true)
	_, shared, err := s.Attributes(ctx, nil, nil)
	if err != nil {
		answer(d.refusal(err))
		return
	}
	answer(content(r, body.Updated(shared)))
}

// enter makes an observation the one of its kind, and returns the one before.
func (d *Dialect) enter(w *watcher) (old *watcher) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old = d.watchers[w.what]
	d.watchers[w.what] = w
	return old
}

// end ends the session with the observation. It may be called more than once.
func (w *watcher) end() {
	w.ended.Store(true)
	w.session.Close()
	w.dialect.mu.Lock()
	defer w.dialect.mu.Unlock()
	if w.dialect.watchers[w.what] == w {
		delete(w.dialect.watchers, w.what)
	}
}

func (w *watcher) notify(payload []byte, acked func(bool)) {
	// An error means that the observation has ended, or ends for it.
	_ = w.observation.Notify(coapserver.Response{Code: message.Content, Payload: payload, Format: w.format}, acked)
}

// SharedChanged tells the device what has changed.
func (w *watcher) SharedChanged(c registry.SharedChange) {
	if len(c.Updated) > 0 {
		w.notify(body.Updated(c.Updated), nil)
	}
	if len(c.Deleted) > 0 {
		w.notify(body.Deleted(c.Deleted), nil)
	}
}

// Called hands the device a call. It is delivered when the device says so, or, to one that observes without confirmation,
// when it is sent.
func (w *watcher) Called(c devices.CallRequest) {
	w.notify(body.NumberedCall(c), func(ok bool) {
		if ok {
			w.session.Delivered(c.ID)
		}
	})
}

// Close ends the observation.
func (w *watcher) Close(why devices.Reason) {
	code := message.Deleted
	if why == devices.Revoked {
		code = message.Unauthorized
	}
	w.observation.End(plain(code))
}
