package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/gridtie/gridtie/registry"
)

func attribute(key, value string) []registry.Attribute {
	return []registry.Attribute{{Key: key, Value: json.RawMessage(value)}}
}

func begin(t *testing.T, b *bench, o registry.TxOptions) (context.Context, *registry.Tx) {
	t.Helper()
	ctx, tx, err := b.Begin(t.Context(), o)
	ok(t, err)
	t.Cleanup(tx.Discard)
	return ctx, tx
}

func commit(t *testing.T, ctx context.Context, tx *registry.Tx, f registry.Fate) {
	t.Helper()
	synced, err := tx.Commit(ctx, f)
	ok(t, err)
	ok(t, synced(t.Context()))
}

func names(t *testing.T, b *bench, ctx context.Context) (all []string) {
	t.Helper()
	list, _, err := b.Devices(ctx, registry.Page{})
	ok(t, err)
	for _, d := range list {
		all = append(all, d.Name)
	}
	return all
}

func TestTxSeesItsOwnWrites(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	b.device(t, "b")
	ctx, tx := begin(t, b, registry.TxOptions{})
	for _, name := range []string{"c", "a"} {
		ok(t, second(b.Provision(ctx, registry.ProvisionRequest{Profile: "meters", Name: name})))
	}
	if got := names(t, b, ctx); len(got) != 3 || got[0] != "a" || got[1] != "b" || got[2] != "c" {
		t.Errorf("inside: got %v, want a, b, c", got)
	}
	if got := names(t, b, t.Context()); len(got) != 1 {
		t.Errorf("outside: got %v, want b alone", got)
	}
	commit(t, ctx, tx, registry.Fate{})
	if got := names(t, b, t.Context()); len(got) != 3 {
		t.Errorf("afterwards: got %v", got)
	}
	if _, _, err := b.Devices(ctx, registry.Page{}); err == nil {
		t.Error("a verb in a transaction that is over does not err")
	}
}

func TestTxRollback(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	ok(t, second(b.SaveAttributes(t.Context(), d.ID, registry.ServerScope, attribute("k", "0"))))
	value := func(ctx context.Context) string {
		as := must[[]registry.Attribute](t)(b.Attributes(ctx, d.ID, registry.ServerScope, "k"))
		if len(as) == 0 {
			return ""
		}
		return string(as[0].Value)
	}
	ctx, tx := begin(t, b, registry.TxOptions{})
	first := tx.Mark()
	ok(t, second(b.SaveAttributes(ctx, d.ID, registry.ServerScope, attribute("k", "1"))))
	mark := tx.Mark()
	ok(t, second(b.DeleteAttributes(ctx, d.ID, registry.ServerScope, "k")))
	ok(t, second(b.Provision(ctx, registry.ProvisionRequest{Profile: "meters", Name: "other"})))
	if got := value(ctx); got != "" {
		t.Errorf("deleted: got %q", got)
	}
	tx.Rollback(mark)
	if got := value(ctx); got != "1" {
		t.Errorf("rolled back to the second value: got %q", got)
	}
	if got := names(t, b, ctx); len(got) != 1 {
		t.Errorf("devices after rolling back: got %v", got)
	}
	// A verb that errs takes its own writes back.
	_, err := b.SaveAttributes(ctx, d.ID, registry.ServerScope, []registry.Attribute{
		{Key: "k", Value: json.RawMessage("2")}, {Key: "", Value: json.RawMessage("3")},
	})
	if !errors.Is(err, registry.ErrInvalid) || value(ctx) != "1" {
		t.Errorf("a verb that errs: got %v, value %q", err, value(ctx))
	}
	tx.Rollback(first)
	if got := value(ctx); got != "0" {
		t.Errorf("rolled back to the beginning: got %q", got)
	}
	batches, _ := b.store.during(func() { commit(t, ctx, tx, registry.Fate{}) })
	if batches != 0 {
		t.Errorf("nothing is left to write, and %d batches were applied", batches)
	}
}

func TestTxConflict(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	ask := registry.ProvisionRequest{Profile: "meters", Name: "m"}
	ctx, tx := begin(t, b, registry.TxOptions{})
	ok(t, second(b.Provision(ctx, ask))) // decides that the name is free
	b.device(t, "m")
	if _, err := tx.Commit(ctx, registry.Fate{}); !errors.Is(err, registry.ErrConflict) {
		t.Errorf("commit: got %v, want a conflict", err)
	}
	if _, err := tx.Commit(ctx, registry.Fate{}); err == nil || errors.Is(err, registry.ErrConflict) {
		t.Errorf("a second commit: got %v, want an error", err)
	}
	// What was rolled back was decided on all the same.
	ctx, tx = begin(t, b, registry.TxOptions{})
	mark := tx.Mark()
	ask.Name = "n"
	ok(t, second(b.Provision(ctx, ask)))
	tx.Rollback(mark)
	b.device(t, "n")
	if _, err := tx.Commit(ctx, registry.Fate{DeadLetter: &registry.DeadLetter{Message: "m"}}); !errors.Is(err, registry.ErrConflict) {
		t.Errorf("dead letter: got %v, want a conflict", err)
	}
}

func TestTxAlone(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	ctx, tx := begin(t, b, registry.TxOptions{Alone: true})
	ok(t, second(b.Provision(ctx, registry.ProvisionRequest{Profile: "meters", Name: "m"})))
	other := make(chan error, 1)
	go func() {
		_, err := b.Provision(t.Context(), registry.ProvisionRequest{Profile: "meters", Name: "m", Credentials: registry.Credentials{
			Type: registry.AccessToken, Token: text("other"),
		}})
		other <- err
	}()
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.AddSupplier(impatient, registry.Supplier{ID: "luz"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a batch beside it: got %v, want it to wait until its context ends", err)
	}
	commit(t, ctx, tx, registry.Fate{})
	if err := <-other; reasonOf(err) != registry.RefusedNameTaken {
		t.Errorf("the other: got %v, want the name taken", err)
	}
}

func TestTxFlush(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	ctx, tx := begin(t, b, registry.TxOptions{})
	ok(t, second(b.SaveAttributes(ctx, d.ID, registry.ServerScope, attribute("before", "1"))))
	ok(t, tx.Flush(ctx))
	if b.store.Synced() < b.store.Applied() {
		t.Error("flushed and not on disk")
	}
	mark := tx.Mark()
	ok(t, second(b.SaveAttributes(ctx, d.ID, registry.ServerScope, attribute("after", "1"))))
	tx.Rollback(mark)
	commit(t, ctx, tx, registry.Fate{DeadLetter: &registry.DeadLetter{Message: "m", Cause: "boom"}})
	as := must[[]registry.Attribute](t)(b.Attributes(t.Context(), d.ID, registry.ServerScope))
	if len(as) != 1 || as[0].Key != "before" {
		t.Errorf("attributes: got %v, want what came before the flush", as)
	}
}

func TestDeadLetterDropsEffects(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	ctx, tx := begin(t, b, registry.TxOptions{})
	ok(t, second(b.SaveAttributes(ctx, d.ID, registry.SharedScope, attribute("k", "1"))))
	commit(t, ctx, tx, registry.Fate{
		Outcome:    &registry.Outcome{Code: registry.Attached},
		DeadLetter: &registry.DeadLetter{Device: d.ID, Message: "m-1", Type: "POST_ATTRIBUTES_REQUEST", Data: "{}", Cause: "boom"},
		Emit:       []registry.PendingRow{{Sequence: 1, Steps: []json.RawMessage{[]byte("1")}}},
	})
	if as := must[[]registry.Attribute](t)(b.Attributes(t.Context(), d.ID, registry.SharedScope)); len(as) != 0 {
		t.Errorf("attributes: got %v, want none", as)
	}
	if rows := must[[]registry.PendingRow](t)(b.Pending(t.Context())); len(rows) != 0 {
		t.Errorf("pending: got %v, want none", rows)
	}
	letters, _, err := b.DeadLetters(t.Context(), registry.DeadLetterFilter{Device: d.ID}, registry.Page{})
	ok(t, err)
	if len(letters) != 1 || letters[0].Message != "m-1" || !letters[0].Time.Equal(start) {
		t.Fatalf("dead letters: got %+v", letters)
	}
	if l, err := b.DeadLetter(t.Context(), letters[0].ID); err != nil || l.Cause != "boom" {
		t.Errorf("by id: got %+v, %v", l, err)
	}
	if _, err := b.DeadLetter(t.Context(), "none"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("unknown: got %v", err)
	}
	if outcomes, _, _ := b.Outcomes(t.Context(), registry.OutcomeFilter{}, registry.Page{}); len(outcomes) != 0 {
		t.Errorf("outcomes: got %v, want none", outcomes)
	}
}
