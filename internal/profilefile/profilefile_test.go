package profilefile_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/profilefile"
	"github.com/gridtie/gridtie/registry"
)

// file is a profile file with fields besides its name, key and secret.
func file(name, key, more string) engine.File {
	return engine.File{Name: "profiles/" + name + ".json", Text: fmt.Appendf(nil, `{
  "profile": {
    "name": %q,
    "provisionDeviceKey": { "$secret": %q },
    "provisionDeviceSecret": { "$secret": "shared" }%s
  }
}`, name, key, more)}
}

// secrets has the variables of a map only.
func secrets(variables map[string]string) *profilefile.Secrets {
	return &profilefile.Secrets{Variable: func(name string) (string, bool) {
		text, ok := variables[name]
		return text, ok
	}}
}

// codes are findings in short.
func codes(findings engine.Findings) []string {
	var short []string
	for _, f := range findings {
		short = append(short, fmt.Sprintf("%s:%d %s %s", filepath.Base(f.File), f.Line, f.Pointer, f.Code))
	}
	return short
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s := profilefile.Read([]engine.File{file("water", "k", "")}, profilefile.Options{
		Secrets: secrets(map[string]string{"GRIDTIE_SECRET_K": " key-1\n", "GRIDTIE_SECRET_SHARED": "hush"}),
	})
	if len(s.Findings) > 0 {
		t.Fatal(s.Findings)
	}
	got := s.Profiles()[0]
	want := registry.NewProfile("water")
	want.Source, want.ProvisionKey = "water.json", "key-1"
	if fmt.Sprintf("%+v", got.Profile) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got.Profile, want)
	}
	if got.Secret.Reveal() != "hush" {
		t.Error("the secret is not that of the variable")
	}
}

// TestNoFieldIsForgotten: a profile that declares one field keeps the usual names of the other.
func TestNoFieldIsForgotten(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{
		"none":     `, "fields": []`,
		"null":     `, "fields": null`,
		"cups":     `, "fields": [{"name":"cups","aliases":["point"]}]`,
		"by name":  `, "fields": [{"name":"cups","aliases":["cups"]}]`,
		"two more": `, "fields": [{"name":"cups","aliases":["a","/a"]}]`,
	} {
		s := profilefile.Read([]engine.File{file("water", "k", more)}, profilefile.Options{})
		if len(s.Findings) > 0 {
			t.Errorf("%s: %v", name, s.Findings)
		}
		fields := s.Profiles()[0].Fields
		i := slices.IndexFunc(fields, func(f registry.Field) bool { return f.Name == "supplierKey" })
		if i < 0 || !slices.Contains(fields[i].Aliases, "Power_supplier_secret_key") {
			t.Errorf("%s: the supplier key is not among the fields: %v", name, fields)
		}
	}
}

// TestEveryFieldCanBeSaid holds the format to the profile: what the registry keeps of one, a file can say, but for what is
// assigned to its devices.
func TestEveryFieldCanBeSaid(t *testing.T) {
	t.Parallel()
	apart := []string{"provisionKey", "source", "firmware", "software"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[registry.Profile]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || slices.Contains(apart, name) {
			continue
		}
		s := profilefile.Read([]engine.File{{Name: "p.json", Text: fmt.Appendf(nil, `{"profile":{%q:0}}`, name)}}, profilefile.Options{})
		if slices.ContainsFunc(s.Findings, func(f engine.Finding) bool { return f.Code == "unknown-field" }) {
			t.Errorf("a file cannot say %q: %v", name, s.Findings)
		}
	}
}

// authority is a certificate that may sign others, or may not, in PEM.
func authority(t *testing.T, mayNot bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	is := &x509.Certificate{SerialNumber: big.NewInt(1), BasicConstraintsValid: true, IsCA: !mayNot}
	der, err := x509.CreateCertificate(rand.Reader, is, is, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	good, leaf := authority(t, false), authority(t, true)
	for _, c := range []struct {
		name, fields string
		findings     []string
	}{
		{"in the file", fmt.Sprintf(`"x509Certificate": %q`, good), nil},
		{"by reference", `"x509Certificate": {"$secret": "ca"}, "certificateRegExPattern": "([^@]+)@"`, nil},
		{"none", `"castStrings": true`, []string{" missing-field"}},
		{"no certificate", `"x509Certificate": "hello"`, []string{"/x509Certificate value"}},
		{"no authority", fmt.Sprintf(`"x509Certificate": %q`, leaf), []string{"/x509Certificate value"}},
		{"a key besides", `"x509Certificate": {"$secret": "ca"}, "provisionDeviceKey": {"$secret": "ca"}`, []string{"/provisionDeviceKey value"}},
		{"no group", `"x509Certificate": {"$secret": "ca"}, "certificateRegExPattern": ".+"`, []string{"/certificateRegExPattern value"}},
	} {
		text := fmt.Sprintf(`{"profile": {"name": "c", "strategy": "X509_CERTIFICATE_CHAIN", %s}}`, c.fields)
		s := profilefile.Read([]engine.File{{Name: "c.json", Text: []byte(text)}}, profilefile.Options{
			Secrets: secrets(map[string]string{"GRIDTIE_SECRET_CA": good}),
		})
		var want []string
		for _, f := range c.findings {
			want = append(want, "c.json:1 /profile"+f)
		}
		if got := codes(s.Findings); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
		key, err := registry.AuthorityKey(good)
		if err != nil {
			t.Fatal(err)
		}
		if p := s.Profiles()[0]; len(want) == 0 && (p.ProvisionKey != key || !p.CreateByCertificate) {
			t.Errorf("%s: got %+v", c.name, p.Profile)
		}
	}
	s := profilefile.Read([]engine.File{file("gas", "k", `, "x509Certificate": "hello"`)}, profilefile.Options{})
	if got, want := codes(s.Findings), []string{"gas.json:5 /profile/x509Certificate value"}; !slices.Equal(got, want) {
		t.Errorf("beside another strategy: got %q, want %q", got, want)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"shared": "hush", "in-file": "from the file", "both": "from the file", "empty": " \n", "long": strings.Repeat("x", 70_000),
		"control": "a\x01b",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	from := secrets(map[string]string{"GRIDTIE_SECRET_BOTH": "from the variable", "GRIDTIE_SECRET_A_B_C": "dots", "GRIDTIE_SECRET_BLANK": ""})
	from.Folder = dir
	for _, c := range []struct{ name, want string }{ // want is empty for a fault
		{"in-file", "from the file"},
		{"both", "from the variable"},
		{"a-b.c", "dots"},
		{"empty", ""},
		{"long", ""},
		{"control", ""},
		{"folder", ""},
		{"absent", ""},
		{"blank", ""},
	} {
		s := profilefile.Read([]engine.File{file("water", c.name, "")}, profilefile.Options{Secrets: from})
		var want []string
		if c.want == "" {
			want = []string{"water.json:4 /profile/provisionDeviceKey/$secret secret"}
			if c.name == "control" {
				want[0] = "water.json:4 /profile/provisionDeviceKey secret"
			}
		}
		if got := codes(s.Findings); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
		if got := s.Profiles()[0].ProvisionKey; c.want != "" && got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	for name, hint := range map[string]string{"absent": filepath.Join(dir, "absent"), "a.b-x": "GRIDTIE_SECRET_A_B_X"} {
		s := profilefile.Read([]engine.File{file("water", name, "")}, profilefile.Options{Secrets: from})
		if len(s.Findings) != 1 || !strings.Contains(s.Findings[0].Hint, hint) {
			t.Errorf("%s: got %v, want a hint with %s", name, s.Findings, hint)
		}
	}
}

func TestTwins(t *testing.T) {
	t.Parallel()
	again := file("water", "k2", "")
	again.Name = "profiles/z.json"
	files := []engine.File{file("gas", "k1", ""), file("heat", "k1", ""), file("steam", "k3", ""), file("water", "k4", ""), again}
	s := profilefile.Read(files, profilefile.Options{Secrets: secrets(map[string]string{
		"GRIDTIE_SECRET_SHARED": "hush", "GRIDTIE_SECRET_K1": "one", "GRIDTIE_SECRET_K2": "two", "GRIDTIE_SECRET_K3": "two",
		"GRIDTIE_SECRET_K4": "four",
	})})
	want := []string{
		"heat.json:4 /profile/provisionDeviceKey duplicate-key", // the same name of a secret
		"z.json:3 /profile/name duplicate-profile",
		"z.json:4 /profile/provisionDeviceKey duplicate-key", // the same value under two names
	}
	if got := codes(s.Findings); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if text := s.Findings.Error(); strings.Contains(text, "two,") || strings.Contains(text, "hush") {
		t.Errorf("a secret is repeated: %s", text)
	}
}

// TestAround finds what does not fit chains and registry, as often as it is asked.
func TestAround(t *testing.T) {
	t.Parallel()
	s := profilefile.Read([]engine.File{file("gas", "k1", `, "chain": "gsa"`), file("water", "k2", `, "provisionChain": "water"`)},
		profilefile.Options{Folder: "profiles"})
	for range 2 {
		if got, want := codes(s.CheckChains([]string{"gas", "water"})), []string{"gas.json:5 "}; len(got) != 1 || !strings.HasPrefix(got[0], want[0]) {
			t.Errorf("chains: got %q, want one in %q", got, want)
		}
	}
	got := codes(s.Faults([]registry.ProfileFault{
		{Profile: "gas", Exists: true}, {Profile: "water", SameKey: "own"}, {Profile: "heat", Devices: 3, File: "heat.json"},
	}))
	want := []string{
		"profiles:0  profile-in-use", "gas.json:3 /profile/name profile-exists", "water.json:4 /profile/provisionDeviceKey duplicate-key",
	}
	if !slices.Equal(got, want) {
		t.Errorf("registry: got %q, want %q", got, want)
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	revision := func(files ...engine.File) string { return profilefile.Read(files, profilefile.Options{}).Revision() }
	gas, water := file("gas", "k1", ""), file("water", "k2", "")
	first := revision(gas, water)
	if got := revision(water, gas); got != first {
		t.Errorf("another order: got %s, want %s", got, first)
	}
	if got := revision(file("gas", "k1", `, "additionalInfo": {"by": "us"}`), water); got != first {
		t.Errorf("a remark: got %s, want %s", got, first)
	}
	if got := revision(file("gas", "k1", `, "castStrings": false`), water); got == first {
		t.Errorf("another meaning: got %s, want another", got)
	}
	if got := revision(gas); got == first {
		t.Errorf("one file less: got %s, want another", got)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	read := func(secret string, files ...engine.File) *profilefile.Set {
		return profilefile.Read(files, profilefile.Options{Secrets: secrets(map[string]string{"GRIDTIE_SECRET_K": "key", "GRIDTIE_SECRET_SHARED": secret})})
	}
	first := read("a", file("gas", "k", ""))
	for _, c := range []struct {
		name string
		set  *profilefile.Set
		same bool
	}{
		{"again", read("a", file("gas", "k", "")), true},
		{"another secret", read("b", file("gas", "k", "")), false},
		{"a secret that is gone", profilefile.Read([]engine.File{file("gas", "k", "")}, profilefile.Options{Secrets: secrets(nil)}), false},
		{"another text", read("a", file("gas", "k", " ")), false},
		{"one more", read("a", file("gas", "k", ""), file("water", "k", "")), false},
		{"none", nil, false},
	} {
		if first.Same(c.set) != c.same {
			t.Errorf("%s: got same %v, want %v", c.name, !c.same, c.same)
		}
	}
}

// FuzzRead: whatever stands in a file, reading it ends, with findings that have a place, and a profile without findings is
// one that the registry takes.
func FuzzRead(f *testing.F) {
	seeds, err := filepath.Glob("../../cmd/gridtie/testdata/brokenprofiles/*.json")
	if err != nil || len(seeds) < 20 {
		f.Fatalf("seeds: got %d, %v", len(seeds), err)
	}
	for _, name := range seeds {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add(file("gas", "k", "").Text)
	f.Fuzz(func(t *testing.T, text []byte) {
		s := profilefile.Read([]engine.File{{Name: "p.json", Text: text}}, profilefile.Options{
			Secrets: secrets(map[string]string{"GRIDTIE_SECRET_K": "hunter2-key", "GRIDTIE_SECRET_SHARED": "hunter2"}),
		})
		for _, found := range slices.Concat(s.Findings, s.CheckChains([]string{"root"})) {
			if found.Line < 1 || found.Column < 1 || found.Code == "" || found.Message == "" {
				t.Fatalf("a finding without place or words: %+v", found)
			}
			if strings.Contains(found.String(), "hunter2") && !strings.Contains(string(text), "hunter2") {
				t.Fatalf("a secret in a finding: %s", found)
			}
		}
		_, _ = s.Revision(), s.Names()
		if s.Findings.HasErrors() {
			return
		}
		for _, p := range s.Profiles() {
			if !registry.ValidProfileName(p.Name) || p.Source == "" || len(p.Fields) != 2 || p.CheckTransport() != nil {
				t.Fatalf("no finding in a profile that cannot be used: %+v", p.Profile)
			}
		}
	})
}
