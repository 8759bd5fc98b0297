package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

func (a *app) profiles() *cobra.Command {
	return group(&cobra.Command{
		Use: "profiles", Short: "Add, change, show and delete device profiles",
		Long: "Add, change, show and delete profiles: what devices of one kind have in common, above all the key and secret with\n" +
			"which they ask to be provisioned. A profile that comes from a file is changed there.",
		Example: "  gridtie profiles list\n  gridtie profiles show meters --reveal --json",
	}, a.profilesAdd(), a.profilesSet(), a.profilesList(), a.profilesShow(),
		a.profilesDelete(), a.profilesHandOver())
}

func (a *app) profilesAdd() *cobra.Command {
	var in admin.NewProfile
	var strategy, secretFile, authorityFile, pattern string
	var existing bool
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a profile", Args: args(1, "the name of the profile"),
		Long: "Add a profile. Its provisioning key and secret are generated unless they are given.\n\n" +
			"With --x509-chain-file it lets in devices that show a certificate which that authority has signed, over MQTT with TLS.",
		Example: "  gridtie profiles add old-meters --key fleet-7 --secret-file - < secret.txt\n" +
			"  gridtie profiles add certified --x509-chain-file ca.pem --name-pattern '([^@]+)'",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name, in.Strategy = args[0], registry.Strategy(strategy)
			if secretFile != "" {
				text, err := a.readSecret(secretFile)
				if err != nil {
					return err
				}
				in.ProvisionSecret = text
			}
			if authorityFile != "" {
				text, err := readCertificates(authorityFile)
				if err != nil {
					return err
				}
				in.Strategy, in.Authority = registry.X509Chain, text
				in.CertificatePattern, in.CreateByCertificate = pattern, !existing
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				p, err := c.AddProfile(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.answer(p, func() error {
					if in.Authority != "" {
						a.say("Profile %q was made. It lets in devices with a certificate of that authority's, over MQTT with TLS (--mqtts).", p.Name)
						return nil
					}
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
	f.StringVar(&authorityFile, "x509-chain-file", "", "PEM file of an authority's certificate: devices whose certificates it has signed are let in")
	f.StringVar(&pattern, "name-pattern", "(.+)", patternUsage)
	f.BoolVar(&existing, "x509-existing-only", false, "let certificates in only for devices that are there")
	f.StringVar(&in.Chain, "chain", "", "id of the chain that data of its devices enters; the root chain if absent")
	f.StringVar(&in.ProvisionChain, "provision-chain", "", "id of the chain that provisioning requests enter")
	f.StringVar(&in.Ack, "ack", registry.AckDone, "what an acknowledgement waits for: done or stored")
	f.BoolVar(&in.NoCastStrings, "no-cast-strings", false, "leave numbers that come as text alone")
	f.BoolVar(&in.NoReprovision, "no-reprovision", false, "never repeat the answer to a device that lost it")
	f.BoolVar(&in.AckInvalid, "ack-on-validation-failure", false, "acknowledge a bad payload instead of closing the connection")
	f.StringVar((*string)(&in.TransportType), "transport", string(registry.TransportDefault), transportUsage)
	f.StringVar(&in.TelemetryTopic, "telemetry-topic", "", telemetryUsage)
	f.StringVar(&in.AttributesTopic, "attributes-topic", "", attributesUsage)
	f.StringVar(&in.AttributesSubscribeTopic, "attributes-subscribe-topic", "", subscribeUsage)
	for i, n := range in.Limits.Numbers() {
		f.IntVar(n.Value, limitNumbers()[i].flag, 0, limitNumbers()[i].usage)
	}
	for i, k := range in.Limits.Kinds() {
		f.Func(limitKinds()[i].flag, limitKinds()[i].usage, rates(k.Rates))
	}
	for _, other := range []string{"key", "secret-file", "strategy"} {
		cmd.MarkFlagsMutuallyExclusive("x509-chain-file", other)
	}
	a.jsonFlag(cmd)
	return cmd
}

const (
	transportUsage  = "DEFAULT: MQTT, HTTP and CoAP; MQTT, with topics of its own; or COAP"
	telemetryUsage  = "filter of the topics that telemetry comes on, with + and #; needs --transport MQTT"
	attributesUsage = "filter of the topics that attributes come on"
	patternUsage    = "regular expression whose first group is a device's name, in the common name of its certificate"
	subscribeUsage  = "what devices may subscribe to for shared attributes, besides v1/devices/me/attributes"
)

func (a *app) profilesSet() *cobra.Command {
	var in admin.ChangedProfile
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change a profile", Args: args(1, "the name of a profile"),
		Long: "Change a profile: what is not given stays as it is, and what is empty goes back to its default. Devices that are\n" +
			"connected are served by the changed profile within a second.",
		Example: "  gridtie profiles set meters --strategy DISABLED\n" +
			"  gridtie profiles set meters --transport MQTT --telemetry-topic data/+/telemetry",
		ValidArgsFunction: a.names(profileNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("json") && cmd.Flags().NFlag() == 0 {
				return &failure{errors.New("there is nothing to change"), "gridtie profiles set --help lists what can be"}
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				p, err := c.ChangeProfile(cmd.Context(), args[0], in)
				if err != nil {
					return err
				}
				return a.answer(p, func() error {
					a.showProfile(p, hiddenUntilRevealed, hiddenUntilRevealed)
					return nil
				})
			})
		},
	}
	cmd.Flags().SortFlags = false
	changedText(cmd, &in.Strategy, "strategy", "ALLOW_CREATE_NEW_DEVICES, CHECK_PRE_PROVISIONED_DEVICES or DISABLED")
	changedText(cmd, &in.Chain, "chain", "id of the chain that data of its devices enters; empty for the root chain")
	changedText(cmd, &in.ProvisionChain, "provision-chain", "id of the chain that provisioning requests enter")
	changedText(cmd, &in.Ack, "ack", "what an acknowledgement waits for: done or stored")
	changedBool(cmd, &in.CastStrings, "cast-strings", "true or false: make numbers of text that looks like one")
	changedBool(cmd, &in.Reprovision, "reprovision", "true or false: repeat the answer to a device that lost it")
	changedBool(cmd, &in.AckInvalid, "ack-on-validation-failure", "true or false: acknowledge a bad payload instead of closing the connection")
	changedText(cmd, &in.TransportType, "transport", transportUsage)
	changedText(cmd, &in.TelemetryTopic, "telemetry-topic", telemetryUsage)
	changedText(cmd, &in.AttributesTopic, "attributes-topic", attributesUsage)
	changedText(cmd, &in.AttributesSubscribeTopic, "attributes-subscribe-topic", subscribeUsage)
	changedText(cmd, &in.CertificatePattern, "name-pattern", patternUsage)
	changedBool(cmd, &in.CreateByCertificate, "x509-create", "true or false: a certificate with an unknown name makes a device")
	changedLimits(cmd, &in.Limits)
	a.jsonFlag(cmd)
	return cmd
}

// changedText gives cmd a flag for text that is told from one that is not given.
func changedText[T ~string](cmd *cobra.Command, to **T, name, usage string) {
	cmd.Flags().Func(name, usage, func(given string) error {
		v := T(given)
		*to = &v
		return nil
	})
}

// changedBool does the same for yes and no.
func changedBool(cmd *cobra.Command, to **bool, name, usage string) {
	cmd.Flags().Func(name, usage, func(given string) error {
		v, err := strconv.ParseBool(given)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", given)
		}
		*to = &v
		return nil
	})
}

const hiddenUntilRevealed = "*** (shown by --reveal)"

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
					t := a.Table("Name", "Strategy", "Chain", "Ack", "From")
					for _, p := range list.Profiles {
						t.Row(p.Name, string(p.Strategy), p.Chain, p.Ack, origin(p))
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
					a.showProfile(p, hiddenUntilRevealed, hiddenUntilRevealed)
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
	a.field("from", origin(p))
	a.field("key", key)
	a.field("secret", text)
	a.field("strategy", string(p.Strategy))
	for _, f := range p.Fields {
		a.field("field "+f.Name, joinComma(f.Aliases))
	}
	a.field("chain", p.Chain)
	a.field("provision chain", p.ProvisionChain)
	a.field("ack", p.Ack)
	a.field("transport", string(p.TransportType))
	a.field("telemetry topic", p.TelemetryTopic)
	a.field("attributes topic", p.AttributesTopic)
	a.field("subscribe topic", p.AttributesSubscribeTopic)
	a.assigned(p.Assigned)
	if p.Strategy == registry.X509Chain {
		a.field("name pattern", p.CertificatePattern)
		a.field("may create", strconv.FormatBool(p.CreateByCertificate))
	}
	a.showLimits(p.Limits)
}
