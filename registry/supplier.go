package registry

// Trust says what besides a key a supplier needs to attach a meter.
type Trust string

const (
	KeyOnly   Trust = "key-only"   // a usable key is enough
	AllowList Trust = "allow-list" // the supply point must have been announced: see Registry.Allow
)

// Policy says what happens when an attached meter asks for something else. A supply point that another meter holds is
// never taken from it: that is held under every policy.
type Policy string

const (
	// PolicyHold holds any change until an operator decides.
	PolicyHold Policy = "hold"
	// PolicySame replaces an attachment of the same supplier, and holds a change of supplier.
	PolicySame Policy = "same"
	// PolicyReplace closes the former attachment and opens the new one.
	PolicyReplace Policy = "replace"
)

// Supplier is a party whose keys meters carry. What one supplier sees or may attach never depends on another.
type Supplier struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Trust  Trust  `json:"trust"`
	Policy Policy `json:"policy"`
	// Commodity that it supplies, "electricity" or "gas"; empty for any.
	Commodity string `json:"commodity,omitempty"`
}
