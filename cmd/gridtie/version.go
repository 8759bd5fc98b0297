package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version this source is; a build may add its commit.
const release = "0.1.0"

type versionResult struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) version() *cobra.Command {
	cmd := &cobra.Command{
		Use: "version", Short: "Show which gridtie this is", Args: args(0, ""),
		Long:    "Show which gridtie this is, and what it was built from.",
		Example: "  gridtie version\n  gridtie version --json",
		RunE: func(*cobra.Command, []string) error {
			v := versionResult{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					switch s.Key {
					case "vcs.revision":
						v.Commit = s.Value
					case "vcs.modified":
						v.Modified = s.Value == "true"
					}
				}
			}
			return a.answer(v, func() error {
				a.say("gridtie %s  %s  %s  %s", v.Version, v.Commit, v.Go, v.Platform)
				return nil
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}
