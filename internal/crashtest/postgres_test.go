package crashtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashtest"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// What names a PostgreSQL database, the data folder of its server if that may be killed, and the program that starts it
// again; see registry/store/postgres.
const (
	addressEnv = "GRIDTIE_TEST_POSTGRES"
	dataEnv    = "GRIDTIE_TEST_POSTGRES_DATA"
	ctlEnv     = "GRIDTIE_TEST_POSTGRES_CTL"
)

// database is the address of the tests' database.
func database(t *testing.T) string {
	t.Helper()
	dsn := os.Getenv(addressEnv)
	if dsn == "" {
		t.Skipf("no database: set %s to postgres://USER@HOST:PORT/DATABASE to run this test", addressEnv)
	}
	return dsn
}

// inSchema is the address of a schema that goes when the test ends.
func inSchema(t *testing.T, dsn, what string, n int) string {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	query := u.Query()
	query.Set("search_path", fmt.Sprintf("gridtie_%s_%d_%d", what, os.Getpid(), n))
	u.RawQuery = query.Encode()
	t.Cleanup(func() { must(t, postgres.Drop(context.Background(), u.String(), postgres.Options{})) })
	return u.String()
}

// TestKillOnDatabase is TestKill with the store in a database, and fewer rounds.
func TestKillOnDatabase(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	rng, fewer := seeded(t), 1+*rounds/4
	program, chains := build(t)
	t.Run("under load", func(t *testing.T) {
		underLoad(t, rng, ground{program: program, chains: chains, database: inSchema(t, dsn, "kill", 0)}, fewer)
	})
	t.Run("at its first start", func(t *testing.T) {
		atFirstStart(t, rng, fewer, func(n int) ground {
			return ground{program: program, chains: chains, database: inSchema(t, dsn, "start", n)}
		})
	})
}

// TestDatabaseKilled kills the database server under load, with SIGKILL, and starts it again a while later. The program
// must say that it is not ready, wait, and go on by itself: in the end everything that was acknowledged is there, and
// nothing was dead-lettered but what had to be. It cannot run beside tests that share the server.
func TestDatabaseKilled(t *testing.T) {
	folder := os.Getenv(dataEnv)
	if folder == "" {
		t.Skipf("no server to kill: set %s to the data folder of a server that is for these tests alone", dataEnv)
	}
	program, chains := build(t)
	on := ground{program: program, chains: chains, database: inSchema(t, database(t), "away", 0)}
	data := filepath.Join(t.TempDir(), "data")
	var storm crashtest.Storm
	must(t, on.open(data, func(st store.Store, key secret.Key) (err error) {
		storm.World, err = crashtest.FurnishStore(t.Context(), st, key, on.stored)
		return err
	}))
	p, err := on.start(data)
	must(t, err)
	var ending atomic.Bool
	var load sync.WaitGroup
	for range connections {
		load.Go(func() {
			for !ending.Load() { // a meter that is cut off comes again
				storm.Rage(p.Addresses, 1, func(error) { time.Sleep(20 * time.Millisecond) })
			}
		})
	}
	status := func() (string, error) {
		out, err := exec.Command(program, "status", "--data", data).CombinedOutput()
		return string(out), err
	}
	acknowledged := func() int {
		provisioned, posted := crashtest.Totals(storm.Snapshot(func() {}))
		return provisioned + posted
	}
	more := func(n int) {
		for end, before := time.Now().Add(30*time.Second), acknowledged(); acknowledged() < before+n; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				out, _ := status()
				t.Fatalf("nothing goes on:\n%s", out)
			}
		}
	}
	for round := range 1 + *rounds/4 {
		more(100)
		killDatabase(t, folder)
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			out, err := status()
			if err != nil && strings.Contains(out, "NOT READY") && strings.Contains(out, "cannot be reached") {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the database is away, and the server says:\n%s", out)
			}
		}
		if round%2 == 1 { // longer than a node may take
			<-time.After(11 * time.Second)
		}
		before := acknowledged()
		startDatabase(t, folder)
		more(100)
		if out, err := status(); err != nil {
			t.Errorf("the database is back, and the server says:\n%s", out)
		}
		t.Logf("round %d: %d acknowledged before the kill, %d soon afterwards", round+1, before, acknowledged())
	}
	ending.Store(true)
	must(t, p.Stop())
	load.Wait()
	must(t, on.open(data, func(st store.Store, key secret.Key) error {
		found, _, err := crashtest.Restart(t.Context(), st, key, storm.Snapshot(func() {}))
		if len(found) > 0 {
			t.Errorf("%v", found)
		}
		t.Log(found.Verdict())
		return err
	}))
}

// killDatabase kills the server and waits until it is gone. Its children end with it: they share its memory.
func killDatabase(t *testing.T, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "postmaster.pid"))
	must(t, err)
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		time.Sleep(time.Millisecond)
	}
}

func startDatabase(t *testing.T, folder string) {
	t.Helper()
	ctl := os.Getenv(ctlEnv)
	if ctl == "" {
		ctl = "pg_ctl"
	}
	var out []byte
	var err error
	for range 100 { // until the last of the old processes has let go of the memory
		out, err = exec.Command(ctl, "-D", folder, "-l", filepath.Join(folder, "log"), "-w", "start").CombinedOutput()
		if err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("starting the database server: %v\n%s", err, out)
}
