package profilefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Options of Read.
type Options struct {
	Folder string // that the files were read from, to name what is missing there
	// Secrets is nil to leave secrets alone: that a file names some is enough then.
	Secrets *Secrets
}

// Set is what profile files say. It can be used if there is no error among its findings.
type Set struct {
	Folder   string
	Files    []engine.File
	Findings engine.Findings // of reading them, sorted by place
	profiles []profile
	secrets  map[string]secret.Text // that were found, by name
}

// profile is one of the set, with the places that faults are told by.
type profile struct {
	registry.FileProfile
	path                             string // of its file
	name, chain, provisionChain, key engine.DocumentValue
	keyName                          string // of the secret that is the key
	canonical                        []byte
}

// Read reads files.
func Read(files []engine.File, o Options) *Set {
	s := &Set{Folder: o.Folder, Files: files, secrets: map[string]secret.Text{}}
	for _, f := range files {
		r := reader{set: s, secrets: o.Secrets}
		if p, ok := r.read(f, &s.Findings); ok {
			s.profiles = append(s.profiles, p)
		}
	}
	s.checkTwins()
	s.Findings.Sort()
	return s
}

// IsProfile says whether a file is meant to be a profile, and not a chain.
func IsProfile(f engine.File) bool {
	var ignored engine.Findings
	return !engine.ReadDocument(f, &ignored).Member("profile").IsZero()
}

// checkTwins finds names and provisioning keys that two files claim.
func (s *Set) checkTwins() {
	for i := range s.profiles {
		p := &s.profiles[i]
		var named, keyed bool
		for j := range s.profiles[:i] {
			o := &s.profiles[j]
			if !named && p.Name != "" && p.Name == o.Name {
				named = true
				p.name.Fault("duplicate-profile", fmt.Sprintf("two profiles are called %q", p.Name), "the other one stands in "+o.path)
			}
			if !keyed && p.Name != o.Name && (p.keyName != "" && p.keyName == o.keyName || p.ProvisionKey != "" && p.ProvisionKey == o.ProvisionKey) {
				keyed = true
				p.key.Fault("duplicate-key", fmt.Sprintf("profiles %q and %q have one provisioning key", o.Name, p.Name),
					"the other one stands in "+o.path+": a device is told apart by nothing else when it asks to be provisioned")
			}
		}
	}
}

// CheckChains finds the chains that profiles name and that are not among these ids.
func (s *Set) CheckChains(ids []string) engine.Findings {
	return s.each(func(p profile) {
		for _, named := range []engine.DocumentValue{p.chain, p.provisionChain} {
			if id := named.String(); id != "" && !slices.Contains(ids, id) {
				named.Fault("unknown-chain", fmt.Sprintf("profile %q: there is no chain %q", p.Name, id), engine.Suggest(id, ids))
			}
		}
	})
}

// Faults are the findings for what the registry has against the set.
func (s *Set) Faults(faults []registry.ProfileFault) engine.Findings {
	var missing engine.Findings
	for _, f := range faults {
		if f.Devices > 0 {
			missing = append(missing, s.missing(f))
		}
	}
	return append(missing, s.each(func(p profile) {
		for _, f := range faults {
			switch {
			case f.Profile != p.Name:
			case f.Exists:
				p.name.Fault("profile-exists", fmt.Sprintf("a profile %q was made by a command, or by the first start", p.Name),
					fmt.Sprintf("leave it to the file: gridtie profiles hand-over %s, then gridtie reload; or call this one otherwise", p.Name))
			case f.SameKey != "":
				p.key.Fault("duplicate-key", fmt.Sprintf("profile %q, which was made by a command, has this provisioning key", f.SameKey),
					"give one of the two another key")
			}
		}
	})...)
}

func (s *Set) missing(f registry.ProfileFault) engine.Finding {
	devices := fmt.Sprintf("%d devices have it", f.Devices)
	if f.Devices == 1 {
		devices = "1 device has it"
	}
	finding := engine.Finding{
		File: s.Folder, Severity: engine.SeverityError, Code: "profile-in-use",
		Message: fmt.Sprintf("the profile %q, from the file %q, is no longer there, and %s", f.Profile, f.File, devices),
		Hint:    fmt.Sprintf("put the file back, delete the devices first, or keep the profile: gridtie profiles hand-over %s --back", f.Profile),
	}
	if finding.File == "" {
		finding.File = "--profiles"
		finding.Hint = fmt.Sprintf("name the folder with --profiles, or keep the profile: gridtie profiles hand-over %s --back", f.Profile)
	}
	return finding
}

// each collects what do finds in the profiles, one after another.
func (s *Set) each(do func(profile)) engine.Findings {
	var found engine.Findings
	for _, p := range s.profiles {
		for _, v := range []*engine.DocumentValue{&p.name, &p.chain, &p.provisionChain, &p.key} {
			*v = v.ReportTo(&found)
		}
		do(p)
	}
	found.Sort()
	return found
}

// Names are the names of the profiles, sorted.
func (s *Set) Names() []string {
	names := []string{}
	for i := range s.profiles {
		names = append(names, s.profiles[i].Name)
	}
	slices.Sort(names)
	return names
}

// Profiles are the profiles, for the registry.
func (s *Set) Profiles() []registry.FileProfile {
	var all []registry.FileProfile
	for i := range s.profiles {
		all = append(all, s.profiles[i].FileProfile)
	}
	return all
}

// Revision names what the files say: a hash of their canonical form, layout and remarks left out. Secrets are no part of it.
func (s *Set) Revision() string {
	sorted := slices.SortedFunc(slices.Values(s.profiles), func(a, b profile) int { return strings.Compare(a.Name, b.Name) })
	hash := sha256.New()
	for _, p := range sorted {
		_, _ = hash.Write(append(p.canonical, '\n')) // cannot err
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

// Same says whether two readings found the same: file by file, and secret by secret.
func (s *Set) Same(o *Set) bool {
	if s == nil || o == nil {
		return s == o
	}
	sameFile := func(a, b engine.File) bool { return a.Name == b.Name && bytes.Equal(a.Text, b.Text) }
	if !slices.EqualFunc(s.Files, o.Files, sameFile) || len(s.secrets) != len(o.secrets) {
		return false
	}
	for name, text := range s.secrets {
		if other, ok := o.secrets[name]; !ok || !text.Equal(other) {
			return false
		}
	}
	return true
}
