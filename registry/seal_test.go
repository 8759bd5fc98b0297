package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
)

func TestServerKey(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	first, second := secret.NewKey(), secret.NewKey()
	opened := func(key secret.Key, work func(*registry.Registry)) error {
		s := openStore(t, fs)
		defer func() { ok(t, s.Close()) }()
		r, err := registry.Open(t.Context(), s, registry.Options{ServerKey: key, Lazy: -1})
		if err != nil {
			return err
		}
		work(r)
		consistent(t, r)
		return r.Close()
	}
	nothing := func(*registry.Registry) {}
	var digest secret.Digest
	ok(t, opened(first, func(r *registry.Registry) {
		digest = r.KeyDigest("000712")
		_, err := r.AddProfile(t.Context(), registry.NewProfile("meters"), text("s3cret"))
		ok(t, err)
	}))
	if err := opened(second, nothing); !errors.Is(err, registry.ErrServerKey) {
		t.Errorf("another key: got %v", err)
	}
	if err := opened(secret.Key{}, nothing); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("no key: got %v", err)
	}
	ok(t, opened(first, func(r *registry.Registry) { ok(t, r.RotateServerKey(t.Context(), second)) }))
	if err := opened(first, nothing); !errors.Is(err, registry.ErrServerKey) {
		t.Errorf("the former key after rotation: got %v", err)
	}
	ok(t, opened(second, func(r *registry.Registry) {
		if r.KeyDigest("000712") != digest {
			t.Error("rotation changed the digests")
		}
		if _, s, err := r.RevealProfile(t.Context(), "meters"); err != nil || s.Reveal() != "s3cret" {
			t.Errorf("rotation lost what was sealed: %v", err)
		}
	}))
}

func TestSchema(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, key, value string
		want             error
	}{
		{"newer", "schema\x00\x01", `{"version":2,"dataKey":"AA=="}`, registry.ErrSchema},
		{"nonsense", "schema\x00\x01", `{"version":0,"dataKey":"AA=="}`, registry.ErrInvalid},
		{"somebody else's rows", "hello", `1`, registry.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, vfs.NewMem())
			defer func() { ok(t, s.Close()) }()
			_, err := s.Apply(t.Context(), store.Batch{Puts: []store.Put{{Key: []byte(test.key), Value: []byte(test.value)}}})
			ok(t, err)
			_, err = registry.Open(t.Context(), s, registry.Options{ServerKey: secret.NewKey()})
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if test.want == registry.ErrSchema && !strings.Contains(err.Error(), "version 2") {
				t.Errorf("the error does not name the version: %v", err)
			}
		})
	}
}

// TestNothingSecretIsStored looks at every byte that the registry wrote.
func TestNothingSecretIsStored(t *testing.T) {
	t.Parallel()
	b := open(t)
	secrets := []string{"pr0filesecret", "t0kenthatmeterhas", "cl1entid", "us3rname", "passw0rdofmeter", "c3rtificatetext", "5upplierkey"}
	_, err := b.AddProfile(t.Context(), registry.NewProfile("meters"), text(secrets[0]))
	ok(t, err)
	for name, c := range map[string]registry.Credentials{
		"token": {Type: registry.AccessToken, Token: text(secrets[1])},
		"basic": {Type: registry.MQTTBasic, ClientID: text(secrets[2]), UserName: text(secrets[3]), Password: text(secrets[4])},
		"cert":  {Type: registry.X509Certificate, Certificate: text(secrets[5])},
	} {
		_, err := b.Provision(t.Context(), registry.ProvisionRequest{Profile: "meters", Name: name, Credentials: c})
		ok(t, err)
	}
	_, err = b.AddSupplier(t.Context(), registry.Supplier{ID: "luz"})
	ok(t, err)
	ok(t, third(b.AddKey(t.Context(), registry.SupplierKey{Supplier: "luz"}, text(secrets[6]))))
	rows := 0
	_, err = b.store.View(context.Background(), func(r store.Reader) error {
		for row, err := range r.Scan(nil, nil) {
			if err != nil {
				return err
			}
			rows++
			if !json.Valid(row.Value) {
				t.Errorf("key %q: the value is not JSON", row.Key)
			}
			for _, s := range secrets {
				if bytes.Contains(row.Key, []byte(s)) || bytes.Contains(row.Value, []byte(s)) {
					t.Errorf("key %q: a secret stands there in clear", row.Key)
				}
			}
		}
		return nil
	})
	ok(t, err)
	if rows < 50 {
		t.Errorf("only %d rows were looked at", rows)
	}
}
