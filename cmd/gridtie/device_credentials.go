package main

import (
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

// credentialFlags are what a device can be given to prove who it is. Secrets come from files, never from arguments.
type credentialFlags struct {
	clientID, userName                       string
	tokenFile, passwordFile, certificateFile string
}

func (c *credentialFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.tokenFile, "token-file", "", "file with an access token, - for standard input; generated if nothing is given")
	f.StringVar(&c.clientID, "client-id", "", "MQTT client id")
	f.StringVar(&c.userName, "user-name", "", "MQTT user name")
	f.StringVar(&c.passwordFile, "password-file", "", "file with the MQTT password, - for standard input")
	f.StringVar(&c.certificateFile, "certificate-file", "", "PEM file of the device's certificate")
	cmd.MarkFlagsMutuallyExclusive("token-file", "certificate-file")
	for _, basic := range []string{"client-id", "user-name", "password-file"} {
		cmd.MarkFlagsMutuallyExclusive("token-file", basic)
		cmd.MarkFlagsMutuallyExclusive("certificate-file", basic)
	}
}

// read returns the credentials that the flags name; without any, a token is to be made.
func (c *credentialFlags) read(a *app) (admin.Credentials, error) {
	in := admin.Credentials{ClientID: c.clientID, UserName: c.userName}
	if in.ClientID != "" || in.UserName != "" {
		in.Type = registry.MQTTBasic
	}
	if c.certificateFile != "" {
		text, err := readLeaf(c.certificateFile)
		if err != nil {
			return in, err
		}
		in.Type, in.Certificate = registry.X509Certificate, text
	}
	for file, to := range map[string]*string{c.tokenFile: &in.Token, c.passwordFile: &in.Password} {
		if file == "" {
			continue
		}
		text, err := a.readSecret(file)
		if err != nil {
			return in, err
		}
		*to = text
	}
	return in, nil
}

// show prints a token that was made: nobody else knows it.
func (c *credentialFlags) show(a *app, given admin.Credentials) {
	if given.Type == registry.AccessToken && c.tokenFile == "" {
		a.say("%s", given.Token)
	}
}

func (a *app) devicesSetCredentials() *cobra.Command {
	var flags credentialFlags
	cmd := &cobra.Command{
		Use: "set-credentials NAME", Short: "Give a device other credentials", Args: args(1, "the name of a device"),
		Long: "Give a device other credentials: a new token, unless others are given. The old ones stop working, and a device that\n" +
			"is connected with them is cut off. Secrets are read from files, never from arguments.",
		Example: "  gridtie devices set-credentials meter-1\n" +
			"  gridtie devices set-credentials meter-1 --user-name m1 --password-file -",
		ValidArgsFunction: a.names(deviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := flags.read(a)
			if err != nil {
				return err
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				given, err := c.ChangeCredentials(cmd.Context(), args[0], in)
				if err != nil {
					return err
				}
				return a.answer(given, func() error {
					flags.show(a, given)
					a.talk("Device %q has other credentials now; the old ones do not work any more.", args[0])
					return nil
				})
			})
		},
	}
	cmd.Flags().SortFlags = false
	flags.add(cmd)
	a.jsonFlag(cmd)
	return cmd
}
