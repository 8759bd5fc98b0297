package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gridtie/gridtie/engine"
)

// slowDisk is a store that applies at once, and whose disk answers when it is told to.
type slowDisk struct {
	mu      sync.Mutex
	applied []string
	flushed chan error // each entry lets one fate go
}

type slowTx struct{ disk *slowDisk }

func (slowTx) Mark() int                   { return 0 }
func (slowTx) Rollback(int)                {}
func (slowTx) Discard()                    {}
func (slowTx) Flush(context.Context) error { return nil }

func (tx slowTx) Commit(_ context.Context, f engine.Fate) (func(context.Context) error, error) {
	tx.disk.mu.Lock()
	defer tx.disk.mu.Unlock()
	tx.disk.applied = append(tx.disk.applied, f.Message.ID())
	return func(context.Context) error { return <-tx.disk.flushed }, nil
}

// TestFateWaitsForTheDisk: a lane moves on when a batch is applied, and nobody is told before the disk has it. A flush
// that fails makes the message one that has to be sent again.
func TestFateWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{flushed: make(chan error)}
		e := engine.New(compile(t, testCatalog(t, nil), chain("root", "a:test.outcome(X)")), engine.Options{
			Begin: func(ctx context.Context, _ *engine.Message) (context.Context, engine.Tx, error) {
				return ctx, slowTx{disk}, nil
			},
		})
		var mu sync.Mutex
		var told []string
		for _, id := range []string{"a", "b", "c"} {
			err := e.Submit(t.Context(), engine.NewMessage(engine.Header{ID: id, Type: "T", Origin: engine.Origin{Type: "DEVICE", ID: "one"}}, engine.NewData("{}")),
				func(f engine.Fate) {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, f.Message.ID()+" "+f.State.String())
				})
			if err != nil {
				t.Fatal(err)
			}
		}
		seen := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Errorf("told: got %q, want %q", told, want)
			}
		}
		seen()
		disk.mu.Lock()
		if want := []string{"a", "b", "c"}; !slices.Equal(disk.applied, want) {
			t.Errorf("applied: got %q, want %q: a lane does not wait for the disk", disk.applied, want)
		}
		disk.mu.Unlock()
		disk.flushed <- nil
		seen("a done")
		disk.flushed <- errors.New("no disk")
		seen("a done", "b abandoned")
		disk.flushed <- nil
		seen("a done", "b abandoned", "c done")
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
