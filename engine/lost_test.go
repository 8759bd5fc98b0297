package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine"
)

// losing is a world whose store is away at the first attempt for longer than a run may take.
type losing struct {
	world
	attempts int
}

type losingTx struct {
	engine.Tx
	world *losing
	run   context.Context
}

func (w *losing) begin(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
	ctx, tx, err := w.world.begin(ctx, m)
	return ctx, &losingTx{Tx: tx, world: w, run: ctx}, err
}

func (tx *losingTx) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	if tx.world.attempts++; tx.world.attempts == 1 {
		<-tx.run.Done() // the run's time is over
		return nil, engine.ErrLost
	}
	return tx.Tx.Commit(ctx, f)
}

// TestLost: a run that lost the store for longer than it may take begins anew, with all its time, and as the same attempt.
func TestLost(t *testing.T) {
	t.Parallel()
	w := &losing{}
	e := start(t, compile(t, testCatalog(t, nil), chain("root", "a:test.write(a)")), engine.Options{Begin: w.begin, RunTimeout: 100 * time.Millisecond})
	f := send(t, e, engine.NewMessage(device("d"), nil))
	if f.State != engine.Done || f.Attempt != 1 || w.attempts != 2 {
		t.Errorf("got %v at attempt %d (%v) after %d commits, want done at attempt 1 after 2", f.State, f.Attempt, f.Cause, w.attempts)
	}
	if len(w.effects) != 1 {
		t.Errorf("effects: got %q, want one", w.effects)
	}
}
