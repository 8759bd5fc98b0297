package pebble_test

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/internal/crashdisk"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/registry/store/storetest"
)

// TestBitFlip: a flipped bit in any file is an error or makes no difference, but for two places where it cannot be told
// from the torn end that a crash leaves: the last 32 KiB of the log of a store that was not closed, where it costs the
// batches after it, and the last record of the manifest.
func TestBitFlip(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disk := crashdisk.New()
	tor := storetest.NewTorture(1)
	s, err := pebble.Open("store", small(disk))
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if err := tor.Write(ctx, s, 0); err != nil {
			t.Fatal(err)
		}
	}
	cut := disk.Cut(vfs.CrashCloneCfg{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		disk *crashdisk.Disk
		log  bool // whether the end of the log may be lost
	}{
		{"closed", disk, false},
		{"power cut", cut, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, 1))
			noticed, lost := 0, 0
			for range 200 {
				clone := c.disk.Cut(vfs.CrashCloneCfg{})
				file, end := flip(t, clone, rng)
				s, err := pebble.Open("store", small(clone))
				if err != nil {
					noticed++
					continue
				}
				findings, err := tor.Check(ctx, s, tor.Acknowledged())
				if err != nil {
					noticed++
				}
				for _, f := range findings {
					if end || c.log && strings.HasSuffix(file, ".log") && strings.Contains(f, "acknowledged") {
						lost++
						continue
					}
					t.Errorf("a bit flipped in %s: %s", file, f)
				}
				_ = s.Close() // may err, or not
			}
			if noticed == 0 {
				t.Error("no flipped bit was noticed")
			}
			t.Logf("200 flipped bits: %d noticed, %d findings at the end of log or manifest", noticed, lost)
		})
	}
}

// flip flips a random bit of a random file. It returns the file's name, and whether it is the last record of the
// manifest in force.
func flip(t *testing.T, disk *crashdisk.Disk, rng *rand.Rand) (name string, end bool) {
	t.Helper()
	names, err := disk.List("store")
	if err != nil {
		t.Fatal(err)
	}
	for {
		name = names[rng.IntN(len(names))]
		f, err := disk.OpenReadWrite("store/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 {
			_ = f.Close() // of a file in memory
			continue
		}
		off := rng.IntN(len(data))
		end = strings.HasPrefix(name, "MANIFEST") && off >= pebble.LastChunk(data)
		if _, err := f.WriteAt([]byte{data[off] ^ 1<<rng.IntN(8)}, int64(off)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return name, end
	}
}
