package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/terminal"
)

// TestHelp: every command says in a sentence what it does and ends with two examples that its own flags accept.
func TestHelp(t *testing.T) {
	t.Parallel()
	fresh := func() *cobra.Command {
		a := &app{Streams: &terminal.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}}
		return a.root()
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help %q", cmd.CommandPath(), cmd.Short)
		}
		if cmd.IsAdditionalHelpTopicCommand() {
			return
		}
		if cmd.Long == "" || !strings.HasSuffix(cmd.Long, ".") {
			t.Errorf("%s: long help %q", cmd.CommandPath(), cmd.Long)
		}
		examples := strings.Split(cmd.Example, "\n")
		if len(examples) != 2 {
			t.Errorf("%s: got %d examples, want 2", cmd.CommandPath(), len(examples))
		}
		for _, line := range examples {
			_, call, ok := strings.Cut(line, "gridtie ")
			if !ok || !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: example %q", cmd.CommandPath(), line)
				continue
			}
			call, _, _ = strings.Cut(call, " <")
			found, rest, err := fresh().Find(strings.Fields(call))
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err != nil || found.HasSubCommands() {
				t.Errorf("%s: example %q does not run: %v", cmd.CommandPath(), line, err)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(fresh())
}
