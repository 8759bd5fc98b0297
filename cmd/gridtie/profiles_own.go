package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
)

// origin is where a profile comes from, and can be changed.
func origin(p admin.Profile) string {
	if p.Source == "" {
		return "registry"
	}
	return "file " + p.Source
}

func (a *app) profilesDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete a profile that has no devices", Args: args(1, "the name of a profile"),
		Long:              "Delete a profile that has no devices. One that comes from a file goes with its file.",
		Example:           "  gridtie profiles delete meters --yes\n  gridtie profiles list",
		ValidArgsFunction: a.names(profileNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return &failure{errors.New("deleting a profile cannot be undone: its key and secret are gone"), "repeat the command with --yes"}
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				if err := c.DeleteProfile(cmd.Context(), args[0]); err != nil {
					return err
				}
				a.talk("Profile %q was deleted.", args[0])
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "delete it indeed")
	return cmd
}

func (a *app) profilesHandOver() *cobra.Command {
	var back bool
	cmd := &cobra.Command{
		Use: "hand-over NAME", Short: "Leave a profile to a file, or take it back", Args: args(1, "the name of a profile"),
		Long: "Leave a profile, with all its devices, to the file in the folder --profiles that has one of its name; reload makes\n" +
			"the server look. With --back, take a profile from its file: commands change it from then on, and the file has to go.\n" +
			"Until then a reload is refused, and what is in force stays.",
		Example:           "  gridtie profiles hand-over meters && gridtie reload\n  gridtie profiles hand-over meters --back",
		ValidArgsFunction: a.names(profileNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				p, err := c.HandOverProfile(cmd.Context(), args[0], back)
				if err != nil {
					return err
				}
				return a.answer(p, func() error {
					if back {
						a.say("Profile %q is in the registry now. Remove its file.", p.Name)
					} else {
						a.say("Profile %q is left to a file. Now: gridtie reload", p.Name)
					}
					return nil
				})
			})
		},
	}
	cmd.Flags().BoolVar(&back, "back", false, "from its file to the registry")
	a.jsonFlag(cmd)
	return cmd
}
