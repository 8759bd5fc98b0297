package devices

import (
	"cmp"
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Registry is what a Service asks of a registry; *registry.Registry has it.
type Registry interface {
	CheckProvisioning(ctx context.Context, key string, s secret.Text) (registry.Profile, error)
	Authenticate(ctx context.Context, l registry.Login) (registry.Device, error)
	Device(ctx context.Context, id string) (registry.Device, error)
	Profile(ctx context.Context, name string) (registry.Profile, error)
	Attributes(ctx context.Context, device string, s registry.AttributeScope, keys ...string) ([]registry.Attribute, error)
	// The hooks are called one after another, after the change is on disk.
	OnSharedChange(hook func(registry.SharedChange))
	OnDeviceGone(hook func(device string))
}

// Engine is what messages are handed to; *engine.Engine has it. Submit may block to hold its caller back.
type Engine interface {
	Submit(ctx context.Context, m *engine.Message, done func(engine.Fate)) error
}

// Options of a Service. Registry, Engine and Intake are mandatory, the zero value of all others works.
type Options struct {
	Registry Registry
	Engine   Engine
	Intake   *intake.Intake
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
	observer Observer
	throttle *throttle
	profiles profiles
	present  present
}

// New makes a Service and hooks it into the registry.
func New(o Options) *Service {
	s := &Service{
		registry: o.Registry, engine: o.Engine, intake: o.Intake, limits: o.Limits,
		now: o.Now, observer: o.Observer,
		log: o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute}),
	}
	s.limits.Keys = cmp.Or(s.limits.Keys, 1000)
	s.limits.ProfileAge = cmp.Or(s.limits.ProfileAge, time.Second)
	s.limits.AddressFailures = cmp.Or(s.limits.AddressFailures, 10)
	s.limits.NameFailures = cmp.Or(s.limits.NameFailures, 5)
	s.limits.FailureEntries = cmp.Or(s.limits.FailureEntries, 100_000)
	s.limits.ProvisionChain = cmp.Or(s.limits.ProvisionChain, "provision")
	if s.now == nil {
		s.now = time.Now
	}
	if s.observer == nil {
		s.observer = unobserved{}
	}
	s.throttle = newThrottle(s.limits, secret.NewKey(), s.now)
	s.throttle.log = o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute})
	s.present.sessions = map[string]*Session{}
	o.Registry.OnSharedChange(s.sharedChanged)
	o.Registry.OnDeviceGone(s.deviceGone)
	return s
}

// Parse reads a body that belongs to the protocol, within the limits. Errors are of type *intake.BadPayload.
func (s *Service) Parse(body []byte) (intake.Value, error) { return intake.Parse(body, s.limits.Body) }

// Connected is the number of sessions that are open.
func (s *Service) Connected() int { return s.present.count() }
