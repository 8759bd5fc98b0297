package docs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/engine/secret"
)

// Those of connections and packets are shown in mqttserver (TestEveryLimit), those of wrong secrets in devices. Here
// follow the others: each is met exactly, and then exceeded.

var many = strings.Repeat

func TestPayloadLimitsHold(t *testing.T) {
	t.Parallel()
	_, rows := limitRows(t)
	in := intake.New(intake.Options{Digest: secret.NewKey().Digest})
	for name, c := range map[string]struct {
		limit   int
		payload func(n int) string
	}{
		"intake.Limits.Size":   {65536, func(n int) string { return `{"a":"` + many("x", n-8) + `"}` }},
		"intake.Limits.Depth":  {32, func(n int) string { return `{"a":` + many("[", n-1) + many("]", n-1) + "}" }},
		"intake.Limits.Values": {1000, func(n int) string { return `{"a":[1` + many(",1", n-3) + "]}" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows[name].wantDefault(t, c.limit)
			if _, err := in.Object([]byte(c.payload(c.limit)), intake.Shape{}); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			_, err := in.Object([]byte(c.payload(c.limit+1)), intake.Shape{})
			var bad *intake.BadPayload
			if !errors.As(err, &bad) || !strings.Contains(rows[name].counted, `"`+string(bad.Reason)+`"`) {
				t.Errorf("beyond it: got %v, want it counted as %s", err, rows[name].counted)
			}
		})
	}
}

// field is a message of which an expression reads one field.
type field struct {
	expression.Scope
	value any
}

func (f field) Field(string) (any, bool) { return f.value, f.value != nil }

func (f field) FieldText(string) (string, bool) {
	text, ok := f.value.(string)
	return text, ok
}

func TestExpressionLimitsHold(t *testing.T) {
	t.Parallel()
	_, rows := limitRows(t)
	language, err := expression.New()
	if err != nil {
		t.Fatal(err)
	}
	evaluate := func(source string, value any) error {
		p, err := language.Compile(source, expression.Any)
		if err != nil {
			return err
		}
		_, err = p.Any(context.Background(), field{value: value})
		return err
	}
	list := func(n int) any { return slices.Repeat([]any{int64(1)}, n) }
	letters := func(n int) any { return many("x", n) }
	for name, c := range map[string]struct {
		limit   int
		exactly bool // source and value are exactly at the limit
		source  func(n int) string
		value   func(n int) any // of msg.a
	}{
		"expression.MaxSource":  {limit: expression.MaxSource, exactly: true, source: func(n int) string { return `"` + many("a", n-2) + `"` }},
		"expression.MaxDepth":   {limit: expression.MaxDepth, exactly: true, source: func(n int) string { return many("(", n) + "1" + many(")", n) }},
		"expression.MaxNodes":   {limit: expression.MaxNodes, source: func(n int) string { return "1" + many("+1", n) }},
		"expression.MaxNesting": {limit: expression.MaxNesting, exactly: true, source: func(n int) string { return many("any([1], ", n) + "true" + many(")", n) }},
		"expression.MaxPattern": {limit: expression.MaxPattern, exactly: true, source: func(n int) string { return `"a" matches "` + many("a", n) + `"` }},
		"expression.MaxSteps":   {limit: expression.MaxSteps, source: func(int) string { return "all(msg.a, all(msg.a, # > 0))" }, value: func(int) any { return list(1000) }},
		"expression.MaxText": {
			limit: expression.MaxText, exactly: true, source: func(int) string { return `msg.a + "b"` },
			value: func(n int) any { return letters(n - 1) },
		},
		"expression.MaxList": {
			limit: expression.MaxList, exactly: true, source: func(int) string { return "all(msg.a, # > 0)" }, value: list,
		},
		"expression.MaxMatched": {
			limit: expression.MaxMatched, exactly: true, source: func(int) string { return `msg.a matches "b"` },
			value: letters,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows[name].wantDefault(t, c.limit)
			value := c.value
			if value == nil {
				value = func(int) any { return nil }
			}
			if c.exactly {
				if err := evaluate(c.source(c.limit), value(c.limit)); err != nil {
					t.Errorf("at the limit: %v", err)
				}
			}
			err := evaluate(c.source(c.limit+1), value(c.limit+1))
			var compiling *expression.Error
			if err == nil || errors.As(err, &compiling) != (rows[name].beyond == "does not compile") {
				t.Errorf("beyond it: got %v, want %s", err, rows[name].beyond)
			}
		})
	}
}

// inARow is a chain of one node after another.
func inARow(nodes int) string {
	var connections []string
	for i := range nodes - 1 {
		connections = append(connections, connect(i, i+1))
	}
	return chainText(nodes, connections...)
}

func chainText(nodes int, connections ...string) string {
	var list []string
	for i := range nodes {
		list = append(list, fmt.Sprintf(`{"id":"n%d","type":"test.do","name":"n"}`, i))
	}
	return `{"ruleChain":{"id":"root","name":"Root"},"metadata":{"firstNode":"n0","nodes":[` + strings.Join(list, ",") +
		`],"connections":[` + strings.Join(connections, ",") + "]}}"
}

func connect(from, to int) string {
	return fmt.Sprintf(`{"from":"n%d","to":"n%d","type":"Success"}`, from, to)
}

// calling is a chain that has the chain "called" run so often for one message.
func calling(times int) string {
	var connections []string
	for i := range times {
		connections = append(connections, connect(0, i+1))
	}
	text := strings.ReplaceAll(chainText(1+times, connections...), "test.do", "test.call")
	return strings.Replace(text, "test.call", "test.do", 1)
}

// compileChain compiles a chain, beside one called "called". Nodes do what they are told.
func compileChain(t *testing.T, text string, do func(context.Context) error) (*engine.Chain, engine.Findings) {
	t.Helper()
	language, err := expression.New()
	if err != nil {
		t.Fatal(err)
	}
	call := engine.Kind{
		Name: "test.call", Summary: "Calls", Calls: func(any) string { return "called" },
		New: func(any, engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(_ context.Context, m *engine.Message) (engine.Result, error) {
				return engine.Call("called", m), nil
			}), nil
		},
	}
	catalog, err := engine.NewCatalog(language, call, engine.Kind{
		Name: "test.do", Summary: "Does it", Relations: []string{engine.RelationSuccess},
		New: func(any, engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				return engine.Success(m), do(ctx)
			}), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	called := strings.Replace(chainText(1), `"id":"root"`, `"id":"called"`, 1)
	return engine.Compile([]engine.File{
		{Name: "root.json", Text: []byte(text)}, {Name: "called.json", Text: []byte(called)},
	}, catalog, engine.CompileOptions{Root: "root"})
}

func TestChainFileLimitsHold(t *testing.T) {
	t.Parallel()
	padded := func(n int) string { return chainText(1) + many(" ", n-len(chainText(1))) }
	nested := func(n int) string { // the info stands in an object in an object
		return strings.Replace(chainText(1), `"name":"Root"`, `"name":"Root","additionalInfo":`+many("[", n-2)+"1"+many("]", n-2), 1)
	}
	rows, _ := limitRows(t)
	for _, c := range []struct {
		what  string
		limit int
		text  func(n int) string
	}{
		{"bytes of a chain file", 1 << 20, padded},
		{"objects and arrays within each other in it", 32, nested},
		{"nodes of a chain", 500, inARow},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			row := rowOf(t, rows, c.what)
			row.wantDefault(t, c.limit)
			if _, findings := compileChain(t, c.text(c.limit), nil); findings.HasErrors() {
				t.Errorf("at the limit: %v", findings)
			}
			_, findings := compileChain(t, c.text(c.limit+1), nil)
			if !slices.ContainsFunc(findings, func(f engine.Finding) bool { return "`"+f.Code+"`" == row.beyond }) {
				t.Errorf("beyond it: got %v, want %s", findings, row.beyond)
			}
		})
	}
}

func rowOf(t *testing.T, rows []limitRow, what string) limitRow {
	t.Helper()
	for _, row := range rows {
		if row.what == what {
			return row
		}
	}
	t.Fatalf("limits.md has no row %q", what)
	return limitRow{}
}

// run sends one message through a chain in fake time.
func run(t *testing.T, text string, do func(context.Context) error) (counts engine.Counts, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		chain, findings := compileChain(t, text, do)
		if findings.HasErrors() {
			t.Fatalf("compiling: %v", findings)
		}
		e := engine.New(chain, engine.Options{})
		begin := time.Now()
		m := engine.NewMessage(engine.Header{ID: "m", Chain: "root"}, engine.NewData("{}"))
		if err := e.Submit(t.Context(), m, func(engine.Fate) { took = time.Since(begin) }); err != nil {
			t.Error(err)
		}
		if err := e.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		counts = e.Counts()
	})
	return counts, took
}

func TestEngineLimitsHold(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context) error { return nil }
	wait := func(d time.Duration) func(context.Context) error {
		return func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(d):
				return nil
			}
		}
	}
	// Pairs of nodes, each connected with both of the next pair: twice as many branches at each step.
	doubling := func(pairs int) string {
		connections := []string{connect(0, 1), connect(0, 2)}
		for a := 1; a < 2*pairs-1; a += 2 {
			connections = append(connections, connect(a, a+2), connect(a, a+3), connect(a+1, a+2), connect(a+1, a+3))
		}
		return chainText(1+2*pairs, connections...)
	}
	for _, c := range []struct {
		name       string
		text       string
		do         func(context.Context) error
		wantFailed bool
		wantTook   time.Duration // of a time limit, which is kept to 100 ms
	}{
		{"a node in time", chainText(1), wait(9900 * time.Millisecond), false, 9900 * time.Millisecond},
		{"a node out of time", chainText(1), wait(time.Hour), true, 10 * time.Second},
		{"a run in time", inARow(6), wait(9900 * time.Millisecond), false, 59400 * time.Millisecond},
		{"a run out of time", inARow(7), wait(9900 * time.Millisecond), true, time.Minute},
		{"as many visits as allowed", calling(64), nothing, false, 0},
		{"one visit more", calling(65), nothing, true, 0},
		{"half a thousand branches", doubling(8), nothing, false, 0},
		{"more than a thousand branches", doubling(10), nothing, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			counts, took := run(t, c.text, c.do)
			if failed := counts.DeadLettered == 1; failed != c.wantFailed || counts.Done+counts.DeadLettered != 1 {
				t.Errorf("dead-lettered: got %t, want %t", failed, c.wantFailed)
			}
			if off := took - c.wantTook; off < 0 || off > 100*time.Millisecond {
				t.Errorf("took %s, want %s", took, c.wantTook)
			}
		})
	}
}

// TestEngineMakesWait: what is too much for the engine waits outside, and what is too much for its nodes inside.
func TestEngineMakesWait(t *testing.T) {
	t.Parallel()
	_, rows := limitRows(t)
	synctest.Test(t, func(t *testing.T) {
		var running, inside atomic.Int32
		open := make(chan struct{})
		chain, _ := compileChain(t, chainText(1), func(context.Context) error { running.Add(1); <-open; return nil })
		e := engine.New(chain, engine.Options{})
		var g sync.WaitGroup
		for i := range 5000 {
			g.Go(func() {
				m := engine.NewMessage(engine.Header{Chain: "root", Origin: engine.Origin{ID: fmt.Sprint(i)}}, engine.NewData("{}"))
				if err := e.Submit(t.Context(), m, func(engine.Fate) {}); err != nil {
					t.Error(err)
				}
				inside.Add(1)
			})
		}
		synctest.Wait()
		rows["engine.Options.InFlight"].wantDefault(t, int(inside.Load()))
		rows["engine.Options.Parallel"].wantDefault(t, int(running.Load()))
		close(open)
		g.Wait()
		if err := e.Drain(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
