package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

func supplierNamed(id string) (what, hint string) {
	return fmt.Sprintf("supplier %q", id), "gridtie suppliers list; gridtie suppliers add NAME"
}

// keyShown adds the state, judged now.
func (a *api) keyShown(k registry.SupplierKey) Key {
	now := a.Clock()
	state := "usable"
	switch {
	case !k.Revoked.IsZero():
		state = "revoked"
	case !k.NotBefore.IsZero() && now.Before(k.NotBefore):
		state = "not-yet-valid"
	case !k.NotAfter.IsZero() && !now.Before(k.NotAfter):
		state = "expired"
	}
	return Key{SupplierKey: k, State: state}
}

func (a *api) withKeys(ctx context.Context, s registry.Supplier) (Supplier, error) {
	keys, err := a.Registry.Keys(ctx, s.ID)
	if err != nil {
		return Supplier{}, err
	}
	out := Supplier{Supplier: s, Keys: []Key{}}
	for _, k := range keys {
		out.Keys = append(out.Keys, a.keyShown(k))
	}
	return out, nil
}

func (a *api) suppliers(ctx context.Context, r *http.Request) (any, error) {
	p, err := page(r)
	if err != nil {
		return nil, err
	}
	all, next, err := a.Registry.Suppliers(ctx, p)
	if err != nil {
		return nil, known(err, "such page", "")
	}
	list := SupplierPage{Suppliers: []Supplier{}, Next: next}
	for _, s := range all {
		with, err := a.withKeys(ctx, s)
		if err != nil {
			return nil, err
		}
		list.Suppliers = append(list.Suppliers, with)
	}
	return list, nil
}

func (a *api) addSupplier(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[NewSupplier](r)
	if err != nil {
		return nil, err
	}
	s, err := a.Registry.AddSupplier(ctx, registry.Supplier{
		ID: in.ID, Name: in.Name, Trust: in.Trust, Policy: in.Policy, Commodity: in.Commodity,
	})
	if err != nil {
		what, hint := supplierNamed(in.Name)
		return nil, known(err, what, hint)
	}
	return Supplier{Supplier: s, Keys: []Key{}}, nil
}

func (a *api) supplier(ctx context.Context, r *http.Request) (any, error) {
	s, err := a.Registry.Supplier(ctx, r.PathValue("id"))
	if err != nil {
		what, hint := supplierNamed(r.PathValue("id"))
		return nil, known(err, what, hint)
	}
	return a.withKeys(ctx, s)
}

func (a *api) addKey(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[NewKey](r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	if _, err := a.Registry.Supplier(ctx, id); err != nil {
		what, hint := supplierNamed(id)
		return nil, known(err, what, hint)
	}
	k, text, err := a.Registry.AddKey(ctx, registry.SupplierKey{
		Supplier: id, NotBefore: in.NotBefore, NotAfter: in.NotAfter, Scope: in.Scope, MaxAttachments: in.MaxAttachments,
	}, secret.NewText(in.Key))
	if err != nil {
		return nil, known(err, "this key", "")
	}
	out := AddedKey{Key: a.keyShown(k)}
	if in.Key == "" {
		out.Secret = text.Reveal()
	}
	return out, nil
}

func (a *api) revokeKey(ctx context.Context, r *http.Request) (any, error) {
	k, err := a.Registry.RevokeKey(ctx, r.PathValue("id"))
	if err != nil {
		return nil, known(err, fmt.Sprintf("key %q", r.PathValue("id")), "gridtie suppliers show SUPPLIER lists the keys")
	}
	return a.keyShown(k), nil
}

func (a *api) grids(ctx context.Context, _ *http.Request) (any, error) {
	all, err := a.Registry.Grids(ctx)
	if err != nil {
		return nil, err
	}
	return GridList{Grids: append([]registry.Grid{}, all...)}, nil
}

func (a *api) addGrid(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[registry.Grid](r)
	if err != nil {
		return nil, err
	}
	g, err := a.Registry.AddGrid(ctx, in)
	if err != nil {
		return nil, known(err, fmt.Sprintf("grid %q", in.ID), "")
	}
	return g, nil
}
