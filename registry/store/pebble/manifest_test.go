package pebble

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/record"
)

// manifestOf writes records of the given sizes as Pebble does, and tells where each ends.
func manifestOf(t testing.TB, sizes ...int) (data []byte, ends []int) {
	t.Helper()
	var buf bytes.Buffer
	w := record.NewWriter(&buf)
	for i, size := range sizes {
		if _, err := w.WriteRecord(bytes.Repeat([]byte{byte(i + 1)}, size)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, buf.Len())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), ends
}

// TestManifest: a manifest may end anywhere in its last record, and a bit may not flip in an earlier one.
func TestManifest(t *testing.T) {
	t.Parallel()
	data, ends := manifestOf(t, 10, 0, 300, 40_000, 5, 70_000)
	for cut := range len(data) + 1 {
		if cut%97 != 0 && cut < len(data)-500 && cut > 1000 {
			continue // enough
		}
		if at, ok := tornOnly(data[:cut]); !ok {
			t.Errorf("cut to %d bytes: damaged at %d", cut, at)
		}
	}
	last := ends[len(ends)-2]
	torn := bytes.Clone(data) // the middle of a record that no flush covers may be missing, and its end there
	clear(torn[last : last+40_000])
	if at, ok := tornOnly(torn); !ok {
		t.Errorf("last record torn: damaged at %d", at)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		off := rng.IntN(last)
		if rng.IntN(2) == 0 {
			off = rng.IntN(ends[2]) // the small ones at the beginning
		}
		flipped := bytes.Clone(data)
		flipped[off] ^= 1 << rng.IntN(8)
		if _, ok := tornOnly(flipped); ok && !bytes.Equal(flipped, data) {
			t.Errorf("a bit flipped at %d of %d is not noticed", off, last)
		}
	}
}

func FuzzManifest(f *testing.F) {
	data, ends := manifestOf(f, 10, 0, 300, 40_000)
	f.Add(data)
	f.Add(data[:ends[1]])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if at, _ := tornOnly(data); at < 0 {
			t.Errorf("damaged at %d", at)
		}
		LastChunk(data)
	})
}
