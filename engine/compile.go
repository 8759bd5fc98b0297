package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/expression"
)

// CompileOptions says what a chain set is compiled for. The zero value checks a set on its own.
type CompileOptions struct {
	Root     string           // id of the chain that messages enter by default; empty: the set needs none
	Required []string         // ids of further chains that must be there
	Logger   zerolog.Logger   // handed to nodes
	Now      func() time.Time // clock handed to nodes; nil for time.Now
}

// defaultMaxVisits bounds how often one run may enter a chain, or come back inside it by a cycle.
const defaultMaxVisits = 64

// Compile reads, checks and compiles a set of chain files. It reports every fault of every file at once. The chain is
// nil if one of them is an error; warnings come with a chain.
func Compile(files []File, catalog *Catalog, options CompileOptions) (*Chain, Findings) {
	if options.Now == nil {
		options.Now = time.Now
	}
	c := &compiler{catalog: catalog, options: options, chain: &Chain{byID: map[string]*graph{}}, nodes: map[*step]fileNode{}, meant: map[*step][]*step{}}
	for _, f := range files {
		if fc := readChain(f, &c.findings); fc != nil {
			c.files = append(c.files, fc)
		}
	}
	c.declare()
	for _, fc := range c.files {
		c.makeSteps(fc)
	}
	for _, fc := range c.files {
		c.connect(fc)
	}
	c.checkCalls()
	c.checkRequired(files)
	c.findings.sort()
	if c.findings.HasErrors() {
		_ = c.chain.Close() // what was opened for nothing; the findings are what counts
		return nil, c.findings
	}
	c.finish()
	return c.chain, c.findings
}

type compiler struct {
	catalog  *Catalog
	options  CompileOptions
	findings Findings
	files    []*fileChain
	chain    *Chain
	nodes    map[*step]fileNode
	meant    map[*step][]*step // by faulty connections: what they lead to is not to be called unreachable besides
}

// declare makes a graph for each file, so that chains can refer to each other whatever their order.
func (c *compiler) declare() {
	kept := c.files[:0]
	for _, fc := range c.files {
		if fc.id == "" {
			continue
		}
		if c.chain.byID[fc.id] != nil {
			i := slices.IndexFunc(kept, func(o *fileChain) bool { return o.id == fc.id })
			fc.file.errorAt(fc.idAt, "duplicate-id", fmt.Sprintf("two chains are called %q", fc.id),
				"the other one stands in "+kept[i].file.name)
			continue
		}
		g := &graph{id: fc.id, name: fc.name, maxVisits: cmp.Or(fc.maxVisits, defaultMaxVisits)}
		c.chain.byID[fc.id] = g
		c.chain.graphs = append(c.chain.graphs, g)
		kept = append(kept, fc)
	}
	c.files = kept
	slices.SortFunc(c.chain.graphs, func(a, b *graph) int { return cmp.Compare(a.id, b.id) })
}

func (c *compiler) makeSteps(fc *fileChain) {
	g := c.chain.byID[fc.id]
	for _, n := range fc.nodes {
		s := &step{graph: g, id: n.id, name: n.name, timeout: n.timeout}
		g.steps = append(g.steps, s)
		c.nodes[s] = n
		kind, ok := c.catalog.Kind(n.kind)
		if !ok {
			var names []string
			for _, k := range c.catalog.kinds {
				names = append(names, k.Name)
			}
			fc.file.errorAt(n.kindAt, "unknown-kind", fmt.Sprintf("node %q: there is no node kind %q", n.id, n.kind), didYouMean(n.kind, names))
			continue
		}
		s.kind = &kind
		c.makeNode(fc, s, n)
	}
}

// makeNode reads the configuration, compiles its expressions and constructs the node.
func (c *compiler) makeNode(fc *fileChain, s *step, n fileNode) {
	at := cmp.Or(n.configuration, &tree{kind: '{', start: n.at.start, pointer: n.at.pointer, raw: []byte("{}")})
	var config any
	if s.kind.Config == nil {
		for _, m := range at.members {
			fc.file.report(SeverityError, m.start, m.value.pointer, "unknown-field",
				fmt.Sprintf("node %q: kind %s has no configuration", n.id, s.kind.Name), "")
		}
	} else {
		upgraded, ok := c.upgrade(fc, s, n, at)
		if !ok {
			return
		}
		r := &configReader{file: fc.file, node: n.id}
		v, ok := r.read(s.kind, upgraded)
		if !c.compileFormulas(fc, s, r) || !ok {
			return
		}
		config = v.Interface()
	}
	c.makeRelations(s, config)
	node, err := s.kind.New(config, nodeEnv{chain: s.graph.id, node: s.id, options: &c.options})
	if err != nil {
		fc.file.errorAt(at, "configuration", fmt.Sprintf("node %q: %v", n.id, err), "")
		return
	}
	s.process = node.Process
	if f, ok := node.(NodeFunc); ok {
		s.process = f
	}
	if closer, ok := node.(io.Closer); ok {
		c.chain.closers = append(c.chain.closers, closer)
	}
}

// upgrade brings an older configuration to the kind's version. Positions in an upgraded one are those of the original.
func (c *compiler) upgrade(fc *fileChain, s *step, n fileNode, at *tree) (*tree, bool) {
	version, current := cmp.Or(n.version, 1), cmp.Or(s.kind.Version, 1)
	if version > current {
		fc.file.errorAt(n.at.member("configurationVersion"), "configuration-version",
			fmt.Sprintf("node %q: configuration version %d is newer than this program's %d", n.id, version, current), "update gridtie")
		return nil, false
	}
	if version == current || n.version == 0 {
		return at, true
	}
	raw := at.raw
	for ; version < current; version++ {
		var err error
		if s.kind.Upgrade == nil {
			err = errors.New("the kind knows no way to upgrade it")
		} else {
			raw, err = s.kind.Upgrade(version, raw)
		}
		if err != nil {
			fc.file.errorAt(at, "configuration-version", fmt.Sprintf("node %q: upgrading the configuration from version %d: %v", n.id, version, err), "")
			return nil, false
		}
	}
	upgraded := parseTree(raw, func(int, string, string, string) {})
	if upgraded == nil {
		fc.file.errorAt(at, "configuration-version", fmt.Sprintf("node %q: the upgraded configuration is not JSON", n.id), "")
		return nil, false
	}
	moveTree(upgraded, at)
	return upgraded, true
}

func moveTree(t, to *tree) {
	t.start, t.pointer = to.start, to.pointer
	for i := range t.members {
		t.members[i].start = to.start
		moveTree(t.members[i].value, to)
	}
	for _, item := range t.items {
		moveTree(item, to)
	}
}

func (c *compiler) compileFormulas(fc *fileChain, s *step, r *configReader) bool {
	ok := true
	for _, b := range r.formulas {
		want := expression.Any
		switch b.typ {
		case conditionType:
			want = expression.Bool
		case textType:
			want = expression.String
		}
		program, err := c.catalog.language.Compile(b.formula.source, want)
		if err != nil {
			c.expressionFault(fc, s, b, err)
			ok = false
			continue
		}
		b.formula.program = program
		s.formulas = append(s.formulas, b.formula)
	}
	return ok
}

func (c *compiler) expressionFault(fc *fileChain, s *step, b boundFormula, err error) {
	var e *expression.Error
	if !errors.As(err, &e) {
		fc.file.errorAt(b.at, "expression", fmt.Sprintf("node %q: %v", s.id, err), "")
		return
	}
	offset := b.at.start
	if quoted := string(b.at.raw); len(quoted) == len(b.formula.source)+2 {
		offset += 1 + min(e.Offset, len(b.formula.source)) // a text without escapes: the very character
	}
	fc.file.report(SeverityError, offset, b.at.pointer, "expression", fmt.Sprintf("node %q: %s", s.id, e.Message), e.Hint)
	f := &(*fc.file.findings)[len(*fc.file.findings)-1]
	f.Source = b.formula.source
	_, f.Caret = position([]byte(b.formula.source), e.Offset)
}

// makeRelations gives the step an edge for each relation that it can emit, so that each can be counted.
func (c *compiler) makeRelations(s *step, config any) {
	relations := slices.Clone(s.kind.Relations)
	if s.kind.RelationsOf != nil {
		relations = append(relations, s.kind.RelationsOf(config)...)
	}
	for _, r := range append(relations, RelationFailure) {
		if s.edge(r) == nil {
			s.edges = append(s.edges, &edge{relation: r, from: s})
		}
	}
	if s.kind.Calls != nil {
		s.calls = s.kind.Calls(config)
	}
	if s.kind.Returns != nil {
		s.returns = s.kind.Returns(config)
		s.leave = &edge{relation: s.returns, from: s}
	}
}

func (c *compiler) checkRequired(files []File) {
	required := c.options.Required
	if c.options.Root != "" {
		required = append([]string{c.options.Root}, required...)
	}
	for _, id := range required {
		if c.chain.byID[id] == nil && len(files) > 0 {
			c.findings = append(c.findings, Finding{
				File: files[0].Name, Line: 1, Column: 1, Severity: SeverityError, Code: "missing-chain",
				Message: fmt.Sprintf("the set has no chain %q", id), Hint: "add a file whose ruleChain.id is that",
			})
		}
	}
	if len(files) == 0 {
		c.findings = append(c.findings, Finding{Severity: SeverityError, Code: "missing-chain", Message: "there is no chain file"})
	}
}

// finish computes what only a sound set has.
func (c *compiler) finish() {
	c.chain.root = c.chain.byID[c.options.Root]
	for _, g := range c.chain.graphs {
		for _, s := range g.steps {
			c.chain.number(s)
		}
	}
	c.chain.counts = make([]uint64, len(c.chain.edges))
	slices.SortFunc(c.files, func(a, b *fileChain) int { return cmp.Compare(a.id, b.id) })
	hash := sha256.New()
	for _, fc := range c.files {
		text := fc.file.canonical(fc.root)
		fmt.Fprintf(hash, "%d\n", len(text))
		hash.Write(text)
	}
	c.chain.revision = hex.EncodeToString(hash.Sum(nil))[:12]
}

type nodeEnv struct {
	chain, node string
	options     *CompileOptions
}

func (e nodeEnv) Chain() string  { return e.chain }
func (e nodeEnv) Node() string   { return e.node }
func (e nodeEnv) Now() time.Time { return e.options.Now() }
func (e nodeEnv) Logger() zerolog.Logger {
	return e.options.Logger.With().Str("chain", e.chain).Str("node", e.node).Logger()
}
