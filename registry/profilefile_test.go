package registry_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// fromFile is a profile as a file of the same name says it.
func fromFile(name, key string, change ...func(*registry.FileProfile)) registry.FileProfile {
	p := registry.FileProfile{Profile: registry.NewProfile(name), Secret: secret.NewText("secret of " + key)}
	p.ProvisionKey, p.Source = key, name+".json"
	for _, c := range change {
		c(&p)
	}
	return p
}

// TestFileProfiles takes one set after another on one registry.
func TestFileProfiles(t *testing.T) {
	t.Parallel()
	b := open(t)
	own := registry.NewProfile("own")
	own.ProvisionKey = "own-key"
	if _, err := b.AddProfile(t.Context(), own, secret.Text{}); err != nil {
		t.Fatal(err)
	}
	aliased := func(p *registry.FileProfile) {
		p.Fields = []registry.Field{{Name: "cups", Aliases: []string{"/point/cups"}}}
	}
	otherSecret := func(p *registry.FileProfile) { p.Secret = secret.NewText("another") }
	keyless := func(p *registry.FileProfile) {
		p.ProvisionKey, p.Secret, p.Strategy = "", secret.Text{}, registry.ProvisionDisabled
	}
	addDevice := func(profile string) func() {
		return func() {
			t.Helper()
			_, _, err := b.AddDevice(t.Context(), registry.Device{Name: "meter of " + profile, Profile: profile}, registry.Credentials{})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []struct {
		name    string
		before  func()
		set     []registry.FileProfile
		changed bool
		faults  []registry.ProfileFault
		there   []string // from files, afterwards
	}{
		{name: "none"},
		{name: "two", set: []registry.FileProfile{fromFile("gas", "g"), fromFile("water", "w")}, changed: true, there: []string{"gas", "water"}},
		{name: "the same again", set: []registry.FileProfile{fromFile("gas", "g"), fromFile("water", "w")}, there: []string{"gas", "water"}},
		{name: "keys exchanged", set: []registry.FileProfile{fromFile("gas", "w"), fromFile("water", "g")}, changed: true, there: []string{"gas", "water"}},
		{name: "an alias", set: []registry.FileProfile{fromFile("gas", "w", aliased), fromFile("water", "g")}, changed: true, there: []string{"gas", "water"}},
		{name: "a secret", set: []registry.FileProfile{fromFile("gas", "w", aliased, otherSecret), fromFile("water", "g")}, changed: true, there: []string{"gas", "water"}},
		{
			name: "a name that is taken, a key that is taken", set: []registry.FileProfile{fromFile("own", "o"), fromFile("heat", "own-key")},
			faults: []registry.ProfileFault{{Profile: "own", Exists: true}, {Profile: "heat", SameKey: "own"}}, there: []string{"gas", "water"},
		},
		{
			name: "one away that has a device", before: addDevice("gas"), set: []registry.FileProfile{fromFile("water", "n")},
			faults: []registry.ProfileFault{{Profile: "gas", Devices: 1, File: "gas.json"}}, there: []string{"gas", "water"},
		},
		{name: "one away that has none", set: []registry.FileProfile{fromFile("gas", "g")}, changed: true, there: []string{"gas"}},
		{name: "no key", set: []registry.FileProfile{fromFile("gas", "g"), fromFile("off", "", keyless)}, changed: true, there: []string{"gas", "off"}},
		{name: "no key, again", set: []registry.FileProfile{fromFile("gas", "g"), fromFile("off", "", keyless)}, there: []string{"gas", "off"}},
	} {
		if step.before != nil {
			step.before()
		}
		changed, faults, err := b.UseFileProfiles(t.Context(), step.set)
		if err != nil || changed != step.changed || !slices.Equal(faults, step.faults) {
			t.Errorf("%s: got changed %v, faults %v, %v, want %v, %v", step.name, changed, faults, err, step.changed, step.faults)
		}
		all, err := b.Profiles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var there []string
		for _, p := range all {
			if p.Source != "" {
				there = append(there, p.Name)
			}
		}
		if !slices.Equal(there, step.there) {
			t.Errorf("%s: profiles from files: got %q, want %q", step.name, there, step.there)
		}
	}
	if p, err := b.CheckProvisioning(t.Context(), "g", secret.NewText("secret of g")); err != nil || p.Name != "gas" {
		t.Errorf("key and secret of a file: got profile %q, %v, want gas", p.Name, err)
	}
}

// TestFileProfilesAreOneBatch: a set is taken whole, in the caller's transaction if there is one.
func TestFileProfilesAreOneBatch(t *testing.T) {
	t.Parallel()
	b := open(t)
	set := []registry.FileProfile{fromFile("gas", "g"), fromFile("water", "w")}
	batches, _ := b.store.during(func() {
		if _, _, err := b.UseFileProfiles(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	})
	if batches != 1 {
		t.Errorf("two profiles: got %d batches, want 1", batches)
	}
	ctx, tx, err := b.Begin(t.Context(), registry.TxOptions{Alone: true})
	if err != nil {
		t.Fatal(err)
	}
	if changed, _, err := b.UseFileProfiles(ctx, nil); err != nil || !changed {
		t.Errorf("in a transaction: got changed %v, %v", changed, err)
	}
	tx.Discard()
	if all, err := b.Profiles(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("after a transaction that came to nothing: got %d profiles, %v, want 2", len(all), err)
	}
}

// TestFileProfilesAreReadOnly: what a file says, no verb of an operator changes.
func TestFileProfilesAreReadOnly(t *testing.T) {
	t.Parallel()
	b := open(t)
	if _, _, err := b.UseFileProfiles(t.Context(), []registry.FileProfile{fromFile("gas", "g")}); err != nil {
		t.Fatal(err)
	}
	_, changing := b.ChangeProfile(t.Context(), "gas", func(p *registry.Profile) { p.Source = "" })
	for name, err := range map[string]error{"changing": changing, "deleting": b.DeleteProfile(t.Context(), "gas")} {
		var file *registry.FromFileError
		if !errors.As(err, &file) || file.File != "gas.json" {
			t.Errorf("%s: got %v, want a FromFileError of gas.json", name, err)
		}
	}
	if _, err := b.AddProfile(t.Context(), registry.NewProfile("gas"), secret.Text{}); !errors.Is(err, registry.ErrExists) {
		t.Errorf("adding one of that name: got %v, want %v", err, registry.ErrExists)
	}
	nameless := fromFile("water", "w", func(p *registry.FileProfile) { p.Source = "" })
	if _, _, err := b.UseFileProfiles(t.Context(), []registry.FileProfile{nameless}); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("a profile of no file: got %v, want %v", err, registry.ErrInvalid)
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	for alias, good := range map[string]bool{
		"cups": true, "/a/b": true, "/a~1b/c~0d": true, "/": true, "ñ": true,
		"": false, "/a~b": false, "/a~": false, "a\x00": false, "\xff": false,
	} {
		if err := registry.CheckAlias(alias); (err == nil) != good {
			t.Errorf("alias %q: got %v, want good %v", alias, err, good)
		}
	}
}
