package devices

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gridtie/gridtie/registry"
)

// line is what is on its way to one device. Whatever happens only notes it; a goroutine, which exists while there is
// something to do, then does it: one at a time for a line, so that reports are written, and calls sent, in order.
//
// Calls hands out lines locked; add, reload, take and whatever else has no "Locked" in its name unlocks.
type line struct {
	calls  *Calls
	device string

	mu      sync.Mutex
	next    int32       // request id
	kept    int32       // what it was when the rows were read
	waiting []*outgoing // the oldest first
	taken   []*outgoing // kept calls whose answers are on their way to the registry, where they are open still
	reports []report
	unread  bool // rows of the registry are to be read
	read    bool // they have been, once
	readers int  // that read them now
	running bool
	over    bool
	timer   *time.Timer
}

// outgoing is a call on its way.
type outgoing struct {
	call     registry.Call // with its id if it is kept
	verdict  chan verdict  // of one that is not kept; holds one
	id       int32
	numbered bool
	state    outgoingState
	to       *Session  // that it was sent to
	deadline time.Time // of its acknowledgement
	sent     int       // how often
}

type outgoingState uint8

const (
	toSend outgoingState = iota
	unacknowledged
	unanswered
)

type verdict struct {
	body []byte
	err  error
}

// report is what is to be noted of a kept call.
type report struct {
	call registry.Call
	done func(error) // nil if nobody waits
}

func (l *line) add(o *outgoing) error {
	defer l.mu.Unlock()
	if l.over {
		return ErrClosed
	}
	if len(l.waiting) >= registry.MaxOpenCalls {
		return registry.ErrInUse
	}
	l.waiting = append(l.waiting, o)
	l.unread = l.unread || !l.read // its number follows those that the device has seen
	l.goOnLocked()
	return nil
}

// reload makes the line look for kept calls.
func (l *line) reload() {
	defer l.mu.Unlock()
	l.unread = true
	l.goOnLocked()
}

// mergeLocked takes in the rows that are not known yet. They are older than what came meanwhile only after a restart, when
// nothing has.
func (l *line) mergeLocked(rows []registry.Call, next int32) {
	if !l.read {
		l.read, l.kept = true, next
		l.next = max(l.next, next)
	}
	for _, row := range rows {
		same := func(o *outgoing) bool { return o.call.ID == row.ID && row.ID != "" }
		if slices.ContainsFunc(l.waiting, same) || slices.ContainsFunc(l.taken, same) ||
			slices.ContainsFunc(l.reports, func(r report) bool { return r.call.ID == row.ID && !r.call.Open() }) {
			continue
		}
		o := &outgoing{call: row}
		if row.Number != nil {
			o.id, o.numbered = *row.Number, true
			l.next = max(l.next, *row.Number+1)
		}
		if row.Status == registry.CallDelivered {
			o.state = unanswered
		}
		l.waiting = append(l.waiting, o)
	}
}

// take removes a call that is answered, nil if there is no such call. It may be older than this process, and about to be sent
// again: whoever answers has it.
func (l *line) take(ctx context.Context, id int32) (*outgoing, error) {
	defer l.mu.Unlock()
	if !l.read {
		l.readers++
		l.mu.Unlock()
		rows, next, err := l.calls.rows(ctx, l.device)
		l.mu.Lock()
		l.readers--
		l.goOnLocked()
		if err != nil {
			return nil, err
		}
		if !l.read { // else these rows may be older than what was noted meanwhile
			l.mergeLocked(rows, next)
		}
	}
	at := slices.IndexFunc(l.waiting, func(o *outgoing) bool {
		return o.numbered && o.id == id && !o.call.OneWay
	})
	if at < 0 {
		return nil, nil
	}
	o := l.waiting[at]
	l.waiting = slices.Delete(l.waiting, at, at+1)
	if o.verdict == nil {
		l.taken = append(l.taken, o)
	}
	l.goOnLocked() // an answer acknowledges, too
	return o, nil
}

// putBack waits on for an answer that could not be kept.
func (l *line) putBack(o *outgoing) {
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.taken = slices.DeleteFunc(l.taken, func(other *outgoing) bool { return other == o })
	o.state = unanswered
	l.waiting = append(l.waiting, o)
	l.goOnLocked()
}

// forget drops a call that nobody waits for any more.
func (l *line) forget(gone *outgoing) {
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(o *outgoing) bool { return o == gone })
	l.goOnLocked()
}

// report notes how a kept call stands, and says when that is on disk.
func (l *line) report(row registry.Call, done func(error)) {
	defer l.mu.Unlock()
	l.reports = append(l.reports, report{row, done})
	l.goOnLocked()
}

func (l *line) delivered(s *Session, id int32) {
	defer l.mu.Unlock()
	at := slices.IndexFunc(l.waiting, func(o *outgoing) bool {
		return o.numbered && o.id == id && o.state == unacknowledged && o.to == s
	})
	if at < 0 {
		return
	}
	o := l.waiting[at]
	o.state, o.to = unanswered, nil
	l.noteLocked(o, registry.CallDelivered)
	if o.call.OneWay {
		l.waiting = slices.Delete(l.waiting, at, at+1)
		if o.verdict != nil {
			o.verdict <- verdict{}
		}
	}
	l.goOnLocked()
}

// sessionEnded has what a session did not acknowledge sent again.
func (l *line) sessionEnded(s *Session) {
	defer l.mu.Unlock()
	for _, o := range l.waiting {
		if o.to == s && o.state == unacknowledged {
			o.state, o.to = toSend, nil
			l.noteLocked(o, registry.CallQueued)
			l.goOnLocked()
		}
	}
}

// end tells everybody who waits that it is over.
func (l *line) end(why error) {
	defer l.mu.Unlock()
	l.over = true
	if l.timer != nil {
		l.timer.Stop()
	}
	for _, o := range l.waiting {
		if o.verdict != nil {
			o.verdict <- verdict{err: why}
		}
	}
	l.waiting = nil
}

// noteLocked has the registry note how a kept call stands.
func (l *line) noteLocked(o *outgoing, s registry.CallStatus) {
	if o.verdict != nil {
		return
	}
	o.call.Status = s
	l.reports = append(l.reports, report{call: o.call})
}

// goOnLocked makes sure that a goroutine looks at the line.
func (l *line) goOnLocked() {
	if l.running || l.over && len(l.reports) == 0 {
		return
	}
	l.running = true
	l.calls.running.Go(l.run)
}

// numberLocked numbers a call.
func (l *line) numberLocked(o *outgoing) {
	if o.numbered {
		return
	}
	o.id, o.numbered = l.next, true
	if o.verdict == nil {
		o.call.Number = &o.id
	}
	if l.next++; l.next == math.MaxInt32 {
		l.next = 0
	}
}
