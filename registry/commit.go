package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/registry/store"
)

// Fate is how the run of a transaction ended.
type Fate struct {
	Outcome    *Outcome    // written with the effects; without a Code it is only counted (see WithoutOutcome)
	DeadLetter *DeadLetter // if set, the effects are dropped and it alone is written
	Emit       []PendingRow
	Consumed   Consumed
}

// everybody is the weight of a transaction that runs alone; each other batch weighs one.
const everybody = 1 << 30

// Flush applies what was gathered so far and waits until the disk has it; then the transaction goes on, empty. It errs
// with ErrConflict and ErrAway as Commit does, and the transaction is over then.
func (t *Tx) Flush(ctx context.Context) error {
	if t.over {
		return errOver
	}
	if t.lost != nil {
		t.Discard()
		return t.lost
	}
	b, wrote := t.batch()
	if wrote {
		lsn, err := t.apply(ctx, b)
		if err != nil {
			t.Discard()
			return err
		}
		t.rests = max(t.rests, lsn)
		t.forget()
	}
	return t.r.settle(ctx, t.rests)
}

// Commit applies effects and fate as one batch and returns when views show it; synced then waits for the disk. A
// transaction that wrote nothing waits for what it read. Commit ends the transaction, whatever it returns; after
// ErrConflict and ErrAway the run has to be repeated. A read that met ErrAway is enough for that, whatever became of its
// error: the run may have made a failure of it that is none.
func (t *Tx) Commit(ctx context.Context, f Fate) (synced func(context.Context) error, err error) {
	if t.over {
		return nil, errOver
	}
	defer t.Discard()
	if t.lost != nil {
		return nil, t.lost
	}
	if err := t.seal(f); err != nil {
		return nil, err
	}
	r := t.r
	b, wrote := t.batch()
	if !wrote {
		// Deleting its own pending row would be its only write: that waits for the next batch. After a crash the step
		// is repeated, which is harmless, because it has no effect.
		r.pending.consume(f.Consumed)
		r.quiet.add(f)
		rests := t.rests
		unlock := r.hooks.lock(t.notices)
		r.tell(rests, t.notices)
		unlock()
		return func(ctx context.Context) error { return r.settle(ctx, rests) }, nil
	}
	waited := r.pending.take()
	consumed := waited
	if f.Consumed.Sequence != 0 {
		consumed = append(consumed, f.Consumed)
	}
	r.pending.into(&b, consumed)
	lsn, err := t.apply(ctx, b)
	if err != nil {
		r.pending.putBack(waited)
		return nil, err
	}
	r.pending.applied(f, consumed)
	r.quiet.add(f)
	lsn = max(lsn, t.rests)
	return func(ctx context.Context) error { return r.settle(ctx, lsn) }, nil
}

// seal adds the rows that the fate is made of.
func (t *Tx) seal(f Fate) error {
	if f.DeadLetter != nil {
		t.Rollback(0)
		return t.writeDeadLetter(*f.DeadLetter)
	}
	if f.Outcome != nil && f.Outcome.Code != "" {
		if err := t.writeOutcome(*f.Outcome); err != nil {
			return err
		}
	}
	for _, row := range f.Emit {
		if row.Owner == "" {
			row.Owner = t.r.owner
		}
		value, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("writing pending row %d: %w", row.Sequence, err)
		}
		t.put(pendingKey(row.Sequence), value)
	}
	return nil
}

// apply applies a batch in its turn, and queues what hooks are to be told of it.
func (t *Tx) apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	if !t.alone {
		if err := t.r.turn.Acquire(ctx, 1); err != nil {
			return 0, err
		}
		defer t.r.turn.Release(1)
	}
	defer t.r.hooks.lock(t.notices)()
	lsn, err := t.r.store.Apply(ctx, b)
	switch {
	case errors.Is(err, store.ErrConflict):
		return 0, ErrConflict
	case err != nil:
		return 0, err
	}
	t.r.quota.settle(t.places)
	t.places = nil
	t.r.tell(lsn, t.notices)
	return lsn, nil
}
