package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gridtie/gridtie/engine"
)

// gate is a world whose runs of messages wait in a node until the test lets them go on.
type gate struct {
	world
	open chan struct{}
	ran  []string // ids, in the order of their runs; read it when all have ended
}

func newGate(t *testing.T) (*gate, *engine.Chain) {
	t.Helper()
	g := &gate{open: make(chan struct{})}
	return g, compile(t, testCatalog(t, hooks{"wait": func(ctx context.Context, m *engine.Message) (engine.Result, error) {
		<-g.open
		g.mu.Lock()
		g.ran = append(g.ran, m.Origin().ID+m.ID())
		g.mu.Unlock()
		write(ctx, m.ID())
		return engine.Success(m), nil
	}}), chain("root", "wait:test.hook(wait)"))
}

func numbered(origin string, numbers ...int) []*engine.Message {
	all := make([]*engine.Message, len(numbers))
	for i, n := range numbers {
		h := device(origin)
		h.ID = fmt.Sprint(n)
		all[i] = engine.NewMessage(h, nil)
	}
	return all
}

// rows are the rows that were stored, and those that runs consumed, by the ids of their messages.
func (g *gate) rows() (stored, consumed string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var in, out []string
	for _, f := range g.fates {
		for _, p := range f.Emitted {
			var ids []string
			for _, s := range p.Steps {
				ids = append(ids, s.Message.ID())
			}
			in = append(in, strings.Join(ids, "+"))
		}
		if f.Consumed.Sequence != 0 {
			out = append(out, fmt.Sprintf("%s/%d/%t", f.Message.ID(), f.Consumed.Step, f.Consumed.Last))
		}
	}
	return strings.Join(in, " "), strings.Join(out, " ")
}

// TestStore: what is stored is acknowledged before it runs, and runs in its place between what came before and after.
func TestStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, c := newGate(t)
		e := engine.New(c, engine.Options{Begin: g.begin})
		var told []string
		tell := func(what string) func(engine.Fate) {
			return func(f engine.Fate) {
				g.mu.Lock()
				defer g.mu.Unlock()
				told = append(told, what+" "+f.State.String())
			}
		}
		submit := func(n int) {
			if err := e.Submit(t.Context(), numbered("meter", n)[0], tell(fmt.Sprint(n))); err != nil {
				t.Fatal(err)
			}
		}
		submit(1)
		for _, ns := range [][]int{{2}, {3, 4, 5}} {
			if err := e.Store(t.Context(), numbered("meter", ns...), tell(fmt.Sprint(ns))); err != nil {
				t.Fatal(err)
			}
		}
		submit(6)
		synctest.Wait()
		if want := []string{"[2] stored", "[3 4 5] stored"}; !slices.Equal(told, want) {
			t.Errorf("while the first runs: got %q, want %q", told, want)
		}
		if stored, consumed := g.rows(); stored != "2 3+4+5" || consumed != "" {
			t.Errorf("rows: got %q stored and %q consumed, want 2 and 3+4+5, none consumed", stored, consumed)
		}
		if n := e.Counts(); n.In != 6 || n.InFlight != 6 {
			t.Errorf("got %d in and %d in flight, want 6", n.In, n.InFlight)
		}
		close(g.open)
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if got := strings.Join(g.ran, " "); got != "meter1 meter2 meter3 meter4 meter5 meter6" {
			t.Errorf("order: got %s", got)
		}
		if _, consumed := g.rows(); consumed != "2/0/true 3/0/false 4/1/false 5/2/true" {
			t.Errorf("consumed: got %s", consumed)
		}
		if n := e.Counts(); n.Done != 6 || n.InFlight != 0 {
			t.Errorf("got %d done, %d in flight; want 6, 0", n.Done, n.InFlight)
		}
		if want := []string{"1 done", "6 done"}; len(told) != 4 || !slices.Contains(told, want[0]) || !slices.Contains(told, want[1]) {
			t.Errorf("told: got %q", told)
		}
	})
}

// holding lets the batch of a stored row through when the test says so.
type holding struct {
	engine.Tx
	let chan struct{}
}

func (h holding) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	if f.State == engine.Stored {
		<-h.let
	}
	return h.Tx.Commit(ctx, f)
}

// TestStoredIsWrittenFirst: nothing of an origin overtakes what is not written yet; others do not wait.
func TestStoredIsWrittenFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, c := newGate(t)
		close(g.open)
		let := make(chan struct{})
		e := engine.New(c, engine.Options{Begin: func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
			ctx, tx, err := g.begin(ctx, m)
			return ctx, holding{tx, let}, err
		}})
		acknowledged := make(chan engine.Fate, 1)
		if err := e.Store(t.Context(), numbered("a", 1), func(f engine.Fate) { acknowledged <- f }); err != nil {
			t.Fatal(err)
		}
		for _, o := range []string{"a", "b"} {
			if err := e.Submit(t.Context(), numbered(o, 2)[0], nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := strings.Join(g.ran, " "); got != "b2" || len(acknowledged) > 0 {
			t.Errorf("before it is written: ran %q, acknowledged %d; want b2 and none", got, len(acknowledged))
		}
		close(let)
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if got := strings.Join(g.ran, " "); got != "b2 a1 a2" || (<-acknowledged).State != engine.Stored {
			t.Errorf("order: got %q", got)
		}
	})
}

// TestStoreRefused: what could not be written is not acknowledged, and not run.
func TestStoreRefused(t *testing.T) {
	t.Parallel()
	g, c := newGate(t)
	close(g.open)
	g.broken = errors.New("no disk")
	e := start(t, c, engine.Options{Begin: g.begin})
	told := make(chan engine.Fate, 1)
	if err := e.Store(t.Context(), numbered("a", 1, 2), func(f engine.Fate) { told <- f }); err != nil {
		t.Fatal(err)
	}
	if f := <-told; f.State != engine.Abandoned || !errors.Is(f.Cause, g.broken) {
		t.Errorf("got %s, %v; want it abandoned", f.State, f.Cause)
	}
	if err := e.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if n := e.Counts(); n.Abandoned != 2 || len(g.ran) > 0 {
		t.Errorf("got %d abandoned, ran %q; want 2, none", n.Abandoned, g.ran)
	}
}

// storedDisk has rows on the disk when the test says so, or not at all.
type storedDisk struct {
	engine.Tx
	synced chan error
}

func (d storedDisk) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	if _, err := d.Tx.Commit(ctx, f); err != nil || f.State != engine.Stored {
		return func(context.Context) error { return nil }, err
	}
	return func(context.Context) error { return <-d.synced }, nil
}

// TestStoredWaitsForTheDisk: it is not acknowledged before the disk has it, nor if that never comes.
func TestStoredWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		disk error
		want engine.State
	}{{nil, engine.Stored}, {errors.New("no disk"), engine.Abandoned}} {
		synctest.Test(t, func(t *testing.T) {
			g, chain := newGate(t)
			close(g.open)
			synced := make(chan error)
			e := engine.New(chain, engine.Options{Begin: func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
				ctx, tx, err := g.begin(ctx, m)
				return ctx, storedDisk{tx, synced}, err
			}})
			told := make(chan engine.Fate, 1)
			if err := e.Store(t.Context(), numbered("a", 1), func(f engine.Fate) { told <- f }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if len(told) > 0 {
				t.Errorf("it was acknowledged before the disk had it: %s", (<-told).State)
			}
			synced <- c.disk
			if f := <-told; f.State != c.want || !errors.Is(f.Cause, c.disk) {
				t.Errorf("got %s, %v; want %s", f.State, f.Cause, c.want)
			}
			if err := e.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// choosy is a store that takes no batch of more than two rows, and none with a certain message.
type choosy struct {
	engine.Tx
	first chan struct{} // until it is closed, nothing is taken
}

func (c choosy) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	<-c.first
	for _, row := range f.Emitted {
		if row.Steps[0].Message.ID() == "3" || len(f.Emitted) > 2 {
			return nil, errors.New("not this one")
		}
	}
	return c.Tx.Commit(ctx, f)
}

// TestStoreDivides: a batch that the store refuses costs only what cannot be written.
func TestStoreDivides(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, chain := newGate(t)
		close(g.open)
		first := make(chan struct{})
		e := engine.New(chain, engine.Options{Begin: func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
			ctx, tx, err := g.begin(ctx, m)
			return ctx, choosy{tx, first}, err
		}})
		told := make([]engine.State, 8)
		for n := range told {
			if err := e.Store(t.Context(), numbered("a", n), func(f engine.Fate) { told[n] = f.State }); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		close(first)
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		for n, state := range told {
			if want := map[bool]engine.State{true: engine.Abandoned, false: engine.Stored}[n == 3]; state != want {
				t.Errorf("message %d: got %s, want %s", n, state, want)
			}
		}
		if got := strings.Join(g.ran, " "); got != "a0 a1 a2 a4 a5 a6 a7" {
			t.Errorf("ran %s, want all but the third", got)
		}
	})
}

// TestStoreRepeats: a store that was away costs nothing.
func TestStoreRepeats(t *testing.T) {
	t.Parallel()
	g, c := newGate(t)
	close(g.open)
	g.conflicts = 3
	e := start(t, c, engine.Options{Begin: g.begin})
	told := make(chan engine.Fate, 1)
	if err := e.Store(t.Context(), numbered("a", 1), func(f engine.Fate) { told <- f }); err != nil {
		t.Fatal(err)
	}
	if f := <-told; f.State != engine.Stored {
		t.Errorf("got %s, %v; want it stored", f.State, f.Cause)
	}
}

// TestStoreHoldsBack: so many of one origin, and so many in all, wait to be run; more wait to be taken.
func TestStoreHoldsBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options engine.Options
		fill    [][]*engine.Message
		refused []*engine.Message // has to wait
		other   []*engine.Message // has not
	}{
		{
			"one origin",
			engine.Options{Stored: 3},
			[][]*engine.Message{numbered("a", 1), numbered("a", 2, 3)},
			numbered("a", 4), numbered("b", 1, 2, 3),
		},
		{"a batch", engine.Options{Stored: 3}, [][]*engine.Message{numbered("a", 1, 2)}, numbered("a", 3, 4), numbered("a", 5)},
		{"a batch larger than the limit", engine.Options{Stored: 2}, [][]*engine.Message{numbered("a", 1, 2, 3)}, numbered("a", 4), numbered("b", 1, 2, 3, 4)},
		{"all", engine.Options{InFlight: 3}, [][]*engine.Message{numbered("a", 1), numbered("b", 1, 2, 3)}, numbered("c", 1), nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			g, chain := newGate(t)
			c.options.Begin = g.begin
			e := engine.New(chain, c.options)
			store := func(ctx context.Context, ms []*engine.Message) chan error {
				done := make(chan error, 1)
				if len(ms) > 0 {
					go func() { done <- e.Store(ctx, ms, func(engine.Fate) {}) }()
				}
				synctest.Wait()
				return done
			}
			want := 0
			for _, ms := range append(c.fill, c.other) {
				if got := store(t.Context(), ms); len(ms) > 0 && len(got) == 0 {
					t.Errorf("%s: %d messages were not taken", c.name, len(ms))
				}
				want += len(ms)
			}
			ctx, cancel := context.WithCancel(t.Context())
			gone := store(ctx, c.refused)
			waits := store(t.Context(), c.refused)
			if len(gone)+len(waits) > 0 {
				t.Errorf("%s: more than the limit was taken", c.name)
			}
			cancel()
			if err := <-gone; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: who left got %v, want %v", c.name, err, context.Canceled)
			}
			close(g.open)
			if err := <-waits; err != nil {
				t.Errorf("%s: who waited got %v", c.name, err)
			}
			if err := e.Drain(t.Context()); err != nil {
				t.Error(err)
			}
			if got := len(g.ran); got != want+len(c.refused) {
				t.Errorf("%s: %d were run, want %d", c.name, got, want+len(c.refused))
			}
			if err := e.Store(t.Context(), c.refused, nil); !errors.Is(err, engine.ErrDraining) {
				t.Errorf("%s: after the end got %v, want %v", c.name, err, engine.ErrDraining)
			}
		})
	}
}

// TestResumedCountAsStored: a server that starts anew takes no more before it has run what it has.
func TestResumedCountAsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, c := newGate(t)
		e := engine.New(c, engine.Options{Begin: g.begin, Stored: 2})
		ms := numbered("a", 1, 2)
		e.Resume([]engine.Pending{{Sequence: 7, Lane: ms[0].Lane(), Steps: []engine.Step{{Message: ms[0]}, {Message: ms[1]}}}})
		taken := make(chan error, 1)
		go func() { taken <- e.Store(t.Context(), numbered("a", 3), func(engine.Fate) {}) }()
		synctest.Wait()
		if len(taken) > 0 {
			t.Error("a third was taken")
		}
		close(g.open)
		if err := <-taken; err != nil {
			t.Error(err)
		}
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if got := strings.Join(g.ran, " "); got != "a1 a2 a3" {
			t.Errorf("order: got %s", got)
		}
	})
}
