package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	quick := flag.Bool("quick", false, "only those that stand for each promise")
	rev := flag.String("rev", "HEAD", "revision to break")
	limit := flag.Duration("limit", 2*time.Minute, "time of the tests of one fault")
	flag.Parse()
	err := run(ctx, os.Stdout, flag.Args(), *quick, *rev, *limit) //nolint:forbidigo // a program of its own
	if err != nil {
		fmt.Fprintln(os.Stderr, err) //nolint:forbidigo // a program of its own
		os.Exit(1)                   //nolint:gocritic // stop ends with the process
	}
}

func run(ctx context.Context, out io.Writer, names []string, quick bool, rev string, limit time.Duration) (err error) {
	root, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return fmt.Errorf("looking for the repository: %w", err)
	}
	repository := strings.TrimSpace(string(root))
	scratch, err := os.MkdirTemp("", "gridtie-mutations-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	tree := filepath.Join(scratch, "tree")
	// A clone, not a work tree: nothing is left in the repository if this process is killed.
	for _, words := range [][]string{
		{"clone", "-q", "--shared", "--no-checkout", repository, tree}, {"-C", tree, "checkout", "-q", "--detach", resolved(ctx, repository, rev)},
	} {
		if text, err := exec.CommandContext(ctx, "git", words...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w\n%s", words[0], err, text)
		}
	}
	all, err := load(filepath.Join(repository, "conformance", "mutations", "faults"))
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(m mutation) bool {
		return len(names) > 0 && !slices.Contains(names, m.name) || quick && !m.quick
	})
	if len(chosen) < max(len(names), 1) {
		return fmt.Errorf("%d of the faults asked for are here", len(chosen))
	}
	unsound, err := sound(ctx, tree, chosen, limit)
	if err != nil {
		return err
	}
	bad := 0
	for i := range chosen {
		line, ok := try(ctx, tree, &chosen[i], unsound, limit)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !ok {
			bad++
		}
		_, _ = fmt.Fprintln(out, line)
	}
	_, _ = fmt.Fprintf(out, "%d faults, %d caught, %d not\n", len(chosen), len(chosen)-bad, bad)
	if bad > 0 {
		return errors.New("a fault that no test sees will come back one day: write the test")
	}
	return nil
}

// resolved is the commit that rev names in the repository, which the clone may not know by that name.
func resolved(ctx context.Context, repository, rev string) string {
	id, err := exec.CommandContext(ctx, "git", "-C", repository, "rev-parse", "--verify", "-q", rev+"^{commit}").Output()
	if err != nil {
		return rev // git says what is wrong with it
	}
	return strings.TrimSpace(string(id))
}

// sound runs all tests that are to catch something on the product as it is, and says why some cannot.
func sound(ctx context.Context, tree string, chosen []mutation, limit time.Duration) (unsound map[string]string, err error) {
	unsound = map[string]string{}
	for _, m := range chosen {
		for _, args := range m.tests {
			if _, known := unsound[args]; known {
				continue
			}
			v, err := test(ctx, tree, args, limit)
			if err != nil {
				return nil, err
			}
			unsound[args] = ""
			if v.failed {
				unsound[args] = fmt.Sprintf("go test %s fails without a fault: %s\n%s", args, v.by, v.output)
			}
		}
	}
	return unsound, nil
}

// try makes one fault and says who caught it.
func try(ctx context.Context, tree string, m *mutation, unsound map[string]string, limit time.Duration) (line string, caught bool) {
	told := func(word, how string, took time.Duration) string {
		return fmt.Sprintf("%-9s %-28s %5.1f s  %s", word, m.name, took.Seconds(), how)
	}
	for _, args := range m.tests {
		if why := unsound[args]; why != "" {
			return told("UNSOUND", why, 0), false
		}
	}
	undo, err := m.apply(tree)
	if err != nil {
		return told("STALE", err.Error(), 0), false
	}
	var took time.Duration
	for _, args := range m.tests {
		var v verdict
		if v, err = test(ctx, tree, args, limit); err != nil {
			break
		}
		took += v.duration
		if v.unbuilt {
			err = fmt.Errorf("it does not compile:\n%s", v.output)
			break
		}
		if v.failed {
			line, caught = told("caught", v.by, took), true
			break
		}
	}
	if err = errors.Join(err, undo()); err != nil {
		return told("BROKEN", err.Error(), took), false
	}
	if !caught {
		line = told("SURVIVED", m.what+", and go test "+strings.Join(m.tests, ", ")+" passes", took)
	}
	return line, caught
}
