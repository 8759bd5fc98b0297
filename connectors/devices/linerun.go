package devices

import (
	"slices"
	"time"

	"github.com/gridtie/gridtie/registry"
)

// run does what there is to do for a line, until there is nothing.
func (l *line) run() {
	for l.step() {
	}
	l.calls.retire(l)
}

// step does one thing. more is false if there was nothing; the goroutine has ended then.
func (l *line) step() (more bool) {
	l.mu.Lock()
	switch {
	case len(l.reports) > 0:
		r := l.reports[0]
		l.reports = slices.Delete(l.reports, 0, 1)
		l.mu.Unlock()
		l.write(r)
		return true
	case l.over:
		l.running = false
		l.mu.Unlock()
		return false
	case l.unread:
		l.unread = false
		l.mu.Unlock()
		l.readRows()
		return true
	}
	now := l.calls.service.now()
	if l.expireLocked(now) {
		l.mu.Unlock()
		return true
	}
	if o, to := l.sendableLocked(); o != nil {
		l.sendLocked(o, to, now) // unlocks
		return true
	}
	l.sleepLocked(now)
	l.running = false
	l.mu.Unlock()
	return false
}

func (l *line) write(r report) {
	err := l.calls.registry.ReportCall(l.calls.life, r.call)
	if err != nil && !l.isOver() {
		l.calls.service.log.Error().Str("event", "call_unnoted").Str("device", l.device).Str("call", r.call.ID).Err(err).Send()
	}
	if err == nil && !r.call.Open() {
		l.mu.Lock()
		l.taken = slices.DeleteFunc(l.taken, func(o *outgoing) bool { return o.call.ID == r.call.ID })
		l.mu.Unlock()
	}
	if r.done != nil {
		r.done(err)
	}
	if s := r.call.Status; s == registry.CallExpired || s == registry.CallFailed {
		l.calls.ended(r.call)
	}
}

func (l *line) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

func (l *line) readRows() {
	rows, next, err := l.calls.rows(l.calls.life, l.device)
	if err != nil {
		l.calls.service.log.Error().Str("event", "calls_unread").Str("device", l.device).Err(err).Send()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mergeLocked(rows, next)
}

// expireLocked ends what is past its time, one call at once, and tells whether there was one.
func (l *line) expireLocked(now time.Time) bool {
	for at, o := range l.waiting {
		switch {
		case !now.Before(o.call.Expires):
			l.waiting = slices.Delete(l.waiting, at, at+1)
			l.failLocked(o, registry.CallExpired)
			return true
		case o.state == unacknowledged && !now.Before(o.deadline):
			l.undeliveredLocked(at, o)
			return true
		}
	}
	return false
}

// undeliveredLocked sends a call again that was not acknowledged, unless that has been done often enough.
func (l *line) undeliveredLocked(at int, o *outgoing) {
	to := o.to
	o.state, o.to = toSend, nil
	switch {
	case o.sent <= o.call.Retries:
		l.noteLocked(o, registry.CallTimeout)
	case l.calls.service.limits.CloseUndelivered:
		// The device may do better on a new connection.
		o.sent = 0
		l.noteLocked(o, registry.CallQueued)
		to.calls.Store(false)
		l.calls.running.Go(func() { l.calls.service.undelivered(to) })
	default:
		l.waiting = slices.Delete(l.waiting, at, at+1)
		l.failLocked(o, registry.CallFailed)
	}
}

// failLocked tells of a call that came to no good end.
func (l *line) failLocked(o *outgoing, s registry.CallStatus) {
	if o.verdict == nil {
		l.noteLocked(o, s)
		return
	}
	err := ErrNoAnswer
	if o.sent == 0 {
		err = ErrNotConnected
	}
	o.verdict <- verdict{err: err}
}

// sendableLocked is the next call and who is to get it; nil if there is none, or the one before is not acknowledged.
func (l *line) sendableLocked() (*outgoing, *Session) {
	var next *outgoing
	for _, o := range l.waiting {
		switch {
		case o.state == unacknowledged:
			return nil, nil
		case o.state == toSend && next == nil:
			next = o
		}
	}
	if next == nil {
		return nil, nil
	}
	for _, s := range l.calls.service.present.all(l.device) {
		if s.calls.Load() {
			return next, s
		}
	}
	return nil, nil
}

// sendLocked hands a call to a session. What is kept of it is on disk before, so that an answer finds it also after a
// restart; if that cannot be, the call goes out again when it would if the device had not acknowledged it.
func (l *line) sendLocked(o *outgoing, to *Session, now time.Time) {
	l.numberLocked(o)
	o.state, o.to, o.deadline = unacknowledged, to, now.Add(l.calls.deliveryTimeout())
	o.sent++
	o.call.Status = registry.CallSent
	row, kept := o.call, o.verdict == nil
	request := CallRequest{ID: o.id, Method: row.Method, Params: row.Params, OneWay: row.OneWay}
	l.mu.Unlock()
	if kept {
		if err := l.calls.registry.ReportCall(l.calls.life, row); err != nil {
			l.calls.service.log.Error().Str("event", "call_unnoted").Str("device", l.device).Str("call", row.ID).Err(err).Send()
			return
		}
	}
	to.client.Called(request)
}

// sleepLocked sets the timer to when something is due.
func (l *line) sleepLocked(now time.Time) {
	var due time.Time
	for _, o := range l.waiting {
		at := o.call.Expires
		if o.state == unacknowledged && o.deadline.Before(at) {
			at = o.deadline
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	switch {
	case due.IsZero():
		if l.timer != nil {
			l.timer.Stop()
		}
	case l.timer == nil:
		l.timer = time.AfterFunc(due.Sub(now), l.wake)
	default:
		l.timer.Reset(due.Sub(now))
	}
}

func (l *line) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.goOnLocked()
}
