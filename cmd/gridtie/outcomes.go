package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

func (a *app) outcomes() *cobra.Command {
	return group(&cobra.Command{
		Use: "outcomes", Short: "Show what came of messages",
		Long:    "Show what came of messages: the exact code, the supplier, the grid, and where it was decided.",
		Example: "  gridtie outcomes list --device meter-9\n  gridtie outcomes list --code KEY_EXPIRED --since 24h",
	}, a.outcomesList())
}

func (a *app) outcomesList() *cobra.Command {
	var q admin.Query
	var since string
	cmd := &cobra.Command{
		Use: "list", Short: "List outcomes, newest first", Args: args(0, ""),
		Long:    "List outcomes, newest first. Supply points are masked; keys are named by their id.",
		Example: "  gridtie outcomes list --device meter-9\n  gridtie outcomes list --code KEY_EXPIRED --since 24h --json",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if q.Since, err = sinceFlag(since); err != nil {
				return err
			}
			q.Code = strings.ToUpper(q.Code)
			return a.withAdmin(cmd, func(c *admin.Client) error {
				page, err := c.Outcomes(cmd.Context(), q)
				if err != nil {
					return err
				}
				return a.answer(page, func() error {
					t := a.Table("Time", "Device", "Code", "Supplier", "Grid", "Supply point", "Key", "Decided at", "Took")
					for _, o := range page.Outcomes {
						t.Row(a.Time(o.Time), nameOr(o.DeviceName, o.Device), string(o.Code), o.Supplier, o.Grid, o.CUPS, o.Key,
							place(o.Chain, o.Node), a.Took(time.Duration(o.Took*float64(time.Second))))
					}
					a.more(page.Next)
					return t.Flush()
				})
			})
		},
	}
	a.filterFlags(cmd, &q, &since)
	cmd.Flags().StringVar(&q.Code, "code", "", "only this code, such as KEY_EXPIRED")
	_ = cmd.RegisterFlagCompletionFunc("code", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var codes []string
		for _, info := range registry.Codes() {
			codes = append(codes, string(info.Code)+"\t"+info.Meaning)
		}
		return codes, cobra.ShellCompDirectiveNoFileComp
	})
	a.jsonFlag(cmd)
	return cmd
}

// filterFlags gives cmd the flags that select by device and time.
func (a *app) filterFlags(cmd *cobra.Command, q *admin.Query, since *string) {
	cmd.Flags().StringVar(&q.Device, "device", "", "only of this device, by name")
	cmd.Flags().StringVar(since, "since", "", "only from then on: a day, a time, or how long ago, such as 24h")
	pageFlags(cmd, q)
	// It errs only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("device", func(cmd *cobra.Command, _ []string, text string) ([]string, cobra.ShellCompDirective) {
		return a.names(deviceNames)(cmd, nil, text)
	})
}

func sinceFlag(text string) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	t, err := moment("since", text, false)
	if err != nil {
		return t, &usageError{fmt.Errorf("--since %q is no day, no time and no duration like 24h", text)}
	}
	return t, nil
}

func nameOr(name, id string) string {
	if name != "" {
		return name
	}
	return id
}

func place(chain, node string) string {
	if chain == "" {
		return ""
	}
	return chain + "/" + node
}
