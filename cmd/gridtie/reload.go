package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/terminal"
)

func (a *app) reload() *cobra.Command {
	cmd := &cobra.Command{
		Use: "reload", Short: "Make the server read its chains and profiles again, and show what came of it", Args: args(0, ""),
		Long: "Make the running server read the folders --chains, --profiles and --secrets again now, and wait for the verdict.\n" +
			"A set without faults replaces the one in force in one step; one with faults changes nothing, and is shown as check\n" +
			"shows it, with exit code 1.\n\n" +
			"The server also does this by itself, 200 ms after a change in the folders.",
		Example: "  gridtie reload\n  gridtie reload --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				r, err := c.Reload(cmd.Context())
				if err != nil {
					return err
				}
				if err := a.answer(r, func() error { a.showReload(r); return nil }); err != nil {
					return err
				}
				if r.Result == admin.ReloadRefused {
					return errFound
				}
				return nil
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) showReload(r admin.Reload) {
	if len(r.Findings) > 0 {
		a.showFindings(tally(r.Findings, r.Chains, profilesIn(r)))
	}
	defer a.showReloadedProfiles(r)
	if r.Before == r.After && r.Result == admin.ReloadSwapped { // it is the profiles that are others
		a.say("%s: revision %s stays in force", terminal.Clean(r.From), short(r.After))
		return
	}
	switch r.Result {
	case admin.ReloadSwapped:
		a.say("%s: revision %s → %s, %s", terminal.Clean(r.From), short(r.Before), short(r.After), plural(r.Chains, "chain", a))
	case admin.ReloadUnchanged:
		a.say("%s: nothing changed, revision %s is in force", terminal.Clean(r.From), short(r.After))
	default:
		a.say("%s: refused, revision %s stays in force", terminal.Clean(r.From), short(r.After))
	}
}

func (a *app) showReloadedProfiles(r admin.Reload) {
	p := r.Profiles
	switch {
	case p == nil:
	case r.Result == admin.ReloadRefused:
		a.say("%s: refused with it, revision %s stays in force", terminal.Clean(p.From), short(p.After))
	case !p.Changed:
		a.say("%s: nothing changed, revision %s is in force", terminal.Clean(p.From), short(p.After))
	default:
		a.say("%s: revision %s → %s, %s", terminal.Clean(p.From), short(p.Before), short(p.After), plural(p.Files, "profile", a))
	}
}

// profilesIn is how many profile files a reload has read.
func profilesIn(r admin.Reload) int {
	if r.Profiles == nil {
		return 0
	}
	return r.Profiles.Files
}

// showRefused tells of a changed set that is not in force, each fault on a line.
func (a *app) showRefused(r *admin.RefusedChains) {
	if r == nil {
		return
	}
	t := tally(r.Findings, 0, 0)
	a.field("refused", fmt.Sprintf("a changed set at %s, with %s and %s: the revision above stays in force",
		a.Time(r.Since), plural(t.Errors, "error", a), plural(t.Warnings, "warning", a)))
	for _, f := range r.Findings {
		text := fmt.Sprintf("%s: %s %s: %s", located(f), f.Severity, f.Code, f.Message)
		if f.Pointer != "" {
			text += " (" + f.Pointer + ")"
		}
		if f.Hint != "" {
			text += "; " + f.Hint
		}
		a.field("finding", text)
	}
}

// located is where a finding lies. One about a whole folder has no line.
func located(f engine.Finding) string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}
