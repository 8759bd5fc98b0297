package engine

import (
	"fmt"
	"slices"
	"strings"
)

// connect draws the edges of one chain and checks its graph.
func (c *compiler) connect(fc *fileChain) {
	g := c.chain.byID[fc.id]
	for _, s := range g.steps {
		c.addReturns(s)
	}
	for _, e := range fc.connections {
		c.connectOne(fc, g, e)
	}
	g.first = c.entry(fc, g)
	if fc.onFailure != nil {
		if g.onFailure = g.step(fc.onFailure.text()); g.onFailure == nil {
			fc.file.errorAt(fc.onFailure, "unknown-node", fmt.Sprintf("onFailure: there is no node %q", fc.onFailure.text()), didYouMean(fc.onFailure.text(), g.ids()))
		}
	}
	if g.first == nil {
		return
	}
	c.checkCycles(fc, g)
	c.checkReach(fc, g)
	c.checkUnhandled(fc, g)
}

// addReturns gives a calling step the labels that the called chain comes back with.
func (c *compiler) addReturns(s *step) {
	if s.calls == "" {
		return
	}
	called := c.chain.byID[s.calls]
	if called == nil {
		return
	}
	for _, other := range called.steps {
		if other.returns != "" && s.edge(other.returns) == nil {
			s.edges = append(s.edges, &edge{relation: other.returns, from: s})
		}
	}
}

func (c *compiler) connectOne(fc *fileChain, g *graph, e fileConnection) {
	from, to := g.step(e.from), g.step(e.to)
	if from == nil {
		fc.file.errorAt(e.fromAt, "unknown-node", fmt.Sprintf("there is no node %q to come from", e.from), didYouMean(e.from, g.ids()))
	}
	if to == nil {
		fc.file.errorAt(e.toAt, "unknown-node", fmt.Sprintf("there is no node %q to go to", e.to), didYouMean(e.to, g.ids()))
	}
	if from == nil || to == nil {
		return
	}
	if len(from.edges) == 0 { // its kind or configuration is faulty, and that is reported already
		c.meant[from] = append(c.meant[from], to)
		return
	}
	at := from.edge(e.relation)
	if at == nil {
		if !from.kind.AnyRelation {
			c.meant[from] = append(c.meant[from], to)
			fc.file.errorAt(e.typeAt, "unknown-relation", fmt.Sprintf("node %q has no relation %q", e.from, e.relation), relationHint(e.relation, from))
			return
		}
		at = &edge{relation: e.relation, from: from}
		from.edges = append(from.edges, at)
	}
	if slices.Contains(at.to, to) {
		fc.file.errorAt(e.at, "duplicate-edge", fmt.Sprintf("nodes %q and %q are connected by %q twice", e.from, e.to, at.relation), "remove one of the two")
		return
	}
	at.to = append(at.to, to)
}

func relationHint(word string, s *step) string {
	names := make([]string, len(s.edges))
	for i, e := range s.edges {
		names[i] = e.relation
	}
	list := "it can give: " + strings.Join(names, ", ")
	if hint := didYouMean(word, names); hint != "" {
		return hint + " " + strings.ToUpper(list[:1]) + list[1:]
	}
	return list
}

func (g *graph) ids() []string {
	ids := make([]string, len(g.steps))
	for i, s := range g.steps {
		ids[i] = s.id
	}
	return ids
}

// entry is the step that messages enter by.
func (c *compiler) entry(fc *fileChain, g *graph) *step {
	if fc.first == nil {
		fc.file.errorAt(fc.metadata, "missing-field", fmt.Sprintf("chain %q does not say where messages enter", g.id), `add "firstNode" with the id of a node`)
		return nil
	}
	id := fc.first.text()
	s := g.step(id)
	if s == nil {
		fc.file.errorAt(fc.first, "unknown-node", fmt.Sprintf("firstNode: there is no node %q", id), didYouMean(id, g.ids()))
	}
	return s
}

// checkCycles marks the edges that close a cycle. A chain that has one must say how often a message may go round.
func (c *compiler) checkCycles(fc *fileChain, g *graph) {
	const unseen, open, closed = 0, 1, 2
	state := map[*step]int{}
	var walk func(*step)
	walk = func(s *step) {
		state[s] = open
		for _, e := range s.edges {
			for _, to := range e.to {
				switch state[to] {
				case unseen:
					walk(to)
				case open:
					e.back = true
					if fc.maxVisits == 0 {
						c.reportCycle(fc, s, e, to)
					}
				}
			}
		}
		state[s] = closed
	}
	for _, s := range g.steps { // not only from the entry: an unreachable cycle is one too
		if state[s] == unseen {
			walk(s)
		}
	}
}

func (c *compiler) reportCycle(fc *fileChain, from *step, e *edge, to *step) {
	at := fc.root
	for _, x := range fc.connections {
		if x.from == from.id && x.to == to.id && strings.EqualFold(x.relation, e.relation) {
			at = x.at
		}
	}
	fc.file.errorAt(at, "cycle", fmt.Sprintf("the connection from %q to %q closes a cycle", from.id, to.id),
		`if that is meant, set "maxVisits" in "metadata": how often one message may go round`)
}

func (c *compiler) checkReach(fc *fileChain, g *graph) {
	reached := map[*step]bool{}
	var walk func(*step)
	walk = func(s *step) {
		if s == nil || reached[s] {
			return
		}
		reached[s] = true
		for _, to := range c.meant[s] {
			walk(to)
		}
		for _, e := range s.edges {
			for _, to := range e.to {
				walk(to)
			}
		}
	}
	walk(g.first)
	walk(g.onFailure)
	for _, s := range g.steps {
		if !reached[s] && s.id != "" { // a node without an id has that fault, and can have no edge
			fc.file.errorAt(c.nodes[s].at, "unreachable", fmt.Sprintf("node %q is never reached", s.id), "connect it or remove it")
		}
	}
}

// checkUnhandled warns of a relation that leads nowhere though the node's other relations lead somewhere: most often an
// outcome that was forgotten.
func (c *compiler) checkUnhandled(fc *fileChain, g *graph) {
	for _, s := range g.steps {
		if s.kind == nil || s.kind.Selects {
			continue
		}
		connected := slices.ContainsFunc(s.edges, func(e *edge) bool { return len(e.to) > 0 })
		for _, e := range s.edges {
			switch r := e.relation; {
			case !connected || len(e.to) > 0:
			case slices.Contains([]string{RelationSuccess, RelationFailure, RelationTrue, RelationFalse, RelationOther}, r):
			default:
				n := c.nodes[s]
				fc.file.report(SeverityWarning, n.at.start, n.at.pointer, "unhandled",
					fmt.Sprintf("node %q may give %q, and nothing is connected to it", s.id, r), "")
			}
		}
	}
}

// checkCalls looks across chains: every called chain is there, and chains that call each other in a circle are bounded.
func (c *compiler) checkCalls() {
	for _, fc := range c.files {
		g := c.chain.byID[fc.id]
		for _, s := range g.steps {
			if s.calls == "" {
				continue
			}
			at := c.nodes[s].at
			if config := c.nodes[s].configuration; config != nil {
				at = config
			}
			if c.chain.byID[s.calls] == nil {
				fc.file.errorAt(at, "unknown-chain", fmt.Sprintf("node %q: there is no chain %q in the set", s.id, s.calls), didYouMean(s.calls, c.chain.IDs()))
			} else if fc.maxVisits == 0 && c.callsBack(s.calls, g.id, map[string]bool{}) {
				fc.file.errorAt(at, "cycle", fmt.Sprintf("node %q: chain %q calls back to %q", s.id, s.calls, g.id),
					`if that is meant, set "maxVisits" in "metadata" of both: how often one message may enter`)
			}
		}
	}
}

func (c *compiler) callsBack(from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	g := c.chain.byID[from]
	if g == nil || seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(g.steps, func(s *step) bool { return s.calls != "" && c.callsBack(s.calls, to, seen) })
}
