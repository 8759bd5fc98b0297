package devices

import (
	"context"
	"errors"
	"sync"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// The errors of a Provisioner.
var (
	ErrNoRequest = errors.New("the message is not a provisioning request that somebody waits for")
	ErrDecided   = errors.New("the provisioning request is decided already")
)

// ProvisionVerb is what a Provisioner asks of a registry; *registry.Registry has it.
type ProvisionVerb interface {
	Provision(ctx context.Context, r registry.ProvisionRequest) (registry.Provisioned, error)
	ProvisionBehind(ctx context.Context, r registry.BehindRequest) (registry.Provisioned, error)
}

// Provisioner is what nodes of a provision chain decide with. The request, with the credentials that the device asked
// for, waits in the context that Service.Provision submitted the message with; the answer is left there.
type Provisioner struct{ registry ProvisionVerb }

// NewProvisioner makes a Provisioner.
func NewProvisioner(r ProvisionVerb) *Provisioner { return &Provisioner{r} }

// Provision grants the request for a device of that name whose message is being processed, in the transaction of its
// run. Errors: ErrNoRequest, ErrDecided, a *registry.Refusal (then the request is decided), or that of a registry that
// cannot be asked.
func (p *Provisioner) Provision(ctx context.Context, name string) (registry.Provisioned, error) {
	t, err := open(ctx)
	if err != nil {
		return registry.Provisioned{}, err
	}
	if t.request.Name != name { // the lane is that of the name that was asked for
		return registry.Provisioned{}, ErrNoRequest
	}
	granted, err := t.ask(ctx, p.registry)
	var refusal *registry.Refusal
	switch {
	case err == nil:
		t.decide(ctx, decision{credentials: granted.Credentials, granted: true})
	case errors.As(err, &refusal):
		t.decide(ctx, decision{refused: refusal.Reason})
	}
	return granted, err
}

// Behind tells of a request that a gateway made for a device behind it: the gateway's id, and the chain that the device's data
// is to enter.
func (p *Provisioner) Behind(ctx context.Context) (gateway, chain string, ok bool) {
	t, ok := ctx.Value(ticketKey{}).(*ticket)
	if !ok || t.behind == nil {
		return "", "", false
	}
	return t.behind.gateway, t.behind.chain, true
}

// Refuse declines the request whose message is being processed. The reason is the operator's; the device is not told.
// Errors: ErrNoRequest, ErrDecided.
func (p *Provisioner) Refuse(ctx context.Context, _ string) error {
	t, err := open(ctx)
	if err != nil {
		return err
	}
	t.decide(ctx, decision{})
	return nil
}

// ticket is a request on its way through a chain, and what became of it.
type ticket struct {
	request registry.ProvisionRequest
	behind  *behind // of a request that a gateway makes for another device

	mu       sync.Mutex
	decision *decision
}

// decision is what a node decided, and where and when. A run that is repeated decides anew; a node that decided and
// then failed has its writes rolled back.
type decision struct {
	granted     bool
	refused     registry.RefusalReason // by the registry; empty if a chain declined
	credentials registry.Credentials
	attempt     int
	place       engine.Place
}

// behind is who speaks for a device, and where the device's data goes.
type behind struct{ gateway, chain string }

func (t *ticket) ask(ctx context.Context, r ProvisionVerb) (registry.Provisioned, error) {
	if t.behind == nil {
		return r.Provision(ctx, t.request)
	}
	return r.ProvisionBehind(ctx, registry.BehindRequest{Gateway: t.behind.gateway, Profile: t.request.Profile, Name: t.request.Name})
}

type ticketKey struct{}

// open finds the ticket of a run if its present attempt has decided nothing yet.
func open(ctx context.Context) (*ticket, error) {
	t, ok := ctx.Value(ticketKey{}).(*ticket)
	if !ok {
		return nil, ErrNoRequest
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.decision != nil && t.decision.attempt == engine.Attempt(ctx) {
		return nil, ErrDecided
	}
	return t, nil
}

func (t *ticket) decide(ctx context.Context, d decision) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d.attempt, d.place = engine.Attempt(ctx), engine.PlaceOf(ctx)
	t.decision = &d
}

// quota is the limit on the number of devices for which the request was refused, empty if it was not.
func (t *ticket) quota() Quota {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.decision == nil {
		return ""
	}
	switch t.decision.refused {
	case registry.RefusedProfileFull:
		return QuotaProfile
	case registry.RefusedInstallationFull:
		return QuotaInstallation
	case registry.RefusedGatewayFull:
		return QuotaGateway
	}
	return ""
}

// reply is what the device is told when the run has met its fate.
func (t *ticket) reply(f engine.Fate) ProvisionReply {
	if f.State == engine.Abandoned {
		return ProvisionReply{Status: StatusUnavailable}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.decision; f.State == engine.Done && d != nil && d.granted && d.stands(f) {
		return ProvisionReply{Status: StatusSuccess, Credentials: d.credentials}
	}
	return ProvisionReply{Status: StatusFailure}
}

// stands reports whether what the decision wrote was committed: it was made in the attempt that was, and its node did not
// fail afterwards. In doubt it did not: a device that is wrongly told FAILURE asks again, and one that is wrongly told
// SUCCESS never gets in.
func (d *decision) stands(f engine.Fate) bool {
	if d.attempt != f.Attempt {
		return false
	}
	passed := false
	for _, hop := range f.Path.Hops() {
		if hop.Chain != d.place.Chain || hop.Node != d.place.Node {
			continue
		}
		if hop.Relation == engine.RelationFailure {
			return false
		}
		passed = true
	}
	return passed
}
