package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

func (a *app) devicesRPC() *cobra.Command {
	var in admin.NewCall
	var timeout time.Duration
	var retries int
	cmd := &cobra.Command{
		Use: "rpc NAME METHOD [PARAMS]", Short: "Call a device and print its answer",
		Args: cobra.RangeArgs(2, 3),
		Long: "Call a device and print its answer. PARAMS is a JSON value, {} if absent. A device that is not connected is waited\n" +
			"for until the time-out; a persistent call waits in the registry instead, also over a restart, and the command does\n" +
			"not wait: see devices calls.",
		Example: "  gridtie devices rpc meter-1 getTime\n" +
			"  gridtie devices rpc meter-1 setLimit {\"watts\":4600} --persistent --timeout 48h",
		ValidArgsFunction: a.names(deviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Method, in.Timeout = args[1], timeout.Seconds()
			if len(args) > 2 {
				if !json.Valid([]byte(args[2])) {
					return &failure{fmt.Errorf("PARAMS %q is not JSON", args[2]), "text stands in double quotes, and those in single quotes"}
				}
				in.Params = json.RawMessage(args[2])
			}
			if cmd.Flags().Changed("retries") {
				in.Retries = &retries
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				answer, err := c.Call(cmd.Context(), args[0], in)
				if err != nil {
					return err
				}
				return a.answer(answer, func() error {
					switch {
					case answer.ID != "":
						a.say("Call %s waits for device %q. How it stands: gridtie devices calls %s", answer.ID, args[0], args[0])
					case in.OneWay:
						a.say("Device %q has the call.", args[0])
					default:
						a.say("%s", answer.Response)
					}
					return nil
				})
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&in.OneWay, "one-way", false, "want no answer: the call has come to its end when the device has it")
	f.BoolVar(&in.Persistent, "persistent", false, "keep the call until the device takes it, and do not wait")
	f.DurationVar(&timeout, "timeout", 0, "how long the device has; 10s, or 24h for a persistent call, if absent")
	f.IntVar(&retries, "retries", 5, "how often the call is sent again to a device that does not acknowledge it, 0 to 100")
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) devicesCalls() *cobra.Command {
	var q admin.Query
	cmd := &cobra.Command{
		Use: "calls NAME", Short: "List the persistent calls of a device", Args: args(1, "the name of a device"),
		Long:              "List the persistent calls of a device and how they stand, newest first. Supply points are masked.",
		Example:           "  gridtie devices calls meter-1\n  gridtie devices calls meter-1 --json",
		ValidArgsFunction: a.names(deviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd, func(c *admin.Client) error {
				page, err := c.Calls(cmd.Context(), args[0], q)
				if err != nil {
					return err
				}
				return a.answer(page, func() error {
					t := a.Table("Id", "Status", "Method", "Params", "Response", "Made")
					for _, call := range page.Calls {
						t.Row(call.ID, string(call.Status), call.Method, string(call.Params), string(call.Response), a.Ago(call.Created))
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

func (a *app) devicesSetAttributes() *cobra.Command {
	in := admin.NewAttributes{Values: map[string]json.RawMessage{}}
	var scope string
	cmd := &cobra.Command{
		Use: "set-attributes NAME [KEY=VALUE...]", Short: "Set attributes of a device", Args: cobra.MinimumNArgs(1),
		Long: "Set shared attributes of a device, or server attributes, and delete some. A VALUE that is JSON is taken as such,\n" +
			"anything else as text. A device that listens hears of shared ones at once, and the chains of all.",
		Example: "  gridtie devices set-attributes meter-1 limit=4600 mode=eco\n" +
			"  gridtie devices set-attributes meter-1 --delete mode",
		ValidArgsFunction: a.names(deviceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Scope = registry.AttributeScope(scope)
			for _, pair := range args[1:] {
				key, value, ok := strings.Cut(pair, "=")
				if !ok || key == "" {
					return &failure{fmt.Errorf("%q is not KEY=VALUE", pair), ""}
				}
				in.Values[key] = attributeValue(value)
			}
			if len(in.Values) == 0 && len(in.Delete) == 0 {
				return &failure{errors.New("there is nothing to set or to delete"), "add KEY=VALUE, or --delete KEY"}
			}
			return a.withAdmin(cmd, func(c *admin.Client) error {
				all, err := c.SetAttributes(cmd.Context(), args[0], in)
				if err != nil {
					return err
				}
				return a.answer(all, func() error {
					t := a.Table("Key", "Value", "Updated")
					for _, at := range all.Attributes {
						t.Row(at.Key, string(at.Value), a.Ago(at.Updated))
					}
					return t.Flush()
				})
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&scope, "scope", string(registry.SharedScope), "SHARED_SCOPE, which the device sees, or SERVER_SCOPE")
	f.StringArrayVar(&in.Delete, "delete", nil, "name of an attribute to delete; may be repeated")
	a.jsonFlag(cmd)
	return cmd
}

// attributeValue is a value as it was typed: JSON if it is some, else text.
func attributeValue(typed string) json.RawMessage {
	if json.Valid([]byte(typed)) {
		return json.RawMessage(typed)
	}
	text, _ := json.Marshal(typed) // text always can be
	return text
}
