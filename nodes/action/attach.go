package action

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/nodes/match"
	"github.com/gridtie/gridtie/registry"
)

// Attacher is what action.attach asks. Its method is called concurrently.
type Attacher interface {
	// Attach decides again on the key's state, window and scope, and MUST be idempotent. The code says what came out; an
	// error is what kept it from giving one.
	Attach(ctx context.Context, r registry.AttachRequest) (registry.Attachment, registry.Code, error)
}

type attachConfig struct {
	CUPS engine.Value `json:"cups" default:"\"msg.cups\"" doc:"Expression that gives the supply point, the same that match.grid looked at."`
}

// Attach is the kind action.attach: it attaches the message's device to the supplier and the grid that match.supplier and
// match.grid found.
func Attach(attacher Attacher) engine.Kind {
	return engine.Kind{
		Name: "action.attach", Summary: "Attach the device to the supplier and grid found before",
		Doc: "Takes `supplierId` and `keyId` (of `match.supplier`), `gridId` and `gridBy` (of `match.grid`) from the metadata. The " +
			"registry decides again on the key and its scope. Success: `ATTACHED`, `ALREADY_ATTACHED` or `REPLACED`. Held: it " +
			"conflicts with another attachment and waits for an operator (`HELD`; the metadata entry `heldReason` says why). " +
			"Refused: every other outcome code. Sets the outcome in all cases, and the metadata entry `attachedSince`. The " +
			"attachment keeps message, chain, node, revision and times as evidence.",
		Relations: []string{engine.RelationSuccess, "Held", "Refused"},
		Config:    attachConfig{},
		New: engine.Build(func(c attachConfig, env engine.Env) (engine.Node, error) {
			return &attachNode{config: c, attacher: attacher, chain: env.Chain(), node: env.Node()}, nil
		}),
		Examples: []engine.Example{
			{Title: "Behind match.supplier and match.grid", Config: `{}`, Payload: `{"CUPS": "ES0021000000000001RK"}`, Relation: "Success"},
			{Title: "A supply point that another meter holds", Config: `{}`, Payload: `{"CUPS": "ES0022000000000001FB"}`, Relation: "Held"},
		},
	}
}

type attachNode struct {
	config      attachConfig
	attacher    Attacher
	chain, node string
}

func (n *attachNode) Process(ctx context.Context, m *engine.Message) (engine.Result, error) {
	request, code, err := n.request(ctx, m)
	if err != nil {
		return engine.Result{}, err
	}
	if code != "" {
		return engine.On("Refused", m.WithOutcome(string(code))), nil
	}
	a, code, err := n.attacher.Attach(ctx, request)
	if err != nil {
		return engine.Result{}, err
	}
	m = m.WithOutcome(string(code))
	switch code {
	case registry.Attached, registry.AlreadyAttached, registry.Replaced:
		return engine.Success(m.WithMeta(engine.Pair{Key: MetaSince, Value: a.From.UTC().Format(time.RFC3339)})), nil
	case registry.Held:
		return engine.On("Held", m.WithMeta(engine.Pair{Key: MetaHeldReason, Value: string(a.Reason)})), nil
	case "":
		return engine.Result{}, errors.New("attaching gave no outcome")
	}
	return engine.On("Refused", m), nil
}

// request gathers what the nodes before have found.
func (n *attachNode) request(ctx context.Context, m *engine.Message) (registry.AttachRequest, registry.Code, error) {
	r := registry.AttachRequest{Evidence: registry.Evidence{
		Message: m.ID(), Chain: n.chain, Node: n.node, Revision: engine.PlaceOf(ctx).Revision, ReceivedAt: m.Time(),
	}}
	var err error
	if r.Device, err = deviceID(m); err != nil {
		return r, "", err
	}
	if r.Evidence.MessageTime, err = messageTime(m); err != nil {
		return r, "", err
	}
	value, err := n.config.CUPS.Eval(ctx, m)
	if err != nil {
		return r, "", err
	}
	for _, entry := range []struct {
		name string
		to   *string
		kind string
	}{
		{match.MetaSupplierID, &r.Supplier, "match.supplier"},
		{match.MetaKeyID, &r.Key, "match.supplier"},
		{match.MetaGridID, &r.Grid, "match.grid"},
		{match.MetaGridBy, &r.GridBy, "match.grid"},
	} {
		if *entry.to, _ = m.Meta(entry.name); *entry.to == "" {
			return r, "", fmt.Errorf("metadata entry %q is missing: put %s before this node", entry.name, entry.kind)
		}
	}
	var code registry.Code
	r.Point, code = match.Point(value)
	return r, code, nil
}
