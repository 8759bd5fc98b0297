package devices

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// SharedKey is a secret that a device and the server both know, for protocols in which both prove that without sending it:
// DTLS with pre-shared keys (RFC 4279).
type SharedKey struct {
	Key secret.Text

	device  string
	version int
}

// Keyholder is a registry that can give keys back; *registry.Registry is one. A Service over another has no shared keys.
type Keyholder interface {
	DeviceByName(ctx context.Context, name string) (registry.Device, error)
	RevealCredentials(ctx context.Context, device string) (registry.Credentials, error)
}

// SharedKey is the key of the device with a name: its access token, or the password of its MQTT credentials. The error is
// registry.ErrUnauthorized if there is no such device or it has no such key, or that of a registry that cannot be asked.
func (s *Service) SharedKey(ctx context.Context, name string) (SharedKey, error) {
	r, ok := s.registry.(Keyholder)
	if !ok {
		return SharedKey{}, registry.ErrUnauthorized
	}
	d, err := r.DeviceByName(ctx, name)
	var c registry.Credentials
	if err == nil {
		c, err = r.RevealCredentials(ctx, d.ID)
	}
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return SharedKey{}, registry.ErrUnauthorized
	case err != nil:
		return SharedKey{}, fmt.Errorf("reading a shared key: %w", err)
	}
	k := SharedKey{Key: c.Token, device: d.ID, version: d.CredentialsVersion}
	if c.Type == registry.MQTTBasic {
		k.Key = c.Password
	}
	if k.Key.IsZero() {
		return SharedKey{}, registry.ErrUnauthorized
	}
	return k, nil
}

// AuthenticateShared says who a device is that has proved, from an address, to know a key. The error is
// registry.ErrUnauthorized if it is not the device's key any more, a *RateError, or that of a registry that cannot be asked.
func (s *Service) AuthenticateShared(ctx context.Context, from netip.Addr, k SharedKey) (*Session, error) {
	if err := s.arrive(from); err != nil {
		return nil, err
	}
	own, err := s.RecognizeShared(ctx, k)
	s.observer.LoggedIn(loginOf(err))
	if err != nil {
		return nil, err
	}
	own.from = from
	return own, nil
}

// RecognizeShared is AuthenticateShared for a connection that has asked for nothing yet: it is no login, and costs and counts
// nothing.
func (s *Service) RecognizeShared(ctx context.Context, k SharedKey) (*Session, error) {
	d, err := s.registry.Device(ctx, k.device)
	if errors.Is(err, registry.ErrNotFound) || err == nil && d.CredentialsVersion != k.version {
		err = registry.ErrUnauthorized
	}
	if err != nil {
		return nil, err
	}
	return &Session{service: s, device: &d}, nil
}
