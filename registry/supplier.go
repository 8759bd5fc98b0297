package registry

import (
	"context"
	"fmt"

	"github.com/gridtie/gridtie/supplypoint"
)

// Trust says what besides a key a supplier needs to attach a meter.
type Trust string

const (
	KeyOnly   Trust = "key-only"   // a usable key is enough
	AllowList Trust = "allow-list" // the supply point must have been announced: see Registry.Allow
)

// Policy says what happens when an attached meter asks for something else. A supply point that another meter holds is
// never taken from it: that is held under every policy.
type Policy string

const (
	// PolicyHold holds any change until an operator decides.
	PolicyHold Policy = "hold"
	// PolicySame replaces an attachment of the same supplier, and holds a change of supplier.
	PolicySame Policy = "same"
	// PolicyReplace closes the former attachment and opens the new one.
	PolicyReplace Policy = "replace"
)

// Supplier is a party whose keys meters carry. What one supplier sees or may attach never depends on another.
type Supplier struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Trust  Trust  `json:"trust"`  // empty when added: KeyOnly
	Policy Policy `json:"policy"` // of the supplier that asks; empty when added: PolicyHold
	// Commodity that it supplies, "electricity" or "gas"; empty for any.
	Commodity string `json:"commodity,omitempty"`
}

var suppliers = table[Supplier]{
	name: "supplier",
	key:  func(s *Supplier) tuple { return supplierKey(s.ID) },
}

func supplierKey(id string) tuple { return keyOf("supplier").text(id) }

// complete fills in defaults and says what is wrong.
func (s *Supplier) complete() error {
	if s.ID == "" {
		s.ID = label(s.Name)
	}
	if s.Name == "" {
		s.Name = s.ID
	}
	if s.Trust == "" {
		s.Trust = KeyOnly
	}
	if s.Policy == "" {
		s.Policy = PolicyHold
	}
	switch {
	case !validLabel(s.ID):
		return fmt.Errorf("%w: id %q", ErrInvalid, s.ID)
	case !validName(s.Name):
		return fmt.Errorf("%w: name %q", ErrInvalid, s.Name)
	case s.Trust != KeyOnly && s.Trust != AllowList:
		return fmt.Errorf("%w: trust %q", ErrInvalid, s.Trust)
	case s.Policy != PolicyHold && s.Policy != PolicySame && s.Policy != PolicyReplace:
		return fmt.Errorf("%w: policy %q", ErrInvalid, s.Policy)
	case s.Commodity != "" && s.Commodity != Electricity && s.Commodity != Gas:
		return fmt.Errorf("%w: commodity %q", ErrInvalid, s.Commodity)
	}
	return nil
}

// AddSupplier adds a supplier. Without an id, one is made of the name.
func (r *Registry) AddSupplier(ctx context.Context, s Supplier) (Supplier, error) {
	return r.putSupplier(ctx, s, "adding", func(old *Supplier) error {
		if old != nil {
			return ErrExists
		}
		return nil
	})
}

// UpdateSupplier changes a supplier, or errs with ErrNotFound.
func (r *Registry) UpdateSupplier(ctx context.Context, s Supplier) (Supplier, error) {
	return r.putSupplier(ctx, s, "updating", func(old *Supplier) error {
		if old == nil {
			return ErrNotFound
		}
		return nil
	})
}

func (r *Registry) putSupplier(ctx context.Context, s Supplier, doing string, check func(*Supplier) error) (Supplier, error) {
	err := s.complete()
	if err == nil {
		err = r.run(ctx, func(t *Tx) error {
			old, err := suppliers.get(ctx, t, supplierKey(s.ID))
			if err != nil {
				return err
			}
			if err := check(old); err != nil {
				return err
			}
			return suppliers.put(t, old, &s)
		})
	}
	if err != nil {
		return Supplier{}, fmt.Errorf("%s supplier %q: %w", doing, s.ID, err)
	}
	return s, nil
}

// supplier reads a supplier that must be there.
func (t *Tx) supplier(ctx context.Context, id string) (*Supplier, error) {
	s, err := suppliers.get(ctx, t, supplierKey(id))
	if err == nil && s == nil {
		err = fmt.Errorf("supplier %q: %w", id, ErrNotFound)
	}
	return s, err
}

// Supplier returns a supplier, or ErrNotFound.
func (r *Registry) Supplier(ctx context.Context, id string) (Supplier, error) {
	var found Supplier
	err := r.read(ctx, func(t *Tx) error {
		s, err := t.supplier(ctx, id)
		if err == nil {
			found = *s
		}
		return err
	})
	return found, err
}

// Suppliers lists suppliers by id.
func (r *Registry) Suppliers(ctx context.Context, p Page) (list []Supplier, next string, err error) {
	err = r.read(ctx, func(t *Tx) error {
		rows, more, err := suppliers.page(ctx, t, keyOf(suppliers.name), p, false, nil)
		for _, row := range rows {
			list = append(list, *row)
		}
		next = more
		return err
	})
	return list, next, err
}

func allowKey(supplier string, p supplypoint.Point) tuple {
	return keyOf("allow").text(supplier).text(string(p.Scheme())).text(p.ID())
}

// Allow announces supply points that a supplier with Trust AllowList may attach. Announcing one again is harmless.
func (r *Registry) Allow(ctx context.Context, supplier string, points ...supplypoint.Point) error {
	return r.announce(ctx, supplier, points, func(t *Tx, key tuple) { t.put(key, noValue) })
}

// Disallow takes announcements back. Attachments stay.
func (r *Registry) Disallow(ctx context.Context, supplier string, points ...supplypoint.Point) error {
	return r.announce(ctx, supplier, points, func(t *Tx, key tuple) { t.delete(key) })
}

func (r *Registry) announce(ctx context.Context, supplier string, points []supplypoint.Point, write func(*Tx, tuple)) error {
	err := r.run(ctx, func(t *Tx) error {
		if _, err := t.supplier(ctx, supplier); err != nil {
			return err
		}
		for _, p := range points {
			if p.IsZero() {
				return fmt.Errorf("%w: an empty supply point", ErrInvalid)
			}
			write(t, allowKey(supplier, p))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("changing the allow-list of supplier %q: %w", supplier, err)
	}
	return nil
}

// allowed tells whether a supplier may attach a point at all.
func (t *Tx) allowed(ctx context.Context, s *Supplier, p supplypoint.Point) (bool, error) {
	if s.Trust != AllowList {
		return true, nil
	}
	listed := false
	err := t.get(ctx, allowKey(s.ID, p), true, func([]byte) error {
		listed = true
		return nil
	})
	return listed, err
}
