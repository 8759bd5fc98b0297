package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/engine/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type wordConfig struct {
	Word string `json:"word" doc:"The word that the node works with." default:""`
}

type exprConfig struct {
	Expr engine.Condition `json:"expr" doc:"What decides." example:"present(msg.cups)"`
}

// hook lets a test say what a node of kind test.hook does; the node's word picks the function.
type hooks map[string]func(ctx context.Context, m *engine.Message) (engine.Result, error)

func testCatalog(t testing.TB, h hooks, more ...engine.Kind) *engine.Catalog {
	t.Helper()
	language, err := expression.New()
	if err != nil {
		t.Fatal(err)
	}
	word := func(name string, relations []string, process func(w string, env engine.Env) engine.NodeFunc) engine.Kind {
		return engine.Kind{
			Name: name, Summary: "Test " + name, Relations: relations, Config: wordConfig{},
			New: engine.Build(func(c wordConfig, env engine.Env) (engine.Node, error) { return process(c.Word, env), nil }),
		}
	}
	call := word("test.call", nil, func(w string, _ engine.Env) engine.NodeFunc {
		return func(_ context.Context, m *engine.Message) (engine.Result, error) { return engine.Call(w, m), nil }
	})
	call.Calls = func(c any) string { return c.(wordConfig).Word }
	back := word("test.return", nil, func(w string, _ engine.Env) engine.NodeFunc {
		return func(_ context.Context, m *engine.Message) (engine.Result, error) { return engine.Return(w, m), nil }
	})
	back.Returns = func(c any) string { return c.(wordConfig).Word }
	barrier := word("test.outside", []string{"Success"}, func(w string, _ engine.Env) engine.NodeFunc {
		return func(ctx context.Context, m *engine.Message) (engine.Result, error) { return h[w](ctx, m) }
	})
	barrier.Barrier = true
	named := word("test.named", nil, func(w string, _ engine.Env) engine.NodeFunc {
		return func(_ context.Context, m *engine.Message) (engine.Result, error) { return engine.On(w, m), nil }
	})
	named.AnyRelation = true
	catalog, err := engine.NewCatalog(language, append(more,
		call, back, barrier, named,
		word("test.outcome", []string{"Success"}, func(w string, _ engine.Env) engine.NodeFunc {
			return func(_ context.Context, m *engine.Message) (engine.Result, error) {
				return engine.Success(m.WithOutcome(w)), nil
			}
		}),
		word("test.write", []string{"Success"}, func(w string, _ engine.Env) engine.NodeFunc {
			return func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				write(ctx, w)
				return engine.Success(m), nil
			}
		}),
		word("test.hook", []string{"Success", "Other"}, func(w string, _ engine.Env) engine.NodeFunc {
			return func(ctx context.Context, m *engine.Message) (engine.Result, error) { return h[w](ctx, m) }
		}),
		word("test.fail", []string{"Success"}, func(w string, _ engine.Env) engine.NodeFunc {
			return func(ctx context.Context, _ *engine.Message) (engine.Result, error) {
				write(ctx, "half "+w)
				return engine.Result{}, errors.New(w)
			}
		}),
		engine.Kind{
			Name: "test.expr", Summary: "Test an expression", Relations: []string{"True", "False"}, Config: exprConfig{}, Selects: true,
			New: engine.Build(func(c exprConfig, _ engine.Env) (engine.Node, error) {
				return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
					yes, err := c.Expr.Eval(ctx, m)
					return engine.If(yes, m), err
				}), nil
			}),
		},
	)...)
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

// chain writes a chain file the short way: "a:test.write(x) -Success-> b:test.fail" lines, the first node enters.
func chain(id string, lines ...string) engine.File {
	var nodes, edges []string
	first, extra := "", ""
	for _, line := range lines {
		if strings.HasPrefix(line, "!") {
			extra += line[1:] + ","
			continue
		}
		if from, rest, ok := strings.Cut(line, " -"); ok {
			relation, to, _ := strings.Cut(rest, "-> ")
			edges = append(edges, fmt.Sprintf(`{"from":%q,"to":%q,"type":%q}`, from, to, relation))
			continue
		}
		node, kind, _ := strings.Cut(line, ":")
		kind, word, hasWord := strings.Cut(strings.TrimSuffix(kind, ")"), "(")
		config := `{}`
		if hasWord {
			config = fmt.Sprintf(`{"word":%q}`, word)
			if kind == "test.expr" {
				config = fmt.Sprintf(`{"expr":%q}`, word)
			}
		}
		if first == "" {
			first = node
		}
		nodes = append(nodes, fmt.Sprintf(`{"id":%q,"type":%q,"configuration":%s}`, node, kind, config))
	}
	return engine.File{Name: id + ".json", Text: fmt.Appendf(nil,
		`{"ruleChain":{"id":%q},"metadata":{%s"firstNode":%q,"nodes":[%s],"connections":[%s]}}`,
		id, extra, first, strings.Join(nodes, ","), strings.Join(edges, ","))}
}

func compile(t testing.TB, catalog *engine.Catalog, files ...engine.File) *engine.Chain {
	t.Helper()
	c, findings := engine.Compile(files, catalog, engine.CompileOptions{Root: "root"})
	if findings.HasErrors() {
		t.Fatalf("compiling: %v", findings)
	}
	return c
}

func start(t testing.TB, c *engine.Chain, o engine.Options) *engine.Engine {
	t.Helper()
	e := engine.New(c, o)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := e.Drain(ctx); err != nil {
			t.Errorf("draining: %v", err)
		}
	})
	return e
}

func device(name string) engine.Header {
	return engine.Header{
		ID: "0199a000-0000-7000-8000-000000000001", Type: "POST_ATTRIBUTES_REQUEST",
		Origin: engine.Origin{Type: "DEVICE", ID: name, Name: name},
	}
}

// send submits one message and waits for its fate.
func send(t testing.TB, e *engine.Engine, m *engine.Message) engine.Fate {
	t.Helper()
	return sendCtx(context.Background(), t, e, m)
}

func sendCtx(ctx context.Context, t testing.TB, e *engine.Engine, m *engine.Message) engine.Fate {
	t.Helper()
	fates := make(chan engine.Fate, 1)
	if err := e.Submit(ctx, m, func(f engine.Fate) { fates <- f }); err != nil {
		t.Fatalf("submitting: %v", err)
	}
	return <-fates
}

func pathOf(f engine.Fate) string {
	var hops []string
	for _, h := range f.Path.Hops() {
		hops = append(hops, h.Node+" "+h.Relation)
	}
	return strings.Join(hops, ", ")
}

// world is a transaction log: what runs did to it, in the order of their commits.
type world struct {
	mu        sync.Mutex
	effects   []string
	fates     []engine.Fate
	batches   int
	conflicts int   // so many commits fail first
	broken    error // every commit fails so
}

type worldTx struct {
	world  *world
	writes []string
	fixed  int // applied by Flush already
	over   bool
}

type worldKey struct{}

func (w *world) begin(ctx context.Context, _ *engine.Message) (context.Context, engine.Tx, error) {
	tx := &worldTx{world: w}
	return context.WithValue(ctx, worldKey{}, tx), tx, nil
}

func write(ctx context.Context, what string) {
	if tx, ok := ctx.Value(worldKey{}).(*worldTx); ok {
		tx.writes = append(tx.writes, what)
	}
}

func (tx *worldTx) Mark() int         { return len(tx.writes) }
func (tx *worldTx) Rollback(mark int) { tx.writes = tx.writes[:mark] }
func (tx *worldTx) Discard()          { tx.over = true }

func (tx *worldTx) Flush(context.Context) error {
	w := tx.world
	w.mu.Lock()
	defer w.mu.Unlock()
	w.effects = append(w.effects, tx.writes[tx.fixed:]...)
	tx.fixed = len(tx.writes)
	return nil
}

func (tx *worldTx) Commit(_ context.Context, f engine.Fate) (func(context.Context) error, error) {
	w := tx.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return nil, w.broken
	}
	if w.conflicts > 0 {
		w.conflicts--
		return nil, engine.ErrConflict
	}
	w.batches++
	w.fates = append(w.fates, f)
	if f.State == engine.Done {
		w.effects = append(w.effects, tx.writes[tx.fixed:]...)
	}
	return func(context.Context) error { return nil }, nil
}

func testDigest(text string) secret.Digest { return testKey.Digest(text) }

var testKey = func() secret.Key {
	k, err := secret.KeyFrom([]byte(strings.Repeat("k", 32)))
	if err != nil {
		panic(err)
	}
	return k
}()
