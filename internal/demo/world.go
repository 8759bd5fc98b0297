package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// supplier is one of the invented suppliers. No company of these names is meant.
type supplier struct {
	id, name string
	// prefixes bound the supplier's key, if it has a bound.
	prefixes []string
	// expired says that there is an older key too, which meters may still carry.
	expired bool

	key, oldKey string // in clear; made with the registry
}

const (
	alba = iota
	brezo
	cometa
	duna
	enebro
)

func suppliers() []supplier {
	return []supplier{
		alba:   {id: "alba", name: "Alba Energía"},
		brezo:  {id: "brezo", name: "Brezo Luz", expired: true},
		cometa: {id: "cometa", name: "Cometa Comercializadora", prefixes: []string{"0021", "0022"}},
		duna:   {id: "duna", name: "Duna Eléctrica"},
		enebro: {id: "enebro", name: "Enebro Suministros"},
	}
}

// groups are the grids that a supply point belongs to by membership; those of distributors come with the registry.
func groups() []registry.Grid {
	return []registry.Grid{
		{ID: "cau-azotea", Name: "CAU La Azotea", Kind: registry.GridCAU, Parent: "0021"},
		{ID: "comunidad-ribera", Name: "Comunidad de la Ribera", Kind: registry.GridCommunity, Parent: "0022"},
		{ID: "ct-plaza", Name: "CT Plaza del Mercado", Kind: registry.GridTransformer, Parent: "0031"},
	}
}

// market is where a supplier has meters: the distributor of their supply points, and the grid they belong to.
type market struct {
	supplier    int
	distributor string
	grid        string // the distributor's own, or one of the groups
	weight      int
}

// markets cover eight grids: five of distributors and three groups.
func markets() []market {
	return []market{
		{alba, "0021", "0021", 20},
		{alba, "0031", "0031", 10},
		{alba, "0021", "cau-azotea", 4},
		{brezo, "0022", "0022", 12},
		{brezo, "0026", "0026", 6},
		{brezo, "0022", "comunidad-ribera", 4},
		{cometa, "0021", "0021", 9},
		{cometa, "0022", "0022", 5},
		{duna, "0031", "0031", 14},
		{duna, "0031", "ct-plaza", 4},
		{duna, "0027", "0027", 3},
		{enebro, "0026", "0026", 5},
		{enebro, "0027", "0027", 4},
	}
}

// noDistributor is a code that the default directory does not hold.
const noDistributor = "9999"

// setUp makes suppliers, keys, groups and memberships.
func setUp(ctx context.Context, r *registry.Registry, p *plan) error {
	for i := range p.suppliers {
		if err := p.suppliers[i].add(ctx, r); err != nil {
			return err
		}
	}
	for _, g := range groups() {
		if _, err := r.AddGrid(ctx, g); err != nil {
			return err
		}
	}
	return addMemberships(ctx, r, p)
}

func (s *supplier) add(ctx context.Context, r *registry.Registry) error {
	if _, err := r.AddSupplier(ctx, registry.Supplier{ID: s.id, Name: s.name}); err != nil {
		return err
	}
	_, key, err := r.AddKey(ctx, registry.SupplierKey{Supplier: s.id, Scope: registry.Scope{Prefixes: s.prefixes}}, secret.Text{})
	if err != nil {
		return err
	}
	s.key = key.Reveal()
	if !s.expired {
		return nil
	}
	now := time.Now()
	_, key, err = r.AddKey(ctx, registry.SupplierKey{
		Supplier: s.id, NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(0, 0, -1),
	}, secret.Text{})
	s.oldKey = key.Reveal()
	return err
}

// membershipBatch is how many memberships share one wait for the disk.
const membershipBatch = 500

func addMemberships(ctx context.Context, r *registry.Registry, p *plan) error {
	var members []registry.Membership
	for _, m := range p.meters {
		if m.holds() && m.market.grid != m.market.distributor {
			members = append(members, registry.Membership{Point: m.point, Grid: m.market.grid, Role: "consumer"})
		}
	}
	for len(members) > 0 {
		n := min(len(members), membershipBatch)
		if err := addBatch(ctx, r, members[:n]); err != nil {
			return fmt.Errorf("adding memberships: %w", err)
		}
		members = members[n:]
	}
	return nil
}

func addBatch(ctx context.Context, r *registry.Registry, members []registry.Membership) error {
	in, tx, err := r.Begin(ctx, registry.TxOptions{})
	if err != nil {
		return err
	}
	defer tx.Discard()
	for _, m := range members {
		if err := r.AddMembership(in, m); err != nil {
			return err
		}
	}
	synced, err := tx.Commit(ctx, registry.Fate{})
	if err != nil {
		return err
	}
	return synced(ctx)
}
