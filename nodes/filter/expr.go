package filter

import (
	"context"

	"github.com/gridtie/gridtie/engine"
)

type exprConfig struct {
	Expr engine.Condition `json:"expr" doc:"Condition that decides." example:"present(msg.supplierKey) && present(msg.cups)"`
}

// Expr is the kind filter.expr: True or False, as a condition says. A condition that errs is a Failure, never False.
func Expr() engine.Kind {
	return engine.Kind{
		Name: "filter.expr", Summary: "Route by a condition",
		Doc: "The condition sees the message (`msg`, `meta`, `type`, `device`, `origin`, `time`) and may look things up with " +
			"`supplier(…)`, `grid(…)` and `attr(…)`. An error in it is a Failure, never False.",
		Relations: []string{engine.RelationTrue, engine.RelationFalse},
		Config:    exprConfig{},
		New: engine.Build(func(c exprConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				yes, err := c.Expr.Eval(ctx, m)
				if err != nil {
					return engine.Result{}, err
				}
				return engine.If(yes, m), nil
			}), nil
		}),
		Examples: []engine.Example{
			{
				Title: "Let warm readings through", Config: `{"expr": "msg.temperature > 20"}`,
				Type: "POST_TELEMETRY_REQUEST", Payload: `{"temperature": 21.5}`, Relation: "True",
			},
			{
				Title: "Only points of one distributor", Config: `{"expr": "present(msg.cups) && cups.distributor(msg.cups) == \"0021\""}`,
				Payload: `{"cups": "ES0031000000000001BJ"}`, Relation: "False",
			},
		},
	}
}
