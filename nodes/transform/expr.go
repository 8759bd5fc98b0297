package transform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
)

type exprConfig struct {
	Data     engine.Value            `json:"data" default:"" doc:"Expression that gives the new payload." example:"{\"power\": msg.p * 1000}"`
	Metadata map[string]engine.Value `json:"metadata" default:"" doc:"Metadata entries to set, each an expression. One that gives nothing leaves its entry as it is." example:"{\"unit\": \"msg.unit\"}"`
	Type     engine.Text             `json:"type" default:"" doc:"Expression that gives the new message type." example:"\"METER_OPENED\""`
}

// Validate wants at least one of the three.
func (c exprConfig) Validate() error {
	if c.Data.IsZero() && c.Type.IsZero() && len(c.Metadata) == 0 {
		return errors.New(`nothing to change: give "data", "metadata" or "type"`)
	}
	return nil
}

// Expr is the kind transform.expr: expressions give a new payload, metadata and type. All of them see the message as it
// came in.
func Expr() engine.Kind {
	return engine.Kind{
		Name: "transform.expr", Summary: "Change payload, metadata or type by expressions",
		Doc: "All expressions see the message as it came in. Metadata is text: numbers and times are written out, lists and " +
			"objects as JSON. The supplier key travels beside the payload and survives a new one; it cannot be written anywhere.",
		Relations: []string{engine.RelationSuccess},
		Config:    exprConfig{},
		New: engine.Build(func(c exprConfig, _ engine.Env) (engine.Node, error) {
			n := &exprNode{config: c}
			for _, name := range slices.Sorted(maps.Keys(c.Metadata)) {
				n.entries = append(n.entries, entry{name, c.Metadata[name]})
			}
			return engine.NodeFunc(n.process), nil
		}),
		Examples: []engine.Example{
			{
				Title: "Rename and scale a reading", Config: `{"data": "{\"power\": msg.p * 1000}"}`,
				Type: "POST_TELEMETRY_REQUEST", Payload: `{"p": 1.5}`, Relation: "Success",
			},
			{
				Title:  "Note the distributor, and make it a message of one's own",
				Config: `{"metadata": {"distributor": "cups.distributor(msg.cups)"}, "type": "\"METER_OPENED\""}`, Payload: `{"cups": "ES0021000000000001RK"}`, Relation: "Success",
			},
		},
	}
}

type exprNode struct {
	config  exprConfig
	entries []entry // of the metadata, sorted by name: the same fault is found first every time
}

type entry struct {
	name  string
	value engine.Value
}

func (n *exprNode) process(ctx context.Context, in *engine.Message) (engine.Result, error) {
	out := in
	if !n.config.Data.IsZero() {
		value, err := n.config.Data.Eval(ctx, in)
		if err != nil {
			return engine.Result{}, err
		}
		data, err := engine.EncodeData(value)
		if err != nil {
			return engine.Result{}, errors.New("the expression for the payload gave something that JSON cannot hold")
		}
		out = out.WithData(data)
	}
	if !n.config.Type.IsZero() {
		typ, err := n.config.Type.Eval(ctx, in)
		if err != nil {
			return engine.Result{}, err
		}
		if typ == "" {
			return engine.Result{}, errors.New("the expression for the type gave an empty text")
		}
		out = out.WithType(typ)
	}
	var few [3]engine.Pair // stays on the stack: WithMeta keeps no hold of it
	pairs, err := n.metadata(ctx, in, few[:0])
	if err != nil {
		return engine.Result{}, err
	}
	if len(pairs) > 0 {
		out = out.WithMeta(pairs...)
	}
	return engine.Success(out), nil
}

// metadata appends the entries to pairs.
func (n *exprNode) metadata(ctx context.Context, m *engine.Message, pairs []engine.Pair) ([]engine.Pair, error) {
	for _, e := range n.entries {
		text, isText, other, err := e.value.EvalTextOr(ctx, m)
		switch {
		case err != nil || isText:
		case other == nil:
			continue
		default:
			text, err = metaText(other)
		}
		if err != nil {
			return nil, fmt.Errorf("metadata %q: %w", e.name, err)
		}
		pairs = append(pairs, engine.Pair{Key: e.name, Value: text})
	}
	return pairs, nil
}

// metaText writes a value that is no text as metadata: as JSON writes it.
func metaText(value any) (string, error) {
	switch v := value.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), nil
	case time.Duration:
		return v.String(), nil
	case secret.Digest:
		return "", errors.New("the supplier key cannot be written to the metadata")
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", errors.New("the expression gave something that has no text")
	}
	return string(text), nil
}
