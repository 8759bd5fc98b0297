package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/engine"
)

// What onFailure takes, it takes once, also when the failure comes out of a chain that it called itself.
func TestFailureOfACallFromOnFailure(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		files      []engine.File
	}{
		{
			name: "the called chain fails", path: "a Failure, x Failure, c Failure",
			files: []engine.File{
				chain("root", `!"onFailure":"c"`, "a:test.fail(one)", "c:test.call(sub)"),
				chain("sub", "x:test.fail(two)"),
			},
		},
		{
			name: "a node behind the call fails", path: "a Failure, x Back, c Back, d Failure",
			files: []engine.File{
				chain("root", `!"onFailure":"c"`, "a:test.fail(one)", "c:test.call(sub)", "d:test.fail(two)", "c -Back-> d"),
				chain("sub", "x:test.return(Back)"),
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := send(t, start(t, compile(t, testCatalog(t, nil), tt.files...), engine.Options{}), engine.NewMessage(device("d"), nil))
			if got := pathOf(f); got != tt.path || f.State != engine.DeadLettered {
				t.Errorf("got %v by %s, want it dead-lettered by %s", f.State, got, tt.path)
			}
		})
	}
}

// What was done outside is not done again when the run repeats, whether it went well or not.
func TestFailedBarrierIsNotRepeated(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, effects string
		lines         []string
		state         engine.State
	}{
		{"taken", "a c", []string{"a:test.write(a)", "b:test.outside(call)", "c:test.write(c)", "a -Success-> b", "b -Failure-> c"}, engine.Done},
		{"not taken", "a", []string{"a:test.write(a)", "b:test.outside(call)", "a -Success-> b"}, engine.DeadLettered},
		{"panic", "a c", []string{"a:test.write(a)", "b:test.outside(panic)", "c:test.write(c)", "a -Success-> b", "b -Failure-> c"}, engine.Done},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			h := hooks{
				"call": func(context.Context, *engine.Message) (engine.Result, error) {
					calls++
					return engine.Result{}, errors.New("no answer")
				},
				"panic": func(context.Context, *engine.Message) (engine.Result, error) { calls++; panic("no answer") },
			}
			w := &world{conflicts: 2}
			f := send(t, start(t, compile(t, testCatalog(t, h), chain("root", tt.lines...)), engine.Options{Begin: w.begin}), engine.NewMessage(device("d"), nil))
			if f.State != tt.state || calls != 1 || f.Attempt != 3 {
				t.Errorf("got %v after %d calls, attempt %d (%v); want %v after one", f.State, calls, f.Attempt, f.Cause, tt.state)
			}
			if got := strings.Join(w.effects, " "); got != tt.effects {
				t.Errorf("effects: got %q, want %q", got, tt.effects)
			}
		})
	}
}

// A cycle through a barrier is bounded by its turns, not by its turns since the last conflict.
func TestVisitsOutliveAConflict(t *testing.T) {
	t.Parallel()
	calls := 0
	h := hooks{"call": func(_ context.Context, m *engine.Message) (engine.Result, error) {
		calls++
		return engine.Success(m), nil
	}}
	w := &world{conflicts: 3}
	e := start(t, compile(t, testCatalog(t, h), chain("root", `!"maxVisits":4`, "a:test.write(a)", "b:test.outside(call)",
		"a -Success-> b", "b -Success-> a")), engine.Options{Begin: w.begin})
	if f := send(t, e, engine.NewMessage(device("d"), nil)); f.State != engine.DeadLettered || calls != 5 {
		t.Errorf("got %v after %d calls (%v), want it dead-lettered after 5", f.State, calls, f.Cause)
	}
}

// A result that no node may give fails the node: what it wrote and emitted goes, the process stays.
func TestMisroutedResults(t *testing.T) {
	t.Parallel()
	other := engine.NewMessage(device("other"), nil)
	results := map[string]func(*engine.Message) engine.Result{
		"unknown relation": func(m *engine.Message) engine.Result { return engine.On("Nowhere", m).Emit(other) },
		"unknown chain":    func(m *engine.Message) engine.Result { return engine.Call("nowhere", m).Emit(other) },
		"call without":     func(*engine.Message) engine.Result { return engine.Call("root", nil) },
		"nil in a fork":    func(m *engine.Message) engine.Result { return engine.Fork("Success", m, nil) },
		"nil emitted":      func(m *engine.Message) engine.Result { return engine.Success(m).Emit(other, nil) },
	}
	for name, result := range results {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := hooks{"bad": func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				write(ctx, "bad")
				return result(m.WithOutcome("BAD")), nil
			}}
			w := &world{}
			e := start(t, compile(t, testCatalog(t, h), chain("root", "a:test.hook(bad)", "b:test.write(b)", "a -Failure-> b")), engine.Options{Begin: w.begin})
			f := send(t, e, engine.NewMessage(device("d"), nil))
			if f.State != engine.Done || f.Outcome != "" || len(f.Emitted) != 0 || !slices.Equal(w.effects, []string{"b"}) {
				t.Errorf("got %v %q, %d emitted, effects %v (%v); want done with b alone", f.State, f.Outcome, len(f.Emitted), w.effects, f.Cause)
			}
		})
	}
}

// A context that ended stays ended for who holds it, while the next node gets one that works.
func TestEndedContextStaysEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var held []context.Context
		h := hooks{
			"wait": func(ctx context.Context, _ *engine.Message) (engine.Result, error) {
				held = append(held, ctx)
				<-ctx.Done()
				return engine.Result{}, ctx.Err()
			},
			"panic": func(ctx context.Context, _ *engine.Message) (engine.Result, error) {
				held = append(held, ctx)
				<-ctx.Done()
				panic("late")
			},
			"next": func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				write(ctx, engine.PlaceOf(ctx).Node)
				return engine.Success(m), ctx.Err()
			},
		}
		w := &world{conflicts: 1}
		e := engine.New(compile(t, testCatalog(t, h), chain("root", "a:test.hook(wait)", "b:test.hook(next)", "c:test.hook(panic)", "d:test.hook(next)",
			"a -Failure-> b", "b -Success-> c", "c -Failure-> d")), engine.Options{Begin: w.begin})
		f := send(t, e, engine.NewMessage(device("d"), nil))
		if got := strings.Join(w.effects, " "); f.State != engine.Done || got != "b d" {
			t.Errorf("got %v with %q (%v), want done with %q", f.State, got, f.Cause, "b d")
		}
		for i, ctx := range held {
			if ctx.Err() == nil {
				t.Errorf("context %d of %d: no error after its end", i, len(held))
			}
			<-ctx.Done()
		}
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// What Drain breaks off is abandoned, so that its sender repeats it; it is no dead letter.
func TestDrainAbandonsWhatItBreaksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := hooks{"wait": func(ctx context.Context, _ *engine.Message) (engine.Result, error) {
			<-ctx.Done()
			return engine.Result{}, ctx.Err()
		}}
		w := &world{}
		e := engine.New(compile(t, testCatalog(t, h), chain("root", "a:test.hook(wait)", "b:test.write(b)", "a -Failure-> b")), engine.Options{Begin: w.begin})
		fates := make(chan engine.Fate, 2)
		for range 2 {
			if err := e.Submit(t.Context(), engine.NewMessage(device("d"), nil), func(f engine.Fate) { fates <- f }); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("draining: got %v, want %v", err, context.DeadlineExceeded)
		}
		for range 2 {
			if f := <-fates; f.State != engine.Abandoned || !errors.Is(f.Cause, engine.ErrDraining) {
				t.Errorf("got %v (%v), want abandoned", f.State, f.Cause)
			}
		}
		if len(w.fates) != 0 {
			t.Errorf("kept: %v, want nothing", w.fates)
		}
	})
}

// closerKind is a kind whose nodes count themselves.
func closerKind(open *atomic.Int64) engine.Kind {
	return engine.Kind{
		Name: "test.open", Summary: "Hold something open", Relations: []string{"Success"}, Config: wordConfig{},
		New: engine.Build(func(wordConfig, engine.Env) (engine.Node, error) {
			open.Add(1)
			return &openNode{open: open}, nil
		}),
	}
}

type openNode struct {
	open   *atomic.Int64
	closed atomic.Bool
}

func (n *openNode) Process(_ context.Context, m *engine.Message) (engine.Result, error) {
	if n.closed.Load() {
		return engine.Result{}, errors.New("used after its end")
	}
	return engine.Success(m), nil
}

func (n *openNode) Close() error {
	if n.closed.Swap(true) {
		return fmt.Errorf("closed twice: %w", io.ErrClosedPipe)
	}
	n.open.Add(-1)
	return nil
}

// A set that comes when the engine has ended is closed all the same.
func TestSwapAfterDrain(t *testing.T) {
	t.Parallel()
	var open atomic.Int64
	catalog := testCatalog(t, nil, closerKind(&open))
	e := engine.New(compile(t, catalog, chain("root", "a:test.open(1)")), engine.Options{})
	if err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.Swap(compile(t, catalog, chain("root", "a:test.open(2)")))
	if n := open.Load(); n != 0 {
		t.Errorf("%d nodes are open after the end", n)
	}
}

// A step of a pending row that was abandoned is not overtaken by the next: the commit of the last step would delete the
// row, and the abandoned one with it.
func TestAbandonedStepIsNotOvertaken(t *testing.T) {
	t.Parallel()
	h := hooks{"emit": func(_ context.Context, m *engine.Message) (engine.Result, error) {
		child := func(typ string) *engine.Message {
			return engine.NewMessage(engine.Header{Type: typ, Origin: engine.Origin{Type: "DEVICE", ID: "new"}}, nil)
		}
		return engine.Success(m).Emit(child("ONE"), child("TWO")), nil
	}}
	w := &world{}
	begin := func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
		if m.Type() == "ONE" {
			return nil, nil, errors.New("disk full")
		}
		return w.begin(ctx, m)
	}
	e := engine.New(compile(t, testCatalog(t, h), chain("root", `a:test.expr(type == "PROVISION_REQUEST")`, "b:test.hook(emit)", "c:test.write(c)",
		"a -True-> b", "a -False-> c")), engine.Options{Begin: begin})
	head := device("d")
	head.Type = "PROVISION_REQUEST"
	send(t, e, engine.NewMessage(head, nil))
	if err := e.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	if c := e.Counts(); c.Abandoned != 2 || c.Done != 1 || len(w.effects) != 0 {
		t.Errorf("got %+v and effects %q, want both steps abandoned", c, w.effects)
	}
}

type panickingTx struct{ engine.Tx }

func (panickingTx) Commit(context.Context, engine.Fate) (func(context.Context) error, error) {
	panic("7Qm4-Zr2x")
}

func TestPanicInTheTransactionCostsItsMessage(t *testing.T) {
	t.Parallel()
	w := &world{}
	e := start(t, compile(t, testCatalog(t, nil), chain("root", "a:test.write(a)")), engine.Options{
		Begin: func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
			ctx, tx, err := w.begin(ctx, m)
			return ctx, panickingTx{tx}, err
		},
	})
	f := send(t, e, engine.NewMessage(device("d"), nil))
	if f.State != engine.Abandoned || strings.Contains(f.Cause.Error(), "7Qm4") {
		t.Errorf("got %v %v, want abandoned without the panic's value", f.State, f.Cause)
	}
}
