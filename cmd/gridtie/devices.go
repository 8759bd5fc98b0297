package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
)

func (a *app) devices() *cobra.Command {
	return group(&cobra.Command{
		Use: "devices", Short: "Add, show, call, change and delete devices",
		Long:    "Add devices, show where they stand and why, call them, set their attributes and credentials, and delete them.",
		Example: "  gridtie devices list\n  gridtie devices show meter-1",
	}, a.devicesAdd(), a.devicesList(), a.devicesShow(), a.devicesRPC(), a.devicesCalls(), a.devicesSetAttributes(), a.devicesSetCredentials(), a.devicesDelete())
}

// pageFlags gives cmd the flags that bound a list.
func pageFlags(cmd *cobra.Command, q *admin.Query) {
	cmd.Flags().SortFlags = false
	cmd.Flags().IntVar(&q.Limit, "limit", 100, "entries at most, 1 to 1000")
	cmd.Flags().StringVar(&q.Cursor, "cursor", "", "go on where the list before ended")
}

func (a *app) devicesList() *cobra.Command {
	var q admin.Query
	cmd := &cobra.Command{
		Use: "list", Short: "List the devices", Args: args(0, ""),
		Long:    "List the devices and where they stand. Supply points are masked.",
		Example: "  gridtie devices list\n  gridtie devices list --limit 1000 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				page, err := c.Devices(cmd.Context(), q)
				if err != nil {
					return err
				}
				return a.answer(page, func() error {
					t := a.Table("Name", "Status", "Supplier", "Grid", "Supply point", "Profile", "Last used")
					for _, d := range page.Devices {
						var supplier, grid, point string
						if at := d.Attached; at != nil {
							supplier, grid, point = at.Supplier, at.Grid, at.CUPS
						}
						t.Row(d.Name, d.Status, supplier, grid, point, d.Profile, a.Ago(d.LastUsed))
					}
					a.more(page.Next)
					return t.Flush()
				})
			})
		},
	}
	pageFlags(cmd, &q)
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) devicesShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show a device and why it stands where it does", Args: args(1, "the name of a device"),
		Long: "Show a device: supplier, grid, since when, by which key, and by which message and chain that was decided; or\n" +
			"why it is not attached, and what may mend that.",
		Example:           "  gridtie devices show meter-1\n  gridtie devices show meter-1 --json",
		ValidArgsFunction: a.names(deviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				d, err := c.Device(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.answer(d, func() error { return a.showDevice(d) })
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) devicesDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete a device and its credentials", Args: args(1, "the name of a device"),
		Long: "Delete a device: its credentials stop working, its connection is closed, its supply point is free again.\n" +
			"Outcomes stay.",
		Example:           "  gridtie devices delete meter-1 --yes\n  gridtie devices list",
		ValidArgsFunction: a.names(deviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return &failure{errors.New("deleting a device cannot be undone"), "repeat the command with --yes"}
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				if err := c.DeleteDevice(cmd.Context(), args[0]); err != nil {
					return err
				}
				a.talk("Device %q was deleted.", args[0])
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "delete it indeed")
	return cmd
}
