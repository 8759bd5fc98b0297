package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	ours      = "gridtie"
	mosquitto = "mosquitto"
)

// row is one figure of every server.
type row struct {
	Name    string            `json:"name"`
	Unit    string            `json:"unit"`
	Figures map[string]figure `json:"figures"` // of the best round; durations in nanoseconds
	// Ratio is ours to mosquitto's, 0 where mosquitto cannot do it.
	Ratio float64 `json:"ratio,omitempty"`
	// Goal is the least that Ratio may be; if mosquitto cannot do it, or memory is measured, Most is the most that the
	// figure may be.
	Goal float64 `json:"goal,omitempty"`
	Most float64 `json:"most,omitempty"`
	Met  bool    `json:"met"`

	measure measurement
	commit  time.Duration
	alone   bool // mosquitto cannot do it
	less    bool // is better
	devices int  // of the product as a whole, which is measured alone
}

func rows(clients int, settle time.Duration) []row {
	const commit = 5 * time.Millisecond
	return []row{
		{Name: "publish, window 1", Unit: "/s", Goal: 1.0, measure: publishes(1)},
		{Name: "publish, window 10", Unit: "/s", Goal: 1.0, measure: publishes(10)},
		{Name: "publish, window 1, commit of 5 ms", Unit: "/s", measure: publishes(1), commit: commit, alone: true},
		{Name: "publish, window 10, commit of 5 ms", Unit: "/s", measure: publishes(10), commit: commit, alone: true},
		{Name: "connect", Unit: "/s", Goal: 1.1, measure: connects},
		{Name: fmt.Sprintf("%d idle connections", clients), Unit: "KiB each", Most: 12, measure: idle(clients, 0), less: true},
		{
			Name: fmt.Sprintf("%d idle devices of the whole product", clients), Unit: "KiB each", Most: 12,
			measure: idle(clients, settle), less: true, devices: clients,
		},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	//nolint:forbidigo // here the process's streams become values
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0, 1 if a goal was missed, 2 if the program was called wrongly or something went wrong.
func run(ctx context.Context, args []string, out, talk io.Writer) int {
	f := flag.NewFlagSet("sessions-bench", flag.ContinueOnError)
	f.SetOutput(talk)
	rounds := f.Int("rounds", 3, "how often each figure is taken")
	lasts := f.Duration("lasts", 2*time.Second, "how long each takes")
	clients := f.Int("idle", 10_000, "idle connections; as many files have to be allowed, see ulimit -n")
	settle := f.Duration("settle", 5*time.Minute, "how long idle connections of the whole product are left alone before memory is looked at; below ten minutes")
	only := f.String("only", "", "take only figures whose name holds this")
	asJSON := f.Bool("json", false, "print JSON")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	var all []row
	for _, r := range rows(*clients, *settle) {
		if strings.Contains(r.Name, *only) {
			all = append(all, r)
		}
	}
	met, err := measureAll(ctx, all, *rounds, *lasts, talk)
	if err == nil {
		err = show(out, all, *asJSON)
	}
	switch {
	case err != nil:
		fmt.Fprintln(talk, "sessions-bench:", err)
		return 2
	case !met:
		return 1
	}
	return 0
}

func measureAll(ctx context.Context, all []row, rounds int, lasts time.Duration, talk io.Writer) (met bool, err error) {
	t, err := newTools(ctx, talk)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, t.remove()) }()
	met = true
	for i := range all {
		r := &all[i]
		r.Figures = map[string]figure{}
		for range rounds {
			if err := r.round(ctx, t, lasts); err != nil {
				return false, fmt.Errorf("%s: %w", r.Name, err)
			}
		}
		r.judge()
		met = met && r.Met
	}
	return met, nil
}

// round takes the figure once of every server, each a fresh process.
func (r *row) round(ctx context.Context, t *tools, lasts time.Duration) error {
	starts := []func() (*process, error){func() (*process, error) { return t.startOurs(ctx, r.commit) }}
	if !r.alone {
		starts = append(starts, func() (*process, error) { return t.startMosquitto(ctx) })
	}
	if r.devices > 0 {
		starts = []func() (*process, error){func() (*process, error) { return t.startProduct(ctx, r.devices) }}
	}
	for _, start := range starts {
		p, err := start()
		if err != nil {
			return err
		}
		got, err := r.measure(ctx, p, lasts)
		if err := errors.Join(err, p.stop(), ctx.Err()); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		best, again := r.Figures[p.name]
		if !again || (got.Rate > best.Rate) != r.less {
			r.Figures[p.name] = got
		}
	}
	return nil
}

func (r *row) judge() {
	mine := max(r.Figures[ours].Rate, r.Figures[serve].Rate)
	if other, ok := r.Figures[mosquitto]; ok && other.Rate > 0 {
		r.Ratio = mine / other.Rate
	}
	r.Met = (r.Goal == 0 || r.Ratio >= r.Goal) && (r.Most == 0 || mine <= r.Most)
}

func show(out io.Writer, all []row, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(all)
	}
	for _, r := range all {
		fmt.Fprintf(out, "%s\n", r.Name)
		for _, name := range []string{ours, serve, mosquitto} {
			f, ok := r.Figures[name]
			if !ok {
				continue
			}
			fmt.Fprintf(out, "  %-13s %10.1f %-8s  p50 %-8s p99 %-8s  server %s each\n", name, f.Rate, r.Unit,
				f.P50.Round(10*time.Microsecond), f.P99.Round(10*time.Microsecond), f.CPU.Round(100*time.Nanosecond))
		}
		switch {
		case r.Goal > 0:
			fmt.Fprintf(out, "  ratio %.2f, goal at least %.1f: %s\n", r.Ratio, r.Goal, word(r.Met))
		case r.Most > 0:
			fmt.Fprintf(out, "  goal at most %.0f: %s\n", r.Most, word(r.Met))
		}
	}
	return nil
}

func word(met bool) string {
	if met {
		return "met"
	}
	return "MISSED"
}
