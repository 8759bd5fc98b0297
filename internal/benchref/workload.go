// Package benchref holds the workload that the engine is measured on, and hand-written programs that do the same work:
// the references that its budgets are ratios to. Machines differ and are noisy; a ratio within one run is not.
//
// The workload: an attributes payload with key, CUPS and six more small fields, three metadata entries, 1,000 suppliers
// and 10,000 grids; both fields present, trim and upper-case, check letters, supplier, grid, does the supplier serve the
// grid, attach to a sharded map. Seven of ten messages are attached.
package benchref

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"sync"
)

// The sizes of the workload.
const (
	Suppliers = 1000
	Grids     = 10000
	Messages  = 4096
	areas     = 100 // that grids lie in, and that suppliers serve five of
)

// World is what messages are matched against, and what they are attached in.
type World struct {
	SupplierOf map[string]string // by key
	GridOf     map[string]string // by the first 14 characters of a CUPS
	areaOf     map[string]int    // by grid
	areas      map[string]*[areas]bool
	Payloads   []string
	Devices    []string
	seed       maphash.Seed
	shards     [64]struct {
		mu sync.Mutex
		to map[string][2]string
	}
}

const letters = "TRWAGMYFPDXBNJZSQVHLCKE"

// NewWorld makes the workload; it is the same every time.
func NewWorld() *World {
	w := &World{
		SupplierOf: map[string]string{}, GridOf: map[string]string{}, areaOf: map[string]int{},
		areas: map[string]*[areas]bool{}, seed: maphash.MakeSeed(),
	}
	for i := range w.shards {
		w.shards[i].to = map[string][2]string{}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range Suppliers {
		name := fmt.Sprintf("supplier-%d", i)
		w.SupplierOf[key(i)] = name
		w.areas[name] = &[areas]bool{}
		for a := range 5 {
			w.areas[name][(i+a)%areas] = true
		}
	}
	for i := range Grids {
		name := fmt.Sprintf("grid-%d", i)
		w.GridOf[cups(uint64(i), 0)[:14]] = name
		w.areaOf[name] = i % areas
	}
	for i := range Messages {
		g := random.IntN(Grids)
		k, c := key(g%areas+areas*random.IntN(Suppliers/areas)), cups(uint64(g), uint64(i%10000))
		switch i % 10 { // three of ten fail, each for another reason
		case 0:
			k = "nobody's key"
		case 1:
			c = c[:18] + "ZZ"
		case 2:
			k = key((g + areas/2) % Suppliers)
		}
		w.Devices = append(w.Devices, fmt.Sprintf("meter-%d", i))
		w.Payloads = append(w.Payloads, fmt.Sprintf(
			`{"model":"M-%d","firmware":"1.%d.0","key":"%s","CUPS":" %s","phases":3,"power":%d.5,"remote":true,"installer":"team %d"}`,
			i%7, i%30, k, c, i%9000, i%12))
	}
	return w
}

func key(i int) string { return fmt.Sprintf("key-%032d", i) }

func cups(grid, n uint64) string {
	digits := fmt.Sprintf("%04d%08d%04d", 21, grid, n)
	r := 0
	for _, d := range digits {
		r = (r*10 + int(d-'0')) % 529
	}
	return "ES" + digits + string(letters[r/23]) + string(letters[r%23])
}

// Valid says whether a canonical CUPS has the right form and check letters.
func Valid(c string) bool {
	if len(c) != 20 || c[0] != 'E' || c[1] != 'S' {
		return false
	}
	r := 0
	for i := 2; i < 18; i++ {
		d := c[i] - '0'
		if d > 9 {
			return false
		}
		r = (r*10 + int(d)) % 529
	}
	return c[18] == letters[r/23] && c[19] == letters[r%23]
}

// Serves says whether the supplier serves the grid.
func (w *World) Serves(supplier, grid string) bool {
	area, ok := w.areaOf[grid]
	served := w.areas[supplier]
	return ok && served != nil && served[area]
}

// Attach puts a device where it belongs.
func (w *World) Attach(device, supplier, grid string) {
	s := &w.shards[maphash.String(w.seed, device)%64]
	s.mu.Lock()
	s.to[device] = [2]string{supplier, grid}
	s.mu.Unlock()
}

// Attached is the number of devices attached.
func (w *World) Attached() int {
	n := 0
	for i := range w.shards {
		n += len(w.shards[i].to)
	}
	return n
}

// match is the part that all references share: what remains when the two fields are there.
func (w *World) match(device, key, c string) bool {
	if !Valid(c) {
		return false
	}
	supplier, ok := w.SupplierOf[key]
	if !ok {
		return false
	}
	grid, ok := w.GridOf[c[:14]]
	if !ok || !w.Serves(supplier, grid) {
		return false
	}
	w.Attach(device, supplier, grid)
	return true
}
