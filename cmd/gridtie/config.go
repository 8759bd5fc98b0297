package main

import (
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/settings"
)

func (a *app) configuration() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Show the settings in force, and where each came from", Args: args(0, ""),
		Long: "Show the settings in force, and where each came from: the default, a line of the file given with --config, a\n" +
			"variable, or a flag. It takes the flags of serve, and checks all that serve would.",
		Example: "  gridtie config --config gridtie.yaml\n  GRIDTIE_MQTT=0.0.0.0:1883 gridtie config --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, values, err := a.settings(cmd)
			if err != nil {
				return err
			}
			type list struct {
				Settings []settings.Value `json:"settings"`
			}
			return a.answer(list{values}, func() error {
				t := a.Table("Setting", "Value", "From")
				for _, v := range values {
					t.Row(v.Key, v.Value, v.From)
				}
				return t.Flush()
			})
		},
	}
	settingFlags(cmd)
	a.jsonFlag(cmd)
	return cmd
}
