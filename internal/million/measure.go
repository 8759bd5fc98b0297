package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Point is what was measured with one number of devices. Times are seconds, sizes bytes; of several rounds it holds the
// best, since noise only ever makes it worse.
type Point struct {
	Devices int     `json:"devices"`
	Tables  int64   `json:"tables"` // on disk, after compaction
	Ready   float64 `json:"ready"`  // from the start of the process to the first answer of /readyz that is yes
	Memory  int64   `json:"memory"` // resident when it is ready
	Peak    int64   `json:"peak"`   // greatest resident memory of any round, while meters came in
	Rate    float64 `json:"rate"`   // meters a second that connected, provisioned themselves, reconnected and attached
	CPU     float64 `json:"cpu"`    // processor time of the server for each of them
	P50     float64 `json:"p50"`    // of a meter's message with key and CUPS, until it was acknowledged
	P99     float64 `json:"p99"`
}

// measure fills the folders and lets them take turns.
func (o *options) measure(ctx context.Context, talk io.Writer) (_ []*Point, err error) {
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "gridtie-million-"); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	tools, err := os.MkdirTemp("", "gridtie-million-tools-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tools)) }()
	for name, path := range map[string]string{"gridtie": "cmd/gridtie", "meters": "conformance/meters"} {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(tools, name), "github.com/gridtie/gridtie/"+path)
		build.Stderr = talk
		if err := build.Run(); err != nil {
			return nil, fmt.Errorf("building %s: %w", name, err)
		}
	}
	points := make([]*Point, len(o.devices))
	for i, n := range o.devices {
		if points[i], err = filled(ctx, filepath.Join(dir, strconv.Itoa(n)), n, talk); err != nil {
			return nil, fmt.Errorf("filling a folder with %d devices: %w", n, err)
		}
	}
	for round := range o.rounds {
		for _, p := range points {
			t := turn{tools: tools, data: filepath.Join(dir, strconv.Itoa(p.Devices)), meters: o.meters}
			if err := t.run(ctx, p); err != nil {
				return nil, fmt.Errorf("%d devices: %w", p.Devices, err)
			}
		}
		fmt.Fprintf(talk, "round %d of %d\n", round+1, o.rounds)
	}
	return points, nil
}

// filled fills a folder, unless a former run has.
func filled(ctx context.Context, data string, n int, talk io.Writer) (*Point, error) {
	note := filepath.Join(data, "filled.json")
	p := &Point{}
	if text, err := os.ReadFile(note); err == nil {
		return p, json.Unmarshal(text, p)
	}
	if err := os.RemoveAll(data); err != nil {
		return nil, err
	}
	begin := time.Now()
	bytes, err := fill(ctx, data, n)
	if err != nil {
		return nil, err
	}
	p.Devices, p.Tables = n, bytes
	fmt.Fprintf(talk, "%d devices made in %s\n", n, time.Since(begin).Round(time.Second))
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return p, os.WriteFile(note, text, 0o600)
}

// show says what the budgets ask for.
func show(to io.Writer, points []*Point) {
	fmt.Fprintf(to, "%10s %12s %10s %12s %12s %10s %10s %10s %10s\n",
		"devices", "bytes each", "ready s", "memory MiB", "peak MiB", "rate/s", "CPU µs", "p50 ms", "p99 ms")
	for _, p := range points {
		fmt.Fprintf(to, "%10d %12d %10.2f %12.0f %12.0f %10.0f %10.0f %10.1f %10.1f\n", p.Devices, p.Tables/int64(p.Devices),
			p.Ready, float64(p.Memory)/(1<<20), float64(p.Peak)/(1<<20), p.Rate, p.CPU*1e6, p.P50*1e3, p.P99*1e3)
	}
	first, last := points[0], points[len(points)-1]
	if first != last {
		fmt.Fprintf(to, "with %d devices: %.2f of the rate with %d, for %.2f of the processor time\n",
			last.Devices, last.Rate/first.Rate, first.Devices, last.CPU/first.CPU)
	}
}
