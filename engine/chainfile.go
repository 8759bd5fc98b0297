package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// File is a chain file: its name, for findings, and its text.
type File struct {
	Name string
	Text []byte
}

// sourceFile is a file being read, and where its findings go.
type sourceFile struct {
	name     string
	text     []byte
	findings *Findings
}

func (s *sourceFile) report(severity Severity, offset int, pointer, code, message, hint string) {
	line, column := position(s.text, offset)
	*s.findings = append(*s.findings, Finding{
		File: s.name, Line: line, Column: column, Pointer: pointer,
		Severity: severity, Code: code, Message: message, Hint: hint,
	})
}

func (s *sourceFile) errorAt(at *tree, code, message, hint string) {
	s.report(SeverityError, at.start, at.pointer, code, message, hint)
}

// fileChain is a chain as its file says it, every part with its place.
type fileChain struct {
	file        *sourceFile
	root        *tree
	id, name    string
	idAt        *tree
	metadata    *tree
	first       *tree // nil if the file names none
	onFailure   *tree
	maxVisits   int // 0: not set
	nodes       []fileNode
	connections []fileConnection
}

type fileNode struct {
	at            *tree
	id, name      string
	kind          string
	kindAt        *tree
	configuration *tree
	version       int
	timeout       time.Duration
}

type fileConnection struct {
	at                   *tree
	from, to, relation   string
	fromAt, toAt, typeAt *tree
}

// identifier is what ids of chains and nodes look like: they stand in logs, metrics and file names.
var identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// readChain reads one file strictly. It returns nil when the text is no chain at all; every fault is reported.
func readChain(f File, findings *Findings) *fileChain {
	s := &sourceFile{name: f.Name, text: f.Text, findings: findings}
	root := parseTree(f.Text, func(offset int, pointer, code, message string) {
		s.report(SeverityError, offset, pointer, code, message, "")
	})
	if root == nil {
		return nil
	}
	c := &fileChain{file: s, root: root}
	if !c.known(root, "$schema", "ruleChain", "metadata", "additionalInfo") {
		return nil
	}
	chain, metadata := c.object(root, "ruleChain"), c.object(root, "metadata")
	if chain == nil || metadata == nil {
		return nil
	}
	c.metadata = metadata
	c.known(chain, "id", "name", "additionalInfo")
	c.idAt = chain.member("id")
	c.id = c.identifier(chain, "id", "chain")
	c.name = c.text(chain, "name", false)
	c.known(metadata, "firstNode", "onFailure", "maxVisits", "nodes", "connections", "additionalInfo")
	c.first, c.onFailure = c.reference(metadata, "firstNode"), c.reference(metadata, "onFailure")
	c.maxVisits = c.count(metadata, "maxVisits", 1, 1000)
	c.readNodes()
	c.readConnections()
	return c
}

func (c *fileChain) readNodes() {
	list := c.array(c.metadata, "nodes", true)
	if len(list) > maxNodes {
		c.file.errorAt(c.metadata, "too-large", fmt.Sprintf("%d nodes; at most %d stand in one chain", len(list), maxNodes), "split it with flow.chain")
		return
	}
	for _, at := range list {
		if !c.known(at, "id", "type", "name", "configuration", "configurationVersion", "timeout", "additionalInfo") {
			continue
		}
		n := fileNode{at: at, kindAt: at.member("type"), configuration: at.member("configuration")}
		n.id = c.identifier(at, "id", "node")
		n.kind = c.text(at, "type", true)
		n.name = c.text(at, "name", false)
		n.version = c.count(at, "configurationVersion", 1, 1<<20)
		n.timeout = c.duration(at, "timeout")
		if n.kind == "" {
			continue
		}
		if twin := slices.IndexFunc(c.nodes, func(o fileNode) bool { return o.id == n.id && n.id != "" }); twin >= 0 {
			line, _ := position(c.file.text, c.nodes[twin].at.member("id").start)
			c.file.errorAt(at.member("id"), "duplicate-id", fmt.Sprintf("two nodes are called %q", n.id), fmt.Sprintf("the other one stands in line %d", line))
			continue
		}
		c.nodes = append(c.nodes, n)
	}
}

func (c *fileChain) readConnections() {
	for _, at := range c.array(c.metadata, "connections", false) {
		if !c.known(at, "from", "to", "type", "additionalInfo") {
			continue
		}
		e := fileConnection{at: at, fromAt: at.member("from"), toAt: at.member("to"), typeAt: at.member("type")}
		e.from, e.to, e.relation = c.text(at, "from", true), c.text(at, "to", true), c.text(at, "type", true)
		if e.from != "" && e.to != "" && e.relation != "" {
			c.connections = append(c.connections, e)
		}
	}
}

// known reports members that the format does not have. It is false when at is no object.
func (c *fileChain) known(at *tree, names ...string) bool {
	if at.kind != '{' {
		c.file.errorAt(at, "wrong-type", "want an object, not "+at.kindName(), "")
		return false
	}
	for _, m := range at.members {
		if !slices.Contains(names, m.name) {
			c.file.report(SeverityError, m.start, m.value.pointer, "unknown-field",
				fmt.Sprintf("unknown field %q", m.name), orList(m.name, names))
		}
	}
	return true
}

func (c *fileChain) object(at *tree, name string) *tree {
	v := at.member(name)
	if v == nil {
		c.file.errorAt(at, "missing-field", fmt.Sprintf("%q is missing", name), `a chain file is {"ruleChain": {…}, "metadata": {…}}`)
		return nil
	}
	if v.kind != '{' {
		c.file.errorAt(v, "wrong-type", fmt.Sprintf("%q is %s; want an object", name, v.kindName()), "")
		return nil
	}
	return v
}

func (c *fileChain) array(at *tree, name string, required bool) []*tree {
	v := at.member(name)
	switch {
	case v == nil && required:
		c.file.errorAt(at, "missing-field", fmt.Sprintf("%q is missing", name), "")
		return nil
	case v == nil || v.kind == 'n':
		return nil
	case v.kind != '[':
		c.file.errorAt(v, "wrong-type", fmt.Sprintf("%q is %s; want an array", name, v.kindName()), "")
		return nil
	}
	return v.items
}

func (c *fileChain) text(at *tree, name string, required bool) string {
	v := at.member(name)
	switch {
	case v == nil && required:
		c.file.errorAt(at, "missing-field", fmt.Sprintf("%q is missing", name), "")
		return ""
	case v == nil || v.kind == 'n' && !required:
		return ""
	case v.kind != '"':
		c.file.errorAt(v, "wrong-type", fmt.Sprintf("%q is %s; want a string", name, v.kindName()), "")
		return ""
	}
	s := v.text()
	if s == "" && required {
		c.file.errorAt(v, "value", fmt.Sprintf("%q is empty", name), "")
	}
	return s
}

func (c *fileChain) identifier(at *tree, name, of string) string {
	id := c.text(at, name, true)
	if id != "" && !identifier.MatchString(id) {
		c.file.errorAt(at.member(name), "value", fmt.Sprintf("%q is no id for a %s", id, of),
			"use lower-case letters, digits, dots, hyphens and underscores, at most 64, the first a letter or digit")
	}
	return id
}

func (c *fileChain) reference(at *tree, name string) *tree {
	v := at.member(name)
	if v == nil || v.kind == 'n' {
		return nil
	}
	if c.text(at, name, true) == "" {
		return nil
	}
	return v
}

func (c *fileChain) count(at *tree, name string, least, most int) int {
	v := at.member(name)
	if v == nil || v.kind == 'n' {
		return 0
	}
	n, err := strconv.Atoi(string(v.raw))
	if err != nil || n < least || n > most {
		c.file.errorAt(v, "value", fmt.Sprintf("%q must be a whole number from %d to %d", name, least, most), "")
		return 0
	}
	return n
}

func (c *fileChain) duration(at *tree, name string) time.Duration {
	if at.member(name) == nil {
		return 0
	}
	d, err := time.ParseDuration(c.text(at, name, true))
	if err != nil || d <= 0 || d > time.Hour {
		c.file.errorAt(at.member(name), "value", fmt.Sprintf("%q must be a time up to 1h", name), `for example "10s" or "500ms"`)
		return 0
	}
	return d
}

// canonical is the form that the revision is a hash of: RFC 8785, without what does not change behaviour.
func (c *fileChain) canonical() []byte {
	text := jsontext.Value(c.strip(nil, c.root))
	if text.Canonicalize() != nil {
		return c.file.text
	}
	return text
}

// strip appends the value without remarks and layout. A configuration is a node's own: nothing of it is left out.
func (c *fileChain) strip(out []byte, at *tree) []byte {
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
				out = c.strip(out, m.value)
			}
		}
		return append(out, '}')
	case '[':
		out = append(out, '[')
		for i, item := range at.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = c.strip(out, item)
		}
		return append(out, ']')
	}
	return append(out, at.raw...)
}
