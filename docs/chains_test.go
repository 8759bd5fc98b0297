package docs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/nodes"
)

// TestChainsCompile compiles every block of JSON that is a chain, beside the shipped chains and those of its page.
func TestChainsCompile(t *testing.T) {
	t.Parallel()
	found := 0
	for _, p := range pages(t) {
		var files []engine.File
		for _, s := range p.snippets() {
			if s.language != "json" {
				continue
			}
			var members map[string]json.RawMessage
			err := json.Unmarshal([]byte(s.text), &members)
			if err != nil {
				t.Errorf("%s:%d: the block is no JSON: %v", p.path, s.line, err)
			}
			if members["ruleChain"] == nil {
				continue
			}
			name := fmt.Sprintf("%s:%d", p.path, s.line)
			files = append(files, engine.File{Name: name, Text: []byte(s.text)})
		}
		if len(files) == 0 {
			continue
		}
		found += len(files)
		findings, err := server.CheckChains(files, chains.Files())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			t.Errorf("%s", f)
		}
	}
	if found < 3 {
		t.Errorf("chains: found %d in the documentation, want some", found)
	}
}

// TestExpressionsCompile compiles every line of the blocks called expr. A line "source   // error" must not compile.
func TestExpressionsCompile(t *testing.T) {
	t.Parallel()
	catalog, err := nodes.Standard(nodes.Services{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range pages(t) {
		for _, s := range p.snippets() {
			if s.language != "expr" {
				continue
			}
			for i, line := range strings.Split(strings.TrimSpace(s.text), "\n") {
				source, remark, _ := strings.Cut(line, "   // ")
				wrong := strings.HasPrefix(remark, "error")
				_, err := catalog.Language().Compile(source, expression.Any)
				var fault *expression.Error
				if found++; err != nil && !errors.As(err, &fault) || wrong == (err == nil) {
					t.Errorf("%s:%d: %s: got error %v, want one: %v", p.path, s.line+i, source, err, wrong)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("expressions: found %d in the documentation, want some", found)
	}
}
