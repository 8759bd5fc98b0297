package registry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gridtie/gridtie/supplypoint"
)

// Membership says that a supply point belongs to a grid. A point may belong to several, one of them primary.
type Membership struct {
	Point   supplypoint.Point `json:"point"` // masked when marshalled
	Grid    string            `json:"grid"`
	Role    string            `json:"role,omitempty"` // consumer, producer or aux
	Primary bool              `json:"primary,omitempty"`
	From    time.Time         `json:"from,omitzero"` // inclusive
	To      time.Time         `json:"to,omitzero"`   // exclusive
}

// membershipRow is all memberships of a point: which of them counts is one decision on one row.
type membershipRow struct {
	Scheme supplypoint.Scheme `json:"scheme"`
	Point  string             `json:"point"` // in clear
	List   []membership       `json:"in"`
}

type membership struct {
	Grid    string    `json:"grid"`
	Role    string    `json:"role,omitempty"`
	Primary bool      `json:"primary,omitempty"`
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
}

var memberships = table[membershipRow]{
	name: "membership",
	key: func(m *membershipRow) tuple {
		return keyOf("membership").text(string(m.Scheme)).text(m.Point)
	},
	index: func(m *membershipRow, add func(tuple, []byte)) {
		for _, in := range m.List {
			add(keyOf("membership/grid").text(in.Grid).text(string(m.Scheme)).text(m.Point), nil)
		}
	},
	indexes: []string{"membership/grid"},
}

func membershipKey(p supplypoint.Point) tuple {
	return keyOf("membership").text(string(p.Scheme())).text(p.ID())
}

func (m membership) at(now time.Time) bool {
	return (m.From.IsZero() || !now.Before(m.From)) && (m.To.IsZero() || now.Before(m.To))
}

// choose returns the primary membership at a time, or the only one; empty if there is none at all.
func (m *membershipRow) choose(now time.Time) (grid string, code Code) {
	var valid []membership
	for _, in := range m.List {
		if in.at(now) {
			valid = append(valid, in)
		}
	}
	if len(valid) > 1 {
		valid = slices.DeleteFunc(valid, func(in membership) bool { return !in.Primary })
		if len(valid) != 1 {
			return "", GridAmbiguous
		}
	}
	if len(valid) == 0 {
		return "", ""
	}
	return valid[0].Grid, ""
}

// AddMembership puts a supply point into a grid, or changes its membership there. A primary one takes that place from
// any other. An attached meter keeps its grid until it reports again.
func (r *Registry) AddMembership(ctx context.Context, m Membership) error {
	err := r.run(ctx, func(t *Tx) error {
		if m.Point.IsZero() {
			return fmt.Errorf("%w: no supply point", ErrInvalid)
		}
		if !m.From.IsZero() && !m.To.IsZero() && !m.From.Before(m.To) {
			return fmt.Errorf("%w: it would end before it begins", ErrInvalid)
		}
		d, err := t.directory(ctx)
		if err != nil {
			return err
		}
		if _, ok := d.grids[m.Grid]; !ok {
			return fmt.Errorf("grid %q: %w", m.Grid, ErrNotFound)
		}
		old, err := memberships.get(ctx, t, membershipKey(m.Point))
		if err != nil {
			return err
		}
		row := membershipRow{Scheme: m.Point.Scheme(), Point: m.Point.ID()}
		if old != nil {
			for _, in := range old.List {
				if in.Grid != m.Grid {
					in.Primary = in.Primary && !m.Primary
					row.List = append(row.List, in)
				}
			}
		}
		row.List = append(row.List, membership{m.Grid, m.Role, m.Primary, m.From.UTC().Round(0), m.To.UTC().Round(0)})
		return memberships.put(t, old, &row)
	})
	if err != nil {
		return fmt.Errorf("adding a membership: %w", err)
	}
	return nil
}

// RemoveMembership takes a supply point out of a grid, or errs with ErrNotFound.
func (r *Registry) RemoveMembership(ctx context.Context, p supplypoint.Point, grid string) error {
	err := r.run(ctx, func(t *Tx) error {
		old, err := memberships.get(ctx, t, membershipKey(p))
		if err != nil {
			return err
		}
		if old == nil || !slices.ContainsFunc(old.List, func(in membership) bool { return in.Grid == grid }) {
			return ErrNotFound
		}
		row := *old
		row.List = slices.DeleteFunc(slices.Clone(old.List), func(in membership) bool { return in.Grid == grid })
		if len(row.List) == 0 {
			memberships.delete(t, old)
			return nil
		}
		return memberships.put(t, old, &row)
	})
	if err != nil {
		return fmt.Errorf("removing a membership: %w", err)
	}
	return nil
}

// Memberships returns the grids that a supply point belongs to, at any time.
func (r *Registry) Memberships(ctx context.Context, p supplypoint.Point) ([]Membership, error) {
	var all []Membership
	err := r.read(ctx, func(t *Tx) error {
		row, err := memberships.get(ctx, t, membershipKey(p))
		if row == nil {
			return err
		}
		for _, in := range row.List {
			all = append(all, Membership{p.WithoutSuffix(), in.Grid, in.Role, in.Primary, in.From, in.To})
		}
		return nil
	})
	return all, err
}
