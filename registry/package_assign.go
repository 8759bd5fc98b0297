package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gridtie/gridtie/registry/store"
)

// Assigned names the packages that devices are to load, none where a name is zero.
type Assigned struct {
	Firmware PackageName `json:"firmware,omitzero"`
	Software PackageName `json:"software,omitzero"`
}

func (a Assigned) of(k PackageKind) PackageName {
	if k == Software {
		return a.Software
	}
	return a.Firmware
}

func (a *Assigned) set(k PackageKind, n PackageName) {
	if k == Software {
		a.Software = n
		return
	}
	a.Firmware = n
}

// ownPackageKey begins the index of devices that a package is assigned to by themselves.
func ownPackageKey(k PackageKind, n PackageName) tuple {
	return keyOf("device/package").text(string(k)).text(n.Title).text(n.Version)
}

// Assignees are the devices that a package is assigned to: those of a profile, or one. One of the two is empty.
type Assignees struct {
	Profile string // its name
	Device  string // its id
}

// AssignPackage gives devices a package to load, in the place of the one that they had; what is assigned to a device counts
// more than what is assigned to its profile. The devices are told by their shared attributes fw_title, fw_version, fw_size,
// fw_checksum and fw_checksum_algorithm (sw_… for software), as in ThingsBoard; so are devices that the profile gets later.
//
// It returns how many devices were told. Those of a profile may be many: the assignment holds when the first batch is on
// disk, and then they are told, some with each batch. Should that be broken off, by ctx or by the end of the process, it goes
// on by itself (Housekeep). A device that knows already is not told again.
func (r *Registry) AssignPackage(ctx context.Context, k PackageKind, n PackageName, to Assignees) (told int, err error) {
	if n.IsZero() {
		return 0, fmt.Errorf("assigning a package: %w: no package is named", ErrInvalid)
	}
	if told, err = r.assign(ctx, k, n, to); err != nil {
		return told, fmt.Errorf("assigning a package: %w", err)
	}
	return told, nil
}

// UnassignPackage takes an assignment back. Devices that have no package of the kind then lose its attributes. Otherwise it is
// as AssignPackage; without an assignment it changes nothing.
func (r *Registry) UnassignPackage(ctx context.Context, k PackageKind, from Assignees) (told int, err error) {
	if told, err = r.assign(ctx, k, PackageName{}, from); err != nil {
		return told, fmt.Errorf("taking back the assignment of a package: %w", err)
	}
	return told, nil
}

func (r *Registry) assign(ctx context.Context, k PackageKind, n PackageName, to Assignees) (told int, err error) {
	if err := k.check(); err != nil {
		return 0, err
	}
	if (to.Profile == "") == (to.Device == "") {
		return 0, fmt.Errorf("%w: either a profile or a device", ErrInvalid)
	}
	err = r.run(ctx, func(t *Tx) error {
		told = 0
		return t.view(ctx, func() error {
			if !n.IsZero() {
				if _, err := t.pkg(ctx, k, n); err != nil {
					return err
				}
			}
			if to.Profile != "" {
				return t.assignToProfile(ctx, k, n, to.Profile)
			}
			changed, err := t.assignToDevice(ctx, k, n, to.Device)
			if changed {
				told = 1
			}
			return err
		})
	})
	if err != nil || to.Profile == "" {
		return told, err
	}
	if r.find(ctx) != nil {
		return 0, nil // they are told when the transaction is on disk
	}
	for more := true; more; {
		some := 0
		if some, more, err = r.rollOut(ctx, k, to.Profile); err != nil {
			return told, err
		}
		told += some
	}
	return told, nil
}

func (t *Tx) assignToProfile(ctx context.Context, k PackageKind, n PackageName, profile string) error {
	old, err := t.profile(ctx, profile)
	if err != nil {
		return err
	}
	changed := *old
	changed.Assigned.set(k, n)
	if err := profiles.put(t, old, &changed); err != nil {
		return err
	}
	t.notify(notice{device: profile, do: func() { t.r.rollouts.Store(true) }})
	return rollouts.put(t, nil, &rollout{Kind: k, Profile: profile})
}

func (t *Tx) assignToDevice(ctx context.Context, k PackageKind, n PackageName, device string) (told bool, err error) {
	old, err := t.device(ctx, device)
	if err != nil {
		return false, err
	}
	changed := *old
	changed.Assigned.set(k, n)
	if err := devices.put(t, old, &changed); err != nil {
		return false, err
	}
	p, err := t.packageOf(ctx, &changed, k)
	if err != nil {
		return false, err
	}
	return t.tell(ctx, device, k, p)
}

// packageOf is the package that is assigned to a device, nil if there is none.
func (t *Tx) packageOf(ctx context.Context, d *Device, k PackageKind) (*Package, error) {
	name := d.Assigned.of(k)
	if name.IsZero() {
		profile, err := t.profile(ctx, d.Profile)
		if err != nil {
			return nil, err
		}
		name = profile.Assigned.of(k)
	}
	if name.IsZero() {
		return nil, nil
	}
	return t.pkg(ctx, k, name)
}

// PackageOf returns the package that a device is to load: its own, or that of its profile. ErrNotFound if there is none.
func (r *Registry) PackageOf(ctx context.Context, device string, k PackageKind) (Package, error) {
	var found Package
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			d, err := t.device(ctx, device)
			if err != nil {
				return err
			}
			p, err := t.packageOf(ctx, d, k)
			switch {
			case err != nil:
				return err
			case p == nil:
				return fmt.Errorf("%s of device %q: %w", k, device, ErrNotFound)
			}
			found = *p
			return nil
		})
	})
	return found, err
}

// attributes are what a device is told of a package.
func (p *Package) attributes() []Attribute {
	prefix := p.Kind.prefix()
	size, _ := json.Marshal(p.Size) // plain values all of them
	return []Attribute{
		{Key: prefix + "title", Value: jsonText(p.Title)},
		{Key: prefix + "version", Value: jsonText(p.Version)},
		{Key: prefix + "size", Value: size},
		{Key: prefix + "checksum", Value: jsonText(p.Checksum)},
		{Key: prefix + "checksum_algorithm", Value: jsonText(p.Algorithm)},
	}
}

// tell brings the attributes of a device that must be there in line with a package, or with there being none of the kind. It
// tells whether anything was different.
func (t *Tx) tell(ctx context.Context, device string, k PackageKind, p *Package) (changed bool, err error) {
	known, err := t.known(ctx, device, k)
	if err != nil {
		return false, err
	}
	if p == nil {
		return t.untell(device, k, known), nil
	}
	told := p.attributes()
	for i, a := range told {
		changed = changed || !bytes.Equal(known[a.Key], a.Value)
		told[i].Updated = t.r.now()
	}
	if !changed {
		return false, nil
	}
	for _, a := range told {
		if err := t.putAttribute(device, SharedScope, a); err != nil {
			return false, err
		}
	}
	t.notify(notice{device: device, change: &SharedChange{Device: device, Updated: told}})
	return true, nil
}

func (t *Tx) untell(device string, k PackageKind, known map[string]json.RawMessage) bool {
	var deleted []string
	for _, a := range (&Package{Kind: k}).attributes() {
		if _, there := known[a.Key]; there {
			t.delete(attributeKey(device, SharedScope, a.Key))
			deleted = append(deleted, a.Key)
		}
	}
	if len(deleted) > 0 {
		t.notify(notice{device: device, change: &SharedChange{Device: device, Deleted: deleted}})
	}
	return len(deleted) > 0
}

// known reads what a device has been told of packages of a kind. It is not decided on: all who tell have read the device,
// or the rollout that they are a part of.
func (t *Tx) known(ctx context.Context, device string, k PackageKind) (map[string]json.RawMessage, error) {
	known := map[string]json.RawMessage{}
	scope := keyOf("attribute").text(device).text(string(SharedScope))
	from, to := store.Prefix(append(append(tuple(nil), scope...), k.prefix()...))
	err := t.scan(ctx, from, to, false, func(key, value []byte) (bool, error) {
		var row valueRow
		if err := decode("attribute", value, &row); err != nil {
			return false, err
		}
		known[strings.Clone(unescape(key[len(scope):]))] = append(json.RawMessage(nil), row.Value...)
		return true, nil
	})
	return known, err
}

// tellNew gives a device that is being made the attributes of its profile's packages. Nobody listens to it yet.
func (t *Tx) tellNew(ctx context.Context, d *Device) error {
	profile, err := t.profile(ctx, d.Profile)
	if err != nil {
		return err
	}
	for _, k := range PackageKinds() {
		name := profile.Assigned.of(k)
		if name.IsZero() {
			continue
		}
		p, err := t.pkg(ctx, k, name)
		if err != nil {
			return err
		}
		for _, a := range p.attributes() {
			if err := t.putAttribute(d.ID, SharedScope, a); err != nil {
				return err
			}
		}
	}
	return nil
}
