package server

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/profilefile"
)

// FileSet is what files say, as a whole: the chains, and the profiles that lead to them.
type FileSet struct {
	Chains   []engine.File
	Profiles *profilefile.Set // nil without a folder of profiles
}

func (s FileSet) same(o FileSet) bool {
	return slices.EqualFunc(s.Chains, o.Chains, func(a, b engine.File) bool {
		return a.Name == b.Name && bytes.Equal(a.Text, b.Text)
	}) && s.Profiles.Same(o.Profiles)
}

// Folders is where a FileSet comes from.
type Folders struct {
	Chains   string // of chain files; empty for the built-in set
	Profiles string // of profile files, which may be that of the chains; empty for none
	Secrets  profilefile.Secrets
}

// Read reads what the folders hold. It errs with a *FolderError if one cannot be read; what is wrong with what they hold is
// found out by using it. A folder of profiles may be empty.
func (f Folders) Read() (FileSet, error) {
	var set FileSet
	var profiles []engine.File
	chains, err := ChainSet(f.Chains)
	if err != nil {
		return set, &FolderError{f.Chains, err}
	}
	set.Chains = chains
	if f.Profiles == "" {
		return set, nil
	}
	if f.together() {
		set.Chains, profiles = Apart(chains)
		if len(set.Chains) == 0 {
			return set, &FolderError{f.Chains, fmt.Errorf("reading chains: no chain file in folder %q", f.Chains)}
		}
	} else if profiles, err = readProfiles(f.Profiles); err != nil {
		return set, &FolderError{f.Profiles, err}
	}
	set.Profiles = profilefile.Read(profiles, profilefile.Options{Folder: f.Profiles, Secrets: &f.Secrets})
	return set, nil
}

// Apart takes chains and profiles apart that lie in one folder.
func Apart(files []engine.File) (chains, profiles []engine.File) {
	for _, file := range files {
		if profilefile.IsProfile(file) {
			profiles = append(profiles, file)
		} else {
			chains = append(chains, file)
		}
	}
	return chains, profiles
}

// together says that chains and profiles lie in one folder.
func (f Folders) together() bool {
	if f.Chains == "" {
		return false
	}
	a, err := os.Stat(f.Chains)
	b, err2 := os.Stat(f.Profiles)
	return err == nil && err2 == nil && os.SameFile(a, b)
}

func readProfiles(dir string) ([]engine.File, error) {
	names, err := filesIn(dir, isJSON)
	if err != nil {
		return nil, fmt.Errorf("reading profiles: %w", err)
	}
	if len(names) == 0 {
		return nil, nil
	}
	files, err := ReadChains(names...)
	if err != nil {
		return nil, fmt.Errorf("reading profiles: %w", err)
	}
	return files, nil
}

// watched are the folders that a change of the set shows in.
func (f Folders) watched() []watched {
	var all []watched
	for _, dir := range []string{f.Chains, f.Profiles} {
		if dir != "" {
			all = append(all, watched{dir, isJSON})
		}
	}
	if f.Profiles != "" && f.Secrets.Folder != "" {
		all = append(all, watched{f.Secrets.Folder, func(name string) bool { return !isHidden(name) }})
	}
	return all
}

// FolderError is a folder of chains or profiles that cannot be read.
type FolderError struct {
	Folder string
	err    error
}

func (e *FolderError) Error() string { return e.err.Error() }
func (e *FolderError) Unwrap() error { return e.err }
