package registry

import (
	"context"
	"sync"
	"time"
)

// Outcome is what came of one message. It holds no secret and no clear CUPS.
type Outcome struct {
	ID         string        `json:"id"` // rises with time
	Time       time.Time     `json:"time"`
	Device     string        `json:"device,omitempty"` // id
	DeviceName string        `json:"deviceName,omitempty"`
	Code       Code          `json:"code"`
	Supplier   string        `json:"supplier,omitempty"`
	Grid       string        `json:"grid,omitempty"`
	Key        string        `json:"key,omitempty"`  // id
	CUPS       string        `json:"cups,omitempty"` // masked
	Message    string        `json:"message"`        // id
	Chain      string        `json:"chain,omitempty"`
	Node       string        `json:"node,omitempty"`
	Revision   string        `json:"revision,omitempty"`
	Attempt    int           `json:"attempt,omitempty"`
	Path       []string      `json:"path,omitempty"` // "chain/node relation"
	Took       time.Duration `json:"took,omitempty"` // nanoseconds
}

// OutcomeFilter selects outcomes; zero fields select all.
type OutcomeFilter struct {
	Device string // id
	Code   Code
	Since  time.Time
}

// outcomes is never written to, as all tables.
var outcomes = table[Outcome]{
	name: "outcome",
	key:  func(o *Outcome) tuple { return keyOf("outcome").text(o.ID) },
	index: func(o *Outcome, add func(tuple, []byte)) {
		if o.Device != "" {
			add(keyOf("outcome/device").text(o.Device).text(o.ID), nil)
		}
		add(keyOf("outcome/code").text(string(o.Code)).text(o.ID), nil)
	},
	indexes: []string{"outcome/device", "outcome/code"},
}

// writeOutcome adds an outcome to the batch.
func (t *Tx) writeOutcome(o Outcome) error {
	o.ID = t.r.nextID()
	if o.Time.IsZero() {
		o.Time = t.r.now()
	}
	return outcomes.put(t, nil, &o)
}

// Outcomes lists outcomes, newest first.
func (r *Registry) Outcomes(ctx context.Context, f OutcomeFilter, p Page) (os []Outcome, next string, err error) {
	index := keyOf(outcomes.name)
	switch {
	case f.Device != "":
		index = keyOf("outcome/device").text(f.Device)
	case f.Code != "":
		index = keyOf("outcome/code").text(string(f.Code))
	}
	err = r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() (err error) {
			next, err = t.newest(ctx, index, f.Since, p, func(id string) (bool, error) {
				o, err := outcomes.peek(ctx, t, keyOf(outcomes.name).text(id))
				if err != nil || o == nil || f.Code != "" && o.Code != f.Code {
					return false, err
				}
				os = append(os, *o)
				return true, nil
			})
			return err
		})
	})
	return os, next, err
}

// newest goes through the ids at the end of an index, newest first, back to a time. Ids rise with time.
func (t *Tx) newest(ctx context.Context, index tuple, since time.Time, p Page, take func(id string) (bool, error)) (string, error) {
	oldest := ""
	if !since.IsZero() {
		oldest = idAt(since.UnixNano())
	}
	return t.page(ctx, index, p, true, func(key, _ []byte) (bool, error) {
		id := lastText(key)
		if id < oldest {
			return false, errEnough
		}
		return take(id)
	})
}

// quietLimit is how many fates without an outcome are remembered.
const quietLimit = 1000

// quietRing remembers fates that left no outcome: most telemetry does not, and a row each would be too many.
type quietRing struct {
	mu    sync.Mutex
	total uint64
	ring  []Outcome
}

func (q *quietRing) add(f Fate) {
	if f.DeadLetter != nil || f.Outcome == nil || f.Outcome.Code != "" {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ring) < quietLimit {
		q.ring = append(q.ring, *f.Outcome)
	} else {
		q.ring[q.total%quietLimit] = *f.Outcome
	}
	q.total++
}

// WithoutOutcome tells how many runs ended without an outcome since the registry was opened, and the last thousand of
// them, newest first.
func (r *Registry) WithoutOutcome() (total uint64, recent []Outcome) {
	q := &r.quiet
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range uint64(len(q.ring)) {
		recent = append(recent, q.ring[(q.total-1-i)%quietLimit])
	}
	return q.total, recent
}
