package pebble_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/registry/store/storetest"
)

// killEnv names the folder in which a child process of TestKill writes until it is killed.
const killEnv = "GRIDTIE_TEST_STORE_KILL"

const killWriters = 4

// TestKill kills a process that writes, and opens its folder: all that it told us was acknowledged must be there.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killEnv); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	acked := make(storetest.Ledger, killWriters)
	for round := range 5 {
		child := exec.Command(os.Args[0], "-test.run=^TestKill$")
		child.Env = append(os.Environ(), killEnv+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ { // and what is in the pipe after the kill
			var w int
			var last uint64
			if _, err := fmt.Sscanf(lines.Text(), "acked %d %d.", &w, &last); err != nil {
				continue // cut short by the kill
			}
			acked[w] = max(acked[w], last)
			if n == 100+37*round {
				_ = child.Process.Kill()
			}
		}
		_ = child.Wait() // it was killed

		s, err := pebble.Open(dir, pebble.Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		findings, err := storetest.NewTorture(killWriters).Check(context.Background(), s, acked)
		if err != nil {
			t.Errorf("round %d: check: %v", round, err)
		}
		for _, f := range findings {
			t.Errorf("round %d: %s", round, f)
		}
		if err := s.Close(); err != nil {
			t.Errorf("round %d: close: %v", round, err)
		}
	}
	for w, last := range acked {
		if last == 0 {
			t.Errorf("writer %d got nothing acknowledged", w)
		}
	}
}

func writeUntilKilled(t *testing.T, dir string) {
	s, err := pebble.Open(dir, pebble.Options{MemTableSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	tor := storetest.NewTorture(killWriters)
	var wg sync.WaitGroup
	for w := range killWriters {
		wg.Go(func() {
			for {
				if err := tor.Write(context.Background(), s, w); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				fmt.Printf("acked %d %d.\n", w, tor.Acknowledged()[w])
			}
		})
	}
	wg.Wait()
}
