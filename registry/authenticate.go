package registry

import (
	"context"

	"github.com/gridtie/gridtie/engine/secret"
)

// Login is what a device connects with.
type Login struct {
	ClientID secret.Text
	UserName secret.Text
	Password secret.Text
	// HasUserName and HasPassword tell an empty one from none. It matters for the kind of refusal only.
	HasUserName bool
	HasPassword bool
	// Certificate is the client's leaf certificate in PEM or base64, if it came with one: nothing else is looked at then.
	Certificate secret.Text
}

// refusal is the error of a login that leads to no device, as ThingsBoard's MqttTransportHandler tells them apart.
func (l Login) refusal() error {
	hasUser, hasPassword := l.HasUserName || !l.UserName.IsZero(), l.HasPassword || !l.Password.IsZero()
	switch {
	case !l.Certificate.IsZero():
		return ErrNoCredentials
	case hasUser || hasPassword:
		return ErrUnauthorized
	case !l.ClientID.IsZero():
		return ErrBadClientID
	}
	return ErrNoCredentials
}

// Authenticate returns the device that a login belongs to, or ErrUnauthorized, ErrBadClientID or ErrNoCredentials. The
// rules are those of ThingsBoard's DefaultTransportApiService. That the device has come is noted in memory at once.
func (r *Registry) Authenticate(ctx context.Context, l Login) (Device, error) {
	var found *Device
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			device, err := t.authenticate(ctx, l)
			if err != nil || device == "" {
				return err
			}
			found, err = devices.get(ctx, t, deviceKey(device))
			return err
		})
	})
	if err != nil {
		return Device{}, err
	}
	if found == nil {
		return Device{}, l.refusal()
	}
	r.used(found.ID)
	found.LastUsed = r.now()
	return *found, nil
}

// AuthenticateToken returns the device of an access token, or ErrUnauthorized: HTTP and CoAP take no other credentials.
func (r *Registry) AuthenticateToken(ctx context.Context, token secret.Text) (Device, error) {
	var found *Device
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			row, err := t.login(ctx, token.Reveal())
			if err != nil || row == nil || row.Type != AccessToken {
				return err
			}
			found, err = devices.get(ctx, t, deviceKey(row.Device))
			return err
		})
	})
	if err != nil {
		return Device{}, err
	}
	if found == nil {
		return Device{}, ErrUnauthorized
	}
	r.used(found.ID)
	found.LastUsed = r.now()
	return *found, nil
}

// login finds a credential by its id, nil if there is none.
func (t *Tx) login(ctx context.Context, id string) (*loginRow, error) {
	if id == "" {
		return nil, nil
	}
	digest := t.r.keys.login.Digest(id)
	return readRow[loginRow](ctx, t, "credentials/id", keyOf("credentials/id").raw(digest.Bytes()), true)
}

// authenticate returns a device's id, empty if the login is refused.
func (t *Tx) authenticate(ctx context.Context, l Login) (string, error) {
	if !l.Certificate.IsZero() {
		row, err := t.login(ctx, sha3Hex(oneLine(l.Certificate.Reveal())))
		if err != nil || row == nil || row.Type != X509Certificate {
			return "", err
		}
		return row.Device, nil
	}
	client, user := l.ClientID.Reveal(), l.UserName.Reveal()
	if user == "" {
		if client == "" {
			return "", nil
		}
		row, err := t.login(ctx, sha3Hex(client))
		if err != nil || row == nil || row.Type != MQTTBasic || row.UserName {
			return "", err
		}
		return row.Device, nil
	}
	if client != "" {
		row, err := t.login(ctx, sha3Hex(client+"|"+user))
		if err != nil {
			return "", err
		}
		// Found by both names, it is decided here, wrong password or not: no falling back to the user name alone.
		if row != nil && row.Type == MQTTBasic && row.ClientID && row.UserName {
			return t.withPassword(row, l.Password), nil
		}
	}
	row, err := t.login(ctx, user)
	if err != nil || row == nil {
		return "", err
	}
	switch {
	case row.Type == AccessToken:
		return row.Device, nil
	case row.Type == MQTTBasic && row.UserName && !row.ClientID:
		return t.withPassword(row, l.Password), nil
	}
	return "", nil
}

// withPassword returns the device if the password is right, or none is asked for.
func (t *Tx) withPassword(row *loginRow, password secret.Text) string {
	if len(row.Password) == 0 {
		return row.Device
	}
	stored, err := secret.DigestFrom(row.Password)
	if err != nil || !passwordDigest(&t.r.keys, row.Device, password).Equal(stored) {
		return ""
	}
	return row.Device
}
