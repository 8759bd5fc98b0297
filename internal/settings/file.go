package settings

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// entry is a scalar of the file and where it stands.
type entry struct {
	value        string
	line, column int
}

func (e entry) place(file string) string { return fmt.Sprintf("%s:%d:%d", file, e.line, e.column) }

// parse reads the file strictly: a mapping of known keys to scalars, each once.
func parse(name string, raw []byte) (map[string]entry, []error) {
	entries := map[string]entry{}
	tree, err := parser.ParseBytes(raw, 0, parser.AllowDuplicateMapKey()) // duplicates get an error of ours
	if err != nil {
		return entries, []error{syntax(name, err)}
	}
	var faults []error
	fault := func(n ast.Node, hint, reason string, args ...any) {
		at := n.GetToken().Position
		faults = append(faults, &Error{
			Place:  fmt.Sprintf("%s:%d:%d", name, at.Line, at.Column),
			Reason: fmt.Sprintf(reason, args...), hint: hint,
		})
	}
	known := map[string]bool{}
	for _, k := range Keys() {
		known[k.Name] = true
	}
	for i, doc := range tree.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType {
			continue // only comments
		}
		if i > 0 {
			fault(doc.Body, "keep one and remove the lines with ---", "a second document begins here")
			break
		}
		mapping, ok := doc.Body.(ast.MapNode)
		if !ok {
			fault(doc.Body, "write one setting a line, as in: mqtt: 127.0.0.1:1883", "is not a list of settings")
			break
		}
		for it := mapping.MapRange(); it.Next(); {
			key, value := it.Key(), it.Value()
			word := key.GetToken().Value
			if !known[word] {
				fault(key, suggest(word), "unknown setting %q", word)
				continue
			}
			if first, twice := entries[word]; twice {
				fault(key, fmt.Sprintf("the first stands in line %d", first.line), "setting %q is given twice", word)
				continue
			}
			scalar, ok := value.(ast.ScalarNode)
			if !ok || value.Type() == ast.NullType {
				fault(value, "quote it if it is meant as text", "setting %q is not a single value", word)
				continue
			}
			at := value.GetToken().Position
			entries[word] = entry{value: literal(scalar), line: at.Line, column: at.Column}
		}
	}
	return entries, faults
}

// literal is the scalar as it was written: "off" is not the boolean false here, and 0x10 not sixteen.
func literal(n ast.ScalarNode) string {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value
	}
	if l, ok := n.(*ast.LiteralNode); ok {
		return l.Value.Value
	}
	return n.GetToken().Value
}

func syntax(name string, err error) error {
	var at *yaml.SyntaxError
	if errors.As(err, &at) && at.GetToken() != nil {
		p := at.GetToken().Position
		return &Error{Place: fmt.Sprintf("%s:%d:%d", name, p.Line, p.Column), Reason: at.GetMessage()}
	}
	return &Error{Place: name, Reason: err.Error()}
}

// suggest names the key that a misspelt word most likely meant.
func suggest(word string) string {
	best, distance := "", 4
	for _, k := range Keys() {
		if d := edits(word, k.Name); d < distance {
			best, distance = k.Name, d
		}
	}
	if best == "" {
		return "gridtie config lists the settings there are"
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
