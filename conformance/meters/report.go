package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/gridtie/gridtie/conformance/internal/lean"
)

// report is what is printed; in JSON, durations are seconds.
type report struct {
	Meters      int     `json:"meters"`
	Failed      int64   `json:"failed"`
	FirstError  string  `json:"firstError,omitempty"`
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate,omitempty"` // that was asked for
	Took        float64 `json:"took"`
	PerSecond   float64 `json:"perSecond"`
	// Whole is the life of a meter. In an open loop it counts from the moment at which the meter was due.
	Whole lean.Summary            `json:"whole"`
	Steps map[string]lean.Summary `json:"steps"`
	// Lag is the longest that a meter began after its moment; it is in Whole, not in Steps.
	Lag      float64  `json:"lag"`
	Attached int      `json:"attached"` // of those that were asked
	Asked    int      `json:"asked"`
	Server   []sample `json:"server,omitempty"`
}

func newReport(f *fleet, r *result) *report {
	p := &report{
		Meters: f.meters, Failed: f.failed.Load(), Connections: f.connections, Rate: f.rate, Took: r.took.Seconds(),
		PerSecond: float64(f.ended.Load()) / r.took.Seconds(), Whole: r.whole.Summary(), Steps: map[string]lean.Summary{},
		Lag: r.lag.Seconds(),
	}
	if r.first != nil {
		p.FirstError = r.first.Error()
	}
	for s := range steps {
		p.Steps[s.String()] = r.steps[s].Summary()
	}
	return p
}

func (p *report) good() bool { return p.Failed == 0 && p.Attached == p.Asked && p.Asked > 0 }

func (p *report) print(to io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(to)
		e.SetIndent("", "  ")
		return e.Encode(p)
	}
	say := func(format string, args ...any) { fmt.Fprintf(to, format+"\n", args...) }
	how := fmt.Sprintf("closed loop of %d", p.Connections)
	if p.Rate > 0 {
		how = fmt.Sprintf("open loop of %.0f a second, the last to begin was %s late", p.Rate, ms(seconds(p.Lag)))
	}
	say("%d meters, %d failed, in %.1f s: %.0f a second (%s)", p.Meters, p.Failed, p.Took, p.PerSecond, how)
	if p.FirstError != "" {
		say("  first failure: %s", p.FirstError)
	}
	say("  %-10s %10s %10s %10s", "", "p50", "p99", "max")
	row := func(name string, s lean.Summary) {
		say("  %-10s %10s %10s %10s", name, ms(s.P50), ms(s.P99), ms(s.Max))
	}
	for s := range steps {
		row(s.String(), p.Steps[s.String()])
	}
	row("whole", p.Whole)
	p.printServer(say)
	say("  %d of %d meters that were asked know that they are attached", p.Attached, p.Asked)
	return nil
}

// shown is how many samples of the server a person reads.
const shown = 8

func (p *report) printServer(say func(string, ...any)) {
	n := len(p.Server)
	if n < 2 {
		return
	}
	last := p.Server[n-1]
	say("  server: %.2f processors, %.0f µs a meter", last.CPU/last.At, last.CPU*1e6/float64(max(last.Meters, 1)))
	say("  %-10s %10s %10s %10s", "after", "meters", "RSS MiB", "heap MiB")
	for i := range shown {
		s := p.Server[i*(n-1)/(shown-1)]
		say("  %-10s %10d %10.0f %10.0f", fmt.Sprintf("%.1f s", s.At), s.Meters, s.RSS/(1<<20), s.Heap/(1<<20))
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
