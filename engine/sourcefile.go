package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// sourceFile is a file being read, and where its findings go. Its methods take what a format wants from a tree, and report
// what is not so.
type sourceFile struct {
	name     string
	source   []byte
	findings *Findings
}

func (s *sourceFile) report(severity Severity, offset int, pointer, code, message, hint string) {
	line, column := position(s.source, offset)
	*s.findings = append(*s.findings, Finding{
		File: s.name, Line: line, Column: column, Pointer: pointer,
		Severity: severity, Code: code, Message: message, Hint: hint,
	})
}

func (s *sourceFile) errorAt(at *tree, code, message, hint string) {
	s.report(SeverityError, at.start, at.pointer, code, message, hint)
}

// identifier is what ids of chains and nodes look like: they stand in logs, metrics and file names.
var identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// known reports members that the format does not have. It is false when at is no object.
func (s *sourceFile) known(at *tree, names ...string) bool {
	if at.kind != '{' {
		s.errorAt(at, "wrong-type", "want an object, not "+at.kindName(), "")
		return false
	}
	for _, m := range at.members {
		if !slices.Contains(names, m.name) {
			s.report(SeverityError, m.start, m.value.pointer, "unknown-field",
				fmt.Sprintf("unknown field %q", m.name), orList(m.name, names))
		}
	}
	return true
}

func (s *sourceFile) object(at *tree, name, hint string) *tree {
	v := at.member(name)
	if v == nil {
		s.errorAt(at, "missing-field", fmt.Sprintf("%q is missing", name), hint)
		return nil
	}
	if v.kind != '{' {
		s.errorAt(v, "wrong-type", fmt.Sprintf("%q is %s; want an object", name, v.kindName()), "")
		return nil
	}
	return v
}

func (s *sourceFile) array(at *tree, name string, required bool) []*tree {
	v := at.member(name)
	switch {
	case v == nil && required:
		s.errorAt(at, "missing-field", fmt.Sprintf("%q is missing", name), "")
		return nil
	case v == nil || v.kind == 'n':
		return nil
	case v.kind != '[':
		s.errorAt(v, "wrong-type", fmt.Sprintf("%q is %s; want an array", name, v.kindName()), "")
		return nil
	}
	return v.items
}

func (s *sourceFile) text(at *tree, name string, required bool) string {
	v := at.member(name)
	switch {
	case v == nil && required:
		s.errorAt(at, "missing-field", fmt.Sprintf("%q is missing", name), "")
		return ""
	case v == nil || v.kind == 'n' && !required:
		return ""
	case v.kind != '"':
		s.errorAt(v, "wrong-type", fmt.Sprintf("%q is %s; want a string", name, v.kindName()), "")
		return ""
	}
	text := v.text()
	if text == "" && required {
		s.errorAt(v, "value", fmt.Sprintf("%q is empty", name), "")
	}
	return text
}

func (s *sourceFile) identifier(at *tree, name, of string) string {
	id := s.text(at, name, true)
	if id != "" && !identifier.MatchString(id) {
		s.errorAt(at.member(name), "value", fmt.Sprintf("%q is no id for a %s", id, of),
			"use lower-case letters, digits, dots, hyphens and underscores, at most 64, the first a letter or digit")
	}
	return id
}

func (s *sourceFile) reference(at *tree, name string) *tree {
	v := at.member(name)
	if v == nil || v.kind == 'n' {
		return nil
	}
	if s.text(at, name, true) == "" {
		return nil
	}
	return v
}

func (s *sourceFile) count(at *tree, name string, least, most int) int {
	v := at.member(name)
	if v == nil || v.kind == 'n' {
		return 0
	}
	n, err := strconv.Atoi(string(v.raw))
	if err != nil || n < least || n > most {
		s.errorAt(v, "value", fmt.Sprintf("%q must be a whole number from %d to %d", name, least, most), "")
		return 0
	}
	return n
}

func (s *sourceFile) duration(at *tree, name string) time.Duration {
	if at.member(name) == nil {
		return 0
	}
	d, err := time.ParseDuration(s.text(at, name, true))
	if err != nil || d <= 0 || d > time.Hour {
		s.errorAt(at.member(name), "value", fmt.Sprintf("%q must be a time up to 1h", name), `for example "10s" or "500ms"`)
		return 0
	}
	return d
}

// canonical is the form that the revision is a hash of: RFC 8785, without what does not change behaviour.
func (s *sourceFile) canonical(root *tree) []byte {
	text := jsontext.Value(strip(nil, root))
	if text.Canonicalize() != nil {
		return s.source
	}
	return text
}

// strip appends the value without remarks and layout. A configuration is a node's own: nothing of it is left out.
func strip(out []byte, at *tree) []byte {
	switch at.kind {
	case '{':
		out = append(out, '{')
		for _, m := range at.members {
			if m.name == "$schema" || m.name == "additionalInfo" {
				continue
			}
			if out[len(out)-1] != '{' {
				out = append(out, ',')
			}
			out, _ = jsontext.AppendQuote(out, m.name)
			out = append(out, ':')
			if m.name == "configuration" {
				out = append(out, m.value.raw...)
			} else {
				out = strip(out, m.value)
			}
		}
		return append(out, '}')
	case '[':
		out = append(out, '[')
		for i, item := range at.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = strip(out, item)
		}
		return append(out, ']')
	}
	return append(out, at.raw...)
}
