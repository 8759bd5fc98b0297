package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/engine"
)

// orderChains is a chain with a slow node, a fork and a nested chain; "seen" is its last node on both branches.
var orderChains = []engine.File{
	chain("root", "slow:test.hook(slow)", "left:test.call(sub)", "right:test.hook(seen)", "back:test.hook(seen)",
		"slow -Success-> left", "slow -Success-> right", "left -Back-> back"),
	chain("sub", "inner:test.hook(slow)", "out:test.return(Back)", "inner -Success-> out"),
}

// Messages of one device are processed in the order of their arrival, whatever lies on their way; devices do not wait
// for one another.
func TestOrderPerDevice(t *testing.T) {
	t.Parallel()
	const devices, messages = 1000, 100
	type trail struct {
		mu   sync.Mutex
		last map[string][]int
	}
	seen := trail{last: map[string][]int{}}
	// The first hundred to come to the slow node wait for one another there: all of them, or the test fails.
	const together = 100
	var entered atomic.Int64
	met := make(chan struct{})
	h := hooks{
		"slow": func(ctx context.Context, m *engine.Message) (engine.Result, error) {
			n := entered.Add(1)
			if n == together {
				close(met)
			}
			if n <= together {
				select {
				case <-met:
				case <-ctx.Done():
					t.Errorf("only %d devices were in a node at once, want %d", entered.Load(), together)
				}
			}
			if rand.IntN(10) == 0 {
				select {
				case <-time.After(time.Millisecond):
				case <-ctx.Done():
				}
			}
			return engine.Success(m), nil
		},
		"seen": func(_ context.Context, m *engine.Message) (engine.Result, error) {
			v, _ := m.Data().Field("n")
			seen.mu.Lock()
			defer seen.mu.Unlock()
			seen.last[m.Origin().ID] = append(seen.last[m.Origin().ID], int(v.(int64)))
			return engine.Success(m), nil
		},
	}
	e := start(t, compile(t, testCatalog(t, h), orderChains...), engine.Options{})
	var wait sync.WaitGroup
	wait.Add(devices * messages)
	for n := range messages {
		for d := range devices {
			m := engine.NewMessage(device(fmt.Sprintf("meter-%d", d)), engine.NewData(fmt.Sprintf(`{"n":%d}`, n)))
			if err := e.Submit(context.Background(), m, func(engine.Fate) { wait.Done() }); err != nil {
				t.Fatal(err)
			}
		}
	}
	wait.Wait()
	for d := range devices {
		got := seen.last[fmt.Sprintf("meter-%d", d)]
		if len(got) != 2*messages {
			t.Fatalf("device %d: got %d sightings, want %d", d, len(got), 2*messages)
		}
		for i, n := range got {
			if n != i/2 {
				t.Fatalf("device %d: sighting %d is of message %d, want %d", d, i, n, i/2)
			}
		}
	}
}

func TestFullEngineMakesSubmitWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := hooks{"hold": func(_ context.Context, m *engine.Message) (engine.Result, error) {
			<-release
			return engine.Success(m), nil
		}}
		e := engine.New(compile(t, testCatalog(t, h), chain("root", "a:test.hook(hold)")), engine.Options{InFlight: 2})
		for i := range 2 {
			if err := e.Submit(t.Context(), engine.NewMessage(device(fmt.Sprint(i)), nil), func(engine.Fate) {}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Submit(ctx, engine.NewMessage(device("3"), nil), nil); err != context.DeadlineExceeded {
			t.Errorf("submitting to a full engine: got %v, want %v", err, context.DeadlineExceeded)
		}
		close(release)
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if err := e.Submit(t.Context(), engine.NewMessage(device("4"), nil), nil); err != engine.ErrDraining {
			t.Errorf("submitting while draining: got %v, want %v", err, engine.ErrDraining)
		}
	})
}

func TestTimeLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := hooks{
			"wait": func(ctx context.Context, _ *engine.Message) (engine.Result, error) {
				<-ctx.Done()
				return engine.Result{}, ctx.Err()
			},
			"deaf": func(_ context.Context, m *engine.Message) (engine.Result, error) {
				time.Sleep(30 * time.Second)
				return engine.Success(m), nil
			},
			"quick": func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				return engine.Success(m.WithOutcome("TAKEN")), ctx.Err()
			},
		}
		e := engine.New(compile(t, testCatalog(t, h),
			chain("root", "a:test.hook(wait)", "b:test.hook(quick)", "a -Failure-> b"),
			chain("deaf", "a:test.hook(deaf)"),
			chain("loop", `!"maxVisits":1000`, "a:test.hook(deaf)", "b:test.write(x)", "a -Success-> b", "b -Success-> a"),
		), engine.Options{})
		begin := time.Now()
		f := send(t, e, engine.NewMessage(device("d"), nil))
		if took := time.Since(begin); f.Outcome != "TAKEN" || took < 10*time.Second || took > 11*time.Second {
			t.Errorf("a node that waits: got %v %q (%v) after %v, want its failure taken after 10 s", f.State, f.Outcome, f.Cause, took)
		}
		head := device("e")
		head.Chain = "deaf"
		fates := make(chan engine.Fate, 1)
		if err := e.Submit(t.Context(), engine.NewMessage(head, nil), func(f engine.Fate) { fates <- f }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		if s := e.Stuck(); len(s) != 1 || s[0].Node != "a" || s[0].Chain != "deaf" {
			t.Errorf("stuck nodes: got %+v, want the deaf one", s)
		}
		if f := <-fates; f.State != engine.Done {
			t.Errorf("a node that returns late, but well: got %v, want done", f.State)
		}
		head.Chain = "loop"
		begin = time.Now()
		f = send(t, e, engine.NewMessage(head, nil))
		if took := time.Since(begin); f.State != engine.DeadLettered || took > 91*time.Second {
			t.Errorf("a run without end: got %v after %v, want it dead-lettered", f.State, took)
		}
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestSwapUnderLoad(t *testing.T) {
	t.Parallel()
	h := hooks{"slow": func(_ context.Context, m *engine.Message) (engine.Result, error) {
		time.Sleep(100 * time.Microsecond)
		return engine.Success(m), nil
	}}
	catalog := testCatalog(t, h)
	set := func(n int) *engine.Chain {
		return compile(t, catalog, chain("root", "a:test.hook(slow)", fmt.Sprintf("b:test.outcome(R%d)", n), "a -Success-> b"))
	}
	first := set(0)
	e := start(t, first, engine.Options{})
	var wait sync.WaitGroup
	outcomes := make([]atomic.Int64, 21)
	revisions := map[string]int{first.Revision(): 0}
	var mu sync.Mutex
	wait.Go(func() {
		for i := range 5000 {
			wait.Add(1)
			m := engine.NewMessage(device(fmt.Sprint(i%50)), nil)
			if err := e.Submit(context.Background(), m, func(f engine.Fate) {
				defer wait.Done()
				var n int
				if _, err := fmt.Sscanf(f.Outcome, "R%d", &n); err != nil {
					t.Errorf("fate: %v %q %v", f.State, f.Outcome, f.Cause)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if revisions[f.Revision] != n {
					t.Errorf("a message says revision %d and went through %d", revisions[f.Revision], n)
				}
				outcomes[n].Add(1)
			}); err != nil {
				t.Error(err)
			}
		}
	})
	for n := 1; n <= 20; n++ {
		next := set(n)
		mu.Lock()
		revisions[next.Revision()] = n
		mu.Unlock()
		e.Swap(next)
		time.Sleep(time.Millisecond)
	}
	wait.Wait()
	if c := e.Counts(); c.Done != 5000 || c.InFlight != 0 {
		t.Errorf("counts: %+v", c)
	}
}
