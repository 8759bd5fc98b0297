package registry

import (
	"bytes"
	"context"
	_ "embed" // the default directory
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/supplypoint"
)

// Commodities.
const (
	Electricity = "electricity"
	Gas         = "gas"
)

// Distributor is an entry of the directory that tells who issued a supply point. The directory is data: see
// [Registry.SetDistributors].
type Distributor struct {
	Scheme     supplypoint.Scheme `json:"scheme"` // empty when set: cups
	Code       string             `json:"code"`   // 4 to 6 digits; the longest that a supply point begins with counts
	Commodity  string             `json:"commodity"`
	Name       string             `json:"name,omitempty"`
	Group      string             `json:"group,omitempty"`
	Status     string             `json:"status,omitempty"`   // current, legacy or unknown
	Registry   string             `json:"registry,omitempty"` // number in the administrative registry, such as R1-001
	AliasOf    string             `json:"aliasOf,omitempty"`  // the code that this one stands for
	Grid       string             `json:"grid,omitempty"`     // id of its grid; empty if it has none
	GridName   string             `json:"gridName,omitempty"` // of a grid that SetDistributors makes if there is none of that id
	Confidence string             `json:"confidence"`         // high, medium or low
	Conflict   bool               `json:"conflict,omitempty"` // sources contradict each other on this code
	Notes      string             `json:"notes,omitempty"`
}

var distributors = table[Distributor]{
	name: "distributor",
	key: func(d *Distributor) tuple {
		return keyOf("distributor").text(string(d.Scheme)).text(d.Code).text(d.Commodity)
	},
}

//go:embed distributors.csv
var defaultDistributors []byte

// DefaultDistributors returns the directory that a new registry begins with. It is a replaceable default: no official
// list was to be had, and each entry says how sure it is.
func DefaultDistributors() []Distributor {
	read := csv.NewReader(bytes.NewReader(defaultDistributors))
	read.Comment = '#'
	records, err := read.ReadAll()
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	var all []Distributor
	for _, f := range records[1:] {
		all = append(all, Distributor{
			Scheme: supplypoint.CUPS,
			Code:   f[0], Commodity: f[1], Name: f[2], Group: f[3], Status: f[4], Registry: f[5], AliasOf: f[6],
			Grid: f[7], GridName: f[8], Confidence: f[9], Conflict: f[10] == "yes", Notes: f[11],
		})
	}
	return all
}

func (d *Distributor) complete() error {
	if d.Scheme == "" {
		d.Scheme = supplypoint.CUPS
	}
	if d.Confidence == "" {
		d.Confidence = "high"
	}
	digits := strings.Trim(d.Code, "0123456789") == "" && strings.Trim(d.AliasOf, "0123456789") == ""
	switch {
	case !digits || len(d.Code) < shortestCode || len(d.Code) > longestCode:
		return fmt.Errorf("%w: code %q", ErrInvalid, d.Code)
	case d.Commodity != Electricity && d.Commodity != Gas:
		return fmt.Errorf("%w: commodity %q of code %q", ErrInvalid, d.Commodity, d.Code)
	case !slices.Contains(supplypoint.Schemes(), d.Scheme):
		return fmt.Errorf("%w: scheme %q of code %q", ErrInvalid, d.Scheme, d.Code)
	case d.Grid != "" && !validLabel(d.Grid):
		return fmt.Errorf("%w: grid %q of code %q", ErrInvalid, d.Grid, d.Code)
	}
	return nil
}

// SetDistributors replaces the directory, and makes the grids that its entries name and that are not there. Grids that
// are there stay as they are.
func (r *Registry) SetDistributors(ctx context.Context, ds []Distributor) error {
	err := r.run(ctx, func(t *Tx) error { return t.setDistributors(ctx, ds) })
	if err != nil {
		return fmt.Errorf("setting the directory of distributors: %w", err)
	}
	return nil
}

func (t *Tx) setDistributors(ctx context.Context, ds []Distributor) error {
	if err := t.changeDirectory(ctx); err != nil {
		return err
	}
	from, to := store.Prefix(keyOf(distributors.name))
	err := t.scan(ctx, from, to, false, func(key, _ []byte) (bool, error) {
		t.delete(append(tuple(nil), key...))
		return true, nil
	})
	if err != nil {
		return err
	}
	current := map[string]string{} // number in the administrative registry → grid of the company's current code
	for _, d := range ds {
		if d.Status == "current" && d.Registry != "" && d.Grid != "" {
			current[d.Registry] = d.Grid
		}
	}
	for _, d := range ds {
		if err := d.complete(); err != nil {
			return err
		}
		if err := distributors.put(t, nil, &d); err != nil {
			return err
		}
		if d.Grid == "" || d.AliasOf != "" {
			continue
		}
		g := Grid{ID: d.Grid, Name: d.GridName, Kind: GridDistributor, Distributor: d.Code}
		if g.Name == "" {
			g.Name = g.ID
		}
		// The grid of a merged company lies below the grid of the one that took it over.
		if parent := current[d.Registry]; d.Status == "legacy" && parent != g.ID {
			g.Parent = parent
		}
		old, err := grids.get(ctx, t, gridKey(g.ID))
		if err != nil {
			return err
		}
		if old == nil {
			if err := grids.put(t, nil, &g); err != nil {
				return err
			}
		}
	}
	return nil
}

// Distributors returns the directory by code.
func (r *Registry) Distributors(ctx context.Context) ([]Distributor, error) {
	var all []Distributor
	err := r.read(ctx, func(t *Tx) error {
		rows, err := distributors.all(ctx, t, keyOf(distributors.name))
		for _, row := range rows {
			all = append(all, *row)
		}
		return err
	})
	return all, err
}
