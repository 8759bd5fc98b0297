package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gridtie/gridtie/conformance/internal/lean"
	"github.com/gridtie/gridtie/conformance/internal/product"
)

const usage = `meters lets meters connect, provision, reconnect and attach, and measures it.

Without --server it builds Gridtie, starts it in a temporary folder with three suppliers, and removes it at the end.
With --server it takes what the meters must know from the environment, since arguments can be seen by everybody:
  METERS_PROVISION_KEY, METERS_PROVISION_SECRET   of the profile: gridtie profiles show NAME --reveal
  METERS_SUPPLIER_KEY                             one or more supplier keys, separated by commas

`

type options struct {
	meters, connections int
	rate                float64
	server, admin       string
	binary, dir         string
	first               uint64
	json                bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	//nolint:forbidigo // here the process's streams become values
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0, 1 if a meter failed, 2 if the program was called wrongly or could not begin.
func run(ctx context.Context, args []string, env func(string) string, out, talk io.Writer) int {
	o, err := parse(args, talk)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var p *report
	if err == nil {
		p, err = o.measure(ctx, env, talk)
	}
	if err == nil {
		err = p.print(out, o.json)
	}
	switch {
	case err != nil:
		fmt.Fprintln(talk, "meters:", err)
		return 2
	case !p.good():
		return 1
	}
	return 0
}

func parse(args []string, talk io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("meters", flag.ContinueOnError)
	f.SetOutput(talk)
	f.Usage = func() { fmt.Fprint(talk, usage); f.PrintDefaults() }
	f.IntVar(&o.meters, "meters", 20_000, "how many meters")
	f.IntVar(&o.connections, "connections", 0, "meters that live at once, at most; default 64, with --rate 512")
	f.Float64Var(&o.rate, "rate", 0, "meters that begin in a second, whatever the server does; 0: as fast as they end")
	f.StringVar(&o.server, "server", "", "HOST:PORT of MQTT of a server that runs")
	f.StringVar(&o.admin, "admin", "", "HOST:PORT of its metrics, to see its processor time and memory")
	f.StringVar(&o.binary, "gridtie", "", "binary to start; default: it is built")
	f.StringVar(&o.dir, "dir", "", "folder in which the temporary one is made: it decides on the disk")
	f.Uint64Var(&o.first, "first", 1, "number of the first supply point, for another run against the same server")
	f.BoolVar(&o.json, "json", false, "print JSON")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.connections == 0 {
		o.connections = 64
		if o.rate > 0 {
			o.connections = 512
		}
	}
	if f.NArg() > 0 || o.meters < 1 || o.connections < 1 || o.rate < 0 {
		return nil, errors.New("wrong arguments: see --help")
	}
	return o, nil
}

// measure does all, with a server of its own unless one is given.
func (o *options) measure(ctx context.Context, env func(string) string, talk io.Writer) (_ *report, err error) {
	w := &world{first: o.first, run: fmt.Sprintf("meter-%d-", o.first), topics: thingsboard()}
	if o.server == "" {
		s, err := product.Start(ctx, o.binary, o.dir, talk)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.Stop()) }()
		if err := settle(ctx, s, w); err != nil {
			return nil, err
		}
		o.server, o.admin = s.Addresses["mqtt"], s.Addresses["admin"]
	} else {
		w.key, w.secret = env("METERS_PROVISION_KEY"), env("METERS_PROVISION_SECRET")
		w.supplierKeys = strings.Split(env("METERS_SUPPLIER_KEY"), ",")
		if w.key == "" || w.secret == "" || w.supplierKeys[0] == "" {
			return nil, errors.New("METERS_PROVISION_KEY, METERS_PROVISION_SECRET and METERS_SUPPLIER_KEY must be set")
		}
	}
	w.dialer = lean.NewDialer(o.server)
	f := &fleet{world: w, meters: o.meters, connections: o.connections, rate: o.rate}
	return o.observe(ctx, f)
}

// scrapeEvery is often enough to see memory grow, and seldom enough not to be seen itself.
const scrapeEvery = time.Second

// observe runs the fleet, with an eye on the server.
func (o *options) observe(ctx context.Context, f *fleet) (*report, error) {
	watching, enough := context.WithCancel(ctx)
	defer enough()
	type watched struct {
		samples []sample
		err     error
	}
	seen := make(chan watched, 1)
	go func() {
		var w watched
		if o.admin != "" {
			w.samples, w.err = watch(watching, "http://"+o.admin+"/metrics", scrapeEvery, f.ended.Load)
		}
		seen <- w
	}()
	r := f.run(ctx)
	enough()
	w := <-seen
	if err := errors.Join(ctx.Err(), w.err); err != nil {
		return nil, err
	}
	p := newReport(f, r)
	p.Server = w.samples
	var err error
	p.Attached, p.Asked, err = f.verify(ctx, r.tokens)
	return p, err
}
