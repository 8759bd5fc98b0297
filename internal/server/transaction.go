package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/nodes/match"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// aloneFrom is the attempt from which a run shares the registry with nobody, so that it cannot lose for ever.
const aloneFrom = 4

// begin adapts the registry's transactions to the engine's.
func begin(r *registry.Registry, now func() time.Time) engine.BeginFunc {
	return func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
		ctx, tx, err := r.Begin(ctx, registry.TxOptions{Alone: engine.Attempt(ctx) >= aloneFrom})
		if err != nil {
			return nil, nil, err
		}
		return ctx, &transaction{Tx: tx, registry: r, now: now}, nil
	}
}

// transaction is a registry's transaction as the engine wants one.
type transaction struct {
	*registry.Tx
	registry *registry.Registry
	now      func() time.Time
}

func (t *transaction) Flush(ctx context.Context) error { return t.again(t.Tx.Flush(ctx)) }

func (t *transaction) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	kept, err := t.fate(f, t.now())
	if err != nil {
		return nil, err
	}
	synced, err := t.Tx.Commit(ctx, kept)
	return synced, t.again(err)
}

// again says when a run is to be repeated. One that lost the store waits for it here, as long as it takes: that slows
// those down who send. The run's own time does not count, because the run is not to blame; a server that stops ends the
// wait through the store.
func (t *transaction) again(err error) error {
	switch {
	case errors.Is(err, registry.ErrConflict):
		return fmt.Errorf("%w: %w", engine.ErrConflict, err)
	case errors.Is(err, registry.ErrAway):
		if late := t.registry.Reach(context.Background()); late != nil {
			return fmt.Errorf("waiting for the store: %w", late)
		}
		return fmt.Errorf("%w: %w", engine.ErrLost, err)
	}
	return err
}

// dryRun sees what the run writes and forgets it. ended is called at the end.
type dryRun struct {
	*registry.Tx
	ended func()
}

func (t *dryRun) Flush(context.Context) error { return nil }

func (t *dryRun) Commit(context.Context, engine.Fate) (func(context.Context) error, error) {
	t.Discard()
	t.ended()
	return func(context.Context) error { return nil }, nil
}

// fate is what the registry keeps of a run's end.
func (t *transaction) fate(f engine.Fate, now time.Time) (registry.Fate, error) {
	kept := registry.Fate{Consumed: registry.Consumed{
		Sequence: f.Consumed.Sequence, Step: f.Consumed.Step, Last: f.Consumed.Last,
	}}
	for _, p := range f.Emitted {
		row, err := rowOf(p)
		if err != nil {
			return kept, err
		}
		kept.Emit = append(kept.Emit, row)
	}
	switch f.State {
	case engine.Stored: // the rows are all
		return kept, nil
	case engine.DeadLettered:
		kept.DeadLetter = deadLetter(f, now)
		return kept, nil
	}
	kept.Outcome = t.outcome(f, now)
	return kept, nil
}

func (t *transaction) outcome(f engine.Fate, now time.Time) *registry.Outcome {
	m, last := f.Message, f.Last
	if last == nil {
		last = m
	}
	o := &registry.Outcome{
		Time: now, Code: registry.Code(f.Outcome), DeviceName: m.Origin().Name,
		Supplier: meta(last, match.MetaSupplierID), Grid: meta(last, match.MetaGridID), Key: meta(last, match.MetaKeyID),
		CUPS: meta(last, match.MetaCUPS), Message: m.ID(), Revision: f.Revision,
		Attempt: f.Attempt, Took: max(now.Sub(m.Time()), 0),
	}
	if m.Origin().Type == deviceOrigin {
		o.Device = m.Origin().ID
	}
	if text, ok := cupsOf(last); ok && o.CUPS == "" {
		o.CUPS = supplypoint.Mask(text)
	}
	if o.Code != "" { // what only is counted needs no place and no path
		o.Chain, o.Node, o.Path = f.Decided.Chain, f.Decided.Node, spelt(f.Path.Hops())
	}
	return o
}

const deviceOrigin = "DEVICE"

// cupsOf is the message's supply point, for a chain that sets an outcome before match.grid has looked at it.
func cupsOf(m *engine.Message) (string, bool) {
	v, _ := m.Data().Field("cups")
	text, ok := v.(string)
	return text, ok
}

func deadLetter(f engine.Fate, now time.Time) *registry.DeadLetter {
	m := f.Message
	l := &registry.DeadLetter{
		Time: now, DeviceName: m.Origin().Name, Message: m.ID(), Type: m.Type(), Meta: map[string]string{},
		Data: m.Data().Text(), Path: spelt(f.Path.Hops()), Attempt: f.Attempt, Revision: f.Revision,
	}
	if m.Origin().Type == deviceOrigin {
		l.Device = m.Origin().ID
	}
	if f.Cause != nil {
		l.Cause = f.Cause.Error()
	}
	for _, p := range m.AllMeta() {
		l.Meta[p.Key] = p.Value
	}
	return l
}

func meta(m *engine.Message, key string) string {
	v, _ := m.Meta(key)
	return v
}

func spelt(hops []engine.Hop) []string {
	out := make([]string, len(hops))
	for i, h := range hops {
		out[i] = h.Chain + "/" + h.Node + " " + h.Relation
	}
	return out
}

func rowOf(p engine.Pending) (registry.PendingRow, error) {
	row := registry.PendingRow{Sequence: p.Sequence, Lane: p.Lane}
	for _, s := range p.Steps {
		text, err := json.Marshal(s)
		if err != nil {
			return row, fmt.Errorf("writing a pending step: %w", err)
		}
		row.Steps = append(row.Steps, text)
	}
	return row, nil
}

func pendingOf(row registry.PendingRow) (engine.Pending, error) {
	p := engine.Pending{Sequence: row.Sequence, Lane: row.Lane, Steps: make([]engine.Step, len(row.Steps))}
	for i, text := range row.Steps {
		if err := json.Unmarshal(text, &p.Steps[i]); err != nil {
			return p, fmt.Errorf("pending row %d: %w", row.Sequence, err)
		}
	}
	return p, nil
}
