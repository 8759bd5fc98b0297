package house_test

import (
	"bytes"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tallest is how many lines a file may have, tests not counted: past that, ask which noun is hiding in it.
const tallest = 450

// strict are the folders that others build on: everything they export is explained, and nothing in them can be changed
// from afar.
var strict = [...]string{"engine/...", "nodes/...", "registry/..."}

// fixed are package variables of a slice type, or variables that are assigned to, each with the reason why that is
// safe.
func fixed() map[string]string {
	return map[string]string{
		"registry.defaultDistributors":      "embedded file; the compiler wants a []byte or string variable",
		"registry.noValue":                  "a constant, if Go had constants of that type; only handed to the store, which copies",
		"registry.schemaKey":                "a constant, if Go had constants of that type; only handed to the store, which copies",
		"registry.directoryKey":             "a constant, if Go had constants of that type; only handed to the store, which copies",
		"registry/store/storetest.totalKey": "a constant, if Go had constants of that type; only handed to stores, which copy",
	}
}

func isStrict(folder string) bool {
	for _, s := range strict {
		if fits(s, folder) {
			return true
		}
	}
	return false
}

func TestPackageComments(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		s, described := parse(t, p), 0
		for _, f := range s.files {
			if f.Doc == nil {
				continue
			}
			described++
			text, want := f.Doc.Text(), "Package "+f.Name.Name+" "
			if f.Name.Name == "main" {
				want = "Command "
			}
			if !strings.HasPrefix(text, want) {
				t.Errorf("%s: package comment begins %.40q, want %q", s.at(f.Doc.Pos()), text, want)
			}
		}
		if described != 1 {
			t.Errorf("%s has %d package comments, want 1: which types to learn, concurrency, lifetime", p.folder(), described)
		}
	}
}

func TestFileLength(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Count(text, []byte("\n")); got > tallest {
				t.Errorf("%s has %d lines, want at most %d: which noun is hiding in it?", filepath.Join(p.folder(), name), got, tallest)
			}
		}
	}
}

func TestNoInit(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		s := parse(t, p)
		for _, f := range s.files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: init function; hand things over as values instead", s.at(fn.Pos()))
				}
			}
		}
	}
}

func TestExportedIsExplained(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if !isStrict(p.folder()) {
			continue
		}
		s := parse(t, p)
		for _, f := range s.files {
			for _, d := range f.Decls {
				for _, name := range unexplained(d) {
					t.Errorf("%s: %s is exported and has no comment", s.at(name.Pos()), name.Name)
				}
			}
		}
	}
}

// unexplained names what a declaration exports without a word. In a group, the comment over the group counts; for the
// values of an enumeration, that of their type.
func unexplained(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !explainedElsewhere(d) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return nil
		}
		var names []*ast.Ident
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && spec.Doc == nil {
					names = append(names, spec.Name)
				}
			case *ast.ValueSpec:
				enumeration := d.Tok == token.CONST && spec.Type != nil
				for _, n := range spec.Names {
					if !enumeration && n.IsExported() && spec.Doc == nil && spec.Comment == nil {
						names = append(names, n)
					}
				}
			}
		}
		return names
	}
	return nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	switch t := typ.(type) {
	case *ast.IndexExpr:
		typ = t.X
	case *ast.IndexListExpr:
		typ = t.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// explainedElsewhere says that a method carries out an interface of the standard library, whose words need no repeating.
func explainedElsewhere(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	switch d.Name.Name {
	case "Error", "Unwrap", "Is", "As", "String", "GoString", "Format", "LogValue",
		"MarshalText", "UnmarshalText", "MarshalJSON", "UnmarshalJSON", "MarshalBinary", "UnmarshalBinary":
		return true
	}
	return false
}

func TestNoMutableGlobals(t *testing.T) {
	t.Parallel()
	allowed, met := fixed(), map[string]bool{}
	for _, p := range packages(t) {
		if !isStrict(p.folder()) {
			continue
		}
		s := parse(t, p)
		info := s.typed(t)
		global := func(o types.Object) *types.Var {
			v, ok := o.(*types.Var)
			if !ok || v.IsField() || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
				return nil
			}
			return v
		}
		report := func(v *types.Var, at token.Pos, what string) {
			name := below(v.Pkg().Path()) + "." + v.Name()
			met[name] = true
			if _, ok := allowed[name]; !ok {
				t.Errorf("%s: %s %s; make it a function, an array or a field, or say in this test why it is safe", s.at(at), name, what)
			}
		}
		for id, o := range info.Defs {
			v := global(o)
			if v == nil {
				continue
			}
			switch v.Type().Underlying().(type) {
			case *types.Map, *types.Slice, *types.Chan:
				report(v, id.Pos(), "is a package variable that anybody could change: "+v.Type().String())
			}
		}
		assigned := func(e ast.Expr) {
			for {
				switch x := e.(type) {
				case *ast.ParenExpr:
					e = x.X
				case *ast.IndexExpr:
					e = x.X
				case *ast.StarExpr:
					e = x.X
				case *ast.SelectorExpr:
					if v := global(info.Uses[x.Sel]); v != nil { // a variable of another package
						report(v, x.Pos(), "is assigned to")
						return
					}
					e = x.X
				case *ast.Ident:
					if v := global(info.Uses[x]); v != nil {
						report(v, x.Pos(), "is assigned to")
					}
					return
				default:
					return
				}
			}
		}
		for _, f := range s.files {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					if n.Tok != token.DEFINE {
						for _, e := range n.Lhs {
							assigned(e)
						}
					}
				case *ast.IncDecStmt:
					assigned(n.X)
				}
				return true
			})
		}
	}
	for name := range allowed {
		if !met[name] {
			t.Errorf("the allow-list names %s, which needs no allowing (any more)", name)
		}
	}
}

// A clock that is asked directly cannot be set in a test. The packages that keep state or decide are handed one; handing
// over time.Now as a value is how its default is chosen.
func TestClockIsHandedIn(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if folder := p.folder(); testkit(folder) || !isStrict(folder) && !fits("connectors/intake", folder) && !fits("connectors/devices", folder) {
			continue
		}
		s := parse(t, p)
		for _, f := range s.files {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && (sel.Sel.Name == "Now" || sel.Sel.Name == "Since" || sel.Sel.Name == "Until") {
					if _, ok := stopwatches()[p.folder()+"/"+filepath.Base(s.fset.Position(call.Pos()).Filename)]; !ok {
						t.Errorf("%s: time.%s is called; ask the clock that was handed in", s.at(call.Pos()), sel.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// stopwatches are files that measure how long something took and decide nothing by it.
func stopwatches() map[string]string {
	return map[string]string{
		"engine/trace.go": "durations shown to a person",
	}
}
