package filter

import (
	"context"
	"slices"

	"github.com/gridtie/gridtie/engine"
)

type typeConfig struct {
	Types []string `json:"types" doc:"Message types that leave by True." example:"[\"POST_TELEMETRY_REQUEST\"]"`
}

// Type is the kind filter.type: True for the listed message types, else False.
func Type() engine.Kind {
	return engine.Kind{
		Name: "filter.type", Summary: "Route by message type", Relations: []string{"True", "False"}, Config: typeConfig{},
		New: engine.Build(func(c typeConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(_ context.Context, m *engine.Message) (engine.Result, error) {
				return engine.If(slices.Contains(c.Types, m.Type()), m), nil
			}), nil
		}),
		Examples: []engine.Example{{Config: `{"types": ["POST_ATTRIBUTES_REQUEST"]}`, Relation: "True"}},
	}
}
