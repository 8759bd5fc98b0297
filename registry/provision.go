package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ProvisionRequest asks for a device. The profile's key and secret have been checked ([Registry.CheckProvisioning]), or
// Authority has been seen to have signed the certificate that Credentials are.
type ProvisionRequest struct {
	Profile     string
	Name        string      // empty: one is made
	Credentials Credentials // as the device asked for them; the zero value asks for a token
	Gateway     bool
	Authority   string // CertificateHash; only for a profile with the strategy X509Chain, whose provisioning key it is
}

// ProvisionResult tells what Provision did.
type ProvisionResult string

const (
	Created  ProvisionResult = "created"  // a new device
	Repeated ProvisionResult = "repeated" // the same answer to a device that asked again
	Claimed  ProvisionResult = "claimed"  // a device that was added before has come for its credentials
	Renewed  ProvisionResult = "renewed"  // a device that was there has come with another certificate of its authority's
)

// Provisioned is the answer to a request that was granted.
type Provisioned struct {
	Device      Device
	Credentials Credentials
	Result      ProvisionResult
}

// RefusalReason is why a device was not provisioned. Devices are never told: they get FAILURE.
type RefusalReason string

const (
	RefusedDisabled           RefusalReason = "provisioning is disabled"
	RefusedName               RefusalReason = "invalid name"
	RefusedNameTaken          RefusalReason = "name is taken"
	RefusedCredentials        RefusalReason = "invalid credentials"
	RefusedCredentialsTaken   RefusalReason = "credentials are taken"
	RefusedCredentialsKind    RefusalReason = "device has credentials of another kind"
	RefusedNotPreProvisioned  RefusalReason = "not pre-provisioned"
	RefusedAlreadyProvisioned RefusalReason = "already provisioned"
)

// Refusal is the error of a request that cannot be granted. Nothing was written.
type Refusal struct {
	Reason   RefusalReason
	Existing *Device // the device that stands in the way, if one does
}

// Error names the reason and nothing of the request.
func (r *Refusal) Error() string { return "provisioning a device: " + string(r.Reason) }

// repeatFor is how long a device that asks for no credentials of its own may ask again: an answer that was lost must not
// lock a meter out, and whoever knows the profile's secret and a name must not get a working meter's credentials.
const repeatFor = 10 * time.Minute

// provisionState is the server attribute by which ThingsBoard knows a pre-provisioned device that has come.
const provisionState = "provisionState"

// Provision makes a device, or finds the one that was added before, and returns its credentials. A request that cannot
// be granted is a *Refusal.
//
// It is repeatable: the same name in the same profile gets the same credentials again if the request carries exactly
// these, or if it carries none, nobody has authenticated with them yet and they are younger than ten minutes. A profile
// can switch that off.
func (r *Registry) Provision(ctx context.Context, req ProvisionRequest) (Provisioned, error) {
	var p Provisioned
	err := r.run(ctx, func(t *Tx) error {
		return t.view(ctx, func() (err error) {
			p, err = t.provision(ctx, req)
			return err
		})
	})
	return p, err
}

func (t *Tx) provision(ctx context.Context, req ProvisionRequest) (Provisioned, error) {
	profile, err := t.profile(ctx, req.Profile)
	if err != nil {
		return Provisioned{}, err
	}
	switch {
	case profile.Strategy == ProvisionDisabled, !profile.asks(req):
		return Provisioned{}, &Refusal{Reason: RefusedDisabled}
	case profile.Strategy == CheckPreProvisioned && req.Name == "":
		return Provisioned{}, &Refusal{Reason: RefusedNotPreProvisioned}
	case profile.Strategy == X509Chain && req.Name == "":
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
	switch {
	case profile.Strategy == X509Chain:
		return t.vouched(ctx, profile, existing, name, req)
	case profile.Strategy == CheckPreProvisioned:
		return t.claim(ctx, profile, existing, req)
	case existing != nil:
		return t.repeat(ctx, profile, existing, existing.Created, req, RefusedNameTaken)
	}
	settled, err := req.Credentials.settle()
	if err != nil {
		return Provisioned{}, err
	}
	d, err := t.addDevice(ctx, Device{Name: name, Profile: profile.Name, Gateway: req.Gateway}, settled, profile.Limits.Devices, 0)
	return Provisioned{Device: d, Credentials: settled, Result: Created}, err
}

// asks reports whether a request has what the profile asks for, which may have changed since that was checked.
func (p *profileRow) asks(req ProvisionRequest) bool {
	if p.Strategy == X509Chain {
		return req.Authority == p.ProvisionKey
	}
	return req.Authority == ""
}

// addDevice writes a device whose name has been looked up and found free, if the limits of profile and gateway allow it.
func (t *Tx) addDevice(ctx context.Context, d Device, c Credentials, ofProfile, ofGateway int) (Device, error) {
	if err := t.take(taken{profile: d.Profile, gateway: d.Via}, ofProfile, ofGateway); err != nil {
		return Device{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Device{}, fmt.Errorf("making a device id: %w", err)
	}
	d.ID, d.Created, d.CredentialsType = id.String(), t.r.now(), c.Type
	if err := t.putCredentials(ctx, nil, d.ID, c); err != nil {
		return Device{}, err
	}
	if err := t.tellNew(ctx, &d); err != nil {
		return Device{}, err
	}
	err = devices.put(t, nil, &d)
	return d, err
}

// claim answers for a device that was added before.
func (t *Tx) claim(ctx context.Context, profile *profileRow, d *Device, req ProvisionRequest) (Provisioned, error) {
	if d == nil || d.Profile != profile.Name {
		return Provisioned{}, &Refusal{Reason: RefusedNotPreProvisioned}
	}
	state, err := t.attribute(ctx, d.ID, ServerScope, provisionState)
	if err != nil {
		return Provisioned{}, err
	}
	if state != nil {
		var word string
		if json.Unmarshal(state.Value, &word) != nil || word != "provisioned" {
			return Provisioned{}, &Refusal{Reason: RefusedAlreadyProvisioned, Existing: d}
		}
		return t.repeat(ctx, profile, d, timeOf(state.Updated), req, RefusedAlreadyProvisioned)
	}
	c, err := t.revealCredentials(ctx, d.ID)
	if err != nil {
		return Provisioned{}, err
	}
	err = t.putAttribute(d.ID, ServerScope, Attribute{Key: provisionState, Value: json.RawMessage(`"provisioned"`)})
	return Provisioned{Device: *d, Credentials: c, Result: Claimed}, err
}

// repeat answers a device that asks again, or refuses.
func (t *Tx) repeat(ctx context.Context, profile *profileRow, d *Device, since time.Time, req ProvisionRequest,
	reason RefusalReason,
) (Provisioned, error) {
	refused := &Refusal{Reason: reason, Existing: d}
	if !profile.Reprovision || d.Profile != profile.Name {
		return Provisioned{}, refused
	}
	stored, err := t.revealCredentials(ctx, d.ID)
	if err != nil {
		return Provisioned{}, err
	}
	again := Provisioned{Device: *d, Credentials: stored, Result: Repeated}
	if !req.Credentials.blank() {
		asked, err := req.Credentials.settle()
		if err != nil || !asked.equal(stored) {
			return Provisioned{}, refused
		}
		return again, nil
	}
	seen, err := t.activityOf(ctx, d.ID)
	if err != nil {
		return Provisioned{}, err
	}
	if seen.First != 0 || t.r.now().Sub(since) >= repeatFor {
		return Provisioned{}, refused
	}
	return again, nil
}

// AddDevice adds a device for an operator, for example one that is to be claimed by CHECK_PRE_PROVISIONED_DEVICES. Of d
// name, profile and gateway count. The name is ErrExists if taken; credentials that cannot be had, and one device too
// many, are a *Refusal.
func (r *Registry) AddDevice(ctx context.Context, d Device, c Credentials) (Device, Credentials, error) {
	var added Device
	var settled Credentials
	err := r.run(ctx, func(t *Tx) error {
		profile, err := t.profile(ctx, d.Profile)
		if err != nil {
			return err
		}
		name, err := CleanName(d.Name)
		if err != nil {
			return err
		}
		existing, err := t.named(ctx, name)
		if err != nil {
			return err
		}
		if existing != nil {
			return fmt.Errorf("device %q: %w", name, ErrExists)
		}
		if settled, err = c.settle(); err != nil {
			return err
		}
		added, err = t.addDevice(ctx, Device{Name: name, Profile: d.Profile, Gateway: d.Gateway}, settled, profile.Limits.Devices, 0)
		return err
	})
	if err != nil {
		return Device{}, Credentials{}, fmt.Errorf("adding a device: %w", err)
	}
	return added, settled, nil
}
