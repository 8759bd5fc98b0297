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
	"strconv"
	"strings"
	"syscall"
)

type options struct {
	devices []int
	rounds  int
	meters  int
	dir     string
	out     string
	fill    string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	//nolint:forbidigo // here the process's streams become values
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		//nolint:forbidigo // see above
		fmt.Fprintln(os.Stderr, "million:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, talk io.Writer) error {
	o, err := parse(args, talk)
	if err != nil {
		return err
	}
	if o.fill != "" {
		n := o.devices[len(o.devices)-1]
		bytes, err := fill(ctx, o.fill, n)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%d devices, %d bytes each\n", n, bytes/int64(n))
		return err
	}
	points, err := o.measure(ctx, talk)
	if err != nil {
		return err
	}
	show(out, points)
	if o.out == "" {
		return nil
	}
	text, err := json.MarshalIndent(points, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.out, append(text, '\n'), 0o600)
}

func parse(args []string, talk io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("million", flag.ContinueOnError)
	f.SetOutput(talk)
	devices := f.String("devices", "1000,1000000", "how many devices the folders have, separated by commas")
	f.IntVar(&o.rounds, "rounds", 5, "how often each folder has its turn")
	f.IntVar(&o.meters, "meters", 4000, "meters that come in on top, each round")
	f.StringVar(&o.dir, "dir", "", "where the folders are, and stay, so that the next run finds them filled; default: a temporary folder")
	f.StringVar(&o.out, "out", "", "file for the figures as JSON")
	f.StringVar(&o.fill, "fill", "", "fill this folder with the last number of devices, and do nothing else")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	for text := range strings.SplitSeq(*devices, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("--devices: %q is no number of devices", text)
		}
		o.devices = append(o.devices, n)
	}
	if f.NArg() > 0 || o.rounds < 1 || o.meters < 100 {
		return nil, errors.New("wrong arguments: see --help")
	}
	return o, nil
}
