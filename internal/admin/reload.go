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

// Reload is what came of reading the folders of chains and profiles again.
type Reload struct {
	Result   string          `json:"result" doc:"swapped, refused or unchanged"`
	From     string          `json:"from" doc:"folder"`
	Before   string          `json:"before" doc:"revision that was in force"`
	After    string          `json:"after" doc:"revision that is in force now"`
	Chains   int             `json:"chains" doc:"files that were read"`
	Profiles *ReloadProfiles `json:"profiles,omitempty" doc:"absent without a folder of profiles"`
	Findings engine.Findings `json:"findings" doc:"faults and warnings, each with its place; an error among them refuses the set"`
}

// ReloadProfiles is what came of the profiles, which share the fate of the chains.
type ReloadProfiles struct {
	From    string `json:"from" doc:"folder"`
	Before  string `json:"before" doc:"revision that was in force"`
	After   string `json:"after" doc:"revision that is in force now"`
	Files   int    `json:"files" doc:"files that were read"`
	Changed bool   `json:"changed" doc:"also true if only a secret is another, which is not part of the revision"`
}

func (a *api) reload(ctx context.Context, _ *http.Request) (any, error) {
	if a.Reload == nil {
		return nil, notFound("no server runs on "+a.Data+": chains are read when one starts", "gridtie check FOLDER finds faults in the files")
	}
	return a.Reload(ctx)
}
