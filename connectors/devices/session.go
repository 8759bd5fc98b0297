package devices

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/gridtie/gridtie/registry"
)

// ErrGone: the device was deleted between its authentication and the opening of its session.
var ErrGone = errors.New("the device is gone")

// Session is one authenticated device. A protocol without connections uses it for one request and forgets it; one with
// connections opens it.
type Session struct {
	service    *Service
	device     registry.Device
	client     Client // set by Open
	subscribed atomic.Bool
}

// Client leads back to a device that is connected. Its methods are called from any goroutine and must not block.
type Client interface {
	// SharedChanged is called when shared attributes of the device have changed and it subscribed to that: for one
	// device one after another, in the order of the changes.
	SharedChanged(registry.SharedChange)
	// Close ends the connection. It may be called before Open has returned, and after the connection has ended.
	Close(Reason)
}

// Reason says why a session has to end: a closed set, fit for a metric label.
type Reason string

// Why a session has to end.
const (
	TakenOver Reason = "taken-over" // the device has connected again
	Revoked   Reason = "revoked"    // the device was deleted
)

// Authenticate is AuthenticateFrom where nobody knows where a peer is: all such peers are counted as one, by name only.
func (s *Service) Authenticate(ctx context.Context, l registry.Login) (*Session, error) {
	return s.AuthenticateFrom(ctx, netip.Addr{}, l)
}

// AuthenticateFrom says who a device is that connects from an address. Errors are those of the registry: ErrUnauthorized,
// ErrBadClientID, ErrNoCredentials, or another one if it could not be asked; or ErrThrottled.
func (s *Service) AuthenticateFrom(ctx context.Context, from netip.Addr, l registry.Login) (*Session, error) {
	a := s.throttle.login(from, l)
	why := s.throttle.ask(a)
	if why != within {
		return nil, s.throttled(a, why)
	}
	d, err := s.registry.Authenticate(ctx, l)
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
	return &Session{service: s, device: d}, nil
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
func (s *Session) Device() registry.Device { return s.device }

// Profile is the device's profile, at most Limits.ProfileAge old.
func (s *Session) Profile(ctx context.Context) (registry.Profile, error) {
	p, err := s.service.profile(ctx, s.device.Profile)
	if err != nil {
		return registry.Profile{}, err
	}
	return p.Profile, nil
}

// Open makes the device reachable through c. There is one open session for a device: an older one is told to end. Call
// it once, and Close when the connection has ended. The error is ErrGone, or that of a registry that cannot be asked;
// the session is closed then.
func (s *Session) Open(ctx context.Context, c Client) error {
	s.client = c
	if old := s.service.present.enter(s); old != nil {
		s.service.end(old, TakenOver)
	}
	// A device that was deleted after it authenticated, and before it stood in the table, would never be told.
	switch _, err := s.service.registry.Device(ctx, s.device.ID); {
	case err == nil:
		return nil
	case errors.Is(err, registry.ErrNotFound):
		s.Close()
		return ErrGone
	default:
		s.Close()
		return fmt.Errorf("opening a session: %w", err)
	}
}

// Subscribe begins or ends that the client is told of changed shared attributes.
func (s *Session) Subscribe(yes bool) { s.subscribed.Store(yes) }

// Close takes the session out of the table. It may be called more than once, and by a client that was told to close.
func (s *Session) Close() { s.service.present.leave(s) }

func (s *Service) end(old *Session, why Reason) {
	s.observer.Ended(why)
	s.log.Debug().Str("event", "session_ended").Str("device", old.device.ID).Str("reason", string(why)).Send()
	old.client.Close(why)
}

// sharedChanged is the registry's hook.
func (s *Service) sharedChanged(c registry.SharedChange) {
	if to := s.present.find(c.Device); to != nil && to.subscribed.Load() {
		to.client.SharedChanged(c)
	}
}

// deviceGone is the registry's hook.
func (s *Service) deviceGone(device string) {
	if gone := s.present.find(device); gone != nil {
		gone.Close()
		s.end(gone, Revoked)
	}
}
