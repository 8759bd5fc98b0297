package house_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/gridtie/gridtie"

// pkg is one package of the module as `go list -export -json` tells it.
type pkg struct {
	ImportPath, Dir, Export            string
	GoFiles, EmbedFiles                []string
	Imports, TestImports, XTestImports []string
	Module                             *struct{ Path string }
	Error                              *struct{ Err string }
}

// folder is the path below the module's root; the root itself is ".".
func (p pkg) folder() string { return below(p.ImportPath) }

// below cuts the module from an import path. It returns "" for a path of somebody else.
func below(path string) string {
	if path == module {
		return "."
	}
	rest, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return ""
	}
	return rest
}

// listed is read once: every test looks at the same tree.
var listed = sync.OnceValues(list)

// list asks the go tool for all packages, ours and what they stand on, with the place of their compiled types.
func list() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Imports,TestImports,XTestImports,Module,Error", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(stderr.String()))
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

// packages are the module's own.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatalf("listing packages: %v", err)
	}
	var ours []pkg
	for _, p := range all {
		if p.Module == nil || p.Module.Path != module {
			continue
		}
		if p.Error != nil {
			t.Errorf("%s does not load: %s", p.folder(), p.Error.Err)
			continue
		}
		ours = append(ours, p)
	}
	if len(ours) == 0 {
		t.Fatal("the go tool lists no package of ours")
	}
	return ours
}

// source is the parsed text of a package, without its tests.
type source struct {
	pkg
	fset  *token.FileSet
	files []*ast.File
}

func parse(t *testing.T, p pkg) source {
	t.Helper()
	s := source{pkg: p, fset: token.NewFileSet()}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(s.fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("reading %s: %v", p.folder(), err)
		}
		s.files = append(s.files, f)
	}
	return s
}

// at is a place as a person looks for it: file and line below the module's root.
func (s source) at(p token.Pos) string {
	pos := s.fset.Position(p)
	pos.Filename, pos.Column = filepath.Join(s.folder(), filepath.Base(pos.Filename)), 0
	return pos.String()
}

// typed checks the package's types against the compiled types of what it imports.
func (s source) typed(t *testing.T) *types.Info {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatalf("listing packages: %v", err)
	}
	compiled := map[string]string{}
	for _, p := range all {
		compiled[p.ImportPath] = p.Export
	}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) }
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(s.fset, "gc", lookup)}
	if _, err := config.Check(s.ImportPath, s.fset, s.files, info); err != nil {
		t.Fatalf("checking types of %s: %v", s.folder(), err)
	}
	return info
}
