package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/terminal"
)

func (a *app) deadLetters() *cobra.Command {
	return group(&cobra.Command{
		Use: "dead-letters", Short: "Show messages that no chain could finish",
		Long:    "Show messages that no chain could finish: the message, the way it took, and why it ended there.",
		Example: "  gridtie dead-letters list\n  gridtie dead-letters show 01KAJ5",
	}, a.deadLettersList(), a.deadLettersShow())
}

func (a *app) deadLettersList() *cobra.Command {
	var q admin.Query
	var since string
	cmd := &cobra.Command{
		Use: "list", Short: "List dead letters, newest first", Args: args(0, ""),
		Long:    "List dead letters, newest first.",
		Example: "  gridtie dead-letters list --since 24h\n  gridtie dead-letters list --device meter-9 --json",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if q.Since, err = sinceFlag(since); err != nil {
				return err
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				page, err := c.DeadLetters(cmd.Context(), q)
				if err != nil {
					return err
				}
				return a.answer(page, func() error {
					t := a.Table("Id", "Time", "Device", "Type", "Cause")
					for _, l := range page.DeadLetters {
						t.Row(l.ID, a.Time(l.Time), nameOr(l.DeviceName, l.Device), l.Type, l.Cause)
					}
					a.more(page.Next)
					return t.Flush()
				})
			})
		},
	}
	a.filterFlags(cmd, &q, &since)
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) deadLettersShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a dead letter", Args: args(1, "the id of a dead letter"),
		Long:    "Show a dead letter. It never holds the supplier key; supply points are masked.",
		Example: "  gridtie dead-letters show 01KAJ5\n  gridtie dead-letters show 01KAJ5 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				l, err := c.DeadLetter(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.answer(l, func() error {
					a.head("dead letter", l.ID, terminal.Red, "DEAD LETTER, "+a.Time(l.Time))
					a.field("cause", l.Cause)
					a.field("device", nameOr(l.DeviceName, l.Device))
					a.field("message", joined(l.Message, l.Type))
					a.field("path", strings.Join(l.Path, " › "))
					a.field("revision", l.Revision)
					for _, k := range slices.Sorted(maps.Keys(l.Meta)) {
						a.field("meta "+k, l.Meta[k])
					}
					a.field("data", l.Data)
					return nil
				})
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}
