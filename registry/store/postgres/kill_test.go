package postgres_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry/store/postgres"
	"github.com/gridtie/gridtie/registry/store/storetest"
)

// dataEnv names the data folder of the server behind addressEnv, which then is the tests' to kill: kill -9 of all its
// processes under load, and a start with the program pg_ctl that dataEnv's neighbour ctlEnv names ("pg_ctl" if it is
// not set). Both must run as the server's own user.
const (
	dataEnv = "GRIDTIE_TEST_POSTGRES_DATA"
	ctlEnv  = "GRIDTIE_TEST_POSTGRES_CTL"
)

const killWriters = 16

// TestKill kills the server under load and starts it again, round after round. The store must come back by itself, and
// in the end all that it acknowledged must be there. It cannot run beside the other tests, which share the server.
func TestKill(t *testing.T) {
	data := os.Getenv(dataEnv)
	if data == "" {
		t.Skipf("no server to kill: set %s to the data folder of a server that is for these tests alone", dataEnv)
	}
	dsn, schema := database(t)
	o := opener{dsn, postgres.Options{Schema: schema, Readers: 8}}
	s, err := o.Open()
	if err != nil {
		t.Fatal(err)
	}
	tor := storetest.NewTorture(killWriters)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	progress := make(chan struct{}, 1)
	var writers sync.WaitGroup
	for w := range killWriters {
		writers.Go(func() {
			for ctx.Err() == nil {
				// A view under way errs with its connection, and is begun again. Nothing of it is acknowledged.
				if err := tor.Write(context.Background(), s, w); err != nil && s.Err() != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				select {
				case progress <- struct{}{}:
				default:
				}
			}
		})
	}
	for round := range 5 {
		before := sum(tor.Acknowledged())
		for sum(tor.Acknowledged()) < before+200 && s.Err() == nil {
			<-progress
		}
		killServer(t, data)
		startServer(t, data)
		t.Logf("round %d: %d batches acknowledged before the kill", round, sum(tor.Acknowledged()))
	}
	before := sum(tor.Acknowledged())
	for sum(tor.Acknowledged()) < before+200 && s.Err() == nil {
		<-progress
	}
	stop()
	writers.Wait()
	acked := tor.Acknowledged()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if s, err = o.Open(); err != nil {
		t.Fatal(err)
	}
	findings, err := tor.Check(context.Background(), s, acked)
	if err != nil {
		t.Errorf("check: %v", err)
	}
	for _, f := range findings {
		t.Error(f)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	t.Logf("%d batches acknowledged, %d findings", sum(acked), len(findings))
}

func sum(l storetest.Ledger) (n uint64) {
	for _, last := range l {
		n += last
	}
	return n
}

// killServer kills the server and waits until it is gone. Its children end with it: they share its memory.
func killServer(t *testing.T, data string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		time.Sleep(time.Millisecond)
	}
}

func startServer(t *testing.T, data string) {
	t.Helper()
	ctl := os.Getenv(ctlEnv)
	if ctl == "" {
		ctl = "pg_ctl"
	}
	var out []byte
	var err error
	for range 100 { // until the last of the old processes has let go of the memory
		out, err = exec.Command(ctl, "-D", data, "-l", filepath.Join(data, "log"), "-w", "start").CombinedOutput()
		if err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("starting the server: %v\n%s", err, out)
}
