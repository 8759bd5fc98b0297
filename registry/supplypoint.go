package registry

import (
	"time"

	"github.com/gridtie/gridtie/supplypoint"
)

// SupplyPoint is a point of the grid that a meter has named.
type SupplyPoint struct {
	Point       supplypoint.Point `json:"point"` // masked when marshalled
	Distributor string            `json:"distributor,omitempty"`
	Commodity   string            `json:"commodity,omitempty"`
	FirstSeen   time.Time         `json:"firstSeen"`
}
