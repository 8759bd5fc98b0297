package devices

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/rate"
)

// Registry is what a Service asks of a registry; *registry.Registry has it.
type Registry interface {
	CheckProvisioning(ctx context.Context, key string, s secret.Text) (registry.Profile, error)
	AuthorityProfile(ctx context.Context, authority *x509.Certificate) (registry.Profile, error)
	Authenticate(ctx context.Context, l registry.Login) (registry.Device, error)
	Device(ctx context.Context, id string) (registry.Device, error)
	DeviceByName(ctx context.Context, name string) (registry.Device, error)
	Profile(ctx context.Context, name string) (registry.Profile, error)
	AuthenticateToken(ctx context.Context, token secret.Text) (registry.Device, error)
	Attributes(ctx context.Context, device string, s registry.AttributeScope, keys ...string) ([]registry.Attribute, error)
	SaveAttributes(ctx context.Context, device string, s registry.AttributeScope, as []registry.Attribute) ([]registry.Attribute, error)
	DeleteAttributes(ctx context.Context, device string, s registry.AttributeScope, keys ...string) ([]string, error)
	NoteActivity(a registry.Activity)
	Activity(ctx context.Context, device string) (registry.Activity, error)
	ActiveDevices(ctx context.Context, each func(registry.Device) (more bool)) error
	CallVerbs
	Packages
	// The hooks are called one after another, after the change is on disk.
	OnSharedChange(hook func(registry.SharedChange))
	OnDeviceGone(hook func(device string))
	OnCredentialsChange(hook func(device string))
	OnCall(hook func(device string))
}

// Engine is what messages are handed to; *engine.Engine has it. Both may block to hold their callers back.
type Engine interface {
	Submit(ctx context.Context, m *engine.Message, done func(engine.Fate)) error
	// Store is for messages of one device that are acknowledged when they are on disk themselves.
	Store(ctx context.Context, ms []*engine.Message, done func(engine.Fate)) error
}

// Options of a Service. Registry, Engine and Intake are mandatory, the zero value of all others works.
type Options struct {
	Registry Registry
	Engine   Engine
	Intake   *intake.Intake
	Calls    *Calls // that nodes were given, over the same registry; default: new ones
	Limits   Limits
	Now      func() time.Time // default time.Now
	Logger   zerolog.Logger   // default: nothing is logged
	Observer Observer         // default: nothing is counted
}

// Limits bound what one device can ask for at once. A field that is zero means the default.
type Limits struct {
	// Body bounds what belongs to the protocol rather than to chains: provisioning and attribute requests.
	Body intake.Limits
	// Keys is how many attributes may be asked for by name in one request. Default 1,000.
	Keys int
	// ProfileAge is how long a changed profile may go unnoticed. Default 1 s.
	ProfileAge time.Duration
	// AddressFailures is how many different wrong secrets one source may present in a minute, an IPv4 address or an IPv6
	// /64 network, before what it presents is not looked at any more; see ErrThrottled. Default 10; negative: no limit.
	AddressFailures int
	// NameFailures is the same for one name from one source: user name or client identifier, or provisioning key, and how
	// often the same wrong secret is looked at. Default 5; negative: no limit.
	NameFailures int
	// FailureEntries is how many sources, names and wrong secrets are remembered for that, as hashes of about 100 bytes.
	// Default 100,000.
	FailureEntries int
	// AddressRate is how many messages may come from one source, an IPv4 address or an IPv6 /64 network, whatever they are;
	// what comes too much is a *RateError. Default none.
	AddressRate rate.Limit
	// RateEntries is how many devices, gateways and profiles are remembered that have rate limits and used some of them up
	// lately, each in about 200 bytes. Default 1,000,000.
	RateEntries int
	// DeliveryTimeout is how long a device has to acknowledge a call before it is sent again. Default 10 s.
	DeliveryTimeout time.Duration
	// CloseUndelivered ends the session of a device that has not acknowledged a call as often as it may be sent, and keeps
	// the call for the next one, instead of giving it up.
	CloseUndelivered bool
	// Requests is how many requests of one session may wait for their replies. Default 100.
	Requests int
	// GatewayDevices is how many devices behind one gateway may have sessions at once. Default 1,000.
	GatewayDevices int
	// ReplyTimeout is how long a device waits for a reply to its request. Default 60 s.
	ReplyTimeout time.Duration
	// Inactivity is how long nothing is heard of a device that is not connected before it counts as inactive, unless its
	// server attribute inactivityTimeout says otherwise. It is looked at once a minute. Default 10 min.
	Inactivity time.Duration
	// ProvisionChain is where provisioning requests go whose profile names no chain. Default "provision".
	ProvisionChain string
}

// Service is what dialects call. See the package comment.
type Service struct {
	registry Registry
	engine   Engine
	intake   *intake.Intake
	limits   Limits
	now      func() time.Time
	log      zerolog.Logger // sampled: devices cause these lines
	quotaLog zerolog.Logger // sampled for itself, so that it is heard beside others
	observer Observer
	throttle *throttle
	rates    rates
	profiles profiles
	present  present
	calls    *Calls
	pulses   pulses
}

// New makes a Service and hooks it into the registry. It panics if Limits.AddressRate is no limit: check it before.
func New(o Options) *Service {
	s := &Service{
		registry: o.Registry, engine: o.Engine, intake: o.Intake, limits: o.Limits,
		now: o.Now, observer: o.Observer,
		log:      o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute}),
		quotaLog: o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute}),
	}
	s.limits.Keys = cmp.Or(s.limits.Keys, 1000)
	s.limits.ProfileAge = cmp.Or(s.limits.ProfileAge, time.Second)
	s.limits.AddressFailures = cmp.Or(s.limits.AddressFailures, 10)
	s.limits.NameFailures = cmp.Or(s.limits.NameFailures, 5)
	s.limits.FailureEntries = cmp.Or(s.limits.FailureEntries, 100_000)
	s.limits.RateEntries = cmp.Or(s.limits.RateEntries, 1_000_000)
	s.limits.DeliveryTimeout = cmp.Or(s.limits.DeliveryTimeout, 10*time.Second)
	s.limits.Requests = cmp.Or(s.limits.Requests, 100)
	s.limits.GatewayDevices = cmp.Or(s.limits.GatewayDevices, 1000)
	s.limits.ReplyTimeout = cmp.Or(s.limits.ReplyTimeout, time.Minute)
	s.limits.Inactivity = cmp.Or(s.limits.Inactivity, 10*time.Minute)
	s.limits.ProvisionChain = cmp.Or(s.limits.ProvisionChain, "provision")
	if s.now == nil {
		s.now = time.Now
	}
	if s.observer == nil {
		s.observer = unobserved{}
	}
	s.throttle = newThrottle(s.limits, secret.NewKey(), s.now)
	s.throttle.log = o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute})
	if err := s.newRates(o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute})); err != nil {
		panic("devices: " + err.Error())
	}
	s.present.sessions, s.present.attached = map[string]*Session{}, map[string][]*Session{}
	s.pulses.alive = map[string]*pulse{}
	s.calls = o.Calls
	if s.calls == nil {
		s.calls = NewCalls(o.Registry)
	}
	s.calls.service = s
	o.Registry.OnSharedChange(s.sharedChanged)
	o.Registry.OnDeviceGone(s.deviceGone)
	o.Registry.OnCredentialsChange(s.credentialsChanged)
	o.Registry.OnCall(s.calls.queued)
	return s
}

// Resume takes up what a former process left: devices that were active then have the usual time to come back before they
// count as inactive. It goes on behind the caller's back. Kept calls need no resuming; they are read when their device comes.
func (s *Service) Resume() {
	ctx, stop := context.WithCancel(s.calls.life)
	s.pulses.stopWith(stop)
	s.calls.running.Go(func() {
		defer stop()
		err := s.registry.ActiveDevices(ctx, func(d registry.Device) bool {
			s.pulses.beat(s, &d, s.now().UnixMilli())
			return true
		})
		if err != nil && ctx.Err() == nil {
			s.log.Error().Str("event", "active_devices_unread").Err(err).Send()
		}
	})
}

// Close ends all calls and waits for what is being written of them; sessions have to be closed before. The registry has to
// be open still. Closing twice is harmless.
func (s *Service) Close() {
	s.pulses.close()
	s.calls.close()
}

// undelivered ends a session that does not acknowledge.
func (s *Service) undelivered(old *Session) {
	old.Close()
	s.end(old, Undelivered)
}

// Parse reads a body that belongs to the protocol, within the limits. Errors are of type *intake.BadPayload, and counted.
func (s *Service) Parse(body []byte) (intake.Value, error) {
	v, err := intake.Parse(body, s.limits.Body)
	var bad *intake.BadPayload
	if errors.As(err, &bad) {
		s.observer.BadPayload(bad.Reason)
	}
	return v, err
}

// Waiting is the number of polls and observations under way.
func (s *Service) Waiting() int { return s.present.waiting() }

// Connected is the number of sessions that are open.
func (s *Service) Connected() int { return s.present.count() }
