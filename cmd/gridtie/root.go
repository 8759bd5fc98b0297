package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/settings"
	"github.com/gridtie/gridtie/internal/terminal"
)

// app is what the commands share.
type app struct {
	*terminal.Streams
	variable func(string) (string, bool)
	json     bool   // --json
	config   string // --config
}

// run carries out a command line and returns the exit code.
func run(args []string, s *terminal.Streams, variable func(string) (string, bool)) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once

	a := &app{Streams: s, variable: variable}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	return a.report(ctx, cmd, err)
}

func (a *app) root() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "gridtie",
		Short: "Attach smart meters to their supplier and grid by rule chains",
		Long: "Run messages of smart meters through JSON rule chains. A meter provisions itself, sends its supplier's secret key\n" +
			"and its CUPS, and a chain attaches it to the right supplier and grid, durably, once, with an outcome to read.",
		Example:       "  gridtie serve\n  gridtie check chains/*.json",
		SilenceErrors: true,
		SilenceUsage:  true,
	},
		a.demo(), a.serve(), a.status(), a.reload(), a.configuration(), a.copy(),
		a.profiles(), a.suppliers(), a.grids(), a.devices(), a.packages(), a.outcomes(), a.deadLetters(),
		a.check(), a.try(), a.version(),
	)
	root.AddCommand(topics()...)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.SetHelpTemplate(helpTemplate)
	root.SetUsageTemplate(usageTemplate)
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "YAML file of settings")
	flags.SortFlags = false
	for _, k := range settings.Keys() {
		if k.Name == "data" {
			flags.String(k.Name, k.Default, k.Doc)
		}
	}
	return root
}

// group is a command that only holds others: alone it shows its help, and an unknown word is a usage error.
func group(cmd *cobra.Command, subcommands ...*cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return &usageError{&failure{err: err, hint: fmt.Sprintf("did you mean %q?", cmd.CommandPath()+" "+near[0])}}
		}
		return &usageError{err}
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(subcommands...)
	return cmd
}

// settings reads the configuration as far as flags of cmd, variables and the file say.
func (a *app) settings(cmd *cobra.Command) (settings.Settings, []settings.Value, error) {
	from := settings.Sources{File: a.config, Variable: a.variable, Flag: func(key string) (string, bool) {
		f := cmd.Flags().Lookup(key)
		if f == nil || !f.Changed {
			return "", false
		}
		return f.Value.String(), true
	}}
	if from.File == "" {
		from.File, _ = a.variable("GRIDTIE_CONFIG")
	}
	s, values, err := settings.Load(from)
	if err != nil {
		return s, nil, &configError{err}
	}
	return s, values, nil
}

// settingFlags gives cmd the flags of these settings; none names all.
func settingFlags(cmd *cobra.Command, names ...string) {
	cmd.Flags().SortFlags = false
	for _, k := range settings.Keys() {
		wanted := len(names) == 0 && k.Name != "data" // that one every command has
		for _, n := range names {
			wanted = wanted || n == k.Name
		}
		if wanted {
			cmd.Flags().String(k.Name, k.Default, k.Doc)
		}
	}
}

// jsonFlag gives cmd the flag --json.
func (a *app) jsonFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.json, "json", false, "print JSON")
}

// args wraps a check of the number of arguments, so that its refusal is a usage error and says what is wanted.
func args(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		if n == 0 {
			return &usageError{fmt.Errorf("%q takes no argument, but got %q", cmd.CommandPath(), strings.Join(args, " "))}
		}
		return &usageError{fmt.Errorf("%q wants %s, but got %d arguments", cmd.CommandPath(), what, len(args))}
	}
}
