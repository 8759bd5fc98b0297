package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/terminal"
)

func (a *app) status() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Show how the server does", Args: args(0, ""),
		Long:    "Show how the server on the data folder does. The exit code is 1 if none runs, or if it is not ready.",
		Example: "  gridtie status\n  gridtie status --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				s, err := c.Status(cmd.Context())
				if err != nil {
					return err
				}
				if err := a.answer(s, func() error { a.showStatus(s); return nil }); err != nil {
					return err
				}
				if !s.Ready {
					return errFound
				}
				return nil
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) showStatus(s admin.Status) {
	if !s.Running {
		a.head("server", "gridtie", terminal.Yellow, fmt.Sprintf("NOT RUNNING on %s", s.Data))
		return
	}
	if s.Ready {
		a.head("server", "gridtie "+s.Version, terminal.Green, "READY since "+a.Time(s.Started))
	} else {
		a.head("server", "gridtie "+s.Version, terminal.Red, "NOT READY")
	}
	for _, p := range s.Problems {
		a.field("problem", p)
	}
	a.field("data", s.Data)
	a.field("chains", fmt.Sprintf("%s, revision %s since %s: %s", s.Chains.From, short(s.Chains.Revision), a.Time(s.Chains.Since),
		strings.Join(s.Chains.IDs, ", ")))
	if p := s.Profiles; p != nil {
		a.field("profiles", fmt.Sprintf("%s, revision %s since %s: %s", p.From, short(p.Revision), a.Time(p.Since),
			cmp.Or(strings.Join(p.Names, ", "), "none")))
	}
	a.showRefused(s.Chains.Refused)
	for _, name := range slices.Sorted(maps.Keys(s.Addresses)) {
		a.field(name, s.Addresses[name])
	}
	a.field("devices", a.Count(s.Sessions)+" connected")
	m := s.Messages
	a.field("messages", fmt.Sprintf("%s in: %s done, %s dead-lettered, %s abandoned, %s in flight", a.Count(int(m.In)),
		a.Count(int(m.Done)), a.Count(int(m.DeadLettered)), a.Count(int(m.Abandoned)), a.Count(int(m.InFlight))))
	for _, node := range m.Slow {
		a.field("slow node", node)
	}
	a.field("store", fmt.Sprintf("state %d, on disk %d", s.Store.Applied, s.Store.Synced))
}
