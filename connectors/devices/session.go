package devices

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

var (
	// ErrGone: the device was deleted, or got other credentials, after its authentication.
	ErrGone = errors.New("the device is gone")
	// ErrTransport: the device's profile does not let it speak this protocol.
	ErrTransport = errors.New("the profile does not allow this transport")
)

// Session is one authenticated device. A protocol without connections uses it for one request and forgets it; one with
// connections opens it.
type Session struct {
	service *Service
	device  *registry.Device       // as it authenticated; never changed, and shared with its pulse
	client  Client                 // set by Open and Attach
	name    atomic.Pointer[string] // see id
	from    netip.Addr             // of the peer; not valid if nobody knows it
	via     *Session               // of the gateway that speaks for the device
	opened  bool                   // each message pays for its address; without a connection authentication has
	pulse   atomic.Pointer[pulse]

	attributes, calls atomic.Bool // subscribed to
	asking            atomic.Int32
}

// Client leads back to a device that can be reached. Its methods are called from any goroutine and must not block.
type Client interface {
	// SharedChanged is called when shared attributes of the device have changed and the session subscribed to that: for
	// one device one after another, in the order of the changes. Of a change either Updated or Deleted is filled.
	SharedChanged(registry.SharedChange)
	// Called is called with a request to the device, if the session subscribed to calls: one at a time, the next one not
	// before Session.Delivered was called for it, or its time was over. The device answers with Session.Answer.
	Called(CallRequest)
	// Close ends the connection. It may be called before Open has returned, and after the connection has ended.
	Close(Reason)
}

// Reason says why a session has to end: a closed set, fit for a metric label.
type Reason string

// Why a session has to end.
const (
	TakenOver   Reason = "taken-over"  // the device has connected again
	Revoked     Reason = "revoked"     // the device was deleted, or has other credentials
	Undelivered Reason = "undelivered" // it did not acknowledge a call in time, and Limits.CloseUndelivered is set
)

// Authenticate is AuthenticateFrom where nobody knows where a peer is: all such peers are counted as one, by name only.
func (s *Service) Authenticate(ctx context.Context, l registry.Login) (*Session, error) {
	return s.AuthenticateFrom(ctx, netip.Addr{}, l)
}

// AuthenticateFrom says who a device is that connects from an address. Errors are those of the registry: ErrUnauthorized,
// ErrBadClientID, ErrNoCredentials, or another one if it could not be asked; or ErrThrottled, or a *RateError.
func (s *Service) AuthenticateFrom(ctx context.Context, from netip.Addr, l registry.Login) (*Session, error) {
	return s.authenticate(from, l, func() (registry.Device, error) { return s.registry.Authenticate(ctx, l) })
}

// AuthenticateToken says who a device is by an access token alone, as HTTP and CoAP have it; other credentials are not
// looked at. Errors are registry.ErrUnauthorized, ErrThrottled, a *RateError, or that of a registry that could not be asked.
func (s *Service) AuthenticateToken(ctx context.Context, from netip.Addr, token secret.Text) (*Session, error) {
	l := registry.Login{UserName: token, HasUserName: true}
	return s.authenticate(from, l, func() (registry.Device, error) { return s.registry.AuthenticateToken(ctx, token) })
}

func (s *Service) authenticate(from netip.Addr, l registry.Login, look func() (registry.Device, error)) (*Session, error) {
	if err := s.arrive(from); err != nil {
		return nil, err
	}
	a := s.throttle.login(from, l)
	why := s.throttle.ask(a)
	if why != within {
		return nil, s.throttled(a, why)
	}
	d, err := look()
	how := loginOf(err)
	if how != LoginUnavailable {
		if why = s.throttle.settle(a, err != nil); why != within {
			return nil, s.throttled(a, why)
		}
	}
	s.observer.LoggedIn(how)
	if err != nil {
		return nil, err
	}
	return &Session{service: s, device: &d, from: from}, nil
}

// throttled counts a login that was not looked at, or whose answer is withheld.
func (s *Service) throttled(a attempt, why exceeded) error {
	how := LoginThrottledName
	if why == bySource {
		how = LoginThrottledAddress
	}
	s.observer.LoggedIn(how)
	s.throttle.tell(a, why)
	return ErrThrottled
}

func loginOf(err error) Login {
	switch {
	case err == nil:
		return LoginAccepted
	case errors.Is(err, registry.ErrUnauthorized):
		return LoginRefused
	case errors.Is(err, registry.ErrBadClientID):
		return LoginIdentifier
	case errors.Is(err, registry.ErrNoCredentials):
		return LoginEmpty
	}
	return LoginUnavailable
}

// Device is the device as it was when it authenticated.
func (s *Session) Device() registry.Device { return *s.device }

// Profile is the device's profile, at most Limits.ProfileAge old.
func (s *Session) Profile(ctx context.Context) (registry.Profile, error) {
	p, err := s.service.profile(ctx, s.device.Profile)
	if err != nil {
		return registry.Profile{}, err
	}
	return p.Profile, nil
}

// Transport is what the device's profile says about transports, at most Limits.ProfileAge old.
func (s *Session) Transport(ctx context.Context) (registry.Transport, error) {
	p, err := s.service.profile(ctx, s.device.Profile)
	if err != nil {
		return registry.Transport{}, err
	}
	return p.Transport, nil
}

// Allow errs with ErrTransport if the device's profile does not let it speak that protocol.
func (s *Session) Allow(ctx context.Context, over registry.TransportType) error {
	t, err := s.Transport(ctx)
	if err != nil {
		return fmt.Errorf("reading the profile: %w", err)
	}
	if !t.Speaks(over) {
		return ErrTransport
	}
	return nil
}

// Open makes the device reachable through c: it is connected. There is one open session for a device: an older one is told
// to end. The chains hear of it (CONNECT_EVENT), and of its end. Call Open or Attach once, and Close when the connection
// has ended. The error is ErrGone, a *RateError, or that of a registry that cannot be asked; the session is closed then.
func (s *Session) Open(ctx context.Context, c Client) error {
	if err := s.admitted(ctx); err != nil {
		return err
	}
	s.opened = s.via == nil // a gateway pays for all that it sends
	s.client = c
	old := s.service.present.enter(s)
	if old != nil {
		s.service.end(old, TakenOver)
		s.service.calls.sessionEnded(old)
	}
	if err := s.stillThere(ctx); err != nil {
		s.leave()
		return err
	}
	s.service.connected(ctx, s)
	return nil
}

// Attach makes the device reachable through c without a connection, for as long as somebody waits for it: a poll, or an
// observation. It takes nobody's place, and the chains do not hear of it. Otherwise it is as Open.
func (s *Session) Attach(ctx context.Context, c Client) error {
	if err := s.admitted(ctx); err != nil {
		return err
	}
	s.client = c
	s.service.present.attach(s)
	if err := s.stillThere(ctx); err != nil {
		s.leave()
		return err
	}
	return nil
}

// stillThere looks once more for a device that was deleted, or changed, after it authenticated, and before it stood in the
// table: it would never be told.
func (s *Session) stillThere(ctx context.Context) error {
	switch d, err := s.service.registry.Device(ctx, s.device.ID); {
	case errors.Is(err, registry.ErrNotFound):
		return ErrGone
	case err != nil:
		return fmt.Errorf("opening a session: %w", err)
	case d.CredentialsVersion != s.device.CredentialsVersion:
		return ErrGone
	}
	return nil
}

// Twin is another session of the same device, neither open nor attached.
func (s *Session) Twin() *Session { return &Session{service: s.service, device: s.device} }

// Subscribe begins or ends that the client is told of changed shared attributes.
func (s *Session) Subscribe(yes bool) { s.attributes.Store(yes) }

// SubscribeCalls begins or ends that the client is handed calls to the device. Those that wait come at once.
func (s *Session) SubscribeCalls(yes bool) {
	s.calls.Store(yes)
	if yes {
		s.service.calls.subscribed(s.device.ID)
	}
}

// Close takes the session out of the table. It may be called more than once, and by a client that was told to close.
func (s *Session) Close() {
	if s.leave() {
		s.service.disconnected(s)
	}
}

func (s *Session) leave() (wasOpen bool) {
	wasOpen = s.service.present.leave(s)
	s.service.calls.sessionEnded(s)
	return wasOpen
}

func (s *Service) end(old *Session, why Reason) {
	s.observer.Ended(why)
	s.log.Debug().Str("event", "session_ended").Str("device", old.device.ID).Str("reason", string(why)).Send()
	old.client.Close(why)
}

// sharedChanged is the registry's hook.
func (s *Service) sharedChanged(c registry.SharedChange) {
	for _, to := range s.present.all(c.Device) {
		if to.attributes.Load() {
			to.client.SharedChanged(c)
		}
	}
}

// deviceGone is the registry's hook.
func (s *Service) deviceGone(device string) {
	s.revoke(device, func(*Session) bool { return true })
	s.calls.deviceGone(device)
	s.pulses.forget(device)
	for _, by := range []Limited{LimitedDevice, LimitedGateway, LimitedGatewayDevice} {
		s.rates.paying.Forget(payer{by, device})
	}
}

// credentialsChanged is the registry's hook. Whoever has logged in with the new ones meanwhile may stay.
func (s *Service) credentialsChanged(device string) {
	d, err := s.registry.Device(context.Background(), device)
	s.revoke(device, func(old *Session) bool { return err != nil || old.device.CredentialsVersion != d.CredentialsVersion })
}

func (s *Service) revoke(device string, which func(*Session) bool) {
	for _, old := range s.present.all(device) {
		if which(old) {
			old.Close()
			s.end(old, Revoked)
		}
	}
}
