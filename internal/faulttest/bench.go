package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashtest"
	"github.com/gridtie/gridtie/registry/store"
)

// bench is what a case works with.
type bench struct {
	context.Context
	gridtie string // the program
	dir     string // scratch
	chains  string // folder of chains in which every event leaves a trace
	data    string // the folder under test; a case may move it before furnish
	out     io.Writer
	storm   crashtest.Storm
	notes   []string
	logs    []string // files
	undo    []func() error
}

func newBench(ctx context.Context, gridtie, scratch string, out io.Writer) (*bench, error) {
	dir, err := os.MkdirTemp(scratch, "gridtie-faults-")
	if err != nil {
		return nil, err
	}
	b := &bench{Context: ctx, gridtie: gridtie, dir: dir, chains: filepath.Join(dir, "chains"), data: filepath.Join(dir, "data"), out: out}
	b.later(func() error { return os.RemoveAll(dir) })
	if err := os.Mkdir(b.chains, 0o700); err != nil {
		return nil, err
	}
	return b, crashtest.WriteChains(b.chains)
}

// later gives something back at the end, last taken first.
func (b *bench) later(undo func() error) { b.undo = append(b.undo, undo) }

func (b *bench) giveBack() error {
	var errs []error
	for i := len(b.undo) - 1; i >= 0; i-- {
		errs = append(errs, b.undo[i]())
	}
	return errors.Join(errs...)
}

// note keeps a line for the summary.
func (b *bench) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	b.notes = append(b.notes, line)
	_, _ = fmt.Fprintln(b.out, "  "+line)
}

// showLog prints the end of every log.
func (b *bench) showLog() {
	for _, name := range b.logs {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		_, _ = fmt.Fprintf(b.out, "  the end of %s:\n", filepath.Base(name))
		for _, line := range lines[max(0, len(lines)-15):] {
			_, _ = fmt.Fprintln(b.out, "    "+line)
		}
	}
}

// furnish makes the registry.
func (b *bench) furnish() error {
	return crashtest.InFolder(b.data, func(st store.Store, key secret.Key) (err error) {
		b.storm.World, err = crashtest.FurnishStore(b, st, key, false)
		return err
	})
}

// check holds what is left against what clients were told.
func (b *bench) check() error {
	meters := b.storm.Snapshot(func() {})
	provisioned, posted := crashtest.Totals(meters)
	if provisioned == 0 || posted == 0 {
		return errors.New("nothing was acknowledged, so that nothing is proved")
	}
	return crashtest.InFolder(b.data, func(st store.Store, key secret.Key) error {
		found, resumed, err := crashtest.Restart(b, st, key, meters)
		if err != nil {
			return err
		}
		b.note("acknowledged: %d devices, %d messages; afterwards: %s; %d messages were taken up", provisioned, posted, found.Verdict(), resumed)
		if len(found) > 0 {
			return fmt.Errorf("what was acknowledged is not what is there:\n%v", found)
		}
		return nil
	})
}

// acknowledged is how many answers clients have had.
func (b *bench) acknowledged() int {
	provisioned, posted := crashtest.Totals(b.storm.Snapshot(func() {}))
	return provisioned + posted
}

// sh runs a command of the system and returns what it says.
func (b *bench) sh(name string, args ...string) (string, error) {
	if _, err := exec.LookPath(name); err != nil {
		return "", skip("%s is missing", name)
	}
	out, err := exec.CommandContext(b, name, args...).CombinedOutput()
	text := string(bytes.TrimSpace(out))
	if err != nil {
		return text, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, text)
	}
	return text, nil
}
