package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/settings"
)

// helpTemplate: what it does, how to call it, what it takes, and two examples at the end.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}
{{end}}{{if .Runnable}}{{.UsageString}}{{end}}`

const usageTemplate = `
Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasHelpSubCommands}}

Topics:{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}
`

// topics are commands that are only read: gridtie help TOPIC.
func topics() []*cobra.Command {
	var env strings.Builder
	env.WriteString("Every setting is a key of the file given with --config, a flag and a variable. A flag wins over its\n" +
		"variable, that over the file, the file over the default. \"gridtie config\" shows what is in force.\n\n")
	for _, k := range settings.Keys() {
		fmt.Fprintf(&env, "  %-24s %s\n", k.Variable(), k.Doc)
		if k.Default != "" {
			fmt.Fprintf(&env, "  %-24s default %s\n", "", k.Default)
		}
	}
	fmt.Fprintf(&env, "  %-24s %s\n", "GRIDTIE_CONFIG", "the file, as with --config")
	fmt.Fprintf(&env, "  %-24s %s\n", "NO_COLOR", "if set to anything, output has no colour")
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: `The exit code tells scripts what happened:

    0  done
    1  the work failed, or a check found something
    2  called wrongly: the usage was printed
   78  the configuration cannot be used: every fault was printed with its place
  130  interrupted`},
		{Use: "environment", Short: "Variables that gridtie reads", Long: env.String()},
	}
}
