package crashtest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Calls is how many persistent calls are made to a meter.
const Calls = 2

// Call is what is known of a persistent call: by whoever makes it, that it was accepted, and by the meter, under which number
// it came and how often it was answered.
type Call struct {
	Accepted bool   // it is promised that the meter gets it
	ID       string // of an accepted one
	Seen     bool
	Number   int32 // that it came under
	Answers  int   // sent, each with its number from 1
	Acked    int   // the number of the first answer that was acknowledged, 0 for none
	Kept     int   // the number of the answer that a registry held before
}

// callParams and callAnswer are what is sent with the k-th call, and with its j-th answer.
func callParams(k int) json.RawMessage { return fmt.Appendf(nil, `{"call":%d}`, k) }
func callAnswer(j int) json.RawMessage { return fmt.Appendf(nil, `{"answer":%d}`, j) }

// numberIn reads them.
func numberIn(text []byte, key string) int {
	var numbers map[string]int
	if json.Unmarshal(text, &numbers) != nil {
		return 0
	}
	return numbers[key]
}

// AskCall notes that a call is about to be made, and returns its number, from 1.
func (l *Log) AskCall(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.meter(n)
	m.Calls = append(slices.Clip(m.Calls), Call{})
	return len(m.Calls)
}

// AcceptCall notes that call k was accepted.
func (l *Log) AcceptCall(n, k int, id string) {
	l.call(n, k, func(_ *Meter, c *Call) { c.Accepted, c.ID = true, id })
}

// SeeCall notes that the meter was handed call k under a number.
func (l *Log) SeeCall(n, k int, number int32) {
	l.call(n, k, func(m *Meter, c *Call) {
		for i, other := range m.Calls {
			switch {
			case !other.Seen:
			case i+1 == k && other.Number != number, i+1 != k && other.Number == number:
				m.Renumbered = true
			case i+1 > k && !c.Seen:
				m.Overtaken = true
			}
		}
		m.Answered = m.Answered || c.Acked > 0
		c.Seen, c.Number = true, number
	})
}

// AnswerCall notes that an answer to call k is about to be sent, and returns its number, from 1.
func (l *Log) AnswerCall(n, k int) (j int) {
	l.call(n, k, func(_ *Meter, c *Call) {
		c.Answers++
		j = c.Answers
	})
	return j
}

// AckAnswer notes that answer j to call k was acknowledged.
func (l *Log) AckAnswer(n, k, j int) {
	l.call(n, k, func(_ *Meter, c *Call) {
		if c.Acked == 0 {
			c.Acked = j
		}
	})
}

// Keep takes over what a check has found to be kept.
func (l *Log) Keep(meters []Meter) {
	for _, m := range meters {
		for i, found := range m.Calls {
			l.call(m.Number, i+1, func(_ *Meter, c *Call) { c.Kept = found.Kept })
		}
	}
}

// call changes what is known of call k. Calls are copied before, since snapshots share them.
func (l *Log) call(n, k int, change func(m *Meter, c *Call)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.meter(n)
	if k < 1 || k > len(m.Calls) {
		m.Uncalled = true
		return
	}
	m.Calls = slices.Clone(m.Calls)
	change(m, &m.Calls[k-1])
}

// bounded is what a snapshot tells of calls: what was acknowledged before, and what was asked, sent and begun since.
func bounded(before, after []Call) []Call {
	all := slices.Clone(after)
	for i := range all {
		was := Call{}
		if i < len(before) {
			was = before[i]
		}
		was.Answers = all[i].Answers
		all[i] = was
	}
	return all
}
