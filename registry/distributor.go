package registry

// Commodities.
const (
	Electricity = "electricity"
	Gas         = "gas"
)

// Distributor is an entry of the directory that tells who issued a supply point. The directory is data: see
// [Registry.SetDistributors].
type Distributor struct {
	Code       string `json:"code"` // 4 to 6 digits; the longest that a supply point begins with counts
	Commodity  string `json:"commodity"`
	Name       string `json:"name,omitempty"`
	Group      string `json:"group,omitempty"`
	Status     string `json:"status,omitempty"`   // current, legacy or unknown
	Registry   string `json:"registry,omitempty"` // number in the administrative registry, such as R1-001
	AliasOf    string `json:"aliasOf,omitempty"`  // the code that this one stands for
	Grid       string `json:"grid,omitempty"`     // id of its grid; empty if it has none
	GridName   string `json:"gridName,omitempty"` // of a grid that SetDistributors makes if there is none of that id
	Confidence string `json:"confidence"`         // high, medium or low
	Conflict   bool   `json:"conflict,omitempty"` // sources contradict each other on this code
	Notes      string `json:"notes,omitempty"`
}
