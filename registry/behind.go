package registry

import (
	"context"
	"errors"
)

// BehindRequest asks for a device that a gateway speaks for.
type BehindRequest struct {
	Gateway string // its id
	Profile string // of a new device
	Name    string
}

// Why a device does not stand behind a gateway.
const (
	RefusedNoGateway     RefusalReason = "not named by a gateway"
	RefusedOwnConnection RefusalReason = "the device connects by itself"
)

// ProvisionBehind makes a device that a gateway names, or finds the one that is there, whatever its profile is. The profile's
// strategy is not asked: it is about devices that come by themselves (ThingsBoard's DefaultTransportApiService does not ask it
// either). A request that cannot be granted is a *Refusal.
//
// A device that was added before, and that nobody has heard of yet, is the gateways' from now on. One that has been heard
// of by itself is not: otherwise the credentials of a gateway would be those of every device.
func (r *Registry) ProvisionBehind(ctx context.Context, req BehindRequest) (Provisioned, error) {
	var p Provisioned
	err := r.run(ctx, func(t *Tx) error {
		return t.view(ctx, func() (err error) {
			p, err = t.behind(ctx, req)
			return err
		})
	})
	return p, err
}

func (t *Tx) behind(ctx context.Context, req BehindRequest) (Provisioned, error) {
	gateway, err := t.device(ctx, req.Gateway)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && !gateway.Gateway:
		return Provisioned{}, &Refusal{Reason: RefusedNoGateway}
	case err != nil:
		return Provisioned{}, err
	case req.Name == "": // a name that is made up is nobody's behind a gateway
		return Provisioned{}, &Refusal{Reason: RefusedName}
	}
	name, err := CleanName(req.Name)
	if err != nil {
		return Provisioned{}, err
	}
	existing, err := t.named(ctx, name)
	if err != nil {
		return Provisioned{}, err
	}
	own, err := t.profile(ctx, gateway.Profile)
	if err != nil {
		return Provisioned{}, err
	}
	if existing == nil {
		profile, err := t.profile(ctx, req.Profile)
		if err != nil {
			return Provisioned{}, err
		}
		c, err := Credentials{}.settle()
		if err != nil {
			return Provisioned{}, err
		}
		d, err := t.addDevice(ctx, Device{Name: name, Profile: profile.Name, Via: gateway.ID}, c, profile.Limits.Devices, own.Limits.GatewayDevices)
		return Provisioned{Device: d, Credentials: c, Result: Created}, err
	}
	seen, err := t.activityOf(ctx, existing.ID)
	if err != nil {
		return Provisioned{}, err
	}
	p := Provisioned{Device: *existing, Result: Repeated}
	switch {
	case existing.Gateway || seen.First != 0 || existing.Via == "" && seen.Active != 0:
		return Provisioned{}, &Refusal{Reason: RefusedOwnConnection}
	case existing.Via == "":
		if err := t.take(taken{gateway: gateway.ID}, 0, own.Limits.GatewayDevices); err != nil {
			return Provisioned{}, err
		}
		p.Device.Via, p.Result = gateway.ID, Claimed
		err = devices.put(t, existing, &p.Device)
	}
	return p, err
}

// IsBehind tells whether gateways may speak for the device: one has named it, and it has never logged in by itself.
func (d *Device) IsBehind() bool { return d.Via != "" && !d.Gateway && d.LastUsed.IsZero() }
