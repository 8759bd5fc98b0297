package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/profilefile"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/internal/settings"
	"github.com/gridtie/gridtie/internal/terminal"
)

// checkResult is what check prints with --json.
type checkResult struct {
	Findings engine.Findings `json:"findings"`
	Errors   int             `json:"errors"`
	Warnings int             `json:"warnings"`
	Chains   int             `json:"chains"`
	Profiles int             `json:"profiles,omitempty"`
}

func (a *app) check() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check FILES…", Short: "Check files of chains and profiles, and show every fault with its place",
		Long: "Check files of chains and profiles, and show every fault with its place. A folder stands for the *.json files in it.\n" +
			"Chains that the files name and that are not among them are taken from --chains, or from the built-in set. The secrets\n" +
			"that profiles name are looked for if --secrets is given.\n\n" +
			"The exit code is 1 if there is an error; warnings alone give 0.",
		Example: "  gridtie check chains/ profiles/\n  gridtie check attach.json --json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{fmt.Errorf("%q wants at least one file", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, _, err := a.settings(cmd)
			if err != nil {
				return err
			}
			files, err := server.ReadChains(args...)
			if err != nil {
				return err
			}
			beside, err := server.ChainSet(s.Chains)
			if err != nil {
				return err
			}
			findings, profiles, err := server.Check(files, beside, a.secrets(s))
			if err != nil {
				return err
			}
			result := tally(findings, len(files)-profiles, profiles)
			if err := a.answer(result, func() error { a.showFindings(result); return nil }); err != nil {
				return err
			}
			if result.Errors > 0 {
				return errFound
			}
			return nil
		},
	}
	settingFlags(cmd, "chains", "secrets")
	a.jsonFlag(cmd)
	return cmd
}

// secrets is where profiles have theirs from; nil if no place was named.
func (a *app) secrets(s settings.Settings) *profilefile.Secrets {
	if s.Secrets == "" {
		return nil
	}
	return &profilefile.Secrets{Folder: s.Secrets, Variable: a.variable}
}

func tally(findings engine.Findings, chains, profiles int) checkResult {
	r := checkResult{Findings: append(engine.Findings{}, findings...), Chains: chains, Profiles: profiles}
	for _, f := range findings {
		if f.Severity == engine.SeverityError {
			r.Errors++
		} else {
			r.Warnings++
		}
	}
	return r
}

func (a *app) showFindings(r checkResult) {
	where := 0
	for _, f := range r.Findings {
		where = max(where, len(located(f)))
	}
	for _, f := range r.Findings {
		severity, style := "error", terminal.Red
		if f.Severity != engine.SeverityError {
			severity, style = "warn", terminal.Yellow
		}
		text := f.Message
		if f.Pointer != "" {
			text += " (" + f.Pointer + ")"
		}
		a.say("%-*s  %s  %-18s %s", where, located(f), a.Paint(style, fmt.Sprintf("%-5s", severity)), f.Code, terminal.Clean(text))
		indent := strings.Repeat(" ", where+2+5+2)
		if f.Source != "" && f.Caret > 0 && !strings.Contains(f.Source, "\n") {
			a.say("%s%s", indent, terminal.Clean(f.Source))
			a.say("%s%s^ %s", indent, strings.Repeat(" ", f.Caret-1), terminal.Clean(f.Hint))
		} else if f.Hint != "" {
			a.say("%s%s", indent, terminal.Clean(f.Hint))
		}
	}
	in := plural(r.Chains, "chain", a)
	if r.Profiles > 0 && r.Chains == 0 {
		in = plural(r.Profiles, "profile", a)
	} else if r.Profiles > 0 {
		in += " and " + plural(r.Profiles, "profile", a)
	}
	if len(r.Findings) == 0 {
		a.say("%s: no faults", in)
		return
	}
	a.say("%s, %s in %s", plural(r.Errors, "error", a), plural(r.Warnings, "warning", a), in)
}

func plural(n int, noun string, a *app) string {
	if n == 1 {
		return "1 " + noun
	}
	return a.Count(n) + " " + noun + "s"
}
