package engine

import (
	"context"
	"time"

	"github.com/gridtie/gridtie/engine/expression"
)

// Tracer is told of every node that a traced message passes, in order, from the goroutine that runs it.
type Tracer func(TraceStep)

// TraceStep is one node's part in a trace. What it shows has gone through Options.Redact.
type TraceStep struct {
	Hop
	Kind   string             `json:"kind"`
	Name   string             `json:"name,omitempty"`
	Took   time.Duration      `json:"took"`
	Values []expression.Value `json:"values,omitempty"` // what the node's expressions saw
	Before Snapshot           `json:"before"`
	After  Snapshot           `json:"after"`
	Error  string             `json:"error,omitempty"`
}

// Snapshot is a message at one moment of a trace.
type Snapshot struct {
	Type    string            `json:"type"`
	Outcome string            `json:"outcome,omitempty"`
	Meta    map[string]string `json:"metadata,omitempty"`
	Data    string            `json:"data"`
}

type tracerKey struct{}

// WithTracer traces the messages submitted with the context. A trace costs much more than the run itself.
func WithTracer(ctx context.Context, t Tracer) context.Context {
	return context.WithValue(ctx, tracerKey{}, t)
}

// traced runs the current node of a branch and tells the tracer.
func (r *run) traced(b *branch) (Result, error) {
	s := b.step
	t := TraceStep{
		Hop: Hop{Chain: s.graph.id, Node: s.id}, Kind: s.kind.Name, Name: s.name, Before: r.snapshot(b.message),
	}
	for _, f := range s.formulas {
		t.Values = append(t.Values, f.program.Explain(r.node, (*scope)(b.message))...)
	}
	start := time.Now()
	result, err := s.process(r.node, b.message)
	t.Took = time.Since(start)
	t.Relation = result.relation
	if err != nil {
		t.Relation, t.Error = RelationFailure, r.engine.options.Redact(err.Error())
	}
	if result.message != nil {
		t.After = r.snapshot(result.message)
	}
	r.tracer(t)
	return result, err
}

func (r *run) snapshot(m *Message) Snapshot {
	redact := r.engine.options.Redact
	s := Snapshot{Type: m.Type(), Outcome: m.Outcome(), Meta: map[string]string{}, Data: redact(m.Data().Text())}
	for _, p := range m.AllMeta() {
		s.Meta[p.Key] = redact(p.Value)
	}
	return s
}
