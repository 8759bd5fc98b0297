package devices

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Gateway is the session of a device that speaks for others: those behind it, each of which has a session of its own. They
// are opened when the gateway first names them, and end with it.
type Gateway struct {
	session *Session

	mu     sync.Mutex
	behind map[string]*Session // open, by name
}

// Named is a device as a gateway names it.
type Named struct {
	Name    string
	Profile string // of a device that has to be made; empty: that of the gateway
}

// Turned says why a gateway does not speak for a device that it named: a closed set, fit for a metric label.
type Turned string

// Why a gateway does not speak for a device.
const (
	TurnedName    Turned = "name"    // no device can be called so
	TurnedLimit   Turned = "limit"   // Limits.GatewayDevices have sessions already
	TurnedProfile Turned = "profile" // there is no such profile
	TurnedDirect  Turned = "direct"  // the device connects by itself, or is a gateway
	TurnedChain   Turned = "chain"   // the profile's provision chain does not let it in
	TurnedQuota   Turned = "quota"   // there are as many devices as there may be: see Quota
)

// TurnedReasons lists all of them.
func TurnedReasons() []Turned {
	return []Turned{TurnedName, TurnedLimit, TurnedProfile, TurnedDirect, TurnedChain, TurnedQuota}
}

// TooMany tells whether a device was turned away for the number of devices, and not for what it is.
func (t Turned) TooMany() bool { return t == TurnedLimit || t == TurnedQuota }

// Spoken is what came of a device that a gateway named: its session, or why it has none.
type Spoken struct {
	Session *Session
	Turned  Turned
}

// MetaGateway is the metadata entry of a provisioning request that names the gateway which made it.
const MetaGateway = "gatewayId"

// Gateway lets a device speak for others. Close it before the session.
func (s *Session) Gateway() *Gateway { return &Gateway{session: s, behind: map[string]*Session{}} }

// Sessions returns the sessions of the devices that the gateway names, in that order. One that has none yet gets it, with the
// Client that client makes for it, and is subscribed to shared attributes and calls. A device that is not known is made: by
// the provision chain of its profile, whatever the profile's strategy. A device that the gateway may not speak for has no
// session; that is counted, and logged.
//
// It waits until what was made is on disk. One goroutine at a time may call it. An error means that nothing was decided about
// at least one of the devices, and that the gateway has to ask again; it may be a *RateError.
func (g *Gateway) Sessions(ctx context.Context, named []Named, client func(*Session) Client) ([]Spoken, error) {
	g.session.seen()
	found := make([]Spoken, len(named))
	made := make([]*making, len(named)) // all at once, so that they share the wait for the disk
	left := g.room()
	for i, n := range named {
		n.Name = strings.TrimSpace(n.Name)
		if found[i].Session = g.open(n.Name); found[i].Session != nil {
			continue
		}
		if left--; left < 0 {
			found[i] = g.turn(TurnedLimit)
			continue
		}
		d, state, err := g.known(ctx, n.Name)
		switch {
		case err != nil:
		case state == known:
			found[i], err = g.enter(ctx, d, client)
		case state == unknown:
			made[i], found[i], err = g.provision(ctx, n)
		default:
			found[i] = g.turn(TurnedDirect)
		}
		if err != nil {
			return nil, err
		}
	}
	for i, m := range made {
		if m == nil {
			continue
		}
		var err error
		if found[i], err = g.await(ctx, strings.TrimSpace(named[i].Name), m, client); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// open is the session that a device has.
func (g *Gateway) open(name string) *Session {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.behind[name]
}

// room is how many more devices may have sessions.
func (g *Gateway) room() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.session.service.limits.GatewayDevices - len(g.behind)
}

// standing is what a name stands for.
type standing uint8

const (
	unknown standing = iota // nobody, or a device that nobody has heard of yet
	known                   // a device that gateways speak for
	direct                  // one that speaks for itself
)

// known finds the device of a name. What it finds saves a run; the registry decides.
func (g *Gateway) known(ctx context.Context, name string) (registry.Device, standing, error) {
	r := g.session.service.registry
	d, err := r.DeviceByName(ctx, name)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return d, unknown, nil
	case err != nil:
		return d, unknown, err
	case d.IsBehind():
		return d, known, nil
	case d.Gateway || !d.LastUsed.IsZero():
		return d, direct, nil
	}
	a, err := r.Activity(ctx, d.ID)
	if err == nil && !a.Active.IsZero() {
		return d, direct, nil
	}
	return d, unknown, err
}

// making is a device on its way.
type making struct {
	ticket *ticket
	status chan Status
}

// provision begins to make a device. Without an error and a making it is turned away.
func (g *Gateway) provision(ctx context.Context, n Named) (*making, Spoken, error) {
	s, own := g.session.service, g.session.device
	if _, err := registry.CleanName(n.Name); err != nil || n.Name == "" {
		return nil, g.turn(TurnedName), nil
	}
	p, err := s.profile(ctx, cmp.Or(n.Profile, own.Profile))
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return nil, g.turn(TurnedProfile), nil
	case err != nil:
		return nil, Spoken{}, err
	}
	t := &ticket{
		request: registry.ProvisionRequest{Profile: p.Name, Name: n.Name},
		behind:  &behind{gateway: own.ID, chain: p.Chain},
	}
	m := s.provisionMessage(p.Profile, t.request).WithMeta(engine.Pair{Key: MetaGateway, Value: own.ID})
	status := make(chan Status, 1)
	err = s.engine.Submit(context.WithValue(ctx, ticketKey{}, t), m, func(f engine.Fate) { status <- t.reply(f).Status })
	if errors.Is(err, engine.ErrUnknownChain) {
		s.log.Error().Str("event", "provision_chain_missing").Str("profile", p.Name).Str("chain", m.Chain()).Send()
		return nil, g.turn(TurnedChain), nil
	}
	return &making{t, status}, Spoken{}, err
}

// await waits for a device to be made.
func (g *Gateway) await(ctx context.Context, name string, made *making, client func(*Session) Client) (Spoken, error) {
	var status Status
	select {
	case status = <-made.status:
	case <-ctx.Done():
		return Spoken{}, context.Cause(ctx)
	}
	if status == StatusUnavailable {
		return Spoken{}, errors.New("the device was not made")
	}
	if s := g.open(name); s != nil {
		return Spoken{Session: s}, nil // named twice in one breath
	}
	if status != StatusSuccess && g.session.service.overQuota(made.ticket) {
		return g.turn(TurnedQuota), nil
	}
	switch d, err := g.session.service.registry.DeviceByName(ctx, name); {
	case errors.Is(err, registry.ErrNotFound):
		return g.turn(TurnedChain), nil
	case err != nil:
		return Spoken{}, err
	case !d.IsBehind():
		return g.turn(TurnedDirect), nil
	case status != StatusSuccess:
		return g.turn(TurnedChain), nil
	default:
		return g.enter(ctx, d, client)
	}
}

// enter opens a device's session.
func (g *Gateway) enter(ctx context.Context, d registry.Device, client func(*Session) Client) (Spoken, error) {
	s := &Session{service: g.session.service, device: &d, via: g.session}
	g.mu.Lock()
	g.behind[d.Name] = s // before it is open, so that Forget finds it
	g.mu.Unlock()
	s.Subscribe(true)
	if err := s.Open(ctx, client(s)); err != nil {
		g.Forget(s)
		return Spoken{}, err
	}
	s.SubscribeCalls(true)
	return Spoken{Session: s}, nil
}

// Parse reads a body of the gateway's, within the limits of what belongs to the protocol. Errors are of type
// *intake.BadPayload, or *RateError.
func (g *Gateway) Parse(payload []byte) (intake.Value, error) {
	if g.session.opened {
		if err := g.session.service.arrive(g.session.from); err != nil {
			return intake.Value{}, err
		}
	}
	return g.session.service.Parse(payload)
}

// turn counts a device that the gateway may not speak for.
func (g *Gateway) turn(why Turned) Spoken {
	s := g.session.service
	s.observer.TurnedAway(why)
	s.log.Warn().Str("event", "gateway_device_refused").Str("device", g.session.device.ID).Str("reason", string(why)).Send()
	return Spoken{Turned: why}
}

// Disconnect ends the session of a device, if it has one.
func (g *Gateway) Disconnect(name string) {
	g.session.seen()
	if s := g.open(strings.TrimSpace(name)); s != nil {
		g.Forget(s)
		s.Close()
	}
}

// Forget takes a session out that has ended, or is told to; the gateway may open another by naming the device again.
func (g *Gateway) Forget(s *Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.behind[s.device.Name] == s {
		delete(g.behind, s.device.Name)
	}
}

// Close ends all sessions of devices behind the gateway.
func (g *Gateway) Close() {
	g.mu.Lock()
	all := make([]*Session, 0, len(g.behind))
	for _, s := range g.behind {
		all = append(all, s)
	}
	clear(g.behind)
	g.mu.Unlock()
	slices.SortFunc(all, func(a, b *Session) int { return cmp.Compare(a.device.Name, b.device.Name) })
	for _, s := range all {
		s.Close()
	}
}

// Gather returns a function that is to be called once for each of n fates, and calls done with the worst of them. For none
// done is called at once.
func Gather(n int, done func(engine.Fate)) func(engine.Fate) {
	if n == 0 {
		done(engine.Fate{State: engine.Done})
	}
	return (&gathering{left: n, done: done}).one
}
