package flow

import (
	"context"
	"errors"

	"github.com/gridtie/gridtie/engine"
)

type chainConfig struct {
	Chain string `json:"chain" doc:"Id of the chain to enter; it must be in the same set." example:"attach"`
}

// Validate refuses an empty chain.
func (c chainConfig) Validate() error {
	if c.Chain == "" {
		return errors.New(`"chain" is empty`)
	}
	return nil
}

// Chain is the kind flow.chain: it enters another chain and goes on by the label that the message comes back with.
func Chain() engine.Kind {
	return engine.Kind{
		Name: "flow.chain", Summary: "Enter another chain and come back by its labels",
		Doc: "The relations are the labels of the `flow.output` nodes of the called chain. A message that ends in the called " +
			"chain without one does not come back. The called chain shares the run: what it writes is applied together with the " +
			"rest, or not at all.",
		Config: chainConfig{},
		Calls:  func(config any) string { return config.(chainConfig).Chain },
		New: engine.Build(func(c chainConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(_ context.Context, m *engine.Message) (engine.Result, error) {
				return engine.Call(c.Chain, m), nil
			}), nil
		}),
		Examples: []engine.Example{{Title: "Hand over to the chain that attaches meters", Config: `{"chain": "attach"}`, Relation: "Attached"}},
	}
}
