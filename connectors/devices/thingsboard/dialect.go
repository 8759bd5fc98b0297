package thingsboard

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Options of a Dialect. The zero value works.
type Options struct {
	// ProvisionIdle is how long a provision-only session stays open after each answer. Default 60 s.
	ProvisionIdle time.Duration
	// ProvisionRequests is how many requests a provision-only session may make; one more ends it. Default 100.
	ProvisionRequests int
	// PacketBytes and Inflight are what a device is told that asks for its limits (getSessionLimits): the limits of the server
	// that this dialect is given to. Default 65,536 bytes, and 100 messages without an acknowledgement.
	PacketBytes int
	Inflight    int
	Logger      zerolog.Logger
}

// Dialect serves ThingsBoard devices.
type Dialect struct {
	service *devices.Service
	options Options
	topics  topicCache
	log     zerolog.Logger // sampled: devices cause these lines
}

var _ mqttserver.Dialect = (*Dialect)(nil)

// New makes a Dialect.
func New(s *devices.Service, o Options) *Dialect {
	o.ProvisionIdle = cmp.Or(o.ProvisionIdle, time.Minute)
	o.ProvisionRequests = cmp.Or(o.ProvisionRequests, 100)
	o.PacketBytes = cmp.Or(o.PacketBytes, 64<<10)
	o.Inflight = cmp.Or(o.Inflight, 100)
	return &Dialect{
		service: s, options: o,
		log: o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute}),
	}
}

// provisionEntry is the user name or client id of a device that has no credentials yet.
const provisionEntry = "provision"

// Connect opens a session: a provision-only one for provisionEntry, of which nothing else is looked at, else that of the
// device whose credentials these are. A certificate from the TLS handshake is one, and nothing else is looked at then. Client
// ids are credentials, not names of sessions.
func (d *Dialect) Connect(ctx context.Context, c *mqttserver.Conn, p *packet.Connect) (
	mqttserver.Handler, mqttserver.ConnectCode,
) {
	if p.UserName == provisionEntry || p.ClientID == provisionEntry {
		return newProvisioning(d, c), mqttserver.Accepted
	}
	session, err := d.who(ctx, c, p)
	if err != nil {
		return nil, d.refusal(err)
	}
	if err := session.Allow(ctx, registry.TransportMQTT); err != nil {
		return nil, d.refusal(err)
	}
	h := newDevice(d, c, session)
	if err := session.Open(ctx, h); err != nil {
		return nil, d.refusal(err)
	}
	return h, mqttserver.Accepted
}

// who finds out who a device is.
func (d *Dialect) who(ctx context.Context, c *mqttserver.Conn, p *packet.Connect) (*devices.Session, error) {
	from := devices.SourceOf(c.RemoteAddr())
	if shown := c.PeerCertificates(); len(shown) > 0 {
		return d.service.AuthenticateCertificate(ctx, from, shown)
	}
	return d.service.AuthenticateFrom(ctx, from, registry.Login{
		ClientID:    secret.NewText(p.ClientID),
		UserName:    secret.NewText(p.UserName),
		Password:    secret.NewText(string(p.Password)),
		HasUserName: p.HasUserName,
		HasPassword: p.HasPassword,
	})
}

// refusal is the code of a CONNACK. ThingsBoard says 5 also for wrong passwords, never 4, and 3 to a device that is over its
// rate, or whose profile is for another transport; in MQTT 5 it is more precise.
func (d *Dialect) refusal(err error) mqttserver.ConnectCode {
	switch {
	case errors.Is(err, registry.ErrBadClientID):
		return mqttserver.RefusedIdentifier
	case errors.Is(err, registry.ErrUnauthorized):
		return mqttserver.RefusedNotAuthorized.With(packet.BadUserNameOrPassword)
	case errors.Is(err, registry.ErrNoCredentials), errors.Is(err, devices.ErrGone):
		return mqttserver.RefusedNotAuthorized
	case errors.Is(err, devices.ErrThrottled), errors.Is(err, devices.ErrRate):
		return mqttserver.RefusedUnavailable.With(packet.ConnectionRateExceeded)
	case errors.Is(err, devices.ErrTransport):
		return mqttserver.RefusedUnavailable
	}
	d.log.Error().Str("event", "connect_unavailable").Err(err).Send()
	return mqttserver.RefusedUnavailable
}
