package devices

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices/ratelimit"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// rates are the buckets of all who send. These are their rules, ThingsBoard's (DefaultTransportRateLimitService) but for the
// two limits that it does not have:
//
//   - A message with at least one value costs one of the telemetry messages, and as many data points as it has values;
//     telemetry of several items is one message. Any other costs one of the messages: opening a session, subscribing, reading
//     attributes, requests and answers, telemetry without values, and what could not be read.
//   - It is paid by the device, out of its profile's rates; by a gateway, if it is its own, out of those that gateways have
//     for themselves; if it is that of a device behind it, by the device and by the gateway.
//   - The profile's rate for all of its devices is paid by each of them.
//   - The rate of addresses is the server's: each message costs one, whatever it is, and so does each attempt to log in or to
//     be provisioned. For protocols without connections that is the same thing.
//
// Either all of them can pay or nobody does. Nothing is kept for who has no limit, and nothing is looked at.
type rates struct {
	begin   time.Time
	address *ratelimit.Set // nil: none
	paying  *ratelimit.Table[payer]
	sources *ratelimit.Table[netip.Prefix]
	log     zerolog.Logger // sampled: devices cause these lines
}

// payer is who has buckets.
type payer struct {
	by Limited
	id string
}

// The classes of a set, in the order of profileSet.
const (
	messages ratelimit.Class = iota
	telemetry
	points
)

// sets are a profile's limits; nil for what has none.
type sets struct{ device, gateway, own, all *ratelimit.Set }

func (s *Service) newRates(log zerolog.Logger) error {
	address, err := ratelimit.NewSet(s.limits.AddressRate)
	s.rates = rates{
		begin: s.now(), address: address, log: log,
		paying:  ratelimit.NewTable[payer](s.limits.RateEntries),
		sources: ratelimit.NewTable[netip.Prefix](s.limits.FailureEntries),
	}
	return err
}

// setsOf reads a profile's limits, which the registry has checked.
func setsOf(l registry.ProfileLimits) (of sets, err error) {
	for _, k := range []struct {
		limits registry.RateLimits
		to     **ratelimit.Set
	}{{l.Rates, &of.device}, {l.GatewayRates, &of.gateway}, {l.GatewayDeviceRates, &of.own}, {l.ProfileRates, &of.all}} {
		if *k.to, err = ratelimit.NewSet(k.limits.Messages, k.limits.TelemetryMessages, k.limits.TelemetryDataPoints); err != nil {
			return sets{}, err
		}
	}
	return of, nil
}

// arrive pays for one message from an address, before anything of it is looked at.
func (s *Service) arrive(from netip.Addr) error {
	if s.rates.address == nil {
		return nil
	}
	at := network(from)
	if !at.IsValid() {
		return nil // the peer has no address
	}
	c := ratelimit.Claim[netip.Prefix]{Key: at, Set: s.rates.address, Take: ratelimit.Costs{messages: 1}}
	r, granted := s.rates.sources.Take(s.now().Sub(s.rates.begin), c)
	if granted {
		return nil
	}
	s.observer.Limited(LimitedAddress)
	s.rates.log.Warn().Str("event", "rate_limited").Str("limit", string(LimitedAddress)).Stringer("source", at).Send()
	return &RateError{By: LimitedAddress, Wait: r.Wait}
}

// begin lets a message of the device in, and returns its profile. Of a post it already says that there is nothing left to pay
// with, before the payload is read: no payload shorter than "{a:1}" has a value. (A longer one may have none either, such as
// {"a":null}; it is refused like others then.)
func (s *Session) begin(ctx context.Context, payload []byte) (*profile, error) {
	s.seen()
	if s.opened {
		if err := s.service.arrive(s.from); err != nil {
			return nil, err
		}
	}
	p, err := s.service.profile(ctx, s.device.Profile)
	if err != nil || len(payload) < len("{a:1}") {
		return p, err
	}
	return p, s.pay(ctx, p, true, func() int { return 1 })
}

// pay pays for a message with so many values, or only looks whether it could. values is called if somebody has a limit.
func (s *Session) pay(ctx context.Context, p *profile, look bool, values func() int) error {
	by, own := LimitedDevice, p.sets.device
	var through *ratelimit.Set
	switch {
	case s.via != nil:
		of, err := s.service.profile(ctx, s.via.device.Profile)
		if err != nil {
			return err
		}
		through = of.sets.gateway
	case s.device.Gateway:
		by, own = LimitedGatewayDevice, p.sets.own
	}
	if own == nil && through == nil && p.sets.all == nil {
		return nil
	}
	take := ratelimit.Costs{messages: 1}
	if n := values(); n > 0 {
		take = ratelimit.Costs{telemetry: 1, points: int64(n)}
	}
	claims := [...]ratelimit.Claim[payer]{
		{Key: payer{by, s.device.ID}, Set: own, Take: take},
		{Key: payer{LimitedGateway, s.gatewayID()}, Set: through, Take: take},
		{Key: payer{LimitedProfile, p.Name}, Set: p.sets.all, Take: take},
	}
	now := s.service.now().Sub(s.service.rates.begin)
	var r ratelimit.Refusal
	var granted bool
	if look {
		r, granted = s.service.rates.paying.Look(now, claims[:]...)
	} else {
		r, granted = s.service.rates.paying.Take(now, claims[:]...) // called directly, so that claims need no memory
	}
	if granted {
		return nil
	}
	return s.overRate(claims[r.Claim].Key.by, r)
}

func (s *Session) gatewayID() string {
	if s.via == nil {
		return ""
	}
	return s.via.device.ID
}

// overRate counts a message that was not let through, and says whose it was.
func (s *Session) overRate(by Limited, r ratelimit.Refusal) error {
	s.service.observer.Limited(by)
	line := s.service.rates.log.Warn().Str("event", "rate_limited").Str("limit", string(by)).
		Str("of", [...]string{messages: "messages", telemetry: "telemetryMessages", points: "telemetryDataPoints"}[r.Of]).
		Str("device", s.device.ID).Str("profile", s.device.Profile)
	if s.via != nil {
		line = line.Str("gateway", s.via.device.ID)
	}
	line.Send()
	return &RateError{By: by, Wait: r.Wait}
}

// Admit pays for a message of the device that the dialect answers itself, such as a subscription. The error is a *RateError, or
// that of a registry that cannot be asked.
func (s *Session) Admit(ctx context.Context) error {
	p, err := s.begin(ctx, nil)
	if err != nil {
		return err
	}
	return s.pay(ctx, p, false, none)
}

// admitted is Admit for the beginning of a session, whose address authentication has paid for.
func (s *Session) admitted(ctx context.Context) error {
	p, err := s.service.profile(ctx, s.device.Profile)
	if err != nil {
		return fmt.Errorf("opening a session: %w", err)
	}
	return s.pay(ctx, p, false, none)
}

func none() int { return 0 }

// members is what a payload brings; one that could not be read brings nothing.
func members(d *engine.Data) int {
	if d == nil {
		return 0
	}
	return intake.Members(d)
}

func readingsMembers(all []intake.Reading) (n int) {
	for _, r := range all {
		n += members(r.Data)
	}
	return n
}

// SessionLimits are the limits that are in force for a device, as its profile says them.
type SessionLimits struct {
	PayloadBytes int                  // of attributes and telemetry; 0: what holds for everybody
	Own          registry.RateLimits  // of the device; of a gateway, for what it sends for itself
	Gateway      *registry.RateLimits // of a gateway, for all that it sends for devices behind it; nil for other devices
}

// Limits tells the limits that are in force for the device, at most Limits.ProfileAge old.
func (s *Session) Limits(ctx context.Context) (SessionLimits, error) {
	p, err := s.service.profile(ctx, s.device.Profile)
	if err != nil {
		return SessionLimits{}, err
	}
	l := SessionLimits{PayloadBytes: p.Limits.PayloadBytes, Own: p.Limits.Rates}
	if s.device.Gateway {
		l.Own, l.Gateway = p.Limits.GatewayDeviceRates, &p.Limits.GatewayRates
	}
	return l, nil
}

// Limited is how many devices, gateways and profiles, and how many addresses, have used up some of their limits lately.
func (s *Service) Limited() (senders, addresses int) {
	return s.rates.paying.Len(), s.rates.sources.Len()
}
