package registry

import (
	"context"
	"fmt"

	"github.com/gridtie/gridtie/supplypoint"
)

// GridKind is what a grid is, from coarse to fine.
type GridKind string

const (
	GridDistributor GridKind = "dso"
	GridZone        GridKind = "zone"
	GridFeeder      GridKind = "feeder"
	GridTransformer GridKind = "transformer"
	GridCAU         GridKind = "cau" // self-consumption group
	GridCommunity   GridKind = "community"
	GridMicrogrid   GridKind = "microgrid"
)

// Grid is a network or a group that supply points belong to.
type Grid struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Kind        GridKind `json:"kind"`
	Parent      string   `json:"parent,omitempty"`
	Distributor string   `json:"distributor,omitempty"` // code
}

var grids = table[Grid]{
	name: "grid",
	key:  func(g *Grid) tuple { return gridKey(g.ID) },
}

func gridKey(id string) tuple { return keyOf("grid").text(id) }

// How a grid was found.
const (
	ByMembership  = "membership"
	ByDistributor = "distributor prefix"
)

// GridMatch is the grid of a supply point.
type GridMatch struct {
	Grid        string `json:"grid"` // empty if none was found
	Name        string `json:"name,omitempty"`
	By          string `json:"by,omitempty"`
	Distributor string `json:"distributor,omitempty"` // code after following aliases; empty if unknown
	Commodity   string `json:"commodity,omitempty"`   // of the distributor; empty if unknown or disputed
	Code        Code   `json:"code"`                  // empty if found, else DISTRIBUTOR_UNKNOWN, GRID_NOT_FOUND or GRID_AMBIGUOUS
}

func (g *Grid) complete() error {
	if g.ID == "" {
		g.ID = label(g.Name)
	}
	if g.Name == "" {
		g.Name = g.ID
	}
	switch {
	case !validLabel(g.ID):
		return fmt.Errorf("%w: id %q", ErrInvalid, g.ID)
	case !validName(g.Name):
		return fmt.Errorf("%w: name %q", ErrInvalid, g.Name)
	}
	switch g.Kind {
	case GridDistributor, GridZone, GridFeeder, GridTransformer, GridCAU, GridCommunity, GridMicrogrid:
		return nil
	}
	return fmt.Errorf("%w: kind %q", ErrInvalid, g.Kind)
}

// AddGrid adds a grid. Without an id, one is made of the name.
func (r *Registry) AddGrid(ctx context.Context, g Grid) (Grid, error) {
	err := g.complete()
	if err == nil {
		err = r.run(ctx, func(t *Tx) error {
			if err := t.changeDirectory(ctx); err != nil {
				return err
			}
			old, err := grids.get(ctx, t, gridKey(g.ID))
			if err != nil {
				return err
			}
			if old != nil {
				return ErrExists
			}
			if g.Parent != "" {
				parent, err := grids.get(ctx, t, gridKey(g.Parent))
				if err != nil {
					return err
				}
				if parent == nil {
					return fmt.Errorf("parent %q: %w", g.Parent, ErrNotFound)
				}
			}
			return grids.put(t, nil, &g)
		})
	}
	if err != nil {
		return Grid{}, fmt.Errorf("adding grid %q: %w", g.ID, err)
	}
	return g, nil
}

// Grid returns a grid, or ErrNotFound.
func (r *Registry) Grid(ctx context.Context, id string) (Grid, error) {
	var found *Grid
	err := r.read(ctx, func(t *Tx) (err error) {
		found, err = grids.get(ctx, t, gridKey(id))
		return err
	})
	if err != nil {
		return Grid{}, err
	}
	if found == nil {
		return Grid{}, fmt.Errorf("grid %q: %w", id, ErrNotFound)
	}
	return *found, nil
}

// Grids returns all grids by id.
func (r *Registry) Grids(ctx context.Context) ([]Grid, error) {
	var all []Grid
	err := r.read(ctx, func(t *Tx) error {
		rows, err := grids.all(ctx, t, keyOf(grids.name))
		for _, row := range rows {
			all = append(all, *row)
		}
		return err
	})
	return all, err
}

// GridOf finds the grid of a supply point: a membership of the point itself, else the grid of the distributor with the
// longest code that the point begins with. An unknown distributor is unknown, never the nearest one.
func (r *Registry) GridOf(ctx context.Context, p supplypoint.Point) (GridMatch, error) {
	var match GridMatch
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() (err error) {
			match, err = t.gridOf(ctx, p)
			return err
		})
	})
	return match, err
}

func (t *Tx) gridOf(ctx context.Context, p supplypoint.Point) (GridMatch, error) {
	if p.IsZero() {
		return GridMatch{Code: CUPSMissing}, nil
	}
	d, err := t.directory(ctx)
	if err != nil {
		return GridMatch{}, err
	}
	distributor, known := d.distributor(p)
	match := GridMatch{Distributor: distributor.Code, Commodity: distributor.Commodity}

	row, err := memberships.get(ctx, t, membershipKey(p))
	if err != nil {
		return GridMatch{}, err
	}
	if row != nil {
		grid, code := row.choose(t.r.now())
		if code != "" {
			match.Code = code
			return match, nil
		}
		if grid != "" {
			return match.in(d, grid, ByMembership), nil
		}
	}
	switch {
	case !known:
		match.Code = DistributorUnknown
	case distributor.Grid == "":
		match.Code = GridNotFound
	default:
		return match.in(d, distributor.Grid, ByDistributor), nil
	}
	return match, nil
}

func (m GridMatch) in(d *directory, grid, by string) GridMatch {
	g, ok := d.grids[grid]
	if !ok {
		m.Code = GridNotFound
		return m
	}
	m.Grid, m.Name, m.By = g.ID, g.Name, by
	return m
}
