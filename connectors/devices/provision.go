package devices

import (
	"context"
	"errors"
	"net/netip"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// ProvisionRequest is a device that asks for credentials.
type ProvisionRequest struct {
	From        netip.Addr  // of the peer, see SourceOf; not valid if nobody knows it
	Key         secret.Text // of the profile
	Secret      secret.Text // of the profile
	Name        string      // empty: one is made
	Credentials registry.Credentials
	Gateway     bool
}

// Status is what a device that asked to be provisioned is told, named as ThingsBoard names it.
type Status string

const (
	StatusSuccess  Status = "SUCCESS"
	StatusNotFound Status = "NOT_FOUND" // profile key or secret are wrong, and it is not told which
	StatusFailure  Status = "FAILURE"   // anything else that speaks against it; it is not told what
	// Not looked at: too many wrong secrets came from the address, or for the key from the address. The device is told
	// StatusNotFound, and its connection is closed.
	StatusThrottledAddress Status = "THROTTLED_ADDRESS"
	StatusThrottledKey     Status = "THROTTLED_KEY"
	// StatusLimited: not looked at: more messages came from the address than Limits.AddressRate allows.
	StatusLimited Status = "RATE_LIMITED"
	// StatusUnavailable: nothing was decided and nothing may be acknowledged; the device has to ask again.
	StatusUnavailable Status = "UNAVAILABLE"
)

// Throttled reports whether the request was not looked at because too many wrong secrets had come.
func (s Status) Throttled() bool { return s == StatusThrottledAddress || s == StatusThrottledKey }

// ProvisionReply is the answer to a ProvisionRequest.
type ProvisionReply struct {
	Status      Status
	Credentials registry.Credentials // with StatusSuccess
	Retry       *RateError           // with StatusLimited
}

// Provision decides about a request: the registry checks the profile's key and secret, then the profile's provision
// chain decides. done is called once, when what it is told is on disk; at once if there is nothing to decide. It blocks
// while the engine is full, until ctx ends.
func (s *Service) Provision(ctx context.Context, r ProvisionRequest, done func(ProvisionReply)) {
	reply := func(a ProvisionReply) {
		s.observer.Provisioned(a.Status)
		done(a)
	}
	var over *RateError
	if errors.As(s.arrive(r.From), &over) {
		reply(ProvisionReply{Status: StatusLimited, Retry: over})
		return
	}
	p, refused := s.entitled(ctx, r)
	if refused != "" {
		reply(ProvisionReply{Status: refused})
		return
	}
	name, err := registry.CleanName(r.Name)
	if err != nil {
		reply(ProvisionReply{Status: StatusFailure})
		return
	}
	s.decide(ctx, p, registry.ProvisionRequest{
		Profile: p.Name, Name: name, Credentials: r.Credentials, Gateway: r.Gateway,
	}, reply)
}

// decide hands a request to the provision chain of its profile.
func (s *Service) decide(ctx context.Context, p registry.Profile, r registry.ProvisionRequest, reply func(ProvisionReply)) {
	t := &ticket{request: r}
	m := s.provisionMessage(p, r)
	err := s.engine.Submit(context.WithValue(ctx, ticketKey{}, t), m, func(f engine.Fate) {
		s.overQuota(t)
		reply(t.reply(f))
	})
	switch {
	case errors.Is(err, engine.ErrUnknownChain):
		s.log.Error().Str("event", "provision_chain_missing").Str("profile", p.Name).Str("chain", m.Chain()).Send()
		reply(ProvisionReply{Status: StatusFailure})
	case err != nil:
		reply(ProvisionReply{Status: StatusUnavailable})
	}
}

// overQuota counts a device that was not made because there are too many, and tells an operator.
func (s *Service) overQuota(t *ticket) (over bool) {
	q := t.quota()
	if q == "" {
		return false
	}
	s.observer.OverQuota(q)
	line := s.quotaLog.Warn().Str("event", "device_quota_met").Str("quota", string(q)).Str("profile", t.request.Profile)
	if t.behind != nil {
		line = line.Str("gateway", t.behind.gateway)
	}
	line.Send()
	return true
}

// entitled returns the profile whose key and secret a request has, or what the device is told.
func (s *Service) entitled(ctx context.Context, r ProvisionRequest) (p registry.Profile, refused Status) {
	a := s.throttle.provisioning(r)
	why := s.throttle.ask(a)
	if why == within {
		var err error
		p, err = s.registry.CheckProvisioning(ctx, r.Key.Reveal(), r.Secret)
		wrong := errors.Is(err, registry.ErrNotFound)
		if err != nil && !wrong {
			s.log.Error().Str("event", "provisioning_unavailable").Err(err).Send()
			return registry.Profile{}, StatusUnavailable
		}
		if wrong {
			refused = StatusNotFound
		}
		why = s.throttle.settle(a, wrong)
	}
	switch why {
	case bySource:
		refused = StatusThrottledAddress
	case byName:
		refused = StatusThrottledKey
	case within:
		return p, refused
	}
	s.throttle.tell(a, why)
	return registry.Profile{}, refused
}

// provisionMessage is the request as the chain sees it: with no secret in it, in the lane of the name that is asked for,
// so that two requests for one name are decided one after the other.
func (s *Service) provisionMessage(p registry.Profile, r registry.ProvisionRequest) *engine.Message {
	typ := r.Credentials.Type
	if typ == "" {
		typ = registry.AccessToken
	}
	text := append([]byte(nil), `{"deviceName":`...)
	text = quote(text, r.Name)
	text = append(text, `,"credentialsType":`...)
	text = quote(text, string(typ))
	text = append(text, `,"gateway":`...)
	if r.Gateway {
		text = append(text, "true}"...)
	} else {
		text = append(text, "false}"...)
	}
	chain := p.ProvisionChain
	if chain == "" {
		chain = s.limits.ProvisionChain
	}
	return engine.NewMessage(engine.Header{
		ID: newID(), Type: TypeProvision, Time: s.now().UTC(), Chain: chain,
		Origin: engine.Origin{Type: "PROVISION", ID: p.Name + "/" + r.Name, Name: r.Name, Profile: p.Name},
		Meta:   []engine.Pair{{Key: MetaDeviceName, Value: r.Name}, {Key: MetaDeviceType, Value: p.Name}},
	}, engine.NewData(string(text)))
}

// quote appends text as a JSON string. It cannot err: what is no UTF-8 becomes U+FFFD.
func quote(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}
