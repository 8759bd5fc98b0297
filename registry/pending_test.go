package registry_test

import (
	"encoding/json"
	"testing"

	"github.com/gridtie/gridtie/registry"
)

func row(sequence uint64, steps ...string) registry.PendingRow {
	r := registry.PendingRow{Sequence: sequence, Lane: "lane"}
	for _, step := range steps {
		r.Steps = append(r.Steps, json.RawMessage(step))
	}
	return r
}

func waiting(t *testing.T, b *bench) map[uint64]string {
	t.Helper()
	got := map[uint64]string{}
	for _, r := range must[[]registry.PendingRow](t)(b.Pending(t.Context())) {
		for _, step := range r.Steps {
			got[r.Sequence] += string(step)
		}
	}
	return got
}

func TestPending(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	run := func(write bool, f registry.Fate) int {
		t.Helper()
		ctx, tx := begin(t, b, registry.TxOptions{})
		if write {
			ok(t, second(b.SaveAttributes(ctx, d.ID, registry.ServerScope, attribute("k", "1"))))
		}
		batches, _ := b.store.during(func() { commit(t, ctx, tx, f) })
		return batches
	}
	run(false, registry.Fate{Emit: []registry.PendingRow{row(1, "1", "2", "3"), row(2, "4"), row(3, "5", "6")}})
	if got := waiting(t, b); got[1] != "123" || got[2] != "4" || got[3] != "56" {
		t.Fatalf("emitted: got %v", got)
	}
	// A run that would only end its own step leaves that to the next batch.
	if n := run(false, registry.Fate{Consumed: registry.Consumed{Sequence: 2, Last: true}}); n != 0 {
		t.Errorf("ending a step alone: %d batches, want none", n)
	}
	if n := run(true, registry.Fate{Consumed: registry.Consumed{Sequence: 1, Step: 1}}); n != 1 {
		t.Errorf("a step with effects: %d batches, want one", n)
	}
	run(false, registry.Fate{Consumed: registry.Consumed{Sequence: 3, Step: 0}})
	ok(t, b.Housekeep(t.Context()))
	if got := waiting(t, b); len(got) != 2 || got[1] != "13" || got[3] != "6" {
		t.Errorf("after steps: got %v, want 13 and 6", got)
	}
	// Both ends of a row in one batch: the mark of the first must not outlive the row.
	run(false, registry.Fate{Consumed: registry.Consumed{Sequence: 1, Step: 0}})
	run(true, registry.Fate{Consumed: registry.Consumed{Sequence: 1, Step: 1, Last: true}})
	run(false, registry.Fate{Consumed: registry.Consumed{Sequence: 3, Step: 0, Last: true}})
	ok(t, b.Housekeep(t.Context()))
	if got := waiting(t, b); len(got) != 0 {
		t.Errorf("at the end: got %v, want none", got)
	}
	if n := b.store.keys(t, "pending"); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

func TestPendingConflictKeepsWhatWaits(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	ctx, tx := begin(t, b, registry.TxOptions{})
	commit(t, ctx, tx, registry.Fate{Emit: []registry.PendingRow{row(1, "1")}})
	ctx, tx = begin(t, b, registry.TxOptions{})
	commit(t, ctx, tx, registry.Fate{Consumed: registry.Consumed{Sequence: 1, Last: true}})

	ctx, tx = begin(t, b, registry.TxOptions{})
	if _, err := b.Profile(ctx, "meters"); err != nil {
		t.Fatal(err)
	}
	ok(t, second(b.AddSupplier(ctx, registry.Supplier{ID: "luz"})))
	p := must[registry.Profile](t)(b.Profile(t.Context(), "meters"))
	inside, other := begin(t, b, registry.TxOptions{})
	ok(t, second(b.UpdateProfile(inside, p)))
	commit(t, inside, other, registry.Fate{}) // takes the row's end along
	if _, err := tx.Commit(ctx, registry.Fate{}); err == nil {
		t.Fatal("no conflict")
	}
	if got := waiting(t, b); len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
}
