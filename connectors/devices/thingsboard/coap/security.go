package coap

import (
	"context"
	"errors"
	"net/netip"

	"github.com/gridtie/gridtie/registry"
)

// PSK finds the key of a device that comes over DTLS with a pre-shared key. The identity is the device's name, the key its
// access token, or the password of its MQTT credentials. It has the form of coapserver.Security.PSK.
func (d *Dialect) PSK(ctx context.Context, _ netip.AddrPort, identity string) (key []byte, known any, ok bool) {
	k, err := d.service.SharedKey(ctx, identity)
	switch {
	case err == nil:
		return []byte(k.Key.Reveal()), k, true
	case !errors.Is(err, registry.ErrUnauthorized):
		d.log.Error().Str("event", "psk_unavailable").Err(err).Send()
	}
	return nil, nil, false
}
