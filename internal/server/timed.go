package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gridtie/gridtie/engine"
)

// timed measures how long fates take from the end of their runs until they are on disk. Here and not in the store, since
// it is what a device waits for, whatever the store is.
func (m *metrics) timed(begin engine.BeginFunc) engine.BeginFunc {
	return func(ctx context.Context, msg *engine.Message) (context.Context, engine.Tx, error) {
		ctx, tx, err := begin(ctx, msg)
		if err != nil {
			return nil, nil, err
		}
		return ctx, &timedTx{tx, m.counters.commits}, nil
	}
}

type timedTx struct {
	engine.Tx
	took prometheus.Observer
}

func (t *timedTx) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	start := time.Now()
	synced, err := t.Tx.Commit(ctx, f)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		err := synced(ctx)
		t.took.Observe(time.Since(start).Seconds())
		return err
	}, nil
}
