package registry

import (
	"time"

	"github.com/gridtie/gridtie/supplypoint"
)

// State is where an attachment stands.
type State string

const (
	StateActive   State = "active"
	StateDetached State = "detached" // closed; kept as history
	StateHeld     State = "held"     // an operator has to decide
)

// Role is what a meter measures at its supply point.
type Role string

const (
	RolePrincipal Role = "P" // at most one active attachment of a supply point has this role
	RoleRedundant Role = "R"
	RoleCheck     Role = "C"
)

// Evidence is on what an attachment was decided.
type Evidence struct {
	Message     string    `json:"message"`
	Chain       string    `json:"chain"`
	Node        string    `json:"node"`
	Revision    string    `json:"revision"` // of the chain set
	MessageTime time.Time `json:"messageTime,omitzero"`
	ReceivedAt  time.Time `json:"receivedAt"` // by the server: key windows are judged at this time
	DecidedAt   time.Time `json:"decidedAt"`  // set by the registry
}

// Attachment says that a device measures a supply point for a supplier, from when to when.
type Attachment struct {
	Device   string             `json:"device"`
	Point    supplypoint.Point  `json:"-"` // Point.ID is the clear text
	Scheme   supplypoint.Scheme `json:"scheme"`
	CUPS     string             `json:"cups"` // masked
	Supplier string             `json:"supplier"`
	Grid     string             `json:"grid"`
	GridBy   string             `json:"gridBy"`
	Key      string             `json:"key"` // id
	State    State              `json:"state"`
	Role     Role               `json:"role"`
	From     time.Time          `json:"from"`
	To       time.Time          `json:"to,omitzero"` // zero while active
	Evidence Evidence           `json:"evidence"`

	// Reason and Owner say why it is held: CUPS_TAKEN with the masked name of the device that has the point, or
	// DEVICE_ATTACHED_ELSEWHERE.
	Reason Code   `json:"reason,omitempty"`
	Owner  string `json:"owner,omitempty"`
}

// AttachRequest asks for an attachment by ids, as match.supplier and match.grid found them.
type AttachRequest struct {
	Device   string // id
	Point    supplypoint.Point
	Supplier string
	Key      string // id
	Grid     string // id
	GridBy   string
	Role     Role // empty: from the point's suffix (R and C), else principal
	Evidence Evidence
}
