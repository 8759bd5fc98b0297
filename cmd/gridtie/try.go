package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/internal/terminal"
)

func (a *app) try() *cobra.Command {
	var chain, message string
	cmd := &cobra.Command{
		Use: "try --chain FILE --message FILE", Short: "Run one message through a chain, without effects", Args: args(0, ""),
		Long: "Run one message through a chain, and show the way it takes and the values seen, without effects. Suppliers, keys\n" +
			"and grids are those of the data folder if there is one. Chains that the file calls are taken from --chains, or\n" +
			"from the built-in set.\n\n" +
			"The message file is what a device would send, or {\"type\": …, \"device\": …, \"metadata\": …, \"payload\": …}.\n" +
			"The exit code is 1 if the message would be dead-lettered.",
		Example: "  gridtie try --chain attach.json --message one.json\n" +
			"  gridtie try --chain attach.json --message one.json --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if chain == "" || message == "" {
				return &usageError{errors.New("give both --chain FILE and --message FILE")}
			}
			request, err := a.tryRequest(cmd, chain, message)
			if err != nil {
				return err
			}
			var result admin.TryResult
			ask := func(c *admin.Client) (err error) {
				result, err = c.Try(cmd.Context(), request)
				return err
			}
			if err := a.tryAdmin(cmd, ask); err != nil {
				return err
			}
			if err := a.answer(result, func() error { return a.showTry(message, result) }); err != nil {
				return err
			}
			if result.State != "done" {
				return errFound
			}
			return nil
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&chain, "chain", "", "chain file that the message enters")
	cmd.Flags().StringVar(&message, "message", "", "message file")
	settingFlags(cmd, "chains")
	a.jsonFlag(cmd)
	return cmd
}

// tryAdmin asks what knows the data folder, and without a data folder an empty registry in memory.
func (a *app) tryAdmin(cmd *cobra.Command, ask func(*admin.Client) error) error {
	s, _, err := a.settings(cmd)
	if err != nil {
		return err
	}
	if folder.Exists(s.Data) {
		return a.withAdmin(cmd, ask)
	}
	a.talk("no data folder %q: suppliers and keys are unknown here", s.Data)
	local, err := server.OpenEmpty(cmd.Context(), a.serverOptions(s, a.logger(s, max(s.LogLevel, zerolog.WarnLevel))))
	if err != nil {
		return err
	}
	return errors.Join(ask(admin.Local(local.Handler())), local.Close())
}

func (a *app) tryRequest(cmd *cobra.Command, chain, message string) (r admin.TryRequest, err error) {
	s, _, err := a.settings(cmd)
	if err != nil {
		return r, err
	}
	files, err := server.ReadChains(chain)
	if err != nil {
		return r, err
	}
	beside, err := server.ChainSet(s.Chains)
	if err != nil {
		return r, err
	}
	for _, f := range server.Overlay(files, beside) {
		r.Files = append(r.Files, admin.ChainFile{Name: f.Name, Text: string(f.Text)})
	}
	if r.Chain, err = server.ChainID(files[0]); err != nil {
		return r, err
	}
	text, err := os.ReadFile(message)
	if err != nil {
		return r, fmt.Errorf("reading the message: %w", err)
	}
	r.Message, err = readMessage(text)
	if err != nil {
		return r, &failure{
			fmt.Errorf("reading the message %q: %w", message, err),
			`write what a device would send, or {"type": …, "device": …, "metadata": …, "payload": …}`,
		}
	}
	return r, nil
}

// readMessage takes an envelope, which is strict JSON with a payload, or else the text as what a device sends.
func readMessage(text []byte) (m admin.TryMessage, err error) {
	var names map[string]json.RawMessage
	if json.Unmarshal(text, &names) == nil && names["payload"] != nil {
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil {
			return m, err
		}
		// A payload in quotes is text as a device sends it, which need not be JSON.
		var raw string
		if json.Unmarshal(m.Payload, &raw) == nil {
			m.Text, m.Payload = raw, nil
		}
		return m, nil
	}
	m.Text = string(text)
	return m, nil
}

func (a *app) showTry(message string, r admin.TryResult) error {
	if r.Findings.HasErrors() {
		a.showFindings(tally(r.Findings, 1, 0))
		return nil
	}
	a.say("message %s  %s  %s", filepath.Base(message), terminal.Clean(r.Type), terminal.Clean(r.Device))
	t := a.Table("Node", "Relation", "Seen")
	node, relation := 0, 0
	for _, h := range r.Hops {
		node, relation = max(node, len([]rune(hopName(r, h)))), max(relation, len([]rune(h.Relation)))
	}
	for _, h := range r.Hops {
		seen := h.Seen
		if h.Error != "" {
			seen = append(seen, h.Error)
		}
		if !a.Terminal {
			t.Row(hopName(r, h), h.Relation, strings.Join(seen, ", "))
			continue
		}
		a.say("  %-*s  %-*s  %s", node, terminal.Clean(hopName(r, h)), relation, terminal.Clean(h.Relation),
			terminal.Clean(strings.Join(seen, ", ")))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	took := terminal.Human(time.Duration(r.Took * float64(time.Second)))
	switch {
	case r.State != "done":
		a.say("%s: %s", r.State, terminal.Clean(r.Cause))
	case r.Outcome == "":
		a.say("no outcome in %s", took)
	default:
		a.say("outcome %s in %s", r.Outcome, took)
	}
	return nil
}

// hopName names the chain only where the message has left the first one.
func hopName(r admin.TryResult, h admin.TryHop) string {
	if len(r.Hops) > 0 && h.Chain == r.Hops[0].Chain {
		return h.Node
	}
	return h.Chain + "/" + h.Node
}
