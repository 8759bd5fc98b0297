package flow

import (
	"context"
	"errors"

	"github.com/gridtie/gridtie/engine"
)

type outputConfig struct {
	Label string `json:"label" doc:"Relation by which the calling node goes on." example:"Attached"`
}

// Validate refuses an empty label.
func (c outputConfig) Validate() error {
	if c.Label == "" {
		return errors.New(`"label" is empty`)
	}
	return nil
}

// Output is the kind flow.output: it leaves the chain, and the caller goes on along the relation of that name. Without
// a caller the message ends.
func Output() engine.Kind {
	return engine.Kind{
		Name: "flow.output", Summary: "Go back to the calling chain by a label",
		Doc: "Data, metadata, type and outcome are what this chain left. A message that entered the chain from outside, not by " +
			"`flow.chain`, ends here.",
		Config:  outputConfig{},
		Returns: func(config any) string { return config.(outputConfig).Label },
		New: engine.Build(func(c outputConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(_ context.Context, m *engine.Message) (engine.Result, error) {
				return engine.Return(c.Label, m), nil
			}), nil
		}),
		Examples: []engine.Example{{Title: "Tell the caller that it worked", Config: `{"label": "Attached"}`, Relation: "Attached"}},
	}
}
