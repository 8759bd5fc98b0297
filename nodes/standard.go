package nodes

import (
	"context"
	"fmt"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/nodes/action"
	"github.com/gridtie/gridtie/nodes/enrich"
	"github.com/gridtie/gridtie/nodes/filter"
	"github.com/gridtie/gridtie/nodes/flow"
	"github.com/gridtie/gridtie/nodes/match"
	"github.com/gridtie/gridtie/nodes/transform"
	"github.com/gridtie/gridtie/registry"
)

// Grids is where supply points are looked up. Its methods are called concurrently.
type Grids interface {
	match.Grids
	// Grid is the grid of that id.
	Grid(ctx context.Context, id string) (registry.Grid, error)
}

// Services is what the standard kinds and functions need done. A nil field is enough to check and compile chains; a node
// that needs it fails when a message comes.
type Services struct {
	Suppliers  match.Suppliers
	Grids      Grids
	Reader     enrich.Reader
	Devices    enrich.Devices
	Attacher   action.Attacher
	Attributes action.AttributeSaver
	Timeseries action.TimeseriesSaver
	Calls      action.Calls

	// Provisioner and Refuser decide the provisioning request that waits in the context of a run.
	Provisioner action.Provisioner
	Refuser     action.Refuser

	// FingerprintKey keys the expression function fingerprint. With the zero key it gives empty texts.
	FingerprintKey secret.Key
}

// Standard returns the catalog of all kinds and functions of this module.
func Standard(s Services) (*engine.Catalog, error) {
	language, err := expression.New(functions(s)...)
	if err != nil {
		return nil, fmt.Errorf("making the expression language: %w", err)
	}
	return engine.NewCatalog(language.Redacting(redactor(language)),
		filter.Expr(), filter.Switch(), filter.Type(), filter.TypeSwitch(),
		match.Grid(s.Grids), match.Supplier(s.Suppliers),
		transform.Expr(),
		enrich.Attributes(s.Reader), enrich.Device(s.Devices),
		action.Attach(s.Attacher), action.Log(), action.Provision(s.Provisioner), action.Refuse(s.Refuser),
		action.ReportOutcome(s.Attributes), action.RPC(s.Calls), action.RPCReply(s.Calls), action.SaveAttributes(s.Attributes), action.SaveTimeseries(s.Timeseries),
		flow.Chain(), flow.Output(),
	)
}
