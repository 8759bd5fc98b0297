package action

import (
	"context"
	"errors"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Provisioner is what action.provision asks. What the device wants as credentials waits in ctx, and only the Provisioner
// knows it; the answer stays there, too. Its method is called concurrently.
type Provisioner interface {
	// Provision decides the request that waits in ctx for a device of that name. A *registry.Refusal is a decision, too.
	// It errs if there is no request, or if it has been decided already.
	Provision(ctx context.Context, name string) (registry.Provisioned, error)
}

// Behind is what a Provisioner may know besides: the gateway that speaks for the device in whose name the request that waits
// in ctx was made, and the chain of the profile that the device is to have. ok is false if the device asked itself.
type Behind interface {
	Behind(ctx context.Context) (gateway, chain string, ok bool)
}

// Provision is the kind action.provision: it makes the device that asks for it, or finds it again.
func Provision(provisioner Provisioner) engine.Kind {
	return engine.Kind{
		Name: "action.provision", Summary: "Give a device that asks for it its place and credentials",
		Doc: "For provision chains: the request and its secrets do not stand in the message. Success: the device is made, or was " +
			"made before and gets the same answer; the outcome is `PROVISIONED`. Refused: it cannot be made (`PROVISION_REFUSED`; the " +
			"metadata entry `reason` says why). A request that has been decided already is a Failure.\n\n" +
			"The root chain then gets `ENTITY_CREATED` (for a new device) and `PROVISION_SUCCESS`, or `PROVISION_FAILURE` about the " +
			"device that stands in the way, as from ThingsBoard but without secrets. For a device behind a gateway there is only the " +
			"`ENTITY_CREATED` of a new one; it goes to the chain of its profile, with the metadata entry `gatewayId`. A device that " +
			"only comes with another certificate of its authority's causes no event.",
		Relations: []string{engine.RelationSuccess, "Refused"},
		New: func(any, engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				return provision(ctx, m, provisioner)
			}), nil
		},
		Examples: []engine.Example{
			{Title: "Accept", Config: `{}`, Type: "PROVISION_REQUEST", Payload: `{"deviceName": "meter-1"}`, Relation: "Success"},
			{Title: "A name that is taken", Config: `{}`, Type: "PROVISION_REQUEST", Payload: `{"deviceName": "taken"}`, Relation: "Refused"},
		},
	}
}

func provision(ctx context.Context, m *engine.Message, provisioner Provisioner) (engine.Result, error) {
	p, err := provisioner.Provision(ctx, m.Origin().Name)
	var refusal *registry.Refusal
	if errors.As(err, &refusal) {
		m = m.WithMeta(engine.Pair{Key: MetaReason, Value: string(refusal.Reason)})
		result := engine.On("Refused", m.WithOutcome(string(registry.ProvisionRefused)))
		if refusal.Existing == nil {
			return result, nil
		}
		event, err := provisionEvent("PROVISION_FAILURE", m, *refusal.Existing, refusal.Existing.CredentialsType)
		if err != nil {
			return engine.Result{}, err
		}
		return result.Emit(event), nil
	}
	if err != nil {
		return engine.Result{}, err
	}
	result := engine.Success(m.WithOutcome(string(registry.DeviceProvisioned)))
	if b, ok := provisioner.(Behind); ok {
		if gateway, chain, ok := b.Behind(ctx); ok {
			return behind(result, m, p, gateway, chain)
		}
	}
	switch p.Result {
	case registry.Renewed: // as from ThingsBoard, nobody hears of it
		return result, nil
	case registry.Created:
		event, err := createdEvent(m, p.Device, "")
		if err != nil {
			return engine.Result{}, err
		}
		result = result.Emit(event)
	}
	event, err := provisionEvent("PROVISION_SUCCESS", m, p.Device, p.Credentials.Type)
	if err != nil {
		return engine.Result{}, err
	}
	return result.Emit(event), nil
}

// behind tells of a device that a gateway speaks for, as ThingsBoard's DefaultTransportApiService does.
func behind(r engine.Result, m *engine.Message, p registry.Provisioned, gateway, chain string) (engine.Result, error) {
	if p.Result != registry.Created {
		return r, nil
	}
	event, err := createdEvent(m, p.Device, chain, engine.Pair{Key: MetaGateway, Value: gateway})
	if err != nil {
		return engine.Result{}, err
	}
	return r.Emit(event), nil
}

// MetaGateway names the gateway through which a device was made.
const MetaGateway = "gatewayId"
