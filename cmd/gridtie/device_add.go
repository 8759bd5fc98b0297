package main

import (
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
)

func (a *app) devicesAdd() *cobra.Command {
	var in admin.NewDevice
	var flags credentialFlags
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a device that does not provision itself", Args: args(1, "a name for the device"),
		Long: "Add a device: one that its profile expects (CHECK_PRE_PROVISIONED_DEVICES), a gateway, or one whose credentials are put\n" +
			"into it by hand. Without credentials it gets an access token, which is printed once. Secrets are read from files,\n" +
			"never from arguments.",
		Example: "  gridtie devices add meter-1 --profile meters\n" +
			"  gridtie devices add gateway-1 --profile meters --gateway --token-file -",
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := flags.read(a)
			if err != nil {
				return err
			}
			in.Name, in.Credentials = args[0], &given
			return a.withAdmin(cmd, func(c *admin.Client) error {
				added, err := c.AddDevice(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.answer(added, func() error {
					flags.show(a, added.Credentials)
					a.talk("Device %q was added to profile %q.", added.Device.Name, added.Device.Profile)
					return nil
				})
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&in.Profile, "profile", "", "name of its profile")
	f.BoolVar(&in.Gateway, "gateway", false, "it speaks for devices behind it")
	_ = cmd.MarkFlagRequired("profile")
	_ = cmd.RegisterFlagCompletionFunc("profile", func(cmd *cobra.Command, _ []string, text string) ([]string, cobra.ShellCompDirective) {
		return a.names(profileNames)(cmd, nil, text)
	})
	flags.add(cmd)
	a.jsonFlag(cmd)
	return cmd
}
