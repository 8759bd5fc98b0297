package nodes_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/nodes"
)

var update = flag.Bool("update", false, "write the reference pages in docs/ anew")

// The reference pages come from the code, and say what it says.
func TestDocs(t *testing.T) {
	t.Parallel()
	catalog, err := nodes.Standard(nodes.Services{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"../docs/nodes.md":     nodes.Markdown(catalog),
		"../docs/functions.md": nodes.FunctionsMarkdown(catalog),
	} {
		if *update {
			if err := os.MkdirAll("../docs", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the code says; run: go test ./nodes -update", strings.TrimPrefix(name, "../"))
		}
	}
}

// Every function says what it does and shows how.
func TestEveryFunction(t *testing.T) {
	t.Parallel()
	catalog, err := nodes.Standard(nodes.Services{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range catalog.Language().Functions() {
		if f.Doc == "" || f.Example == "" {
			t.Errorf("function %s: got doc %q and example %q, want both", f.Name, f.Doc, f.Example)
			continue
		}
		if _, err := catalog.Language().Compile(f.Example, 0); err != nil {
			t.Errorf("function %s: the example %s: %v", f.Name, f.Example, err)
		}
	}
}
