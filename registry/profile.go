package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry/store"
)

// Strategy says what a profile does with a device that asks to be provisioned.
type Strategy string

// The strategies, named as ThingsBoard names them.
const (
	AllowCreate         Strategy = "ALLOW_CREATE_NEW_DEVICES"      // an unknown name becomes a device
	CheckPreProvisioned Strategy = "CHECK_PRE_PROVISIONED_DEVICES" // only devices that were added before
	ProvisionDisabled   Strategy = "DISABLED"
	X509Chain           Strategy = "X509_CERTIFICATE_CHAIN" // devices whose certificate an authority has signed; see CertificateChain
)

// What Profile.Ack may be.
const (
	AckDone   = "done"   // a device's message is acknowledged when its fate is on disk
	AckStored = "stored" // when the message itself is
)

// Profile is what devices of one kind have in common. Its provisioning secret is not part of it: see
// [Registry.RevealProfile].
type Profile struct {
	Name         string   `json:"name"`
	ProvisionKey string   `json:"provisionKey"` // unique over the installation
	Strategy     Strategy `json:"strategy"`
	Fields       []Field  `json:"fields"`

	Chain          string `json:"chain,omitempty"`          // that data of its devices enters; empty for the root chain
	ProvisionChain string `json:"provisionChain,omitempty"` // that its provisioning requests enter

	CastStrings            bool   `json:"castStrings"`            // "12.5" in telemetry becomes 12.5, as in ThingsBoard
	AckOnValidationFailure bool   `json:"ackOnValidationFailure"` // MQTT 3: acknowledge a bad payload instead of closing
	Reprovision            bool   `json:"reprovision"`            // repeat the answer to a device that lost it
	Ack                    string `json:"ack"`                    // AckDone or AckStored

	Transport
	CertificateChain
	// Assigned are the packages of its devices. Only AssignPackage and UnassignPackage change them.
	Assigned

	Limits ProfileLimits `json:"limits,omitzero"`

	// Source is the file that the profile comes from (see [Registry.UseFileProfiles]), empty for one that was added here.
	Source string `json:"source,omitempty"`
}

// Field tells intake under which names a device sends one of the two things that matter.
type Field struct {
	Name string `json:"name"` // "supplierKey" or "cups"
	// Aliases are names at the top of the payload, compared without case, or JSON pointers, which start with "/".
	Aliases []string `json:"aliases"`
}

// NewProfile returns a profile with the defaults: devices may be created, strings are cast, provisioning is repeatable.
func NewProfile(name string) Profile {
	return Profile{
		Name: name, Strategy: AllowCreate, Fields: DefaultFields(),
		CastStrings: true, Reprovision: true, Ack: AckDone, Transport: Transport{TransportType: TransportDefault},
	}
}

// DefaultFields returns the names that meters in the field use, a common misspelling included.
func DefaultFields() []Field {
	return []Field{
		{Name: "supplierKey", Aliases: []string{
			"supplierKey", "supplier_key", "Power_supplier_secret_key", "Power_suppier_secret_key", "powerSupplierSecretKey",
		}},
		{Name: "cups", Aliases: []string{"cups"}},
	}
}

// check says what is wrong with a profile, nil if nothing is.
func (p *Profile) check() error {
	if p.TransportType == "" {
		p.TransportType = TransportDefault
	}
	switch {
	case !ValidProfileName(p.Name):
		return fmt.Errorf("%w: profile name %q", ErrInvalid, p.Name)
	case !slices.Contains([]Strategy{AllowCreate, CheckPreProvisioned, ProvisionDisabled, X509Chain}, p.Strategy):
		return fmt.Errorf("%w: strategy %q", ErrInvalid, p.Strategy)
	case p.Ack != AckDone && p.Ack != AckStored:
		return fmt.Errorf("%w: ack %q", ErrInvalid, p.Ack)
	case len(p.ProvisionKey) > maxCredential || hasControl(p.ProvisionKey):
		return fmt.Errorf("%w: provisioning key", ErrInvalid)
	}
	if p.Strategy == X509Chain {
		if err := p.CertificateChain.check(p.ProvisionKey); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, f := range p.Fields {
		if f.Name != "supplierKey" && f.Name != "cups" || seen[f.Name] {
			return fmt.Errorf("%w: field %q", ErrInvalid, f.Name)
		}
		seen[f.Name] = true
		for _, alias := range f.Aliases {
			if err := CheckAlias(alias); err != nil {
				return fmt.Errorf("field %q: %w", f.Name, err)
			}
		}
	}
	if err := p.Limits.check(); err != nil {
		return err
	}
	return p.CheckTransport()
}

// ValidProfileName says whether a profile may be called so: it stands in paths and metrics.
func ValidProfileName(name string) bool { return validLabel(name) }

// maxAlias is the length of an alias in bytes.
const maxAlias = 256

// CheckAlias says what is wrong with an alias of a field, nil if nothing is.
func CheckAlias(alias string) error {
	switch {
	case alias == "":
		return fmt.Errorf("%w: an empty alias", ErrInvalid)
	case len(alias) > maxAlias || !utf8.ValidString(alias) || hasControl(alias):
		return fmt.Errorf("%w: alias %q is longer than %d bytes, or no plain text", ErrInvalid, alias, maxAlias)
	case alias[0] != '/':
		return nil
	}
	rest := strings.NewReplacer("~0", "", "~1", "").Replace(alias)
	if strings.Contains(rest, "~") {
		return fmt.Errorf("%w: alias %q begins with / and is no JSON pointer", ErrInvalid, alias)
	}
	return nil
}

// profileRow is a profile with what is not shown of it.
type profileRow struct {
	Profile
	Secret []byte `json:"s"` // sealed
	Digest []byte `json:"d"` // of the provisioning key
}

var profiles = table[profileRow]{
	name: "profile",
	key:  func(p *profileRow) tuple { return profileKey(p.Name) },
	index: func(p *profileRow, add func(tuple, []byte)) {
		add(keyOf("profile/key").raw(p.Digest), jsonText(p.Name))
	},
	indexes: []string{"profile/key"},
}

func profileKey(name string) tuple { return keyOf("profile").text(name) }

func jsonText(s string) []byte {
	b, _ := json.Marshal(s) // a string always can be
	return b
}

// claimed reads the id that a claim row names, empty if nobody holds it.
func (t *Tx) claimed(ctx context.Context, key tuple) (string, error) {
	id, err := readRow[string](ctx, t, firstText(key), key, true)
	if err != nil || id == nil {
		return "", err
	}
	return *id, nil
}

// AddProfile adds a profile. Without a provisioning key, or a secret, one is made. Start from NewProfile.
func (r *Registry) AddProfile(ctx context.Context, p Profile, s secret.Text) (Profile, error) {
	if p.ProvisionKey == "" {
		p.ProvisionKey = secret.Token().Reveal()
	}
	if s.IsZero() {
		s = secret.Token()
	}
	if p.Fields == nil {
		p.Fields = DefaultFields()
	}
	p.Source, p.Assigned = "", Assigned{}
	if err := p.check(); err != nil {
		return Profile{}, fmt.Errorf("adding profile %q: %w", p.Name, err)
	}
	err := r.run(ctx, func(t *Tx) error {
		if old, err := profiles.get(ctx, t, profileKey(p.Name)); err != nil {
			return err
		} else if old != nil {
			return ErrExists
		}
		return t.addProfile(ctx, p, s)
	})
	if err == nil {
		err = r.countFor(ctx, &p)
	}
	if err != nil {
		return Profile{}, fmt.Errorf("adding profile %q: %w", p.Name, err)
	}
	return p, nil
}

func (t *Tx) addProfile(ctx context.Context, p Profile, s secret.Text) error {
	sealed, err := t.r.keys.seal.Seal([]byte(s.Reveal()), profileKey(p.Name))
	if err != nil {
		return err
	}
	return t.putProfile(ctx, nil, &profileRow{Profile: p, Secret: sealed})
}

func (t *Tx) putProfile(ctx context.Context, old, row *profileRow) error {
	digest := t.r.keys.provisions.Digest(row.ProvisionKey)
	row.Digest = digest.Bytes()
	holder, err := t.claimed(ctx, keyOf("profile/key").raw(row.Digest))
	if err != nil {
		return err
	}
	if holder != "" && holder != row.Name {
		return fmt.Errorf("provisioning key: %w", ErrExists)
	}
	return profiles.put(t, old, row)
}

// UpdateProfile replaces a profile. Its secret stays, and so does its provisioning key if p names none.
func (r *Registry) UpdateProfile(ctx context.Context, p Profile) (Profile, error) {
	return r.ChangeProfile(ctx, p.Name, func(old *Profile) { *old = p })
}

// ChangeProfile changes a profile as it stands: change may be called more than once. Its name and its secret stay, and so do
// provisioning key and fields that change leaves empty. One that comes from a file is a *FromFileError.
func (r *Registry) ChangeProfile(ctx context.Context, name string, change func(*Profile)) (Profile, error) {
	var p Profile
	err := r.run(ctx, func(t *Tx) error {
		old, err := t.profile(ctx, name)
		if err != nil {
			return err
		}
		if old.Source != "" {
			return &FromFileError{Profile: name, File: old.Source}
		}
		p = old.Profile
		change(&p)
		p.Name, p.Source, p.Assigned = name, "", old.Assigned
		if p.ProvisionKey == "" {
			p.ProvisionKey = old.ProvisionKey
		}
		if p.Fields == nil {
			p.Fields = old.Fields
		}
		if err := p.check(); err != nil {
			return err
		}
		return t.putProfile(ctx, old, &profileRow{Profile: p, Secret: old.Secret})
	})
	if err == nil {
		err = r.countFor(ctx, &p)
	}
	if err != nil {
		return Profile{}, fmt.Errorf("updating profile %q: %w", name, err)
	}
	return p, nil
}

// DeleteProfile deletes a profile that has no devices; ErrInUse if it has some, a *FromFileError if it comes from a file.
func (r *Registry) DeleteProfile(ctx context.Context, name string) error {
	err := r.alone(ctx, func(t *Tx) error {
		row, err := t.profile(ctx, name)
		if err != nil {
			return err
		}
		if row.Source != "" {
			return &FromFileError{Profile: name, File: row.Source}
		}
		count, err := t.devicesOf(ctx, name)
		if err != nil {
			return err
		}
		if count[name] > 0 {
			return fmt.Errorf("%w: it has %d devices", ErrInUse, count[name])
		}
		profiles.delete(t, row)
		return nil
	})
	if err != nil {
		return fmt.Errorf("deleting profile %q: %w", name, err)
	}
	return nil
}

// devicesOf counts the devices of profiles, by a look at every device.
func (t *Tx) devicesOf(ctx context.Context, names ...string) (map[string]int, error) {
	count := make(map[string]int, len(names))
	from, to := store.Prefix(keyOf(devices.name))
	err := t.scan(ctx, from, to, false, func(_, value []byte) (bool, error) {
		var d Device
		if err := decode(devices.name, value, &d); err != nil {
			return false, err
		}
		if slices.Contains(names, d.Profile) {
			count[d.Profile]++
		}
		return true, nil
	})
	return count, err
}

// profile reads a profile that must be there.
func (t *Tx) profile(ctx context.Context, name string) (*profileRow, error) {
	row, err := profiles.get(ctx, t, profileKey(name))
	if err == nil && row == nil {
		err = fmt.Errorf("profile %q: %w", name, ErrNotFound)
	}
	return row, err
}

// Profile returns a profile, or ErrNotFound.
func (r *Registry) Profile(ctx context.Context, name string) (Profile, error) {
	var p Profile
	err := r.read(ctx, func(t *Tx) error {
		row, err := t.profile(ctx, name)
		if err == nil {
			p = row.Profile
		}
		return err
	})
	return p, err
}

// Profiles returns all profiles by name.
func (r *Registry) Profiles(ctx context.Context) ([]Profile, error) {
	var all []Profile
	err := r.read(ctx, func(t *Tx) error {
		rows, err := profiles.all(ctx, t, keyOf(profiles.name))
		for _, row := range rows {
			all = append(all, row.Profile)
		}
		return err
	})
	return all, err
}

// RevealProfile returns what a device needs to be provisioned by a profile.
func (r *Registry) RevealProfile(ctx context.Context, name string) (key, s secret.Text, err error) {
	err = r.read(ctx, func(t *Tx) error {
		row, err := t.profile(ctx, name)
		if err != nil {
			return err
		}
		key = secret.NewText(row.ProvisionKey)
		s, err = r.unsealSecret(row)
		return err
	})
	return key, s, err
}

func (r *Registry) unsealSecret(row *profileRow) (secret.Text, error) {
	plain, err := r.keys.seal.Open(row.Secret, profileKey(row.Name))
	if err != nil {
		return secret.Text{}, fmt.Errorf("profile %q: %w", row.Name, err)
	}
	return secret.NewText(string(plain)), nil
}

// CheckProvisioning returns the profile of a provisioning key if the secret is right and the profile provisions devices that
// ask. Everything else is ErrNotFound, so that nobody learns which of the three was wrong. With the strategy X509Chain nobody
// can ask: what the key is made of is public.
func (r *Registry) CheckProvisioning(ctx context.Context, key string, s secret.Text) (Profile, error) {
	if key == "" || s.IsZero() {
		return Profile{}, ErrNotFound
	}
	var p Profile
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			digest := r.keys.provisions.Digest(key)
			name, err := t.claimed(ctx, keyOf("profile/key").raw(digest.Bytes()))
			if err != nil {
				return err
			}
			if name == "" {
				return ErrNotFound
			}
			row, err := t.profile(ctx, name)
			if err != nil {
				return err
			}
			stored, err := r.unsealSecret(row)
			if err != nil {
				return err
			}
			if !stored.Equal(s) || row.Strategy == ProvisionDisabled || row.Strategy == X509Chain {
				return ErrNotFound
			}
			p = row.Profile
			return nil
		})
	})
	return p, err
}
