package registry

import "time"

// Outcome is what came of one message. It holds no secret and no clear CUPS.
type Outcome struct {
	ID         string        `json:"id"` // rises with time
	Time       time.Time     `json:"time"`
	Device     string        `json:"device,omitempty"` // id
	DeviceName string        `json:"deviceName,omitempty"`
	Code       Code          `json:"code"`
	Supplier   string        `json:"supplier,omitempty"`
	Grid       string        `json:"grid,omitempty"`
	Key        string        `json:"key,omitempty"`  // id
	CUPS       string        `json:"cups,omitempty"` // masked
	Message    string        `json:"message"`        // id
	Chain      string        `json:"chain,omitempty"`
	Node       string        `json:"node,omitempty"`
	Revision   string        `json:"revision,omitempty"`
	Attempt    int           `json:"attempt,omitempty"`
	Path       []string      `json:"path,omitempty"` // "chain/node relation"
	Took       time.Duration `json:"took,omitempty"` // nanoseconds
}

// OutcomeFilter selects outcomes; zero fields select all.
type OutcomeFilter struct {
	Device string // id
	Code   Code
	Since  time.Time
}
