package registry

import (
	"context"
	"slices"

	"github.com/gridtie/gridtie/supplypoint"
)

// Codes of distributors have so many digits. The code proper has four; longer ones are prefixes that tell companies
// apart which have merged since.
const (
	shortestCode = 4
	longestCode  = 6
)

// directory is all distributors and grids, in memory. They are few and change rarely, so one row stands for them in
// every decision: its version.
type directory struct {
	version string
	codes   map[string][]Distributor // scheme and code
	grids   map[string]Grid
}

var directoryKey = keyOf("directory")

// changeDirectory makes whoever decided on the directory decide again. It comes before the change.
func (t *Tx) changeDirectory(ctx context.Context) error {
	// Reading it makes two changes at the same moment conflict.
	if _, err := t.claimed(ctx, directoryKey); err != nil {
		return err
	}
	t.put(directoryKey, jsonText(t.r.nextID()))
	return nil
}

// directory returns the directory as the transaction sees it.
func (t *Tx) directory(ctx context.Context) (*directory, error) {
	var d *directory
	err := t.view(ctx, func() error {
		version, err := t.claimed(ctx, directoryKey)
		if err != nil {
			return err
		}
		if d = t.r.directory.Load(); d != nil && d.version == version {
			return nil
		}
		if d, err = t.loadDirectory(ctx, version); err != nil {
			return err
		}
		// What this transaction wrote is nobody else's yet.
		if at, own := t.place[string(directoryKey)]; !own || t.writes[at].is == writeNone {
			t.r.directory.Store(d)
		}
		return nil
	})
	return d, err
}

func (t *Tx) loadDirectory(ctx context.Context, version string) (*directory, error) {
	d := &directory{version: version, codes: map[string][]Distributor{}, grids: map[string]Grid{}}
	rows, err := distributors.all(ctx, t, keyOf(distributors.name))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		key := string(row.Scheme) + row.Code
		d.codes[key] = append(d.codes[key], *row)
	}
	all, err := grids.all(ctx, t, keyOf(grids.name))
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		d.grids[g.ID] = *g
	}
	return d, nil
}

// digitsOf is what a supply point has after its country: code of the distributor, number, check letters.
func digitsOf(p supplypoint.Point) string {
	if id := p.ID(); len(id) > 2 {
		return id[2:]
	}
	return ""
}

// distributor finds the entry with the longest code that a point begins with, and follows its aliases. An unknown one is
// unknown, never the nearest. Two entries of one code that disagree on the commodity come back as one without commodity
// and grid.
func (d *directory) distributor(p supplypoint.Point) (found Distributor, ok bool) {
	digits := digitsOf(p)
	for n := longestCode; n >= shortestCode; n-- {
		if len(digits) < n {
			continue
		}
		if found, ok = d.entry(p.Scheme(), digits[:n]); ok {
			break
		}
	}
	for hops := 0; ok && found.AliasOf != ""; hops++ {
		if hops == 4 { // a circle
			return Distributor{}, false
		}
		found, ok = d.entry(p.Scheme(), found.AliasOf)
	}
	return found, ok
}

func (d *directory) entry(scheme supplypoint.Scheme, code string) (Distributor, bool) {
	entries := d.codes[string(scheme)+code]
	switch len(entries) {
	case 0:
		return Distributor{}, false
	case 1:
		return entries[0], true
	}
	return Distributor{Scheme: scheme, Code: code, Confidence: "low", Conflict: true}, true
}

// below tells whether a grid is one of those or lies below one.
func (d *directory) below(grid string, those []string) bool {
	for range len(d.grids) + 1 { // no further, should the parents form a circle
		if slices.Contains(those, grid) {
			return true
		}
		g, ok := d.grids[grid]
		if !ok || g.Parent == "" {
			return false
		}
		grid = g.Parent
	}
	return false
}
