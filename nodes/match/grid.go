package match

import (
	"context"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// Grids is what match.grid looks things up in. Its method is called concurrently.
type Grids interface {
	// GridOf finds the grid of a supply point: an exact membership first, else the longest prefix of a distributor.
	GridOf(ctx context.Context, p supplypoint.Point) (registry.GridMatch, error)
}

type gridConfig struct {
	CUPS engine.Value `json:"cups" default:"\"msg.cups\"" doc:"Expression that gives the supply point: a CUPS or a CPE, in any usual spelling."`
}

// Grid is the kind match.grid: it checks a supply point and finds its grid. Unknown is unknown, never the nearest.
func Grid(grids Grids) engine.Kind {
	return engine.Kind{
		Name: "match.grid", Summary: "Check a supply point and find its grid",
		Doc: "Invalid: no supply point, or check letters that do not belong to its digits. Unknown: a distributor or a grid that " +
			"is not known, never the nearest. All relations but Matched set the outcome code (`CUPS_MISSING`, `CUPS_MALFORMED`, " +
			"`CUPS_CHECK_FAILED`, `DISTRIBUTOR_UNKNOWN`, `GRID_NOT_FOUND`, `GRID_AMBIGUOUS`). Written to the metadata, where known: " +
			"`gridId`, `gridName`, `gridBy`, `cupsMask`; never the clear CUPS.",
		Relations: []string{relationMatched, "Missing", "Invalid", "Unknown", "Ambiguous"},
		Config:    gridConfig{},
		New: engine.Build(func(c gridConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				value, err := c.CUPS.Eval(ctx, m)
				if err != nil {
					return engine.Result{}, err
				}
				return matchGrid(ctx, m, grids, value)
			}), nil
		}),
		Examples: []engine.Example{
			{Title: "The supply point of the message", Config: `{}`, Payload: `{"CUPS": "es 0021 0000 0000 0001 rk"}`, Relation: relationMatched},
			{Title: "A field of another name", Config: `{"cups": "msg.point"}`, Payload: `{"point": "ES0021000000000001XX"}`, Relation: "Invalid"},
		},
	}
}

func matchGrid(ctx context.Context, m *engine.Message, grids Grids, value any) (engine.Result, error) {
	p, code := Point(value)
	if code != "" {
		if text, ok := value.(string); ok {
			m = m.WithMeta(engine.Pair{Key: MetaCUPS, Value: supplypoint.Mask(text)})
		}
		if code == registry.CUPSMissing {
			return refuse("Missing", m, code), nil
		}
		return refuse("Invalid", m, code), nil
	}
	m = m.WithMeta(engine.Pair{Key: MetaCUPS, Value: p.Mask()})
	found, err := grids.GridOf(ctx, p)
	switch {
	case err != nil:
		return engine.Result{}, err
	case found.Code == registry.GridAmbiguous:
		return refuse("Ambiguous", m, found.Code), nil
	case found.Code != "":
		return refuse("Unknown", m, found.Code), nil
	}
	return engine.On(relationMatched, m.WithMeta(
		engine.Pair{Key: MetaGridID, Value: found.Grid},
		engine.Pair{Key: MetaGridName, Value: found.Name},
		engine.Pair{Key: MetaGridBy, Value: found.By})), nil
}

func refuse(relation string, m *engine.Message, code registry.Code) engine.Result {
	return engine.On(relation, m.WithOutcome(string(code)))
}
