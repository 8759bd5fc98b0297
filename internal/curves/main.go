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
	"path/filepath"
	"syscall"
)

// curves is all that was measured: the file curves.json.
type curves struct {
	Devices   []devicePoint `json:"devices"`
	Suppliers []flowPoint   `json:"suppliers"`
	InFlight  []flowPoint   `json:"inFlight"`
	Chain     []chainPoint  `json:"chain"`
}

// devicePoint is what million writes, as far as it is drawn.
type devicePoint struct {
	Devices int     `json:"devices"`
	Rate    float64 `json:"rate"` // a second
	CPU     float64 `json:"cpu"`  // processor seconds of the server a meter
	P50     float64 `json:"p50"`  // seconds
	P99     float64 `json:"p99"`
}

// flowPoint is a rate of durable attachments, and how long one took from Submit to its fate.
type flowPoint struct {
	N    int     `json:"n"`
	Rate float64 `json:"rate"` // a second
	CPU  float64 `json:"cpu"`  // processor seconds a message
	P50  float64 `json:"p50"`  // seconds
	P99  float64 `json:"p99"`
}

// chainPoint is what a message costs on a chain of so many nodes, in memory.
type chainPoint struct {
	Nodes   int     `json:"nodes"`
	Message float64 `json:"message"` // processor seconds
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	//nolint:forbidigo // here the process's streams become values
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		//nolint:forbidigo // see above
		fmt.Fprintln(os.Stderr, "curves:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, talk io.Writer) error {
	f := flag.NewFlagSet("curves", flag.ContinueOnError)
	f.SetOutput(talk)
	out := f.String("out", "docs/pictures", "folder of curves.json and the pictures")
	devices := f.String("devices", "", "what million has measured; without it the curve in curves.json stays")
	rounds := f.Int("rounds", 10, "how often each size has its turn")
	draw := f.Bool("draw", false, "measure nothing, draw curves.json anew")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil { //nolint:gosec // pictures for everybody
		return err
	}
	file := filepath.Join(*out, "curves.json")
	c := &curves{}
	if err := read(file, c); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if *devices != "" {
		c.Devices = nil
		if err := read(*devices, &c.Devices); err != nil {
			return err
		}
	}
	if !*draw {
		if err := c.measure(ctx, *rounds, talk); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := write(file, append(text, '\n')); err != nil {
		return err
	}
	for name, p := range c.pictures() {
		if err := write(filepath.Join(*out, name+".svg"), p.svg()); err != nil {
			return err
		}
	}
	return nil
}

func (c *curves) measure(ctx context.Context, rounds int, talk io.Writer) (err error) {
	fmt.Fprintln(talk, "length of a chain")
	if c.Chain, err = measureChain(ctx, rounds); err != nil {
		return err
	}
	fmt.Fprintln(talk, "suppliers")
	if c.Suppliers, err = measureSuppliers(ctx, rounds, talk); err != nil {
		return err
	}
	fmt.Fprintln(talk, "in flight")
	c.InFlight, err = measureInFlight(ctx, rounds, talk)
	return err
}

func read(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func write(file string, text []byte) error {
	return os.WriteFile(file, text, 0o644) //nolint:gosec // a picture for everybody
}
