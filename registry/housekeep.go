package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/registry/store"
)

// sweepEvery is how often rows are looked through for what is past its time.
const sweepEvery = time.Hour

// writeLazily writes activity and the like until ctx ends.
func (r *Registry) writeLazily(ctx context.Context, every time.Duration) {
	defer close(r.lazies)
	if every < 0 {
		return
	}
	if every == 0 {
		every = defaultLazy
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var swept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := errors.Join(r.writeActivity(ctx), r.writeConsumed(ctx), r.goOnRollingOut(ctx))
		if now := r.clock(); now.Sub(swept) >= sweepEvery {
			swept = now
			err = errors.Join(err, r.sweep(ctx))
		}
		if err != nil && ctx.Err() == nil {
			r.log.Warn().Str("event", "housekeeping_failed").Err(err).Send()
		}
	}
}

// Housekeep does at once what otherwise is done lazily: it writes activity, deletes outcomes and dead letters that are
// past their retention, and what is left of deleted devices and packages; and it tells devices of packages that were
// assigned. Use it with Options.Lazy negative.
func (r *Registry) Housekeep(ctx context.Context) error {
	err := errors.Join(r.writeActivity(ctx), r.writeConsumed(ctx), r.sweep(ctx))
	for err == nil && r.rollouts.Load() {
		err = r.goOnRollingOut(ctx)
	}
	if err != nil {
		return fmt.Errorf("housekeeping: %w", err)
	}
	return nil
}

// writeConsumed writes the ends of pending steps that waited for a batch to go along with.
func (r *Registry) writeConsumed(ctx context.Context) error {
	for {
		taken := r.pending.take()
		if len(taken) == 0 {
			return nil
		}
		var b store.Batch
		r.pending.into(&b, taken)
		t := &Tx{r: r}
		if _, err := t.apply(ctx, b); err != nil {
			r.pending.putBack(taken)
			return err
		}
		r.pending.applied(Fate{}, taken)
	}
}

func (r *Registry) sweep(ctx context.Context) error {
	oldest := idAt(r.now().Add(-r.retention).UnixNano())
	return errors.Join(
		sweepBefore(ctx, r, &outcomes, oldest),
		sweepBefore(ctx, r, &deadLetters, oldest),
		r.sweepCalls(ctx),
		r.sweepDevices(ctx),
		r.sweepAllLoose(ctx),
	)
}

// sweepBatch is how many rows one batch deletes.
const sweepBatch = 500

// sweepBefore deletes the rows of a table whose ids are below oldest.
func sweepBefore[T any](ctx context.Context, r *Registry, b *table[T], oldest string) error {
	from := keyOf(b.name)
	to := keyOf(b.name).text(oldest)
	for {
		n := 0
		err := r.run(ctx, func(t *Tx) error {
			n = 0
			var rows []*T
			err := t.scan(ctx, from, to, false, func(_, value []byte) (bool, error) {
				row := new(T)
				rows = append(rows, row)
				return len(rows) < sweepBatch, decode(b.name, value, row)
			})
			if err != nil {
				return err
			}
			for _, row := range rows {
				b.delete(t, row)
			}
			n = len(rows)
			return nil
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
