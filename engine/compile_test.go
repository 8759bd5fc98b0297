package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
)

func TestCompileFindsEveryFaultAtItsPlace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		text  string
		wants []string // "line:column code"
	}{
		{"no JSON", "{\n  nope", []string{"2:4 syntax"}},
		{"no chain", `{"nodes": []}`, []string{"1:2 unknown-field", "1:1 missing-field", "1:1 missing-field"}},
		{
			"text after the end", `{"ruleChain":{"id":"root"},"metadata":{"firstNode":"a","nodes":[{"id":"a","type":"test.write"}]}} x`,
			[]string{"1:99 syntax"},
		},
		{
			"expression faults have their character", "{\"ruleChain\":{\"id\":\"root\"},\"metadata\":{\"firstNode\":\"a\",\"nodes\":[\n" +
				"{\"id\":\"a\",\"type\":\"test.expr\",\"configuration\":{\"expr\":\"true && nope\"}}]}}",
			[]string{"2:63 expression"},
		},
		{
			"a calling circle", string(chain("root", "a:test.call(root)").Text), []string{":0 cycle"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, findings := engine.Compile([]engine.File{{Name: "x.json", Text: []byte(tt.text)}}, testCatalog(t, nil), engine.CompileOptions{})
			if c != nil {
				t.Error("got a chain, want none")
			}
			var got []string
			for _, f := range findings {
				got = append(got, fmt.Sprintf("%d:%d %s", f.Line, f.Column, f.Code))
			}
			for _, want := range tt.wants {
				want = strings.TrimPrefix(want, ":0 ")
				if !strings.Contains(strings.Join(got, "\n"), want) {
					t.Errorf("findings: got %q, want %q among them", got, want)
				}
			}
		})
	}
}

func TestRevisionIsOfTheMeaning(t *testing.T) {
	t.Parallel()
	catalog := testCatalog(t, nil)
	revision := func(text string) string {
		return compile(t, catalog, engine.File{Name: "x.json", Text: []byte(text)}).Revision()
	}
	plain := `{"ruleChain":{"id":"root"},"metadata":{"firstNode":"a","nodes":[{"id":"a","type":"test.write"}]}}`
	remarked := `{ "$schema": "x", "metadata": {"nodes":[{"type":"test.write","id":"a","additionalInfo":{"layoutX":4}}],
		"firstNode":"a"}, "ruleChain":{"id":"root","additionalInfo":{"description":"why"}}}`
	other := `{"ruleChain":{"id":"root"},"metadata":{"firstNode":"a","nodes":[{"id":"a","type":"test.write","configuration":{"word":"x"}}]}}`
	if revision(plain) != revision(remarked) {
		t.Error("order, layout and remarks changed the revision")
	}
	if revision(plain) == revision(other) {
		t.Error("another configuration has the same revision")
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(string(chain("root", "a:test.write(a)", "b:test.expr(msg.n > 3)", "a -Success-> b").Text))
	f.Add(`{"ruleChain":{"id":"root"},"metadata":{"nodes":null,"connections":null}}`)
	f.Add(`[[[[`)
	f.Add(`{"a":1,"a":2}`)
	catalog := testCatalog(f, nil)
	f.Fuzz(func(t *testing.T, text string) {
		c, findings := engine.Compile([]engine.File{{Name: "f.json", Text: []byte(text)}}, catalog, engine.CompileOptions{})
		if (c == nil) != findings.HasErrors() {
			t.Errorf("chain %v, findings %v", c, findings)
		}
		for _, x := range findings {
			if x.Line < 1 || x.Column < 1 || x.Code == "" || x.Message == "" {
				t.Errorf("finding without place or word: %+v", x)
			}
		}
		if c != nil {
			_ = c.Close()
		}
	})
}

// A field that is null is left out: it has its default, or is missing.
func TestNullIsLeftOut(t *testing.T) {
	t.Parallel()
	type config struct {
		Must string `json:"must" doc:"What must be."`
		May  int    `json:"may" doc:"What may be." default:"7"`
	}
	var got config
	kind := engine.Kind{
		Name: "test.null", Summary: "Test null", Relations: []string{"Success"}, Config: config{},
		New: engine.Build(func(c config, _ engine.Env) (engine.Node, error) {
			got = c
			return engine.NodeFunc(func(_ context.Context, m *engine.Message) (engine.Result, error) { return engine.Success(m), nil }), nil
		}),
	}
	catalog := testCatalog(t, nil, kind)
	file := func(configuration string) []engine.File {
		return []engine.File{{Name: "x.json", Text: []byte(`{"ruleChain":{"id":"root"},"metadata":{"firstNode":"a","nodes":[{"id":"a","type":"test.null","configuration":` + configuration + `}]}}`)}}
	}
	compile(t, catalog, file(`{"must":"x","may":null}`)...)
	if want := (config{Must: "x", May: 7}); got != want {
		t.Errorf("configuration: got %+v, want %+v", got, want)
	}
	if _, findings := engine.Compile(file(`{"must":null}`), catalog, engine.CompileOptions{}); len(findings) != 1 || findings[0].Code != "missing-field" {
		t.Errorf("findings: got %v, want one missing-field", findings)
	}
}
