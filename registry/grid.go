package registry

import (
	"time"

	"github.com/gridtie/gridtie/supplypoint"
)

// GridKind is what a grid is, from coarse to fine.
type GridKind string

const (
	GridDistributor GridKind = "dso"
	GridZone        GridKind = "zone"
	GridFeeder      GridKind = "feeder"
	GridTransformer GridKind = "transformer"
	GridCAU         GridKind = "cau" // self-consumption group
	GridCommunity   GridKind = "community"
	GridMicrogrid   GridKind = "microgrid"
)

// Grid is a network or a group that supply points belong to.
type Grid struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Kind        GridKind `json:"kind"`
	Parent      string   `json:"parent,omitempty"`
	Distributor string   `json:"distributor,omitempty"` // code
}

// Membership says that a supply point belongs to a grid. A point may belong to several, one of them primary.
type Membership struct {
	Point   supplypoint.Point `json:"point"` // masked when marshalled
	Grid    string            `json:"grid"`
	Role    string            `json:"role,omitempty"` // consumer, producer or aux
	Primary bool              `json:"primary,omitempty"`
	From    time.Time         `json:"from,omitzero"` // inclusive
	To      time.Time         `json:"to,omitzero"`   // exclusive
}

// How a grid was found.
const (
	ByMembership  = "membership"
	ByDistributor = "distributor prefix"
)

// GridMatch is the grid of a supply point.
type GridMatch struct {
	Grid        string `json:"grid"` // empty if none was found
	Name        string `json:"name,omitempty"`
	By          string `json:"by,omitempty"`
	Distributor string `json:"distributor,omitempty"` // code after following aliases; empty if unknown
	Commodity   string `json:"commodity,omitempty"`   // of the distributor; empty if unknown or disputed
	Code        Code   `json:"code"`                  // empty if found, else DISTRIBUTOR_UNKNOWN, GRID_NOT_FOUND or GRID_AMBIGUOUS
}
