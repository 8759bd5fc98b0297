package action

import (
	"context"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Refuser is what action.refuse tells. Its method is called concurrently.
type Refuser interface {
	// Refuse answers the provisioning request that waits in ctx. It errs if there is none, or if it has been decided.
	Refuse(ctx context.Context, reason string) error
}

type refuseConfig struct {
	Reason engine.Text `json:"reason" default:"\"'refused by the chain'\"" doc:"Expression that gives the reason, for the operator; the device is told FAILURE and nothing else."`
}

// Refuse is the kind action.refuse: it refuses the device that asks to be provisioned. A second decision is a Failure.
func Refuse(refuser Refuser) engine.Kind {
	return engine.Kind{
		Name: "action.refuse", Summary: "Refuse a device that asks to be provisioned",
		Doc: "For provision chains. Sets the outcome `PROVISION_REFUSED`; the device gets FAILURE, as from ThingsBoard, and is not " +
			"told why. The reason goes to the metadata entry `reason`. A request that has been decided already is a Failure.",
		Relations: []string{engine.RelationSuccess},
		Config:    refuseConfig{},
		New: engine.Build(func(c refuseConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				reason, err := c.Reason.Eval(ctx, m)
				if err != nil {
					return engine.Result{}, err
				}
				if err := refuser.Refuse(ctx, reason); err != nil {
					return engine.Result{}, err
				}
				m = m.WithMeta(engine.Pair{Key: MetaReason, Value: reason})
				return engine.Success(m.WithOutcome(string(registry.ProvisionRefused))), nil
			}), nil
		}),
		Examples: []engine.Example{
			{
				Title: "A device name that we did not order", Config: `{"reason": "'not one of our meters: ' + msg.deviceName"}`,
				Type: "PROVISION_REQUEST", Payload: `{"deviceName": "meter-1"}`, Relation: "Success",
			},
		},
	}
}
