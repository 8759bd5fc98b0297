package registry

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/gridtie/gridtie/engine/secret"
)

// keys are derived from the data key, one for each purpose, so that what one of them shows tells nothing about another.
type keys struct {
	data       secret.Key
	seal       secret.Key // tokens and provisioning secrets, which a protocol must be able to give back
	supplier   secret.Key // digests of supplier keys
	login      secret.Key // digests of what devices authenticate with
	password   secret.Key // digests of passwords, each with its device
	provisions secret.Key // digests of provisioning keys
}

const dataKeyPlace = "gridtie data key 1"

func sealDataKey(server, data secret.Key) ([]byte, error) {
	return server.Derive("seal the data key").Seal(data.Reveal(), []byte(dataKeyPlace))
}

func (k *keys) open(server secret.Key, sealed []byte) error {
	raw, err := server.Derive("seal the data key").Open(sealed, []byte(dataKeyPlace))
	if err != nil {
		return ErrServerKey
	}
	data, err := secret.KeyFrom(raw)
	if err != nil {
		return err
	}
	*k = keys{
		data:       data,
		seal:       data.Derive("seal rows"),
		supplier:   data.Derive("digest supplier keys"),
		login:      data.Derive("digest logins"),
		password:   data.Derive("digest passwords"),
		provisions: data.Derive("digest provisioning keys"),
	}
	return nil
}

// KeyDigest is the keyed hash by which a supplier key is found. Keys are compared as text: 000712 is not 712.
func (r *Registry) KeyDigest(text string) secret.Digest { return r.keys.supplier.Digest(text) }

// RotateServerKey seals the data key with another server key. The next Open needs that one.
func (r *Registry) RotateServerKey(ctx context.Context, server secret.Key) error {
	if server.IsZero() {
		return fmt.Errorf("rotating the server key: %w: no key", ErrInvalid)
	}
	sealed, err := sealDataKey(server, r.keys.data)
	if err != nil {
		return fmt.Errorf("rotating the server key: %w", err)
	}
	err = r.run(ctx, func(t *Tx) error {
		row, err := readRow[schema](ctx, t, "schema", schemaKey, true)
		if err != nil {
			return err
		}
		row.DataKey = sealed
		value, err := json.Marshal(row)
		if err != nil {
			return err
		}
		t.put(schemaKey, value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotating the server key: %w", err)
	}
	return nil
}
