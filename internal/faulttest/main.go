// Command faulttest puts the real program on disks, memory and processors that fail, under load over real sockets, and
// looks at what it says, whom it answers, and what is there afterwards. conformance/faults/run builds and runs it.
//
// Learn three types. A [fault] is one case: what it needs of the machine, and what is done. A [bench] is what a case
// works with: a scratch folder, disks and control groups that it gives back, notes for the report. A [program] is a
// running gridtie serve with everything that can be asked of it from outside. The load and the check of what is left are
// those of package crashtest.
//
// It mounts, freezes and limits, so it wants root; what a machine does not allow is reported as skipped, with the
// reason, never as passed. Everything belongs to one goroutine but the load.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// fault is one case.
type fault struct {
	name, what string
	run        func(*bench) error
}

// skipped says why a case cannot be run on this machine.
type skipped struct{ why string }

func (s *skipped) Error() string { return s.why }

func skip(format string, args ...any) error { return &skipped{fmt.Sprintf(format, args...)} }

// result is a line of the summary.
type result struct {
	name, word string
	took       time.Duration
	notes      []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out, talk io.Writer) int {
	flags := flag.NewFlagSet("faulttest", flag.ContinueOnError)
	flags.SetOutput(talk)
	gridtie := flags.String("gridtie", "", "the program")
	scratch := flags.String("scratch", os.TempDir(), "where folders and disk images are made")
	list := flags.Bool("list", false, "name the cases")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	all := faults()
	if *list {
		for _, f := range all {
			_, _ = fmt.Fprintf(out, "%-14s %s\n", f.name, f.what)
		}
		return 0
	}
	for _, name := range flags.Args() {
		if !slices.ContainsFunc(all, func(f fault) bool { return f.name == name }) {
			_, _ = fmt.Fprintf(talk, "there is no case %q; -list names them\n", name)
			return 2
		}
	}
	if *gridtie == "" {
		_, _ = fmt.Fprintln(talk, "-gridtie names the program")
		return 2
	}
	var results []result
	for _, f := range all {
		if ctx.Err() == nil && (flags.NArg() == 0 || slices.Contains(flags.Args(), f.name)) {
			results = append(results, one(ctx, f, *gridtie, *scratch, out))
		}
	}
	return summary(out, results, ctx.Err() != nil)
}

// one runs a case and gives back what it took.
func one(ctx context.Context, f fault, gridtie, scratch string, out io.Writer) result {
	_, _ = fmt.Fprintf(out, "\n=== %s: %s\n", f.name, f.what)
	r := result{name: f.name, word: "passed"}
	began := time.Now()
	b, err := newBench(ctx, gridtie, scratch, out)
	if err == nil {
		err = f.run(b)
		if err != nil && !errors.As(err, new(*skipped)) {
			b.showLog()
		}
		err = errors.Join(err, b.giveBack())
		r.notes = b.notes
	}
	r.took = time.Since(began)
	var s *skipped
	switch {
	case errors.As(err, &s):
		r.word, r.notes = "SKIPPED", []string{s.why}
	case err != nil:
		r.word = "FAILED"
		_, _ = fmt.Fprintf(out, "%s: %v\n", f.name, err)
		r.notes = append(r.notes, strings.Split(err.Error(), "\n")...)
	}
	return r
}

func summary(out io.Writer, results []result, interrupted bool) int {
	count := map[string]int{}
	_, _ = fmt.Fprintf(out, "\n%-14s %-8s %6s  %s\n", "case", "", "took", "seen")
	for _, r := range results {
		count[r.word]++
		for i, note := range append(r.notes, "")[:max(1, len(r.notes))] {
			if i == 0 {
				_, _ = fmt.Fprintf(out, "%-14s %-8s %4.0f s  %s\n", r.name, r.word, r.took.Seconds(), note)
			} else {
				_, _ = fmt.Fprintf(out, "%-31s %s\n", "", note)
			}
		}
	}
	_, _ = fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", count["passed"], count["FAILED"], count["SKIPPED"])
	switch {
	case interrupted:
		return 130
	case count["FAILED"] > 0:
		return 1
	}
	return 0
}
