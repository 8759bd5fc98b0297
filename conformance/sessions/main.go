package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	//nolint:forbidigo // here the process's streams become values
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		//nolint:forbidigo // as above
		fmt.Fprintln(os.Stderr, "sessions:", err)
		os.Exit(2)
	}
}

// receiveMaximum is low enough for suites to exceed it.
const receiveMaximum = 20

// run serves until ctx ends. The first line that it writes to out is the address.
func run(ctx context.Context, args []string, out, talk io.Writer) error {
	f := flag.NewFlagSet("sessions", flag.ContinueOnError)
	f.SetOutput(talk)
	listen := f.String("listen", "127.0.0.1:1883", "HOST:PORT to serve MQTT on; port 0: a free one, which is printed")
	commit := f.Duration("commit", 0, "how long a commit takes, after which its messages are acknowledged; 0: at once")
	users := f.Int("users", 0, "how many user names there are, user-0 and so on; 0: anybody is let in")
	if err := f.Parse(args); err != nil {
		return err
	}
	l, err := mqttserver.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	d := &open{users: map[string]bool{}, commits: newCommits(*commit), router: newRouter()}
	for i := range *users {
		d.users["user-"+strconv.Itoa(i)] = true
	}
	committing, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { d.commits.run(committing) })
	fmt.Fprintln(out, l.Addr())
	limits := mqttserver.Limits{Inflight: receiveMaximum, KeepAlive: time.Minute}
	err = mqttserver.New(mqttserver.Options{Limits: limits}, d).Serve(ctx, l)
	stop()
	wg.Wait()
	return err
}
