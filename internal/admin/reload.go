package admin

import (
	"context"
	"net/http"

	"github.com/gridtie/gridtie/engine"
)

// The results of a reload.
const (
	ReloadSwapped   = "swapped"   // the changed set is in force
	ReloadRefused   = "refused"   // it has a fault; the former one stays
	ReloadUnchanged = "unchanged" // the folder holds what is in force
)

// ReloadResults lists them.
func ReloadResults() []string { return []string{ReloadSwapped, ReloadRefused, ReloadUnchanged} }

// Reload is what came of reading the folder of chains again.
type Reload struct {
	Result   string          `json:"result" doc:"swapped, refused or unchanged"`
	From     string          `json:"from" doc:"folder"`
	Before   string          `json:"before" doc:"revision that was in force"`
	After    string          `json:"after" doc:"revision that is in force now"`
	Chains   int             `json:"chains" doc:"files that were read"`
	Findings engine.Findings `json:"findings" doc:"faults and warnings, each with its place; an error among them refuses the set"`
}

func (a *api) reload(ctx context.Context, _ *http.Request) (any, error) {
	if a.Reload == nil {
		return nil, notFound("no server runs on "+a.Data+": chains are read when one starts", "gridtie check FOLDER finds faults in the files")
	}
	return a.Reload(ctx)
}
