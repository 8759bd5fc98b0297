package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/settings"
	"github.com/gridtie/gridtie/internal/terminal"
)

// The exit codes. The help topic exit-codes is made from the same facts.
const (
	exitDone        = 0
	exitFailed      = 1 // the work failed, or a check found something
	exitUsage       = 2
	exitConfig      = 78 // EX_CONFIG of sysexits(3)
	exitInterrupted = 130
)

// usageError is a command called wrongly: the usage is shown with it, and only with it.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// configError is a configuration that cannot be used.
type configError struct{ error }

func (e *configError) Unwrap() error { return e.error }

// failure is an error with the command or key that mends it.
type failure struct {
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }
func (f *failure) Hint() string  { return f.hint }

// errFound ends a check that printed what it found: there is nothing more to say.
var errFound = errors.New("found")

// report prints an error and chooses the exit code.
func (a *app) report(ctx context.Context, cmd *cobra.Command, err error) int {
	if errors.Is(err, errFound) {
		return exitFailed
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintln(a.Err, "interrupted")
		return exitInterrupted
	}
	for _, one := range split(err) {
		for i, line := range strings.Split(one.Error(), "\n") {
			indent := "gridtie: "
			if i > 0 {
				indent = "  "
			}
			_, _ = fmt.Fprintf(a.Err, "%s%s\n", indent, terminal.Clean(line))
		}
		var hinted interface{ Hint() string }
		if errors.As(one, &hinted) && hinted.Hint() != "" {
			_, _ = fmt.Fprintf(a.Err, "  hint: %s\n", terminal.Clean(hinted.Hint()))
		}
	}
	var usage *usageError
	var config *configError
	switch {
	case errors.As(err, &usage):
		line := cmd.UseLine()
		if cmd.HasSubCommands() {
			line = cmd.CommandPath() + " COMMAND"
		}
		_, _ = fmt.Fprintf(a.Err, "\nUsage: %s\nMore:  %s --help\n", line, cmd.CommandPath())
		return exitUsage
	case errors.As(err, &config):
		if onlyFlags(config) {
			return exitUsage
		}
		return exitConfig
	}
	return exitFailed
}

// split takes joined errors apart, so that each gets a line and a hint of its own.
func split(err error) []error {
	var config *configError
	if errors.As(err, &config) {
		err = config.error
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// onlyFlags says that every fault of a configuration is in a flag: then it was the call that was wrong.
func onlyFlags(err *configError) bool {
	for _, one := range split(err) {
		var fault *settings.Error
		if !errors.As(one, &fault) || !strings.HasPrefix(fault.Place, "flag ") {
			return false
		}
	}
	return true
}
