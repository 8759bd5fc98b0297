package registry

import (
	"encoding/json"
	"time"
)

// PendingRow is work that outlives the run that left it: the registry keeps it and does not look inside.
type PendingRow struct {
	Sequence uint64            `json:"sequence"` // given by the engine, rising
	Lane     string            `json:"lane"`
	Owner    string            `json:"owner,omitempty"` // process; empty for Options.Owner
	Due      time.Time         `json:"due,omitzero"`
	Steps    []json.RawMessage `json:"steps"`
}

// Consumed names the pending step that a run has carried out; a Sequence of 0 is none.
type Consumed struct {
	Sequence uint64
	Step     int  // position in the row's steps
	Last     bool // nothing of the row is left
}
