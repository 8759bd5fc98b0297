package engine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gridtie/gridtie/engine"
)

var stressSeeds = flag.Int("stress", 25, "how many random chain sets TestRandomChains runs")

// TestRandomChains runs random messages through random chain sets, with conflicts and swaps, and compares every run with
// the same run alone: one fate, the path and effects of one attempt, one run of an origin at a time.
func TestRandomChains(t *testing.T) {
	t.Parallel()
	for seed := range *stressSeeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			stress(t, rand.New(rand.NewPCG(uint64(seed), 3)))
		})
	}
}

const child = "CHILD" // the type of emitted messages, which emit no more

func stressHooks() hooks {
	next := func(_ context.Context, m *engine.Message) (engine.Result, error) { return engine.Success(m), nil }
	return hooks{
		"outside": next,
		"broken": func(context.Context, *engine.Message) (engine.Result, error) {
			return engine.Result{}, errors.New("no answer")
		},
		"fork": func(_ context.Context, m *engine.Message) (engine.Result, error) {
			return engine.Fork("Success", m, m.WithMeta(engine.Pair{Key: "twin", Value: "1"})), nil
		},
		"panic": func(ctx context.Context, _ *engine.Message) (engine.Result, error) {
			write(ctx, "lost")
			panic("here")
		},
		"emit": func(_ context.Context, m *engine.Message) (engine.Result, error) {
			if m.Type() == child {
				return engine.On("Other", m), nil
			}
			head := device("origin-0")
			head.Type = child
			other := device(m.Origin().ID)
			other.Type = child
			return engine.Success(m).Emit(engine.NewMessage(head, m.Data()), engine.NewMessage(other, m.Data())), nil
		},
	}
}

// randomSet is three chains without cycles: each may call those behind it.
func randomSet(r *rand.Rand) []engine.File {
	kinds := []string{
		"test.write", "test.write", "test.fail", "test.open", "test.outcome", "test.expr(msg.n % 3 == 0)", "test.hook(emit)",
		"test.hook(fork)", "test.hook(panic)", "test.outside(outside)", "test.outside(broken)", "test.call", "test.call",
	}
	relations := map[string][]string{"test.expr": {"True", "False"}, "test.hook": {"Success", "Other"}, "test.call": {"Back"}, "test.return": {}}
	ids := []string{"root", "one", "two"}
	var files []engine.File
	for i, id := range ids {
		var nodes, edges []string
		drawn := map[string]bool{}
		count := 2 + r.IntN(5)
		for n := range count {
			kind := kinds[r.IntN(len(kinds))]
			if kind == "test.call" && i == len(ids)-1 {
				kind = "test.write"
			}
			if i > 0 && n == count-1 {
				kind = "test.return(Back)"
			}
			if kind == "test.call" {
				kind += "(" + ids[i+1+r.IntN(len(ids)-i-1)] + ")"
			} else if !strings.Contains(kind, "(") {
				kind += fmt.Sprintf("(%s%d)", id, n)
			}
			nodes = append(nodes, fmt.Sprintf("n%d:%s", n, kind))
			for range min(n, 1+r.IntN(2)) {
				from := r.IntN(n)
				before, _, _ := strings.Cut(strings.TrimPrefix(nodes[from], fmt.Sprintf("n%d:", from)), "(")
				can, known := relations[before]
				if !known {
					can = []string{"Success"}
				}
				can = append(slices.Clone(can), "Failure")
				edge := fmt.Sprintf("n%d -%s-> n%d", from, can[r.IntN(len(can))], n)
				if !drawn[edge] {
					drawn[edge] = true
					edges = append(edges, edge)
				}
			}
		}
		lines := slices.Concat(nodes, edges)
		if r.IntN(2) == 0 {
			lines = append(lines, fmt.Sprintf(`!"onFailure":"n%d"`, 1+r.IntN(count-1)))
		}
		files = append(files, chain(id, lines...))
	}
	return files
}

// ending is what one run came to.
type ending struct{ state, outcome, path, effects string }

// crowd is a world in which many runs meet.
type crowd struct {
	mu       sync.Mutex // protects all below
	random   *rand.Rand // nil: no conflicts
	active   map[string]string
	latest   map[string]int64
	effects  map[string][]string
	endings  map[string]ending
	fates    map[string]engine.Fate
	children int
	faults   []string
}

func newCrowd(r *rand.Rand) *crowd {
	return &crowd{
		random: r, active: map[string]string{}, latest: map[string]int64{}, effects: map[string][]string{},
		endings: map[string]ending{}, fates: map[string]engine.Fate{},
	}
}

type crowdTx struct {
	*worldTx
	crowd   *crowd
	message *engine.Message
}

func (c *crowd) conflict() bool { return c.random != nil && c.random.IntN(5) == 0 }

func (c *crowd) begin(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	origin := m.Origin().ID
	if other := c.active[origin]; other != "" && other != m.ID() {
		c.faults = append(c.faults, fmt.Sprintf("%s began while %s of the same origin ran", m.ID(), other))
	}
	c.active[origin] = m.ID()
	if v, _ := m.Data().Field("n"); m.Type() != child {
		if n := v.(int64); n < c.latest[origin] {
			c.faults = append(c.faults, fmt.Sprintf("%s: %d after %d", origin, n, c.latest[origin]))
		} else {
			c.latest[origin] = n
		}
	}
	tx := &worldTx{}
	return context.WithValue(ctx, worldKey{}, tx), &crowdTx{worldTx: tx, crowd: c, message: m}, nil
}

func (tx *crowdTx) Flush(context.Context) error {
	c := tx.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conflict() {
		return engine.ErrConflict
	}
	c.effects[tx.message.ID()] = append(c.effects[tx.message.ID()], tx.writes[tx.fixed:]...)
	tx.fixed = len(tx.writes)
	return nil
}

func (tx *crowdTx) Commit(_ context.Context, f engine.Fate) (func(context.Context) error, error) {
	c, id := tx.crowd, tx.message.ID()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conflict() {
		return nil, engine.ErrConflict
	}
	if _, twice := c.fates[id]; twice {
		c.faults = append(c.faults, id+" met two fates")
	}
	if f.State == engine.Done {
		c.effects[id] = append(c.effects[id], tx.writes[tx.fixed:]...)
	}
	for _, p := range f.Emitted {
		c.children += len(p.Steps)
	}
	c.fates[id] = f
	c.endings[id] = ending{f.State.String(), f.Outcome, pathOf(f), strings.Join(c.effects[id], " ")}
	delete(c.active, tx.message.Origin().ID)
	return func(context.Context) error { return nil }, nil
}

// what tells messages apart as far as chains can see.
func what(f engine.Fate) string {
	v, _ := f.Message.Data().Field("n")
	return fmt.Sprint(f.Revision, f.Message.Type(), v.(int64)%3)
}

func stress(t *testing.T, r *rand.Rand) {
	var open atomic.Int64
	catalog := testCatalog(t, stressHooks(), closerKind(&open))
	sets := [][]engine.File{randomSet(r), randomSet(r), randomSet(r)}
	wants := map[string]ending{}
	for _, set := range sets {
		alone := newCrowd(nil)
		e := engine.New(compile(t, catalog, set...), engine.Options{Begin: alone.begin})
		for n := range 3 {
			for _, typ := range []string{"PARENT", child} {
				head := device("alone")
				head.ID, head.Type = fmt.Sprint("m", n, typ), typ
				send(t, e, engine.NewMessage(head, engine.NewData(fmt.Sprintf(`{"n":%d}`, n))))
			}
		}
		if err := e.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		for id, f := range alone.fates {
			wants[what(f)] = alone.endings[id]
		}
	}
	c := newCrowd(rand.New(rand.NewPCG(r.Uint64(), r.Uint64())))
	e := engine.New(compile(t, catalog, sets[0]...), engine.Options{Begin: c.begin, InFlight: 6, Parallel: 3})
	const origins, messages = 5, 30
	told := make([]atomic.Int32, origins*messages)
	var senders sync.WaitGroup
	for o := range origins {
		senders.Go(func() {
			for n := range messages {
				head := device(fmt.Sprint("origin-", o))
				head.ID, head.Type = fmt.Sprintf("%d/%d", o, n), "PARENT"
				m := engine.NewMessage(head, engine.NewData(fmt.Sprintf(`{"n":%d}`, n)))
				if err := e.Submit(context.Background(), m, func(engine.Fate) { told[o*messages+n].Add(1) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 6 {
		e.Swap(compile(t, catalog, sets[i%len(sets)]...))
	}
	senders.Wait()
	if err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range told {
		if n := told[i].Load(); n != 1 {
			t.Errorf("message %d: %d fates told", i, n)
		}
	}
	for _, fault := range c.faults {
		t.Error(fault)
	}
	for id, f := range c.fates {
		if got, want := c.endings[id], wants[what(f)]; got != want {
			t.Errorf("%s, attempt %d:\n got %+v\nwant %+v (alone)", id, f.Attempt, got, want)
		}
	}
	counts := e.Counts()
	if all := uint64(len(told) + c.children); counts.In != all || counts.Done+counts.DeadLettered != all || len(c.fates) != int(all) || counts.InFlight != 0 {
		t.Errorf("%d messages, %d fates, counts %+v", all, len(c.fates), counts)
	}
	if n := open.Load(); n != 0 {
		t.Errorf("%d nodes are open after the end", n)
	}
}
