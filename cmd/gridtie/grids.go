package main

import (
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
)

func (a *app) grids() *cobra.Command {
	return group(&cobra.Command{
		Use: "grids", Short: "Show the grids that meters can be attached to",
		Long:    "Show the grids that meters can be attached to.",
		Example: "  gridtie grids list\n  gridtie grids list --json",
	}, a.gridsList())
}

func (a *app) gridsList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the grids", Args: args(0, ""),
		Long:    "List the grids: the distributors' own, and those that were added.",
		Example: "  gridtie grids list\n  gridtie grids list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				list, err := c.Grids(cmd.Context())
				if err != nil {
					return err
				}
				return a.answer(list, func() error {
					t := a.Table("Id", "Name", "Kind", "Parent", "Distributor")
					for _, g := range list.Grids {
						t.Row(g.ID, g.Name, string(g.Kind), g.Parent, g.Distributor)
					}
					return t.Flush()
				})
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}
