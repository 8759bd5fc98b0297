package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/supplypoint"
)

// SupplierKey is all that is known of a supplier's key. The key itself is kept nowhere.
type SupplierKey struct {
	ID       string `json:"id"` // "k-…"; empty when added: one is made
	Supplier string `json:"supplier"`
	// NotBefore (inclusive) and NotAfter (exclusive) bound its use; zero for no bound. They are compared with the time at
	// which the server received the message that brought key and supply point together.
	NotBefore time.Time `json:"notBefore,omitzero"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"` // since when it is refused, whatever its window
	Scope     Scope     `json:"scope,omitzero"`
	// MaxAttachments is how many attachments may be open with this key; 0 for any number. Attachments that are decided
	// at the same moment may exceed it by their number.
	MaxAttachments int       `json:"maxAttachments,omitempty"`
	Created        time.Time `json:"created"`
}

// Scope bounds what a key may attach. An empty list does not bound.
type Scope struct {
	Grids    []string `json:"grids,omitempty"`    // grid ids; what lies below one belongs to it
	Prefixes []string `json:"prefixes,omitempty"` // leading digits of the supply point, such as "0021"
}

// KeyMatch is what a supplier key leads to.
type KeyMatch struct {
	Supplier string `json:"supplier"` // also for a key that cannot be used; empty for an unknown one
	Key      string `json:"key"`      // its id
	Code     Code   `json:"code"`     // empty if usable
}

// keyRow is a key with its digest.
type keyRow struct {
	SupplierKey
	Digest []byte `json:"d"`
}

var supplierKeys = table[keyRow]{
	name: "key",
	key:  func(k *keyRow) tuple { return keyKey(k.ID) },
	index: func(k *keyRow, add func(tuple, []byte)) {
		add(keyOf("key/digest").raw(k.Digest), jsonText(k.ID))
		add(keyOf("key/supplier").text(k.Supplier).text(k.ID), nil)
	},
	indexes: []string{"key/digest", "key/supplier"},
}

func keyKey(id string) tuple { return keyOf("key").text(id) }

// AddKey adds a key to a supplier. Without a text one is made and returned: it is shown this once, since only a keyed
// hash of it is kept. A key that any supplier has already is ErrExists, because a key must name one supplier.
func (r *Registry) AddKey(ctx context.Context, k SupplierKey, text secret.Text) (SupplierKey, secret.Text, error) {
	var made secret.Text
	// Surrounding white space is cut, as it is from what devices send.
	clear := strings.TrimSpace(text.Reveal())
	if clear == "" && !text.IsZero() {
		return SupplierKey{}, made, fmt.Errorf("adding a key to supplier %q: %w: the key is blank", k.Supplier, ErrInvalid)
	}
	if clear == "" {
		made = secret.Generate(160)
		clear = made.Reveal()
	}
	if k.ID == "" {
		k.ID = "k-" + strings.ToLower(secret.Token().Reveal()[:10])
	}
	k.Revoked, k.Created = time.Time{}, r.now()
	k.NotBefore, k.NotAfter = k.NotBefore.UTC().Round(0), k.NotAfter.UTC().Round(0)
	digest := r.KeyDigest(clear)
	err := k.check()
	if err == nil {
		err = r.run(ctx, func(t *Tx) error { return t.addKey(ctx, keyRow{SupplierKey: k, Digest: digest.Bytes()}) })
	}
	if err != nil {
		return SupplierKey{}, secret.Text{}, fmt.Errorf("adding a key to supplier %q: %w", k.Supplier, err)
	}
	return k, made, nil
}

func (k *SupplierKey) check() error {
	switch {
	case !validLabel(k.ID):
		return fmt.Errorf("%w: id %q", ErrInvalid, k.ID)
	case !k.NotBefore.IsZero() && !k.NotAfter.IsZero() && !k.NotBefore.Before(k.NotAfter):
		return fmt.Errorf("%w: it would end before it begins", ErrInvalid)
	case k.MaxAttachments < 0:
		return fmt.Errorf("%w: maximum of attachments %d", ErrInvalid, k.MaxAttachments)
	}
	for _, prefix := range k.Scope.Prefixes {
		if prefix == "" || strings.Trim(prefix, "0123456789") != "" {
			return fmt.Errorf("%w: prefix %q is not digits", ErrInvalid, prefix)
		}
	}
	return nil
}

func (t *Tx) addKey(ctx context.Context, row keyRow) error {
	if _, err := t.supplier(ctx, row.Supplier); err != nil {
		return err
	}
	old, err := supplierKeys.get(ctx, t, keyKey(row.ID))
	if err != nil {
		return err
	}
	if old != nil {
		return fmt.Errorf("key id %q: %w", row.ID, ErrExists)
	}
	holder, err := t.claimed(ctx, keyOf("key/digest").raw(row.Digest))
	if err != nil {
		return err
	}
	if holder != "" {
		return fmt.Errorf("this key: %w", ErrExists)
	}
	directory, err := t.directory(ctx)
	if err != nil {
		return err
	}
	for _, grid := range row.Scope.Grids {
		if _, ok := directory.grids[grid]; !ok {
			return fmt.Errorf("grid %q: %w", grid, ErrNotFound)
		}
	}
	return supplierKeys.put(t, nil, &row)
}

// RevokeKey refuses a key from now on. What was attached with it stays; AttachmentsOfKey lists it. Revoking a key again
// changes nothing.
func (r *Registry) RevokeKey(ctx context.Context, id string) (SupplierKey, error) {
	var revoked SupplierKey
	err := r.run(ctx, func(t *Tx) error {
		old, err := t.key(ctx, id)
		if err != nil {
			return err
		}
		row := *old
		if row.Revoked.IsZero() {
			row.Revoked = r.now()
			if err := supplierKeys.put(t, old, &row); err != nil {
				return err
			}
		}
		revoked = row.SupplierKey
		return nil
	})
	if err != nil {
		return SupplierKey{}, fmt.Errorf("revoking a key: %w", err)
	}
	return revoked, nil
}

// key reads a key that must be there.
func (t *Tx) key(ctx context.Context, id string) (*keyRow, error) {
	row, err := supplierKeys.get(ctx, t, keyKey(id))
	if err == nil && row == nil {
		err = fmt.Errorf("key %q: %w", id, ErrNotFound)
	}
	return row, err
}

// Key returns a key by its id, or ErrNotFound.
func (r *Registry) Key(ctx context.Context, id string) (SupplierKey, error) {
	var found SupplierKey
	err := r.read(ctx, func(t *Tx) error {
		row, err := t.key(ctx, id)
		if err == nil {
			found = row.SupplierKey
		}
		return err
	})
	return found, err
}

// Keys returns the keys of a supplier, oldest first.
func (r *Registry) Keys(ctx context.Context, supplier string) ([]SupplierKey, error) {
	var found []SupplierKey
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			return t.ids(ctx, keyOf("key/supplier").text(supplier), func(id string) error {
				row, err := supplierKeys.peek(ctx, t, keyKey(id))
				if row != nil {
					found = append(found, row.SupplierKey)
				}
				return err
			})
		})
	})
	slices.SortStableFunc(found, func(a, b SupplierKey) int { return a.Created.Compare(b.Created) })
	return found, err
}

// judge tells whether a key may be used for a message that was received at that time.
func (k *SupplierKey) judge(at time.Time) Code {
	switch {
	case !k.Revoked.IsZero():
		return KeyRevoked
	case !k.NotBefore.IsZero() && at.Before(k.NotBefore):
		return KeyNotYetValid
	case !k.NotAfter.IsZero() && !at.Before(k.NotAfter):
		return KeyExpired
	}
	return ""
}

// SupplierByKey finds the supplier that has a key, by its digest. The key's window is judged at the time when the
// message was received.
func (r *Registry) SupplierByKey(ctx context.Context, d secret.Digest, at time.Time) (KeyMatch, error) {
	match := KeyMatch{Code: KeyUnknown}
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			id, err := t.claimed(ctx, keyOf("key/digest").raw(d.Bytes()))
			if err != nil || id == "" {
				return err
			}
			row, err := t.key(ctx, id)
			if err != nil {
				return err
			}
			match = KeyMatch{Supplier: row.Supplier, Key: row.ID, Code: row.judge(at)}
			return nil
		})
	})
	return match, err
}

// InScope tells whether a key may attach a supply point in a grid: empty, KEY_UNKNOWN, KEY_OUT_OF_SCOPE, or CUPS_UNKNOWN
// where its supplier has to announce supply points and has not announced this one.
func (r *Registry) InScope(ctx context.Context, key string, p supplypoint.Point, grid string) (Code, error) {
	var code Code
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			row, err := supplierKeys.get(ctx, t, keyKey(key))
			if err != nil {
				return err
			}
			if row == nil {
				code = KeyUnknown
				return nil
			}
			directory, err := t.directory(ctx)
			if err != nil {
				return err
			}
			if !row.Scope.holds(directory, p, grid) {
				code = KeyOutOfScope
				return nil
			}
			supplier, err := t.supplier(ctx, row.Supplier)
			if err != nil {
				return err
			}
			if ok, err := t.allowed(ctx, supplier, p); err != nil || !ok {
				code = CUPSUnknown
				return err
			}
			return nil
		})
	})
	return code, err
}

// holds tells whether a point in a grid lies within the scope.
func (s Scope) holds(d *directory, p supplypoint.Point, grid string) bool {
	if len(s.Prefixes) > 0 {
		digits := digitsOf(p)
		if !slices.ContainsFunc(s.Prefixes, func(prefix string) bool { return strings.HasPrefix(digits, prefix) }) {
			return false
		}
	}
	return len(s.Grids) == 0 || d.below(grid, s.Grids)
}
