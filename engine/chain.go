package engine

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Chain is a compiled, immutable revision of a chain set: every chain of it, with its nodes made and its expressions
// compiled. An Engine runs it; Close is the engine's business once it has been handed over.
type Chain struct {
	revision string
	graphs   []*graph
	steps    []*step  // of all graphs, in the order of their numbers
	edges    []*edge  // of all steps, at the place that their number says
	counts   []uint64 // how often messages followed each edge; the engine's lock protects it
	byID     map[string]*graph
	root     *graph
	closers  []io.Closer
	closing  sync.Once
	users    atomic.Int64 // workers that run on this revision, and one for being the current one
}

// Revision names the content: a hash of the canonical form of all files, layout and remarks left out.
func (c *Chain) Revision() string { return c.revision }

// IDs are the ids of the chains, sorted.
func (c *Chain) IDs() []string {
	ids := make([]string, len(c.graphs))
	for i, g := range c.graphs {
		ids[i] = g.id
	}
	return ids
}

// Has says whether the set holds a chain of that id.
func (c *Chain) Has(id string) bool { return c.byID[id] != nil }

// Close closes the nodes that hold something open. Call it only for a chain that no engine was given.
func (c *Chain) Close() error {
	var errs []error
	c.closing.Do(func() {
		for _, closer := range slices.Backward(c.closers) {
			errs = append(errs, closer.Close())
		}
	})
	return errors.Join(errs...)
}

// leave gives back one use, and says whether it was the last one: then Close is the caller's business.
func (c *Chain) leave() bool { return c.users.Add(-1) == 0 }

// number gives a step and its edges the numbers that stand for them in a run: half the size of pointers, and nothing for
// the garbage collector to follow.
func (c *Chain) number(s *step) {
	c.steps = append(c.steps, s)
	s.number = uint32(len(c.steps))
	for _, e := range s.edges {
		e.number = uint32(len(c.edges))
		c.edges = append(c.edges, e)
	}
	if s.leave != nil {
		s.leave.number = uint32(len(c.edges))
		c.edges = append(c.edges, s.leave)
	}
}

// graph is one compiled chain: a slice of steps with their edges, which one goroutine walks.
type graph struct {
	id, name  string
	steps     []*step
	first     *step
	onFailure *step
	maxVisits int
}

func (g *graph) step(id string) *step {
	for _, s := range g.steps {
		if s.id == id {
			return s
		}
	}
	return nil
}

// step is a node in its place.
type step struct {
	graph    *graph
	number   uint32 // in the chain set, from 1
	id, name string
	kind     *Kind
	process  func(context.Context, *Message) (Result, error) // the node's: called directly, not through its interface
	timeout  time.Duration
	edges    []*edge // one for each relation that the node can emit, connected or not
	formulas []*formula
	calls    string // chain that the node enters, if it does
	returns  string // label by which the node leaves its chain, if it does
	leave    *edge  // stands for that label in paths and counts
}

// edge is a relation of a step with the steps that it leads to, in file order.
type edge struct {
	number   uint32 // in the chain set, from 0
	relation string
	from     *step
	to       []*step
	back     bool // closes a cycle
}

// edge finds a relation. ThingsBoard compares relations without regard to case; ours are mostly spelt alike, hence the
// quick look first.
func (s *step) edge(relation string) *edge {
	for _, e := range s.edges {
		if e.relation == relation {
			return e
		}
	}
	for _, e := range s.edges {
		if strings.EqualFold(e.relation, relation) {
			return e
		}
	}
	return nil
}
