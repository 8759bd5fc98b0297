package devices_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// door is a service on the real clock, which synctest replaces, and what comes to it.
type door struct {
	*devices.Service
	t       *testing.T
	lookups atomic.Int32
	err     error         // of look-ups
	wait    chan struct{} // for which look-ups wait, unless nil
	counts  *counts
	log     bytes.Buffer
	*directory
}

// atDoor runs a test in fake time.
func atDoor(t *testing.T, l devices.Limits, f func(d *door)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newDoor(t, l, nil)) })
}

func newDoor(t *testing.T, l devices.Limits, now func() time.Time) *door {
	d := &door{t: t, counts: &counts{}, directory: newDirectory()}
	d.directory.devices["right"] = registry.Device{ID: "d", Name: "d", Profile: "meters"}
	d.Service = devices.New(devices.Options{
		Registry: d, Engine: &submitter{}, Observer: d.counts, Limits: l, Now: now, Logger: zerolog.New(zerolog.SyncWriter(&d.log)),
		Intake: intake.New(intake.Options{Digest: secret.NewKey().Digest}),
	})
	return d
}

func (d *door) look() error {
	d.lookups.Add(1)
	if d.wait != nil {
		<-d.wait
	}
	return d.err
}

// Service and directory both have these.

func (d *door) AuthenticateToken(ctx context.Context, token secret.Text) (registry.Device, error) {
	return d.directory.AuthenticateToken(ctx, token)
}

func (d *door) DeleteAttributes(
	ctx context.Context, device string, s registry.AttributeScope, keys ...string,
) ([]string, error) {
	return d.directory.DeleteAttributes(ctx, device, s, keys...)
}

func (d *door) Authenticate(ctx context.Context, l registry.Login) (registry.Device, error) {
	if err := d.look(); err != nil {
		return registry.Device{}, err
	}
	if l.Password.Reveal() == "bad" {
		return registry.Device{}, registry.ErrUnauthorized
	}
	return d.directory.Authenticate(ctx, l)
}

func (d *door) CheckProvisioning(ctx context.Context, key string, s secret.Text) (registry.Profile, error) {
	if err := d.look(); err != nil {
		return registry.Profile{}, err
	}
	return d.directory.CheckProvisioning(ctx, key, s)
}

func (d *door) Device(ctx context.Context, id string) (registry.Device, error) {
	return d.directory.Device(ctx, id)
}

func (d *door) Profile(ctx context.Context, name string) (registry.Profile, error) {
	return d.directory.Profile(ctx, name)
}

// knock tells how a login ends: "in", "wrong" or "throttled".
func (d *door) knock(from, client, user, password string) string {
	d.t.Helper()
	_, err := d.AuthenticateFrom(d.t.Context(), address(from), registry.Login{
		ClientID: secret.NewText(client), UserName: secret.NewText(user), Password: secret.NewText(password),
	})
	switch {
	case err == nil:
		return "in"
	case errors.Is(err, devices.ErrThrottled):
		return "throttled"
	case errors.Is(err, registry.ErrUnauthorized):
		return "wrong"
	}
	return err.Error()
}

func (d *door) ask(from, key, password string) devices.Status {
	d.t.Helper()
	r := request("m")
	r.From, r.Key, r.Secret = address(from), secret.NewText(key), secret.NewText(password)
	status := devices.StatusSuccess // a submitter never answers
	d.Provision(d.t.Context(), r, func(a devices.ProvisionReply) { status = a.Status })
	return status
}

func (d *door) want(what string, got, want any) {
	d.t.Helper()
	if got != want {
		d.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func address(text string) netip.Addr {
	a, _ := netip.ParseAddr(text)
	return a
}
