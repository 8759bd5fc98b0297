package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gridtie/gridtie/engine/secret"
)

// FileProfile is a profile as a file says it; Source names the file. What is left out of provisioning key and secret, in a
// profile that needs none, is made.
type FileProfile struct {
	Profile
	Secret secret.Text
}

// FromFileError is a profile that only its file can change.
type FromFileError struct {
	Profile string
	File    string
}

func (e *FromFileError) Error() string {
	return fmt.Sprintf("profile %q comes from the file %q", e.Profile, e.File)
}

// NoFileYet is the source of a profile that was handed over to a file which has not been read yet.
const NoFileYet = "(not read yet)"

// HandOverProfile leaves a profile that was added here, with all its devices, to the next set of file profiles that has one
// of its name; with back it takes one that comes from a file away from it: only verbs change it from then on. Handing over
// twice is harmless.
func (r *Registry) HandOverProfile(ctx context.Context, name string, back bool) (Profile, error) {
	var p Profile
	err := r.run(ctx, func(t *Tx) error {
		old, err := t.profile(ctx, name)
		if err != nil {
			return err
		}
		p = old.Profile
		if (p.Source == "") == back {
			return nil
		}
		p.Source = NoFileYet
		if back {
			p.Source = ""
		}
		return t.putProfile(ctx, old, &profileRow{Profile: p, Secret: old.Secret})
	})
	if err != nil {
		return Profile{}, fmt.Errorf("handing over profile %q: %w", name, err)
	}
	return p, nil
}

// ProfileFault is what keeps a set of file profiles from being used here.
type ProfileFault struct {
	Profile string // of the set; of a profile that is missing in it, the one that is missing
	// One of the following is set.
	Exists  bool   // a profile of that name was added here, by no file
	SameKey string // another profile, added here, has the provisioning key
	Devices int    // the profile came from a file of an earlier set, is not in this one, and so many devices have it
	File    string // that an earlier set had the profile from, with Devices
}

var errProfileFaults = errors.New("the set of file profiles has faults")

// UseFileProfiles puts a set in the place of those that came from files before: all of it, or, if there are faults, nothing.
// Profiles that were added here stay as they are. changed says whether anything is different now. Names and provisioning
// keys have to be unique in the set. In a transaction of the caller's, that one should be alone.
func (r *Registry) UseFileProfiles(ctx context.Context, set []FileProfile) (changed bool, faults []ProfileFault, err error) {
	for i := range set {
		if set[i].Source == "" {
			return false, nil, fmt.Errorf("%w: profile %q names no file", ErrInvalid, set[i].Name)
		}
		if err := set[i].check(); err != nil {
			return false, nil, fmt.Errorf("profile %q of file %q: %w", set[i].Name, set[i].Source, err)
		}
	}
	err = r.alone(ctx, func(t *Tx) error {
		w := fileProfiles{set: set, there: map[string]*profileRow{}}
		if err := w.plan(ctx, t); err != nil {
			return err
		}
		changed, faults = len(w.put)+len(w.gone) > 0, w.faults
		if len(faults) > 0 {
			return errProfileFaults
		}
		return w.write(ctx, t)
	})
	if errors.Is(err, errProfileFaults) {
		return false, faults, nil
	}
	if err != nil {
		return false, nil, fmt.Errorf("using the profiles of files: %w", err)
	}
	return changed, nil, nil
}

// fileProfiles is what a set means for the rows that are there.
type fileProfiles struct {
	set    []FileProfile
	there  map[string]*profileRow // by name
	put    []FileProfile          // new, or changed
	gone   []*profileRow
	faults []ProfileFault
}

func (w *fileProfiles) plan(ctx context.Context, t *Tx) error {
	rows, err := profiles.all(ctx, t, keyOf(profiles.name))
	if err != nil {
		return err
	}
	keys := map[string]string{} // of profiles added here, by digest
	for _, row := range rows {
		w.there[row.Name] = row
		if row.Source == "" {
			keys[string(row.Digest)] = row.Name
		}
	}
	kept := map[string]bool{}
	for _, p := range w.set {
		kept[p.Name] = true
		if err := w.planOne(t, p, keys); err != nil {
			return err
		}
	}
	var missing []string
	for _, row := range rows {
		if row.Source != "" && !kept[row.Name] {
			w.gone = append(w.gone, row)
			missing = append(missing, row.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	count, err := t.devicesOf(ctx, missing...)
	for _, row := range w.gone {
		if count[row.Name] > 0 {
			w.faults = append(w.faults, ProfileFault{Profile: row.Name, Devices: count[row.Name], File: row.Source})
		}
	}
	return err
}

func (w *fileProfiles) planOne(t *Tx, p FileProfile, keys map[string]string) error {
	old := w.there[p.Name]
	p.Assigned = Assigned{}
	if old != nil {
		p.Assigned = old.Assigned // a file says nothing about packages
	}
	switch {
	case old != nil && old.Source == "":
		w.faults = append(w.faults, ProfileFault{Profile: p.Name, Exists: true})
		return nil
	case old != nil:
		was, err := t.r.unsealSecret(old)
		if err != nil {
			return err
		}
		if p.ProvisionKey == "" {
			p.ProvisionKey = old.ProvisionKey
		}
		if p.Secret.IsZero() {
			p.Secret = was
		}
		if same, err := sameProfile(old.Profile, p.Profile); err != nil || same && was.Equal(p.Secret) {
			return err
		}
	default:
		if p.ProvisionKey == "" {
			p.ProvisionKey = secret.Token().Reveal()
		}
		if p.Secret.IsZero() {
			p.Secret = secret.Token()
		}
	}
	if holder := keys[string(t.r.keys.provisions.Digest(p.ProvisionKey).Bytes())]; holder != "" {
		w.faults = append(w.faults, ProfileFault{Profile: p.Name, SameKey: holder})
	}
	w.put = append(w.put, p)
	return nil
}

// CheckCertificatePattern says what is wrong with the pattern of a CertificateChain, nil if nothing is.
func CheckCertificatePattern(pattern string) error {
	return CertificateChain{CertificatePattern: pattern}.check(strings.Repeat("0", 64)) // any authority
}

// sameProfile compares as rows do: what is left out and what is empty are one.
func sameProfile(a, b Profile) (bool, error) {
	left, err := json.Marshal(a)
	right, err2 := json.Marshal(b)
	return bytes.Equal(left, right), errors.Join(err, err2)
}

// write frees every name and key before it takes one, since two profiles may have exchanged theirs.
func (w *fileProfiles) write(ctx context.Context, t *Tx) error {
	for _, row := range w.gone {
		profiles.delete(t, row)
	}
	for _, p := range w.put {
		if old := w.there[p.Name]; old != nil {
			profiles.delete(t, old)
		}
	}
	for _, p := range w.put {
		if err := t.addProfile(ctx, p.Profile, p.Secret); err != nil {
			return fmt.Errorf("profile %q of file %q: %w", p.Name, p.Source, err)
		}
	}
	return nil
}
