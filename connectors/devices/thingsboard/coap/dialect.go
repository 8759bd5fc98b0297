package coap

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Options of a Dialect. The zero value works.
type Options struct {
	Logger zerolog.Logger
}

// Dialect serves ThingsBoard devices that speak CoAP.
type Dialect struct {
	service *devices.Service
	log     zerolog.Logger // sampled: devices cause these lines

	mu       sync.Mutex
	watchers map[watched]*watcher
	tied     map[*coapserver.Peer]bool
}

var _ coapserver.Handler = (*Dialect)(nil)

// New makes a Dialect.
func New(s *devices.Service, o Options) *Dialect {
	return &Dialect{
		service: s, watchers: map[watched]*watcher{}, tied: map[*coapserver.Peer]bool{},
		log: o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute}),
	}
}

const (
	formatJSON = 50 // the Content-Format application/json (RFC 7252 section 12.3)
	// retryAfter is when to send again what could not be processed, and throttledFor how long wrong secrets cost at most.
	retryAfter   = 5
	throttledFor = 60
)

func plain(c message.Code) coapserver.Response {
	return coapserver.Response{Code: c, Format: coapserver.NoFormat}
}

func later(c message.Code, seconds uint32) coapserver.Response {
	return coapserver.Response{Code: c, Format: coapserver.NoFormat, MaxAge: seconds}
}

// limited answers a device that sends more than it may: 5.00, as ThingsBoard, with a Max-Age that says when to try again.
func limited(over *devices.RateError) coapserver.Response {
	return later(message.InternalServerError, uint32(over.Seconds()))
}

// content has the format of the request, if that had one.
func content(r *coapserver.Request, body []byte) coapserver.Response {
	format := formatJSON
	if r.Format != coapserver.NoFormat {
		format = r.Format
	}
	return coapserver.Response{Code: message.Content, Payload: body, Format: format}
}

// Handle takes one request.
func (d *Dialect) Handle(ctx context.Context, r *coapserver.Request, answer func(coapserver.Response)) {
	t := parse(r.Path)
	switch {
	case t.feature == noResource:
		answer(plain(message.NotFound))
	case r.Method != message.GET && r.Method != message.POST, t.feature == load && r.Method != message.GET:
		answer(plain(message.MethodNotAllowed))
	case t.feature == noFeature:
		answer(plain(message.BadRequest))
	case t.feature == provision && r.Method == message.POST:
		d.provision(ctx, r, answer)
	case t.feature == provision, t.feature == telemetry && r.Method == message.GET:
		answer(plain(message.BadRequest))
	default:
		d.authenticate(ctx, r, t, func(ctx context.Context, s *devices.Session, err error) {
			if err != nil {
				answer(d.refusal(err))
				return
			}
			d.serve(ctx, s, r, t, answer)
		})
	}
}

// unproved is what peers are counted as that may not be where they seem to be: the first address of the block that leads
// nowhere (RFC 6666).
var unproved = netip.MustParseAddr("100::")

// source is the address that a peer may be blamed at.
func source(r *coapserver.Request) netip.Addr {
	if r.Peer.Secure || r.Proved() {
		return r.Peer.Address.Addr()
	}
	return unproved
}

// authenticate finds out who a device is, and goes on with then, at once or later.
func (d *Dialect) authenticate(
	ctx context.Context, r *coapserver.Request, t target, then func(context.Context, *devices.Session, error),
) {
	from := source(r)
	s, err := d.login(ctx, from, r, t)
	tooMuch := errors.Is(err, devices.ErrThrottled) || errors.Is(err, devices.ErrRate)
	if !tooMuch || from != unproved {
		then(ctx, s, err)
		return
	}
	r.Prove(func(ctx context.Context, proved bool) {
		if !proved {
			then(ctx, nil, err)
			return
		}
		s, err := d.login(ctx, r.Peer.Address.Addr(), r, t)
		then(ctx, s, err)
	})
}

func (d *Dialect) login(ctx context.Context, from netip.Addr, r *coapserver.Request, t target) (*devices.Session, error) {
	s, err := d.who(ctx, from, r.Peer, t)
	if err != nil {
		return nil, err
	}
	if err := s.Allow(ctx, registry.TransportCoAP); err != nil {
		return nil, err
	}
	if r.Peer.Secure && !t.hasToken {
		if err := d.tie(ctx, s, r.Peer); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (d *Dialect) who(ctx context.Context, from netip.Addr, p *coapserver.Peer, t target) (*devices.Session, error) {
	switch {
	case t.hasToken:
		return d.service.AuthenticateToken(ctx, from, secret.NewText(t.token))
	case p.Identity != "":
		key, ok := p.Known.(devices.SharedKey)
		if !ok {
			return nil, registry.ErrUnauthorized
		}
		return d.service.AuthenticateShared(ctx, from, key)
	case len(p.Certificates) > 0:
		return d.service.AuthenticateCertificate(ctx, from, p.Certificates[:1]) // as in ThingsBoard, only one that is known
	}
	return nil, registry.ErrUnauthorized
}

// refusal is the answer to a device that is not let in.
func (d *Dialect) refusal(err error) coapserver.Response {
	var over *devices.RateError
	switch {
	case errors.As(err, &over):
		return limited(over)
	case errors.Is(err, registry.ErrUnauthorized), errors.Is(err, registry.ErrNoCredentials), errors.Is(err, devices.ErrGone):
		return plain(message.Unauthorized)
	case errors.Is(err, devices.ErrThrottled):
		return later(message.TooManyRequests, throttledFor)
	case errors.Is(err, devices.ErrTransport):
		return plain(message.InternalServerError) // as ThingsBoard
	}
	d.log.Error().Str("event", "coap_login_unavailable").Err(err).Send()
	return later(message.ServiceUnavailable, retryAfter)
}

// serve does what a device asks for.
func (d *Dialect) serve(
	ctx context.Context, s *devices.Session, r *coapserver.Request, t target, answer func(coapserver.Response),
) {
	fate := func(f engine.Fate) { answer(verdict(f)) }
	var err error
	switch {
	case r.Observe == coapserver.ObserveDeregister && (t.feature == attributes || t.feature == calls):
		answer(plain(message.Deleted)) // it has ended already
	case r.Method == message.POST && t.feature == telemetry:
		err = s.PostTelemetry(ctx, r.Payload, fate)
	case r.Method == message.POST && t.feature == attributes:
		err = s.PostAttributes(ctx, r.Payload, fate)
	case r.Method == message.POST && t.numbered:
		d.answerCall(ctx, s, r, t, answer)
	case r.Method == message.POST:
		d.ask(ctx, s, r, answer)
	case t.feature == load:
		d.loadPackage(ctx, s, r, t, answer)
	case r.Observe == coapserver.ObserveRegister:
		d.observe(ctx, s, r, t.feature, answer)
	case t.feature == attributes:
		d.readAttributes(ctx, s, r, answer)
	default:
		answer(plain(message.BadRequest))
	}
	if err != nil {
		answer(plain(message.BadRequest))
	}
}

// verdict acknowledges what is done with, for good or ill: sending a dead letter again would not help.
func verdict(f engine.Fate) coapserver.Response {
	var over *devices.RateError
	if errors.As(f.Cause, &over) {
		return limited(over)
	}
	if f.State == engine.Abandoned {
		return later(message.ServiceUnavailable, retryAfter)
	}
	return plain(message.Created)
}
