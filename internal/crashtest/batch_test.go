package crashtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashtest"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// counting keeps the batches that were applied.
type counting struct {
	store.Store
	mu      sync.Mutex // protects batches
	batches []store.Batch
}

func (c *counting) Apply(ctx context.Context, b store.Batch) (store.LSN, error) {
	lsn, err := c.Store.Apply(ctx, b)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.batches = append(c.batches, b)
	}
	return lsn, err
}

// take returns the batches since it was called last.
func (c *counting) take() []store.Batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.batches
	c.batches = nil
	return all
}

func rows(b store.Batch, table string) int {
	n := 0
	for _, p := range b.Puts {
		if bytes.HasPrefix(p.Key, append([]byte(table), 0)) {
			n++
		}
	}
	return n
}

// bare is the product over a counting store, without sockets.
func bare(t *testing.T, chains []engine.File) (*server.Core, *counting, crashtest.World) {
	t.Helper()
	st, err := pebble.Open("registry", pebble.Options{FS: vfs.NewMem()})
	must(t, err)
	c := &counting{Store: st}
	core, err := server.NewCore(t.Context(), c, secret.NewKey(), server.CoreOptions{Chains: chains, Lazy: -1})
	must(t, err)
	t.Cleanup(func() {
		must(t, core.Close(context.Background()))
		must(t, st.Close())
	})
	w, err := crashtest.Furnish(t.Context(), core.Registry)
	must(t, err)
	c.take()
	return core, c, w
}

// TestOneBatchEach counts what the shipped chains apply: one batch for a provision, with its two events, and one for an
// attachment. The events change nothing there, so running them needs no batch of its own.
func TestOneBatchEach(t *testing.T) {
	t.Parallel()
	core, st, w := bare(t, nil)
	const meters = 24
	for i := range meters {
		n := 8 * i // a plain one
		given, err := w.Join(t.Context(), core.Devices, n)
		must(t, err)
		made := st.take()
		if len(made) != 1 {
			t.Fatalf("a provision took %d batches, want 1", len(made))
		}
		for table, want := range map[string]int{"device": 1, "credentials": 1, "outcome": 1, "pending": 1} {
			if got := rows(made[0], table); got != want {
				t.Errorf("the batch of a provision holds %d rows of table %q, want %d", got, table, want)
			}
		}
		if got := steps(t, made[0]); got != 2 {
			t.Errorf("the batch of a provision holds %d events, want 2", got)
		}
		must(t, w.Attach(t.Context(), core.Devices, given, n))
		made = st.take()
		if len(made) != 1 {
			t.Fatalf("an attachment took %d batches, want 1", len(made))
		}
		for table, want := range map[string]int{"attachment": 1, "attachment/active": 1, "outcome": 1, "attribute": 3} {
			if got := rows(made[0], table); got != want {
				t.Errorf("the batch of an attachment holds %d rows of table %q, want %d", got, table, want)
			}
		}
	}
	must(t, core.Engine.Drain(t.Context()))
	if counts := core.Engine.Counts(); counts.Done != 5*meters {
		t.Errorf("%d messages were done, want %d: request, two events, activity and attributes of each", counts.Done, 5*meters)
	}
	if late := st.take(); len(late) > 0 {
		t.Errorf("%d more batches after the last answer", len(late))
	}
}

// steps counts the messages in the pending rows of a batch.
func steps(t *testing.T, b store.Batch) int {
	t.Helper()
	n := 0
	for _, p := range b.Puts {
		if !bytes.HasPrefix(p.Key, []byte("pending\x00")) {
			continue
		}
		var row registry.PendingRow
		must(t, json.Unmarshal(p.Value, &row))
		n += len(row.Steps)
	}
	return n
}

// TestOneBatchEachInACrowd counts the same with many meters at once, whose runs meet and are repeated.
func TestOneBatchEachInACrowd(t *testing.T) {
	t.Parallel()
	const meters = 40
	for _, c := range []struct {
		name   string
		chains []engine.File
		events int // batches that running the events of one meter takes
	}{
		{"the shipped chains, whose events change nothing", nil, 0},
		{"chains in which each event is counted", crashtest.Chains(), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			core, st, w := bare(t, c.chains)
			var log crashtest.Log
			w.Uncalled = true
			must(t, w.Work(t.Context(), core.Devices, &log, meters, 8))
			must(t, core.Engine.Drain(t.Context()))
			if got, want := len(st.take()), meters*(1+crashtest.Posts+c.events); got != want {
				t.Errorf("%d meters with %d messages each took %d batches, want %d", meters, crashtest.Posts, got, want)
			}
		})
	}
}
