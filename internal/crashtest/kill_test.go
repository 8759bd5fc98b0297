package crashtest_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/crashtest"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/registry/store"
)

var (
	rounds = flag.Int("crash.rounds", 3, "how often the server is killed under load")
	seed   = flag.Uint64("crash.seed", 0, "seed of the random moments; 0 takes one from the clock")
)

// connections is how many meters are connected at once while the server is killed.
const connections = 8

func seeded(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("-crash.seed=%d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// TestKill kills the program.
func TestKill(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	program, chains := build(t)
	t.Run("under load", func(t *testing.T) { underLoad(t, rng, ground{program: program, chains: chains}, *rounds) })
	t.Run("under load, and what is stored is acknowledged", func(t *testing.T) {
		underLoad(t, rng, ground{program: program, chains: chains, stored: true}, max(1, *rounds/3))
	})
	t.Run("at its first start", func(t *testing.T) {
		atFirstStart(t, rng, *rounds, func(int) ground { return ground{program: program, chains: chains} })
	})
}

// ground is what the program runs on, but for its data folder.
type ground struct {
	program, chains string
	database        string // address; empty for a store in the folder
	stored          bool   // messages are acknowledged when they are stored
}

func (g ground) launch(data string) (*crashtest.Process, error) {
	return crashtest.Launch(g.program, data, g.chains, "GRIDTIE_STORE="+g.database)
}

func (g ground) start(data string) (*crashtest.Process, error) {
	return crashtest.Start(g.program, data, g.chains, "GRIDTIE_STORE="+g.database)
}

func (g ground) open(data string, use func(store.Store, secret.Key) error) error {
	return crashtest.InDatabase(data, g.database, use)
}

// underLoad ends it again and again on the same folder, and looks at what is left each time: by SIGKILL as often as is
// asked for, and then a few times by SIGTERM, upon which it has to finish and end with 0.
func underLoad(t *testing.T, rng *rand.Rand, on ground, rounds int) {
	data := filepath.Join(t.TempDir(), "data")
	var storm crashtest.Storm
	must(t, on.open(data, func(st store.Store, key secret.Key) (err error) {
		storm.World, err = crashtest.FurnishStore(t.Context(), st, key, on.stored)
		return err
	}))
	storm.Operator = admin.Over(func() (net.Conn, error) { return folder.Dial(data) })
	before := [2]int{}
	for round := range rounds + 1 + rounds/5 {
		by, end := "SIGKILL", (*crashtest.Process).Kill
		if round >= rounds {
			by, end = "SIGTERM", (*crashtest.Process).Stop
		}
		after := time.Duration(50+rng.IntN(550)) * time.Millisecond
		if on.database != "" {
			after *= 4 // it is slower
		}
		rage(t, &storm, on, data, after, end)
		kills := 0
		for ; rng.IntN(3) == 0; kills++ { // once more, while it takes up what was left
			p, err := on.start(data)
			must(t, err)
			must(t, p.Kill())
		}
		p, err := on.start(data)
		must(t, err)
		if err := storm.Return(p.Address, 1+len(storm.Snapshot(func() {}))/100); err != nil {
			t.Errorf("round %d: %v", round+1, err)
		}
		must(t, p.Stop())

		var found crashtest.Findings
		meters := storm.Snapshot(func() {})
		must(t, on.open(data, func(st store.Store, key secret.Key) (err error) {
			found, _, err = crashtest.Restart(t.Context(), st, key, meters)
			return err
		}))
		storm.Keep(meters)
		provisioned, posted := crashtest.Totals(meters)
		accepted, answered := crashtest.TotalCalls(meters)
		t.Logf("round %d: %s after %v, then %d SIGKILL while it starts; acknowledged: %d devices (%d in all), %d messages (%d in all), %d calls and %d answers in all; %s",
			round+1, by, after, kills, provisioned-before[0], provisioned, posted-before[1], posted, accepted, answered, found.Verdict())
		before = [2]int{provisioned, posted}
		if len(found) > 0 {
			t.Errorf("round %d:\n%v", round+1, found)
		}
	}
	if before[0] == 0 || before[1] == 0 {
		t.Error("nothing was acknowledged")
	}
}

// rage lets meters in and ends the server after a while.
func rage(t *testing.T, storm *crashtest.Storm, on ground, data string, after time.Duration, end func(*crashtest.Process) error) {
	t.Helper()
	p, err := on.start(data)
	must(t, err)
	var ending atomic.Bool
	var load sync.WaitGroup
	load.Go(func() {
		storm.Rage(p.Addresses, connections, func(err error) {
			if !ending.Load() {
				t.Errorf("before the server was to end: %v", err)
			}
		})
	})
	<-time.After(after)
	ending.Store(true)
	must(t, end(p))
	load.Wait()
}

// atFirstStart kills the program while it makes its folder, its key and its registry, each time in a new folder: the next
// start has to cope with what there is.
func atFirstStart(t *testing.T, rng *rand.Rand, rounds int, ground func(n int) ground) {
	for n := range rounds {
		on := ground(n)
		data, after := filepath.Join(t.TempDir(), "data"), time.Duration(rng.IntN(150))*time.Millisecond
		p, err := on.launch(data)
		must(t, err)
		<-time.After(after)
		must(t, p.Kill())
		p, err = on.start(data)
		if err != nil {
			t.Errorf("killed after %v: %v", after, err)
			continue
		}
		must(t, p.Stop())
	}
}

// build makes the program and a folder of chains for it.
func build(t *testing.T) (program, chains string) {
	t.Helper()
	dir := t.TempDir()
	program, chains = filepath.Join(dir, "gridtie"), filepath.Join(dir, "chains")
	must(t, os.Mkdir(chains, 0o700))
	must(t, crashtest.WriteChains(chains))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/gridtie")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped, whatever the tests need
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	return program, chains
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
