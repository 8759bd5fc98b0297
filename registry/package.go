package registry

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// PackageKind is what a package is for.
type PackageKind string

// The kinds of packages.
const (
	Firmware PackageKind = "firmware"
	Software PackageKind = "software"
)

// PackageKinds are all kinds.
func PackageKinds() []PackageKind { return []PackageKind{Firmware, Software} }

// prefix begins the names of the attributes that tell a device of a package, as in ThingsBoard's OtaPackageUtil.
func (k PackageKind) prefix() string {
	if k == Software {
		return "sw_"
	}
	return "fw_"
}

func (k PackageKind) check() error {
	if k != Firmware && k != Software {
		return fmt.Errorf("%w: kind %q of a package; it is %s or %s", ErrInvalid, k, Firmware, Software)
	}
	return nil
}

// Limits of a package.
const (
	MaxPackage     = 64 << 20 // bytes of its content
	maxPackageName = 255      // bytes of a title, a version, and the name of a file
)

// PackageName is what a package of a kind is called; no two of a kind have the same.
type PackageName struct {
	Title   string `json:"title"`
	Version string `json:"version"`
}

// IsZero tells that no package is named.
func (n PackageName) IsZero() bool { return n == PackageName{} }

func (n PackageName) check() error {
	for _, s := range []string{n.Title, n.Version} {
		if len(s) > maxPackageName || strings.TrimSpace(s) != s || !validName(s) {
			return fmt.Errorf("%w: title and version of a package have 1 to %d bytes of plain text each, not %.300q", ErrInvalid, maxPackageName, s)
		}
	}
	return nil
}

// Package is something that devices are to load: a program, or data. Its content never changes.
type Package struct {
	ID   string      `json:"id"`
	Kind PackageKind `json:"kind"`
	PackageName
	File      string    `json:"file"` // name of the file that it came from
	Size      int64     `json:"size"` // bytes, at most MaxPackage
	Checksum  string    `json:"checksum"`
	Algorithm string    `json:"checksumAlgorithm"` // of Checksum: SHA256, SHA384 or SHA512
	Added     time.Time `json:"added"`
}

// complete fills in defaults and says what is wrong.
func (p *Package) complete() error {
	if p.File == "" {
		p.File = p.Title
	}
	if p.Algorithm == "" {
		p.Algorithm = DefaultChecksum
	}
	if err := p.Kind.check(); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	if len(p.File) > maxPackageName || !utf8.ValidString(p.File) || hasControl(p.File) || strings.ContainsAny(p.File, `/\"`) {
		return fmt.Errorf("%w: name of a file %.300q", ErrInvalid, p.File)
	}
	_, err := newChecksum(p.Algorithm)
	return err
}

var packages = table[Package]{
	name: "package",
	key:  func(p *Package) tuple { return packageKey(p.Kind, p.PackageName) },
}

func packageKey(k PackageKind, n PackageName) tuple {
	return keyOf("package").text(string(k)).text(n.Title).text(n.Version)
}

// pkg reads a package that must be there.
func (t *Tx) pkg(ctx context.Context, k PackageKind, n PackageName) (*Package, error) {
	p, err := packages.get(ctx, t, packageKey(k, n))
	if err == nil && p == nil {
		err = fmt.Errorf("%s %q %q: %w", k, n.Title, n.Version, ErrNotFound)
	}
	return p, err
}

// Package returns a package, or ErrNotFound.
func (r *Registry) Package(ctx context.Context, k PackageKind, n PackageName) (Package, error) {
	var found Package
	err := r.read(ctx, func(t *Tx) error {
		p, err := t.pkg(ctx, k, n)
		if err == nil {
			found = *p
		}
		return err
	})
	return found, err
}

// AssignedPackage is a package and to whom it is assigned.
type AssignedPackage struct {
	Package
	Profiles []string // by name
	Devices  int      // that it is assigned to by themselves
}

// Packages lists packages by kind, title and version.
func (r *Registry) Packages(ctx context.Context, p Page) (list []AssignedPackage, next string, err error) {
	err = r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			rows, more, err := packages.page(ctx, t, keyOf(packages.name), p, false, nil)
			if err != nil {
				return err
			}
			next = more
			known, err := profiles.all(ctx, t, keyOf(profiles.name))
			if err != nil {
				return err
			}
			for _, row := range rows {
				a := AssignedPackage{Package: *row, Profiles: assignedTo(known, row)}
				err := t.ids(ctx, ownPackageKey(row.Kind, row.PackageName), func(string) error { a.Devices++; return nil })
				if err != nil {
					return err
				}
				list = append(list, a)
			}
			return nil
		})
	})
	return list, next, err
}

// assignedTo names the profiles that a package is assigned to.
func assignedTo(known []*profileRow, p *Package) []string {
	var names []string
	for _, row := range known {
		if row.Assigned.of(p.Kind) == p.PackageName {
			names = append(names, row.Name)
		}
	}
	return names
}

// DeletePackage deletes a package with its content; ErrInUse if it is assigned, ErrNotFound if there is none. A device that
// is loading it does not get the rest.
func (r *Registry) DeletePackage(ctx context.Context, k PackageKind, n PackageName) error {
	var gone Package
	err := r.alone(ctx, func(t *Tx) error {
		p, err := t.pkg(ctx, k, n)
		if err != nil {
			return err
		}
		if err := t.unassigned(ctx, p); err != nil {
			return err
		}
		gone = *p
		packages.delete(t, p)
		t.put(looseKey(p.ID), noValue)
		return nil
	})
	if err == nil && r.find(ctx) == nil {
		err = r.sweepLoose(ctx, gone.ID)
	}
	if err != nil {
		return fmt.Errorf("deleting a package: %w", err)
	}
	return nil
}

// unassigned errs with ErrInUse if a package is assigned.
func (t *Tx) unassigned(ctx context.Context, p *Package) error {
	known, err := profiles.all(ctx, t, keyOf(profiles.name))
	if err != nil {
		return err
	}
	if names := assignedTo(known, p); len(names) > 0 {
		return fmt.Errorf("%w: it is assigned to profile %q", ErrInUse, names[0])
	}
	devices := 0
	err = t.ids(ctx, ownPackageKey(p.Kind, p.PackageName), func(string) error { devices++; return nil })
	if err == nil && devices > 0 {
		err = fmt.Errorf("%w: it is assigned to %d devices", ErrInUse, devices)
	}
	return err
}
