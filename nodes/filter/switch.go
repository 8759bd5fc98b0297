package filter

import (
	"context"
	"errors"

	"github.com/gridtie/gridtie/engine"
)

type switchConfig struct {
	Relation engine.Text `json:"relation" doc:"Expression that names the relation to leave by." example:"supplier(msg.supplierKey).outcome"`
}

// Switch is the kind filter.switch: an expression names the relation. An empty name is a Failure.
func Switch() engine.Kind {
	return engine.Kind{
		Name: "filter.switch", Summary: "Leave by the relation that an expression names",
		Doc: "The expression gives one text: the relation of a connection of this node, compared without regard to case. A " +
			"name that no connection has ends the message here, as in ThingsBoard; give the expression a last word where values " +
			"may come that you do not know (`msg.kind in [\"a\", \"b\"] ? msg.kind : \"Other\"`). An empty name is a Failure.",
		AnyRelation: true,
		Config:      switchConfig{},
		New: engine.Build(func(c switchConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				relation, err := c.Relation.Eval(ctx, m)
				switch {
				case err != nil:
					return engine.Result{}, err
				case relation == "":
					return engine.Result{}, errors.New("the expression named no relation: it gave an empty text")
				}
				return engine.On(relation, m), nil
			}), nil
		}),
		Examples: []engine.Example{
			{
				Title: "One way for each outcome of the supplier key", Config: `{"relation": "supplier(msg.supplierKey).outcome"}`,
				Payload: `{"supplierKey": "a key that nobody has"}`, Relation: "KEY_UNKNOWN",
			},
			{
				Title: "By what the device says it is", Config: `{"relation": "msg.kind == \"heat-pump\" ? \"Heat pump\" : \"Other\""}`,
				Payload: `{"kind": "heat-pump"}`, Relation: "Heat pump",
			},
		},
	}
}
