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
			old, err := credentials.get(ctx, t, credentialsKey(device))
			if err != nil {
				return err
			}
			if err := t.putCredentials(ctx, old, device, settled); err != nil {
				return err
			}
			changed := *d
			changed.CredentialsType = settled.Type
			changed.CredentialsVersion++
			t.notify(notice{device: device, event: credentialsChanged})
			return devices.put(t, d, &changed)
		})
	})
	if err != nil {
		return Credentials{}, fmt.Errorf("changing credentials of device %q: %w", device, err)
	}
	return settled, nil
}
