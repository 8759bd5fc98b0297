package registry

import (
	"context"
	"fmt"
)

// ChangeCredentials gives a device other credentials, a new token if c is zero, and returns them. The old ones stop
// working, and whoever is connected with them is told to leave ([Registry.OnCredentialsChange]). Errors: ErrNotFound, and a
// *Refusal if c cannot be or another device has the same.
func (r *Registry) ChangeCredentials(ctx context.Context, device string, c Credentials) (Credentials, error) {
	settled, err := c.settle()
	if err != nil {
		return Credentials{}, fmt.Errorf("changing credentials: %w", err)
	}
	err = r.run(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			d, err := t.device(ctx, device)
			if err != nil {
				return err
			}
			_, err = t.changeCredentials(ctx, d, settled)
			return err
		})
	})
	if err != nil {
		return Credentials{}, fmt.Errorf("changing credentials of device %q: %w", device, err)
	}
	return settled, nil
}

// changeCredentials puts c in the place of what a device has, and returns the device as it is then.
func (t *Tx) changeCredentials(ctx context.Context, d *Device, c Credentials) (Device, error) {
	old, err := credentials.get(ctx, t, credentialsKey(d.ID))
	if err != nil {
		return Device{}, err
	}
	if err := t.putCredentials(ctx, old, d.ID, c); err != nil {
		return Device{}, err
	}
	changed := *d
	changed.CredentialsType = c.Type
	changed.CredentialsVersion++
	t.notify(notice{device: d.ID, event: credentialsChanged})
	err = devices.put(t, d, &changed)
	return changed, err
}
