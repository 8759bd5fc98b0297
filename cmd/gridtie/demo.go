package main

import (
	"fmt"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/demo"
	"github.com/gridtie/gridtie/internal/settings"
)

func (a *app) demo() *cobra.Command {
	o := demo.Options{Version: release}
	var at string
	cmd := &cobra.Command{
		Use: "demo", Short: "Watch a thousand simulated meters being attached", Args: args(0, ""),
		Long: "Watch simulated meters being attached, by a real server on free ports of this machine: suppliers and grids are\n" +
			"made, every meter provisions itself over MQTT, reconnects with its own credentials, and sends its supplier's key\n" +
			"and its CUPS once. About one meter in eight is faulty on purpose. At the end the registry is compared with the\n" +
			"plan, meter by meter; the exit code is 0 only if every outcome is the planned one.\n\n" +
			"The data is in a temporary folder, removed at the end unless --keep is given. --data names a new folder instead,\n" +
			"which is kept. The variable GRIDTIE_DATA does not count here.\n\n" +
			"--store runs it on PostgreSQL, in a schema of its own that is kept or removed with the folder: nothing else in\n" +
			"that database is touched. An address with a password in it is taken from the variable GRIDTIE_DEMO_STORE.",
		Example: "  gridtie demo\n  gridtie demo --meters 20000 --keep",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f := cmd.Flags().Lookup("data"); f.Changed {
				o.Data = f.Value.String()
			}
			address, err := a.storeAddress("store", at, "GRIDTIE_DEMO_STORE")
			if err != nil {
				return err
			}
			if o.Store, err = settings.StoreAddress(address); err != nil {
				return &usageError{fmt.Errorf("the store %w", err)}
			}
			if err := o.Check(); err != nil {
				return &usageError{err}
			}
			return a.runDemo(cmd, o)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().IntVar(&o.Meters, "meters", demo.DefaultMeters, fmt.Sprintf("how many meters, from 1 to %d", demo.MaxMeters))
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "another number plans another fleet")
	cmd.Flags().IntVar(&o.Connections, "connections", demo.DefaultConnections,
		fmt.Sprintf("meters connected at once, from 1 to %d", demo.MaxConnections))
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "keep the data")
	cmd.Flags().StringVar(&at, "store", "", "address of a PostgreSQL database, postgres://USER@HOST:PORT/DATABASE; a folder if empty")
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) runDemo(cmd *cobra.Command, o demo.Options) error {
	// What goes wrong shows in the report; only what an operator would have to act on is worth a line of log.
	o.Logger = a.logger(settings.Settings{LogFormat: "auto"}, zerolog.ErrorLevel)
	bars := newBars(a)
	o.Step = func(p demo.Phase, done, total int) { bars.step(string(p), done, total) }
	where := "a temporary folder"
	if o.Data != "" {
		where = o.Data
	}
	if !o.Store.IsZero() {
		where = settings.ShowStore(o.Store.Reveal())
	}
	bars.title(fmt.Sprintf("Gridtie %s demo: %s simulated meters, %d suppliers, %d grids, data in %s",
		release, a.Count(o.Meters), demo.Suppliers(), demo.Grids(), where))
	report, err := demo.Run(cmd.Context(), o)
	bars.end()
	if err != nil {
		return err
	}
	if err := a.answer(report, func() error { return a.showReport(report) }); err != nil {
		return err
	}
	if !report.AsPlanned {
		return errFound
	}
	return nil
}

// showReport prints what a demonstration found: for people as tables under headings, off a terminal as rows of which the
// first column says what they are.
func (a *app) showReport(r *demo.Report) error {
	if !a.Terminal {
		return a.listReport(r)
	}
	a.say("")
	t := a.Table("  Supplier", "Grid", right("Attached"))
	for _, s := range r.Attached {
		t.Row("  "+s.Supplier, joined(s.Grid, s.GridName), right(a.Count(s.Meters)))
	}
	t.Row("  ", "together", right(a.Count(r.Together)))
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.Refused) > 0 {
		a.say("")
		t = a.Table("  Why not attached", right("Meters"), "What it means")
		for _, o := range r.Refused {
			t.Row("  "+string(o.Code), right(a.Count(o.Count)), o.Meaning)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	a.say("")
	t = a.Table("  Speed", right("Meters"), right("a second"), right("p50"), right("p99"), "Measured")
	t.Row("  provision", right(a.Count(r.Provision.Meters)), right(a.Count(int(r.Provision.PerSecond))),
		right(millis(r.Provision.P50)), right(millis(r.Provision.P99)), "from the request to the answer")
	t.Row("  attach", right(a.Count(r.Attach.Meters)), right(a.Count(int(r.Attach.PerSecond))),
		right(millis(r.Attach.P50)), right(millis(r.Attach.P99)), "from the message to its PUBACK: on disk")
	if err := t.Flush(); err != nil {
		return err
	}
	a.verdict(r)
	return nil
}

func (a *app) verdict(r *demo.Report) {
	a.say("")
	if r.AsPlanned {
		a.say("  All %s outcomes are the expected ones. %s lost, %s doubled.", a.Count(r.Meters), a.Count(r.Lost), a.Count(r.Doubled))
	} else {
		a.say("  %s", joined(a.Count(len(r.Differences)), "differences from the plan:", a.Count(r.Lost), "lost,", a.Count(r.Doubled), "doubled."))
		for i, d := range r.Differences {
			if i == shownDifferences {
				a.say("    and %s more: see --json", a.Count(len(r.Differences)-i))
				break
			}
			a.say("    %s %s: expected %s, got %s", d.Meter, fault(d), d.Want, d.Got)
		}
	}
	a.say("")
	if r.Data == "" {
		a.say("Next: gridtie serve           run it for your own meters\n" +
			"      gridtie demo --keep     look around in this registry afterwards")
		return
	}
	if r.Store != "" {
		a.say("Store: %s\nIt goes on with that address as GRIDTIE_STORE, and the password if there is one.", r.Store)
	}
	a.say("Data: %s\n\nNext: gridtie devices list --data %s\n      gridtie outcomes list --code HELD --data %s\n"+
		"      gridtie serve --data %s", r.Data, r.Data, r.Data, r.Data)
}

// shownDifferences is how many a person reads.
const shownDifferences = 20

func fault(d demo.Difference) string {
	if d.Fault == "" {
		return "(healthy)"
	}
	return "(" + d.Fault + ")"
}

// listReport prints rows for programs.
func (a *app) listReport(r *demo.Report) error {
	for _, s := range r.Attached {
		a.say("attached\t%s\t%s\t%s\t%d", s.Supplier, s.Grid, s.GridName, s.Meters)
	}
	for _, o := range r.Refused {
		a.say("refused\t%s\t%d\t%s", o.Code, o.Count, o.Meaning)
	}
	for _, x := range []struct {
		name string
		demo.Timing
	}{{"provision", r.Provision}, {"attach", r.Attach}} {
		a.say("speed\t%s\t%d\t%.0f\t%.6f\t%.6f", x.name, x.Meters, x.PerSecond, x.P50, x.P99)
	}
	for _, d := range r.Differences {
		a.say("difference\t%s\t%s\t%s\t%s", d.Meter, d.Fault, d.Want, d.Got)
	}
	a.say("total\t%d\t%d\t%d\t%d", r.Meters, r.Together, r.Lost, r.Doubled)
	if r.Data != "" {
		a.say("data\t%s", r.Data)
	}
	if r.Store != "" {
		a.say("store\t%s", r.Store)
	}
	return nil
}

// right pads a number so that a column of them lines up.
func right(text string) string { return fmt.Sprintf("%8s", text) }

// millis is a duration in milliseconds, with as many digits as it takes to compare.
func millis(seconds float64) string {
	ms := seconds * 1000
	switch {
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.0f ms", ms)
	}
}
