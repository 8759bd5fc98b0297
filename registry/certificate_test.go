package registry_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// certified makes a certificate that signs itself.
func certified(t *testing.T, name string, authority bool) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: start, NotAfter: start.AddDate(1, 0, 0),
		BasicConstraintsValid: authority, IsCA: authority,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ok(t, err)
	return must[*x509.Certificate](t)(x509.ParseCertificate(raw))
}

func inPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

func TestAuthorityKey(t *testing.T) {
	t.Parallel()
	ca, leaf := certified(t, "ca", true), certified(t, "leaf", false)
	want := registry.CertificateHash(ca)
	for name, given := range map[string]string{
		"PEM": inPEM(ca), "PEM with remarks": "subject=ca\n" + inPEM(ca) + "\n\n", "base64": base64.StdEncoding.EncodeToString(ca.Raw),
	} {
		if got, err := registry.AuthorityKey(given); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	for name, given := range map[string]string{
		"nothing": "", "no certificate": "hello", "two": inPEM(ca) + inPEM(leaf), "a device's": inPEM(leaf),
		"a key":   string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("k")})),
		"cut off": base64.StdEncoding.EncodeToString(ca.Raw[:40]),
	} {
		if got, err := registry.AuthorityKey(given); !errors.Is(err, registry.ErrInvalid) || got != "" {
			t.Errorf("%s: got %q, %v, want %v", name, got, err, registry.ErrInvalid)
		}
	}
}

func TestCertificateChainOfProfiles(t *testing.T) {
	t.Parallel()
	b := open(t)
	key := registry.CertificateHash(certified(t, "ca", true))
	for _, c := range []struct {
		name, key, pattern string
		good               bool
	}{
		{"good", key, "([^@]+)", true},
		{"no hash", "K", "([^@]+)", false},
		{"generated key", "", "([^@]+)", false},
		{"no pattern", key, "", false},
		{"no group", key, "[^@]+", false},
		{"no expression", key, "([^@]+", false},
		{"what only other engines have", key, `(?=x)(.+)`, false},
		{"too long", key, "(" + strings.Repeat("a", 256) + ")", false},
	} {
		p := registry.NewProfile("certified")
		p.Strategy, p.ProvisionKey, p.CertificatePattern = registry.X509Chain, c.key, c.pattern
		_, err := b.AddProfile(t.Context(), p, secret.Text{})
		if good := err == nil; good != c.good || !good && !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%s: got %v, want good %v", c.name, err, c.good)
		}
	}
	for pattern, want := range map[string]string{
		"([^@]+)": "meter-1", `(.+)@`: "meter-1", `@(.*)\.`: "fleet", `^(\d+)$`: "", `x|@(y)?`: "",
	} {
		c := registry.CertificateChain{CertificatePattern: pattern}
		if got := c.DeviceName("meter-1@fleet.example"); got != want {
			t.Errorf("name by %s: got %q, want %q", pattern, got, want)
		}
	}
}

// TestCertificateChainNeedsItsAuthority: what an authority's profile is found by is public, and gives nobody anything.
func TestCertificateChainNeedsItsAuthority(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	ca, other := certified(t, "ca", true), certified(t, "other", true)
	b.profile(t, "certified", func(p *registry.Profile) {
		p.Strategy, p.ProvisionKey, p.CertificatePattern, p.CreateByCertificate = registry.X509Chain, registry.CertificateHash(ca), "(.+)", true
	})
	b.profile(t, "meters", func(p *registry.Profile) { p.ProvisionKey = "K" })
	if _, err := b.CheckProvisioning(ctx, registry.CertificateHash(ca), text("s3cret")); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("asking with key and secret: got %v, want %v", err, registry.ErrNotFound)
	}
	if p, err := b.AuthorityProfile(ctx, ca); err != nil || p.Name != "certified" {
		t.Errorf("profile of the authority: got %q, %v", p.Name, err)
	}
	if _, err := b.AuthorityProfile(ctx, other); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("profile of another authority: got %v, want %v", err, registry.ErrNotFound)
	}
	leaf := registry.Credentials{Type: registry.X509Certificate, Certificate: registry.CertificateText(certified(t, "m", false))}
	for name, ask := range map[string]registry.ProvisionRequest{
		"no authority":          {Profile: "certified", Name: "m", Credentials: leaf},
		"another authority":     {Profile: "certified", Name: "m", Credentials: leaf, Authority: registry.CertificateHash(other)},
		"profile without one":   {Profile: "meters", Name: "m", Credentials: leaf, Authority: registry.CertificateHash(ca)},
		"no name":               {Profile: "certified", Credentials: leaf, Authority: registry.CertificateHash(ca)},
		"blank name":            {Profile: "certified", Name: " ", Credentials: leaf, Authority: registry.CertificateHash(ca)},
		"no certificate":        {Profile: "certified", Name: "m", Authority: registry.CertificateHash(ca)},
		"a token in its place":  {Profile: "certified", Name: "m", Authority: registry.CertificateHash(ca), Credentials: registry.Credentials{Token: text("T")}},
		"blank text in a token": {Profile: "certified", Name: "\t", Authority: registry.CertificateHash(ca), Credentials: leaf},
	} {
		if p, err := b.Provision(ctx, ask); reasonOf(err) == "" {
			t.Errorf("%s: got %+v, %v, want a refusal", name, p.Device, err)
		}
	}

	// Disabled, it lets nobody in.
	p, err := b.ChangeProfile(ctx, "certified", func(p *registry.Profile) { p.Strategy = registry.ProvisionDisabled })
	if err != nil || p.ProvisionKey != registry.CertificateHash(ca) {
		t.Fatalf("disabling: %v", err)
	}
	if _, err := b.AuthorityProfile(ctx, ca); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("profile of a disabled authority: got %v, want %v", err, registry.ErrNotFound)
	}
	ask := registry.ProvisionRequest{Profile: "certified", Name: "m", Credentials: leaf, Authority: registry.CertificateHash(ca)}
	if _, err := b.Provision(ctx, ask); reasonOf(err) != registry.RefusedDisabled {
		t.Errorf("disabled: got %v, want %v", err, registry.RefusedDisabled)
	}
	if _, err := b.ChangeProfile(ctx, "meters", func(p *registry.Profile) {
		p.Strategy, p.CertificatePattern = registry.X509Chain, "(.+)"
	}); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("certificates for a profile with a key of its own: got %v, want %v", err, registry.ErrInvalid)
	}
}

func TestCertificateChainProvisions(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	authority := registry.CertificateHash(certified(t, "ca", true))
	b.profile(t, "meters")
	b.profile(t, "certified", func(p *registry.Profile) {
		p.Strategy, p.ProvisionKey, p.CertificatePattern, p.CreateByCertificate = registry.X509Chain, authority, "(.+)", true
	})
	b.device(t, "elsewhere")
	_, _, err := b.AddDevice(ctx, registry.Device{Name: "by-token", Profile: "certified"}, registry.Credentials{})
	ok(t, err)
	heard := make(chan string, 10)
	b.OnCredentialsChange(func(id string) { heard <- id })
	ask := func(name string, c *x509.Certificate) (registry.Provisioned, error) {
		return b.Provision(ctx, registry.ProvisionRequest{Profile: "certified", Name: name, Authority: authority, Credentials: registry.Credentials{
			Type: registry.X509Certificate, Certificate: registry.CertificateText(c),
		}})
	}
	who := func(c *x509.Certificate) string {
		d, err := b.Authenticate(ctx, registry.Login{Certificate: registry.CertificateText(c)})
		if err != nil && !errors.Is(err, registry.ErrNoCredentials) {
			t.Fatal(err)
		}
		return d.Name
	}
	first, second := certified(t, "m", false), certified(t, "m", false)
	made, err := ask("m", first)
	if err != nil || made.Result != registry.Created || made.Device.Profile != "certified" || who(first) != "m" {
		t.Fatalf("a new device: got %+v, %v", made, err)
	}
	again, err := ask("m", first)
	if err != nil || again.Result != registry.Renewed || again.Device.CredentialsVersion != 0 {
		t.Errorf("the same again: got %+v, %v, want nothing changed", again, err)
	}
	renewed, err := ask("m", second)
	if err != nil || renewed.Result != registry.Renewed || renewed.Device.ID != made.Device.ID || renewed.Device.CredentialsVersion != 1 {
		t.Errorf("another certificate: got %+v, %v", renewed, err)
	}
	if got := <-heard; got != made.Device.ID {
		t.Errorf("heard of changed credentials of %q, want %q", got, made.Device.ID)
	}
	if who(first) != "" || who(second) != "m" {
		t.Errorf("who comes with the first, and the second: got %q, %q, want nobody and m", who(first), who(second))
	}
	for name, want := range map[string]registry.RefusalReason{
		"elsewhere": registry.RefusedNameTaken, "by-token": registry.RefusedCredentialsKind, "other": registry.RefusedCredentialsTaken,
	} {
		if _, err := ask(name, second); reasonOf(err) != want {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	_, err = b.ChangeProfile(ctx, "certified", func(p *registry.Profile) { p.CreateByCertificate = false })
	ok(t, err)
	if _, err := ask("late", certified(t, "late", false)); reasonOf(err) != registry.RefusedNotPreProvisioned {
		t.Errorf("a new device that may not be made: got %v, want %v", err, registry.RefusedNotPreProvisioned)
	}
	if p, err := ask("m", first); err != nil || p.Result != registry.Renewed {
		t.Errorf("a device that is there: got %+v, %v", p.Result, err)
	}
}
