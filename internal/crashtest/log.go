package crashtest

import (
	"slices"
	"sync"

	"github.com/gridtie/gridtie/registry"
)

// Meter is what one client knows of its own device. Asked and Sent are counted before a request leaves, all else after
// its answer has come.
type Meter struct {
	Number      int
	Asked       int // requests for credentials
	Answers     int // of them with SUCCESS
	Credentials registry.Credentials
	Sent        int  // attributes messages
	Acks        int  // of them acknowledged, those with poison left out
	Last        int  // the number of the newest of those
	Poisoned    bool // the one with poison was acknowledged
	LockedOut   bool // turned away, which no meter deserves
	Confused    bool // given other credentials than before

	Calls      []Call // to it, in the order in which they were made
	Renumbered bool   // a call came under another number than before, or under that of another call
	Overtaken  bool   // a call came after a later one
	Answered   bool   // a call came whose answer had been acknowledged
	Uncalled   bool   // a call came that was never made
}

// Log is what clients have done and were told so far.
type Log struct {
	mu       sync.Mutex // protects what follows
	meters   []Meter
	answered []chan struct{} // closed at the first answer; nil for a meter that was cut off before it
}

// recall begins a log with what a meter knew when it was cut off. Meters must come in the order of their numbers.
func (l *Log) recall(m Meter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*l.meter(m.Number) = m
	if m.Answers > 0 {
		close(l.answered[m.Number])
	} else {
		l.answered[m.Number] = nil
	}
}

// cutOff says that a meter was, and that no answer will come.
func (l *Log) cutOff(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meter(n)
	return l.answered[n] == nil
}

// meter returns meter n, which is made if it is new. The mutex is held.
func (l *Log) meter(n int) *Meter {
	for len(l.meters) <= n {
		l.meters = append(l.meters, Meter{Number: len(l.meters)})
		l.answered = append(l.answered, make(chan struct{}))
	}
	return &l.meters[n]
}

// Ask notes that a meter is about to ask for credentials.
func (l *Log) Ask(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meter(n).Asked++
}

// Answer notes the credentials that it was given.
func (l *Log) Answer(n int, c registry.Credentials) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.meter(n)
	if m.Answers == 0 {
		close(l.answered[n])
	} else if !same(m.Credentials, c) {
		m.Confused = true
	}
	m.Credentials = c
	m.Answers++
}

func same(a, b registry.Credentials) bool {
	return a.Type == b.Type && a.Token.Equal(b.Token) && a.ClientID.Equal(b.ClientID) && a.UserName.Equal(b.UserName) &&
		a.Password.Equal(b.Password)
}

// Refused notes that it was turned away.
func (l *Log) Refused(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meter(n).LockedOut = true
}

// Answered is closed when a meter has its credentials.
func (l *Log) Answered(n int) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meter(n)
	return l.answered[n]
}

// Send notes that a meter is about to send an attributes message, and returns its number, from 1.
func (l *Log) Send(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.meter(n)
	m.Sent++
	return m.Sent
}

// Ack notes that message k of a meter was acknowledged.
func (l *Log) Ack(n, k int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.meter(n)
	if poisonous(n, k) {
		m.Poisoned = true
		return
	}
	m.Acks++
	m.Last = max(m.Last, k)
}

// Meter returns a copy of what meter n knows.
func (l *Log) Meter(n int) Meter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *l.meter(n)
}

// Snapshot bounds what a crash during the call may leave: what was answered before it began, and what was asked before
// it ended.
func (l *Log) Snapshot(during func()) []Meter {
	l.mu.Lock()
	before := slices.Clone(l.meters)
	l.mu.Unlock()
	during()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.meters {
		if i == len(before) {
			before = append(before, Meter{Number: i})
		}
		before[i].Asked, before[i].Sent = l.meters[i].Asked, l.meters[i].Sent
		before[i].Calls = bounded(before[i].Calls, l.meters[i].Calls)
	}
	return before
}

// Totals are what a snapshot holds as acknowledged.
func Totals(meters []Meter) (provisioned, posted int) {
	for _, m := range meters {
		if m.Answers > 0 {
			provisioned++
		}
		posted += m.Acks
		if m.Poisoned {
			posted++
		}
	}
	return provisioned, posted
}

// TotalCalls are what a snapshot holds as accepted calls, and as acknowledged answers.
func TotalCalls(meters []Meter) (accepted, answered int) {
	for _, m := range meters {
		for _, c := range m.Calls {
			if c.Accepted {
				accepted++
			}
			if c.Acked > 0 {
				answered++
			}
		}
	}
	return accepted, answered
}
