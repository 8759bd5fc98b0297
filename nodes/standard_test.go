package nodes_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/nodes"
)

// The walk over every kind: what documentation is made of is there, and every example does what it says.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	catalog := newWorld().standard(t, func(*engine.Message) {})
	for _, k := range catalog.Kinds() {
		if strings.HasPrefix(k.Name, "test.") {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			if k.Summary == "" || strings.HasSuffix(k.Summary, ".") {
				t.Errorf("got summary %q, want one line without a full stop", k.Summary)
			}
			fields, err := k.Fields()
			if err != nil {
				t.Error(err)
			}
			for _, f := range fields {
				if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
					t.Errorf("field %q: got doc %q, want a sentence", f.Name, f.Doc)
				}
				if !f.Required && f.Default == "" && f.Example == "" {
					t.Errorf("field %q has neither default nor example", f.Name)
				}
			}
			if len(k.Examples) == 0 {
				t.Error("got no example, want at least one")
			}
			for _, e := range k.Examples {
				example(t, k, e)
			}
		})
	}
}

// example compiles and runs one example, and looks by which relation the message leaves.
func example(t *testing.T, k engine.Kind, e engine.Example) {
	t.Helper()
	w := newWorld()
	typ := e.Type
	if typ == "" {
		typ = "POST_ATTRIBUTES_REQUEST"
	}
	payload := e.Payload
	if payload == "" {
		payload = "{}"
	}
	m := w.message(t, typ, payload,
		engine.Pair{Key: "supplierId", Value: "alba"}, engine.Pair{Key: "keyId", Value: "k-1"},
		engine.Pair{Key: "gridId", Value: "dso-0021"}, engine.Pair{Key: "gridBy", Value: "distributor prefix"},
		engine.Pair{Key: "requestId", Value: "1"}, engine.Pair{Key: "sessionId", Value: "s"})
	if k.Name == "action.report-outcome" {
		m = m.WithOutcome("ATTACHED")
	}
	files := []engine.File{chainOf("main", k.Name, e.Config, e.Relation)}
	switch {
	case k.Calls != nil:
		files = append(files, outputs("attach", e.Relation))
	case k.Returns != nil:
		files = []engine.File{chainOf("main", "flow.chain", `{"chain": "called"}`, e.Relation), single("called", k.Name, e.Config)}
	}
	fate := w.send(t, w.standard(t, func(*engine.Message) {}), m, files...)
	if fate.State != engine.Done {
		t.Errorf("example %q: got fate %v (%v), want done", e.Title, fate.State, fate.Cause)
		return
	}
	want := engine.Hop{Chain: "main", Node: "x", Relation: e.Relation}
	if !slices.Contains(fate.Path.Hops(), want) {
		t.Errorf("example %q: got path %v, want it to leave by %q", e.Title, fate.Path.Hops(), e.Relation)
	}
}

func chainOf(id, kind, config, relation string) engine.File {
	return engine.File{Name: id + ".json", Text: fmt.Appendf(nil, `{"ruleChain": {"id": %q}, "metadata": {"firstNode": "x",
		"nodes": [{"id": "x", "type": %q, "configuration": %s}, {"id": "probe", "type": "test.probe"}],
		"connections": [{"from": "x", "to": "probe", "type": %q}]}}`, id, kind, config, relation)}
}

func single(id, kind, config string) engine.File {
	return engine.File{Name: id + ".json", Text: fmt.Appendf(nil,
		`{"ruleChain": {"id": %q}, "metadata": {"firstNode": "x", "nodes": [{"id": "x", "type": %q, "configuration": %s}]}}`, id, kind, config)}
}

func outputs(id, label string) engine.File {
	return single(id, "flow.output", fmt.Sprintf(`{"label": %q}`, label))
}

// Checking chains needs no registry.
func TestStandardWithoutServices(t *testing.T) {
	t.Parallel()
	catalog, err := nodes.Standard(nodes.Services{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(catalog.Kinds()); got != 20 {
		t.Errorf("got %d kinds, want 20", got)
	}
}

// The smallest kind is the measure of how much a kind has to say: if it takes more than 25 lines, the engine is wrong.
func TestSmallestKind(t *testing.T) {
	t.Parallel()
	const name = "filter/type.go"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), "\n"); got > 25 {
		t.Errorf("%s: got %d lines, want at most 25", name, got)
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range file.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path, "github.com/gridtie/") && path != "github.com/gridtie/gridtie/engine" {
			t.Errorf("%s imports %s, want only the engine of ours", name, path)
		}
	}
}
