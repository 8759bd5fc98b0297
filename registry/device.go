package registry

import (
	"context"
	"fmt"
	"time"
)

// Device is one thing that connects: a meter, a gateway.
type Device struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"` // unique over the installation
	Profile string    `json:"profile"`
	Gateway bool      `json:"gateway,omitempty"`
	Via     string    `json:"via,omitempty"` // the id of the gateway that first spoke for it
	Created time.Time `json:"created"`
	// Assigned are packages of its own, in the place of those of its profile.
	Assigned

	CredentialsType CredentialsType `json:"credentialsType"`
	// CredentialsVersion rises when the device gets other credentials: whoever logged in with an older one has to leave.
	CredentialsVersion int `json:"credentialsVersion,omitempty"`
	// LastUsed is when the device last authenticated, as far as this process knows; zero for never. It is written
	// lazily, so that a crash may lose the last few seconds of it.
	LastUsed time.Time `json:"lastUsed,omitzero"`
}

var devices = table[Device]{
	name: "device",
	key:  func(d *Device) tuple { return deviceKey(d.ID) },
	index: func(d *Device, add func(tuple, []byte)) {
		add(keyOf("device/name").text(d.Name), jsonText(d.ID))
		for _, kind := range PackageKinds() {
			if name := d.Assigned.of(kind); !name.IsZero() {
				add(ownPackageKey(kind, name).text(d.ID), nil)
			}
		}
	},
	indexes: []string{"device/name", "device/package"},
}

func deviceKey(id string) tuple { return keyOf("device").text(id) }

// device reads a device that must be there. Whoever writes a row that hangs on a device reads it first: once the device
// is deleted, such a batch fails its check.
func (t *Tx) device(ctx context.Context, id string) (*Device, error) {
	d, err := devices.get(ctx, t, deviceKey(id))
	if err == nil && d == nil {
		err = fmt.Errorf("device %q: %w", id, ErrNotFound)
	}
	return d, err
}

// named reads the device of a name, nil if there is none.
func (t *Tx) named(ctx context.Context, name string) (*Device, error) {
	id, err := t.claimed(ctx, keyOf("device/name").text(name))
	if err != nil || id == "" {
		return nil, err
	}
	return t.device(ctx, id)
}

// shown completes a device with what its row does not hold.
func (t *Tx) shown(ctx context.Context, d *Device) (Device, error) {
	row, err := t.activityOf(ctx, d.ID)
	shown := *d
	shown.LastUsed = timeOf(row.Last)
	return shown, err
}

// Device returns a device by its id, or ErrNotFound.
func (r *Registry) Device(ctx context.Context, id string) (Device, error) {
	var found Device
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			d, err := t.device(ctx, id)
			if err != nil {
				return err
			}
			found, err = t.shown(ctx, d)
			return err
		})
	})
	return found, err
}

// DeviceByName returns a device by its name, or ErrNotFound.
func (r *Registry) DeviceByName(ctx context.Context, name string) (Device, error) {
	if !validName(name) {
		return Device{}, ErrNotFound
	}
	var found Device
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			d, err := t.named(ctx, name)
			if err != nil {
				return err
			}
			if d == nil {
				return fmt.Errorf("device %q: %w", name, ErrNotFound)
			}
			found, err = t.shown(ctx, d)
			return err
		})
	})
	return found, err
}

// Devices lists devices by name.
func (r *Registry) Devices(ctx context.Context, p Page) (list []Device, next string, err error) {
	err = r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() (err error) {
			next, err = t.page(ctx, keyOf("device/name"), p, false, func(_, value []byte) (bool, error) {
				var id string
				if err := decode("device/name", value, &id); err != nil {
					return false, err
				}
				d, err := devices.peek(ctx, t, deviceKey(id))
				if err != nil || d == nil {
					return false, err
				}
				shown, err := t.shown(ctx, d)
				list = append(list, shown)
				return true, err
			})
			return err
		})
	})
	return list, next, err
}
