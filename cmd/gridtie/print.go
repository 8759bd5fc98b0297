package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gridtie/gridtie/internal/terminal"
)

// answer prints v as JSON if that was asked for, else what text prints. Both come from the same value.
func (a *app) answer(v any, text func() error) error {
	if !a.json {
		return text()
	}
	e := json.NewEncoder(a.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// say prints a line of the answer.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a.Out, format+"\n", args...)
}

// talk prints a line beside the answer.
func (a *app) talk(format string, args ...any) {
	_, _ = fmt.Fprintf(a.Err, format+"\n", args...)
}

// field prints a labelled value of something that is shown in full; empty ones are left out.
func (a *app) field(label, value string) {
	if value == "" {
		return
	}
	if !a.Terminal {
		a.say("%s\t%s", label, terminal.Clean(value))
		return
	}
	a.say("  %-16s%s", label, terminal.Clean(value))
}

// more says that a list goes on.
func (a *app) more(next string) {
	if next != "" {
		a.talk("there are more: repeat the command with --cursor %s", next)
	}
}

// until is the last moment of a key's validity for people: the end is exclusive, so midnight means the day before.
func (a *app) until(t time.Time) string {
	if t.UTC().Truncate(24 * time.Hour).Equal(t) {
		return t.UTC().AddDate(0, 0, -1).Format(time.DateOnly) + " (UTC)"
	}
	return a.Time(t)
}

func joined(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}
