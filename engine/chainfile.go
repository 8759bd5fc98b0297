package engine

import (
	"fmt"
	"slices"
	"time"
)

// File is a chain file: its name, for findings, and its text.
type File struct {
	Name string
	Text []byte
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

// readChain reads one file strictly. It returns nil when the text is no chain at all; every fault is reported.
func readChain(f File, findings *Findings) *fileChain {
	s := &sourceFile{name: f.Name, source: f.Text, findings: findings}
	root := parseTree(f.Text, func(offset int, pointer, code, message string) {
		s.report(SeverityError, offset, pointer, code, message, "")
	})
	if root == nil {
		return nil
	}
	c := &fileChain{file: s, root: root}
	if !c.file.known(root, "$schema", "ruleChain", "metadata", "additionalInfo") {
		return nil
	}
	const shape = `a chain file is {"ruleChain": {…}, "metadata": {…}}`
	chain, metadata := c.file.object(root, "ruleChain", shape), c.file.object(root, "metadata", shape)
	if chain == nil || metadata == nil {
		return nil
	}
	c.metadata = metadata
	c.file.known(chain, "id", "name", "additionalInfo")
	c.idAt = chain.member("id")
	c.id = c.file.identifier(chain, "id", "chain")
	c.name = c.file.text(chain, "name", false)
	c.file.known(metadata, "firstNode", "onFailure", "maxVisits", "nodes", "connections", "additionalInfo")
	c.first, c.onFailure = c.file.reference(metadata, "firstNode"), c.file.reference(metadata, "onFailure")
	c.maxVisits = c.file.count(metadata, "maxVisits", 1, 1000)
	c.readNodes()
	c.readConnections()
	return c
}

func (c *fileChain) readNodes() {
	list := c.file.array(c.metadata, "nodes", true)
	if len(list) > maxNodes {
		c.file.errorAt(c.metadata, "too-large", fmt.Sprintf("%d nodes; at most %d stand in one chain", len(list), maxNodes), "split it with flow.chain")
		return
	}
	for _, at := range list {
		if !c.file.known(at, "id", "type", "name", "configuration", "configurationVersion", "timeout", "additionalInfo") {
			continue
		}
		n := fileNode{at: at, kindAt: at.member("type"), configuration: at.member("configuration")}
		n.id = c.file.identifier(at, "id", "node")
		n.kind = c.file.text(at, "type", true)
		n.name = c.file.text(at, "name", false)
		n.version = c.file.count(at, "configurationVersion", 1, 1<<20)
		n.timeout = c.file.duration(at, "timeout")
		if n.kind == "" {
			continue
		}
		if twin := slices.IndexFunc(c.nodes, func(o fileNode) bool { return o.id == n.id && n.id != "" }); twin >= 0 {
			line, _ := position(c.file.source, c.nodes[twin].at.member("id").start)
			c.file.errorAt(at.member("id"), "duplicate-id", fmt.Sprintf("two nodes are called %q", n.id), fmt.Sprintf("the other one stands in line %d", line))
			continue
		}
		c.nodes = append(c.nodes, n)
	}
}

func (c *fileChain) readConnections() {
	for _, at := range c.file.array(c.metadata, "connections", false) {
		if !c.file.known(at, "from", "to", "type", "additionalInfo") {
			continue
		}
		e := fileConnection{at: at, fromAt: at.member("from"), toAt: at.member("to"), typeAt: at.member("type")}
		e.from, e.to, e.relation = c.file.text(at, "from", true), c.file.text(at, "to", true), c.file.text(at, "type", true)
		if e.from != "" && e.to != "" && e.relation != "" {
			c.connections = append(c.connections, e)
		}
	}
}
