package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
)

func TestRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		files     []engine.File
		payload   string
		state     engine.State
		outcome   string
		path      string
		effects   string
		cause     string
		conflicts int
	}{
		{
			name:  "a message that meets no edge is done",
			files: []engine.File{chain("root", "a:test.outcome(ONE)")},
			state: engine.Done, outcome: "ONE", path: "a Success",
		},
		{
			name: "the last outcome set is the run's",
			files: []engine.File{chain("root", "a:test.outcome(ONE)", "b:test.outcome(TWO)", "c:test.write(x)",
				"a -Success-> b", "b -Success-> c")},
			state: engine.Done, outcome: "TWO", path: "a Success, b Success, c Success", effects: "x",
		},
		{
			name: "an expression routes",
			files: []engine.File{chain("root", "a:test.expr(msg.n > 3)", "yes:test.write(yes)", "no:test.write(no)",
				"a -True-> yes", "a -False-> no")},
			payload: `{"n":4}`,
			state:   engine.Done, path: "a True, yes Success", effects: "yes",
		},
		{
			name:    "an error in an expression is a failure and not false",
			files:   []engine.File{chain("root", "a:test.expr(msg.n > 3)", "no:test.write(no)", "a -False-> no")},
			payload: `{"n":"x"}`,
			state:   engine.DeadLettered, path: "a Failure", cause: `node "a"`,
		},
		{
			name: "branches of a fork run in file order, depth first, in one transaction",
			files: []engine.File{chain("root", "a:test.write(a)", "b:test.write(b)", "b2:test.write(b2)", "c:test.write(c)",
				"a -Success-> b", "a -Success-> c", "b -Success-> b2")},
			state: engine.Done, path: "a Success, b Success, b2 Success, c Success", effects: "a b b2 c",
		},
		{
			name:  "a failure that nothing takes leaves no effect",
			files: []engine.File{chain("root", "a:test.write(a)", "b:test.fail(no luck)", "a -Success-> b")},
			state: engine.DeadLettered, path: "a Success, b Failure", cause: "no luck",
		},
		{
			name: "a node that fails leaves no write of its own, whoever takes the failure",
			files: []engine.File{chain("root", "a:test.write(a)", "b:test.fail(no luck)", "c:test.write(c)",
				"a -Success-> b", "b -Failure-> c")},
			state: engine.Done, path: "a Success, b Failure, c Success", effects: "a c",
		},
		{
			name: "onFailure takes what no edge takes",
			files: []engine.File{chain("root", `!"onFailure":"c"`, "a:test.write(a)", "b:test.fail(no luck)", "c:test.outcome(CHAIN_ERROR)",
				"a -Success-> b")},
			state: engine.Done, outcome: "CHAIN_ERROR", path: "a Success, b Failure, c Success", effects: "a",
		},
		{
			name:  "a failure inside onFailure is not taken again",
			files: []engine.File{chain("root", `!"onFailure":"c"`, "a:test.fail(one)", "c:test.fail(two)")},
			state: engine.DeadLettered, path: "a Failure, c Failure", cause: "two",
		},
		{
			name: "a called chain comes back by its label",
			files: []engine.File{
				chain("root", "a:test.call(sub)", "b:test.write(b)", "a -Known-> b"),
				chain("sub", "x:test.write(x)", "y:test.return(Known)", "x -Success-> y"),
			},
			state: engine.Done, path: "x Success, y Known, a Known, b Success", effects: "x b",
		},
		{
			name: "a message that ends in a called chain does not come back",
			files: []engine.File{
				chain("root", "a:test.call(sub)", "b:test.write(b)", "a -Known-> b"),
				chain("sub", "x:test.expr(false)", "y:test.return(Known)", "x -True-> y"),
			},
			state: engine.Done, path: "x False",
		},
		{
			name: "a failure in a called chain is the caller's failure",
			files: []engine.File{
				chain("root", "a:test.call(sub)", "b:test.write(b)", "a -Failure-> b"),
				chain("sub", "x:test.fail(deep)"),
			},
			state: engine.Done, path: "x Failure, a Failure, b Success", effects: "b",
		},
		{
			name: "calls may be nested",
			files: []engine.File{
				chain("root", "a:test.call(one)", "z:test.write(z)", "a -Up-> z"),
				chain("one", "b:test.call(two)", "c:test.return(Up)", "b -Down-> c"),
				chain("two", "d:test.return(Down)"),
			},
			state: engine.Done, path: "d Down, b Down, c Up, a Up, z Success", effects: "z",
		},
		{
			name: "a cycle is bounded",
			files: []engine.File{chain("root", `!"maxVisits":3`, "a:test.write(x)", "b:test.write(y)",
				"a -Success-> b", "b -Success-> a")},
			state: engine.DeadLettered, cause: "more than 3 times",
			path: "a Success, b Success, a Success, b Success, a Success, b Success, a Success, b Success",
		},
		{
			name:  "a relation that an expression names and nothing is connected to ends the branch",
			files: []engine.File{chain("root", "a:test.named(Nowhere)")},
			state: engine.Done,
		},
		{
			name:  "a conflict repeats the run and leaves one set of effects",
			files: []engine.File{chain("root", "a:test.write(a)")},
			state: engine.Done, path: "a Success", effects: "a", conflicts: 5,
		},
		{
			name:  "relations are compared without case",
			files: []engine.File{chain("root", "a:test.named(yes)", "b:test.write(b)", "a -YES-> b")},
			state: engine.Done, path: "a YES, b Success", effects: "b",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &world{conflicts: tt.conflicts}
			e := start(t, compile(t, testCatalog(t, nil), tt.files...), engine.Options{Begin: w.begin})
			payload := tt.payload
			if payload == "" {
				payload = "{}"
			}
			f := send(t, e, engine.NewMessage(device("d"), engine.NewData(payload)))
			if f.State != tt.state || f.Outcome != tt.outcome {
				t.Errorf("fate: got %v %q, want %v %q (%v)", f.State, f.Outcome, tt.state, tt.outcome, f.Cause)
			}
			if got := pathOf(f); got != tt.path {
				t.Errorf("path:\n got %s\nwant %s", got, tt.path)
			}
			if got := strings.Join(w.effects, " "); got != tt.effects {
				t.Errorf("effects: got %q, want %q", got, tt.effects)
			}
			if tt.cause != "" && (f.Cause == nil || !strings.Contains(f.Cause.Error(), tt.cause)) {
				t.Errorf("cause: got %v, want %q in it", f.Cause, tt.cause)
			}
			if w.batches != 1 {
				t.Errorf("batches: got %d, want 1", w.batches)
			}
			if f.Attempt != tt.conflicts+1 {
				t.Errorf("attempt: got %d, want %d", f.Attempt, tt.conflicts+1)
			}
		})
	}
}

func TestPanicIsAFailure(t *testing.T) {
	t.Parallel()
	h := hooks{"panic": func(context.Context, *engine.Message) (engine.Result, error) { panic("7Qm4-Zr2x") }}
	w := &world{}
	e := start(t, compile(t, testCatalog(t, h), chain("root", "a:test.hook(panic)", "b:test.write(b)", "a -Failure-> b")), engine.Options{Begin: w.begin})
	f := send(t, e, engine.NewMessage(device("d"), nil))
	if f.State != engine.Done || !slices.Equal(w.effects, []string{"b"}) {
		t.Errorf("got %v %v (%v), want done and b", f.State, w.effects, f.Cause)
	}
	f = send(t, start(t, compile(t, testCatalog(t, h), chain("root", "a:test.hook(panic)")), engine.Options{}), engine.NewMessage(device("d"), nil))
	if f.State != engine.DeadLettered || strings.Contains(f.Cause.Error(), "7Qm4") {
		t.Errorf("got %v %v, want dead-lettered without the panic's value", f.State, f.Cause)
	}
}

func TestForkOfMessages(t *testing.T) {
	t.Parallel()
	h := hooks{
		"fork": func(_ context.Context, m *engine.Message) (engine.Result, error) {
			return engine.Fork("Success", m.WithType("A"), m.WithType("B"), m.WithType("C")), nil
		},
		"note": func(ctx context.Context, m *engine.Message) (engine.Result, error) {
			write(ctx, m.Type())
			return engine.Success(m), nil
		},
		"bomb": func(_ context.Context, m *engine.Message) (engine.Result, error) {
			return engine.Fork("Success", slices.Repeat([]*engine.Message{m}, 40)...), nil
		},
	}
	w := &world{}
	e := start(t, compile(t, testCatalog(t, h), chain("root", "a:test.hook(fork)", "b:test.hook(note)", "a -Success-> b")), engine.Options{Begin: w.begin})
	send(t, e, engine.NewMessage(device("d"), nil))
	if got := strings.Join(w.effects, " "); got != "A B C" {
		t.Errorf("effects: got %q, want %q", got, "A B C")
	}
	e = start(t, compile(t, testCatalog(t, h), chain("root", "a:test.hook(bomb)", "b:test.hook(bomb)", "c:test.write(c)",
		"a -Success-> b", "b -Success-> c")), engine.Options{Begin: w.begin})
	f := send(t, e, engine.NewMessage(device("d"), nil))
	if f.State != engine.DeadLettered || !strings.Contains(f.Cause.Error(), "branches") {
		t.Errorf("got %v %v, want dead-lettered for its branches", f.State, f.Cause)
	}
}

// TestOutcomesOfAFork: of the outcomes that a fork gives its messages the last one is the run's, unless a node behind it
// sets another.
func TestOutcomesOfAFork(t *testing.T) {
	t.Parallel()
	h := hooks{"fork": func(_ context.Context, m *engine.Message) (engine.Result, error) {
		return engine.Fork("Success", m.WithOutcome("A"), m.WithOutcome("B"), m), nil
	}}
	for _, c := range []struct {
		name, behind, want string
	}{
		{"alone", "b:test.write(x)", "B"},
		{"with a node behind", "b:test.outcome(C)", "C"},
	} {
		e := start(t, compile(t, testCatalog(t, h), chain("root", "a:test.hook(fork)", c.behind, "a -Success-> b")), engine.Options{Begin: (&world{}).begin})
		if f := send(t, e, engine.NewMessage(device("d"), nil)); f.Outcome != c.want {
			t.Errorf("%s: got %q, want %q", c.name, f.Outcome, c.want)
		}
	}
}

func TestEmittedMessagesRunAfterTheirParent(t *testing.T) {
	t.Parallel()
	h := hooks{
		"emit": func(_ context.Context, m *engine.Message) (engine.Result, error) {
			one := engine.NewMessage(engine.Header{Type: "ENTITY_CREATED", Origin: engine.Origin{Type: "DEVICE", ID: "new"}}, nil)
			two := engine.NewMessage(engine.Header{Type: "PROVISION_SUCCESS", Origin: engine.Origin{Type: "DEVICE", ID: "new"}}, nil)
			return engine.Success(m).Emit(one, two), nil
		},
		"note": func(ctx context.Context, m *engine.Message) (engine.Result, error) {
			write(ctx, m.Type())
			return engine.Success(m), nil
		},
	}
	w := &world{conflicts: 2}
	c := compile(t, testCatalog(t, h), chain("root", `a:test.expr(type == "PROVISION_REQUEST")`, "b:test.hook(emit)", "c:test.hook(note)",
		"a -True-> b", "a -False-> c"))
	e := engine.New(c, engine.Options{Begin: w.begin})
	head := device("d")
	head.Type = "PROVISION_REQUEST"
	f := send(t, e, engine.NewMessage(head, nil))
	if len(f.Emitted) != 1 || len(f.Emitted[0].Steps) != 2 || f.Emitted[0].Lane != "DEVICE/new" {
		t.Fatalf("emitted: got %+v, want one row of two steps", f.Emitted)
	}
	if err := e.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.effects, " "); got != "ENTITY_CREATED PROVISION_SUCCESS" {
		t.Errorf("effects: got %q", got)
	}
	last := w.fates[len(w.fates)-1]
	want := engine.PendingRef{Sequence: f.Emitted[0].Sequence, Step: 1, Last: true}
	if last.Consumed != want {
		t.Errorf("consumed: got %+v, want %+v", last.Consumed, want)
	}
	if id := f.Emitted[0].Steps[0].Message.ID(); id == "" || id == f.Emitted[0].Steps[1].Message.ID() {
		t.Errorf("ids of emitted messages: %q twice", id)
	}
	counts := e.Counts()
	if counts.In != 3 || counts.Done != 3 || counts.InFlight != 0 || counts.Repeated != 2 {
		t.Errorf("counts: %+v", counts)
	}
}

func TestStepSurvivesStorage(t *testing.T) {
	t.Parallel()
	m := engine.NewMessage(device("d"), engine.NewData(`{"Key":"***","n":9007199254740993}`).WithDigest("supplierKey", testDigest("k")).
		WithAlias(engine.Alias{Name: "cups", At: "CUPS"})).WithMeta(engine.Pair{Key: "a", Value: "1"}).WithOutcome("ONE").WithType("OTHER")
	in := engine.Step{Message: m, Chain: "root", Node: "b", Returns: []engine.Frame{{Chain: "x", Node: "y"}}}
	text, err := in.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var out engine.Step
	if err := out.UnmarshalJSON(text); err != nil {
		t.Fatal(err)
	}
	again, err := out.MarshalJSON()
	if err != nil || !bytes.Equal(again, text) {
		t.Errorf("written again:\n got %s\nwant %s (%v)", again, text, err)
	}
	digest, ok := out.Message.Data().Digest("supplierKey")
	if !ok || !digest.Equal(testDigest("k")) {
		t.Error("the digest did not survive")
	}
}

func TestAbandoned(t *testing.T) {
	t.Parallel()
	w := &world{broken: errors.New("disk full")}
	e := start(t, compile(t, testCatalog(t, nil), chain("root", "a:test.write(a)")), engine.Options{Begin: w.begin})
	f := send(t, e, engine.NewMessage(device("d"), nil))
	if f.State != engine.Abandoned || f.Cause == nil {
		t.Errorf("got %v %v, want abandoned", f.State, f.Cause)
	}
	if c := e.Counts(); c.In != c.Done+c.DeadLettered+c.Abandoned+c.InFlight || c.Abandoned != 1 {
		t.Errorf("counts do not balance: %+v", c)
	}
}

func TestBarrierIsNotRepeated(t *testing.T) {
	t.Parallel()
	calls := 0
	h := hooks{"call": func(ctx context.Context, m *engine.Message) (engine.Result, error) {
		calls++
		write(ctx, fmt.Sprintf("answer %d", calls))
		return engine.Success(m.WithOutcome("CALLED")), nil
	}}
	w := &world{conflicts: 1}
	e := start(t, compile(t, testCatalog(t, h), chain("root", "a:test.write(a)", "b:test.outside(call)", "c:test.write(c)",
		"a -Success-> b", "b -Success-> c")), engine.Options{Begin: w.begin})
	f := send(t, e, engine.NewMessage(device("d"), nil))
	if calls != 1 || f.Outcome != "CALLED" || f.Attempt != 2 {
		t.Errorf("got %d calls, outcome %q, attempt %d; want one call, and the rest repeated", calls, f.Outcome, f.Attempt)
	}
	if got := strings.Join(w.effects, " "); got != "a c" {
		t.Errorf("effects: got %q, want %q", got, "a c")
	}
}
