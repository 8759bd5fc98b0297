package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/supplypoint"
)

// SupplyPoint is a point of the grid that a meter was attached to.
type SupplyPoint struct {
	Point       supplypoint.Point `json:"point"` // masked when marshalled
	Distributor string            `json:"distributor,omitempty"`
	Commodity   string            `json:"commodity,omitempty"`
	FirstSeen   time.Time         `json:"firstSeen"`
}

// pointRow is a supply point with its identifier in clear.
type pointRow struct {
	Scheme      supplypoint.Scheme `json:"scheme"`
	ID          string             `json:"id"`
	Distributor string             `json:"distributor,omitempty"`
	Commodity   string             `json:"commodity,omitempty"`
	FirstSeen   time.Time          `json:"firstSeen"`
}

var points = table[pointRow]{
	name: "point",
	key:  func(p *pointRow) tuple { return keyOf("point").text(string(p.Scheme)).text(p.ID) },
}

// meet keeps a supply point when a meter is attached to it for the first time.
func (t *Tx) meet(ctx context.Context, p supplypoint.Point, d Distributor) error {
	row := &pointRow{Scheme: p.Scheme(), ID: p.ID(), Distributor: d.Code, Commodity: d.Commodity, FirstSeen: t.r.now()}
	old, err := points.peek(ctx, t, points.key(row))
	if err != nil || old != nil {
		return err
	}
	return points.put(t, nil, row)
}

// SupplyPoint returns what is known of a supply point, or ErrNotFound.
func (r *Registry) SupplyPoint(ctx context.Context, p supplypoint.Point) (SupplyPoint, error) {
	var found SupplyPoint
	err := r.read(ctx, func(t *Tx) error {
		row, err := points.get(ctx, t, keyOf("point").text(string(p.Scheme())).text(p.ID()))
		if err != nil {
			return err
		}
		if row == nil {
			return fmt.Errorf("supply point %s: %w", p.Mask(), ErrNotFound)
		}
		found = SupplyPoint{p.WithoutSuffix(), row.Distributor, row.Commodity, row.FirstSeen}
		return nil
	})
	return found, err
}
