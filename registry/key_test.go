package registry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

func TestSupplierByKey(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	ok(t, second(b.AddSupplier(ctx, registry.Supplier{Name: "Energía del Año S.A."})))
	keys := map[string]registry.SupplierKey{}
	add := func(clear string, k registry.SupplierKey) {
		t.Helper()
		k.Supplier = "energia-del-ano-s-a"
		k, shown, err := b.AddKey(ctx, k, text(clear))
		ok(t, err)
		if !shown.IsZero() {
			t.Error("a key that was given is shown")
		}
		keys[clear] = k
	}
	add("000712", registry.SupplierKey{})
	add("  padded\n", registry.SupplierKey{})
	add("window", registry.SupplierKey{NotBefore: start, NotAfter: start.Add(time.Hour)})
	add("revoked", registry.SupplierKey{})
	ok(t, second(b.RevokeKey(ctx, keys["revoked"].ID)))

	tests := []struct {
		name, key string
		at        time.Time
		code      registry.Code
	}{
		{"text", "000712", start, ""},
		{"a number is not the text", "712", start, registry.KeyUnknown},
		{"case counts", "WINDOW", start, registry.KeyUnknown},
		{"white space is cut", "padded", start, ""},
		{"first moment", "window", start, ""},
		{"before", "window", start.Add(-time.Nanosecond), registry.KeyNotYetValid},
		{"last moment", "window", start.Add(time.Hour - time.Nanosecond), ""},
		{"end", "window", start.Add(time.Hour), registry.KeyExpired},
		{"revoked, also for the past", "revoked", start.Add(-time.Hour), registry.KeyRevoked},
	}
	for _, test := range tests {
		got, err := b.SupplierByKey(ctx, b.KeyDigest(test.key), test.at)
		if err != nil || got.Code != test.code || (got.Supplier == "") != (test.code == registry.KeyUnknown) {
			t.Errorf("%s: got %+v, %v; want %q", test.name, got, err, test.code)
		}
	}
	if got, err := b.SupplierByKey(ctx, secret.Digest{}, start); err != nil || got.Code != registry.KeyUnknown {
		t.Errorf("no digest: got %+v, %v", got, err)
	}
	if got := must[[]registry.SupplierKey](t)(b.Keys(ctx, "energia-del-ano-s-a")); len(got) != 4 {
		t.Errorf("keys: got %d, want 4", len(got))
	}
}

func TestAddKey(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	b.supplier(t, registry.Supplier{ID: "luz"}, registry.SupplierKey{})
	ok(t, second(b.AddSupplier(ctx, registry.Supplier{ID: "sol"})))
	ok(t, third(b.AddKey(ctx, registry.SupplierKey{Supplier: "luz"}, text("one key"))))

	k, made, err := b.AddKey(ctx, registry.SupplierKey{Supplier: "luz"}, secret.Text{})
	ok(t, err)
	if got, err := b.SupplierByKey(ctx, b.KeyDigest(made.Reveal()), start); err != nil || got.Key != k.ID || got.Code != "" {
		t.Errorf("a key that was made: got %+v, %v", got, err)
	}
	tests := []struct {
		name string
		key  registry.SupplierKey
		text string
		want error
	}{
		{"one key, two suppliers", registry.SupplierKey{Supplier: "sol"}, "one key", registry.ErrExists},
		{"one key twice", registry.SupplierKey{Supplier: "luz"}, " one key ", registry.ErrExists},
		{"unknown supplier", registry.SupplierKey{Supplier: "none"}, "x", registry.ErrNotFound},
		{"blank", registry.SupplierKey{Supplier: "luz"}, " \t", registry.ErrInvalid},
		{"backward window", registry.SupplierKey{Supplier: "luz", NotBefore: start, NotAfter: start}, "x", registry.ErrInvalid},
		{"letters in a prefix", registry.SupplierKey{Supplier: "luz", Scope: registry.Scope{Prefixes: []string{"ES0021"}}}, "x", registry.ErrInvalid},
		{"unknown grid", registry.SupplierKey{Supplier: "luz", Scope: registry.Scope{Grids: []string{"none"}}}, "x", registry.ErrNotFound},
		{"id is taken", registry.SupplierKey{Supplier: "luz", ID: k.ID}, "x", registry.ErrExists},
	}
	for _, test := range tests {
		if err := third(b.AddKey(ctx, test.key, text(test.text))); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := b.RevokeKey(ctx, "none"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("revoking an unknown key: got %v", err)
	}
	if _, err := b.AddSupplier(ctx, registry.Supplier{ID: "sol"}); !errors.Is(err, registry.ErrExists) {
		t.Errorf("supplier twice: got %v", err)
	}
	if _, err := b.UpdateSupplier(ctx, registry.Supplier{ID: "none"}); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("updating an unknown supplier: got %v", err)
	}
	for _, bad := range []registry.Supplier{{}, {ID: "a b"}, {ID: "a", Trust: "blind"}, {ID: "a", Policy: "steal"}, {ID: "a", Commodity: "steam"}} {
		if _, err := b.AddSupplier(ctx, bad); !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%+v: got %v, want invalid", bad, err)
		}
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }
