package main

import (
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

func (a *app) profiles() *cobra.Command {
	return group(&cobra.Command{
		Use: "profiles", Short: "Add and show device profiles",
		Long: "Add and show profiles: what devices of one kind have in common, above all the key and secret with which they\n" +
			"ask to be provisioned.",
		Example: "  gridtie profiles list\n  gridtie profiles show meters --reveal --json",
	}, a.profilesAdd(), a.profilesList(), a.profilesShow())
}

func (a *app) profilesAdd() *cobra.Command {
	var in admin.NewProfile
	var strategy, secretFile string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a profile", Args: args(1, "the name of the profile"),
		Long: "Add a profile. Its provisioning key and secret are generated unless they are given.",
		Example: "  gridtie profiles add water-meters\n" +
			"  gridtie profiles add old-meters --key fleet-7 --secret-file - < secret.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name, in.Strategy = args[0], registry.Strategy(strategy)
			if secretFile != "" {
				text, err := a.readSecret(secretFile)
				if err != nil {
					return err
				}
				in.ProvisionSecret = text
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				p, err := c.AddProfile(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.answer(p, func() error {
					a.say("Profile %q was made. Its provisioning key and secret: gridtie profiles show %s --reveal", p.Name, p.Name)
					return nil
				})
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&strategy, "strategy", string(registry.AllowCreate),
		"ALLOW_CREATE_NEW_DEVICES, CHECK_PRE_PROVISIONED_DEVICES or DISABLED")
	f.StringVar(&in.ProvisionKey, "key", "", "provisioning key; generated if absent")
	f.StringVar(&secretFile, "secret-file", "", "file with the provisioning secret, - for standard input; generated if absent")
	f.StringVar(&in.Chain, "chain", "", "id of the chain that data of its devices enters; the root chain if absent")
	f.StringVar(&in.ProvisionChain, "provision-chain", "", "id of the chain that provisioning requests enter")
	f.StringVar(&in.Ack, "ack", registry.AckDone, "what an acknowledgement waits for: done or stored")
	f.BoolVar(&in.NoCastStrings, "no-cast-strings", false, "leave numbers that come as text alone")
	f.BoolVar(&in.NoReprovision, "no-reprovision", false, "never repeat the answer to a device that lost it")
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) profilesList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the profiles", Args: args(0, ""),
		Long:    "List the profiles.",
		Example: "  gridtie profiles list\n  gridtie profiles list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				list, err := c.Profiles(cmd.Context())
				if err != nil {
					return err
				}
				return a.answer(list, func() error {
					t := a.Table("Name", "Strategy", "Chain", "Ack")
					for _, p := range list.Profiles {
						t.Row(p.Name, string(p.Strategy), p.Chain, p.Ack)
					}
					return t.Flush()
				})
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) profilesShow() *cobra.Command {
	var reveal bool
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show a profile", Args: args(1, "the name of a profile"),
		Long:              "Show a profile; with --reveal also its provisioning key and secret, in clear.",
		Example:           "  gridtie profiles show meters\n  gridtie profiles show meters --reveal --json",
		ValidArgsFunction: a.names(profileNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				if reveal {
					p, err := c.RevealProfile(cmd.Context(), args[0])
					if err != nil {
						return err
					}
					return a.answer(p, func() error {
						a.showProfile(p.Profile, p.ProvisionKey, p.ProvisionSecret)
						return nil
					})
				}
				p, err := c.Profile(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.answer(p, func() error {
					a.showProfile(p, "*** (shown by --reveal)", "*** (shown by --reveal)")
					return nil
				})
			})
		},
	}
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show the provisioning key and secret in clear")
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) showProfile(p admin.Profile, key, text string) {
	a.field("profile", p.Name)
	a.field("key", key)
	a.field("secret", text)
	a.field("strategy", string(p.Strategy))
	for _, f := range p.Fields {
		a.field("field "+f.Name, joinComma(f.Aliases))
	}
	a.field("chain", p.Chain)
	a.field("provision chain", p.ProvisionChain)
	a.field("ack", p.Ack)
}
