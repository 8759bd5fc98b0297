package demo

import (
	"slices"
	"time"

	"github.com/gridtie/gridtie/registry"
)

// Report is what came out.
type Report struct {
	Meters    int    `json:"meters"`
	Seed      uint64 `json:"seed"`
	Suppliers int    `json:"suppliers"`
	Grids     int    `json:"grids"`

	Attached []Share   `json:"attached"` // meters by supplier and grid, as the registry holds them
	Together int       `json:"together"`
	Outcomes []Outcome `json:"outcomes"` // by code, of all messages
	Refused  []Outcome `json:"refused"`  // why meters are not attached, by code

	Provision Timing `json:"provision"` // from the request to the answer
	Attach    Timing `json:"attach"`    // from the message to its acknowledgement, which means that it is on disk

	AsPlanned   bool         `json:"asPlanned"` // every meter ended as planned
	Lost        int          `json:"lost"`      // meters of which something that was acknowledged is not there
	Doubled     int          `json:"doubled"`   // meters of which something is there twice
	Differences []Difference `json:"differences"`

	Data  string `json:"data,omitempty"`  // folder, if it was kept
	Store string `json:"store,omitempty"` // address of the database's schema, if there is one and it was kept
}

// Share is a part of the fleet.
type Share struct {
	Supplier string `json:"supplier"`
	Grid     string `json:"grid"`     // id
	GridName string `json:"gridName"` // empty if the grid has none of its own
	Meters   int    `json:"meters"`
}

// Outcome counts a code.
type Outcome struct {
	Code    registry.Code `json:"code"`
	Meaning string        `json:"meaning"`
	Count   int           `json:"count"`
}

// BadPayload stands for a code where there is none, since the payload never became a message.
const BadPayload registry.Code = "-"

// Timing is how fast a phase was. Durations are in seconds.
type Timing struct {
	Meters    int     `json:"meters"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	P50       float64 `json:"p50"`
	P99       float64 `json:"p99"`
}

// Difference is a meter that did not end as planned.
type Difference struct {
	Meter string `json:"meter"`
	Fault string `json:"fault,omitempty"` // that it had on purpose
	Want  string `json:"want"`
	Got   string `json:"got"`
}

func (c *counter) timing() Timing {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.took)
	elapsed := c.ended.Sub(c.started).Seconds()
	return Timing{
		Meters: c.done, Seconds: elapsed, PerSecond: float64(c.done) / max(elapsed, 1e-9),
		P50: quantile(c.took, 0.50), P99: quantile(c.took, 0.99),
	}
}

// quantile is the smallest value that at least the share q of the sorted values do not exceed.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := min(int(q*float64(len(sorted))), len(sorted)-1)
	return sorted[at].Seconds()
}
