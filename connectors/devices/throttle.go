package devices

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// ErrThrottled: too many wrong secrets came from there, or for that name from there; this one was not looked at.
var ErrThrottled = errors.New("too many wrong secrets")

// throttle bounds how often secrets can be guessed. These are its rules, all for one source ([SourceOf]):
//
//   - A wrong secret that is new costs a try of the source's and a try of the name's for that source. A name is what a
//     secret goes with: user name or client identifier, and the provisioning key.
//   - The same wrong secret again is no guess, but a device that nobody has mended. It costs a try of its own, of which it
//     has as many as a name. So one broken meter does not use up the tries of the thousands that stand behind the same
//     address, not even if all have one user name or provisioning key.
//   - The same again with another client identifier beside the user name costs a try of the name's, but none of the
//     source's: many clients make up a new one for each connection.
//   - What is right costs nothing.
//   - Without a try left nothing is looked up, right or wrong, and what a look-up that ran meanwhile has found is withheld:
//     many attempts at once find out no more than one after another.
//
// Tries come back evenly, all of them within a minute. No source can use up the tries of another, so a name that is
// attacked from elsewhere stays open to its device, and whoever stops guessing is let in again within seconds. Nothing
// here depends on what the registry holds: an unknown name and a wrong secret look the same.
//
// What the table holds is hashed with a key of this process alone. The table is bounded: when it is full, the half that
// was not looked at for longest is forgotten.
type throttle struct {
	now    func() time.Time // its readings have the monotonic clock in them
	begin  time.Time
	key    secret.Key
	source time.Duration // until a source's next try comes back; 0: no limit
	name   time.Duration
	half   int
	log    zerolog.Logger // sampled: peers cause these lines

	mu         sync.Mutex
	young, old map[secret.Digest]time.Duration // when all tries will have come back, since begin
}

// period is how long it takes until all tries have come back.
const period = time.Minute

func newThrottle(l Limits, key secret.Key, now func() time.Time) *throttle {
	every := func(tries int) time.Duration {
		if tries < 0 {
			return 0
		}
		return period / time.Duration(tries)
	}
	return &throttle{
		now: now, begin: now(), key: key, half: max(l.FailureEntries/2, 1),
		source: every(l.AddressFailures), name: every(l.NameFailures),
		young: map[secret.Digest]time.Duration{},
	}
}

// attempt is a secret that somebody presents, as the table knows it. The zero value presents none and is not throttled.
type attempt struct {
	from         netip.Prefix
	source, name secret.Digest
	guess        secret.Digest // the name and its secret
	whole        secret.Digest // and a client identifier beside the name
}

func (t *throttle) attempt(from netip.Addr, kind, name, rest, client string) attempt {
	if t.source == 0 && t.name == 0 {
		return attempt{}
	}
	a := attempt{from: network(from)}
	where := a.from.String() + " " + kind + " "
	if a.from.IsValid() {
		a.source = t.key.Digest(a.from.String())
	}
	a.name = t.key.Digest(where + "name " + name)
	guess := strconv.Itoa(len(name)) + " " + name + strconv.Itoa(len(rest)) + " " + rest
	a.guess = t.key.Digest(where + "guess " + guess)
	a.whole = a.guess
	if client != "" {
		a.whole = t.key.Digest(where + "whole " + guess + client)
	}
	return a
}

func (t *throttle) login(from netip.Addr, l registry.Login) attempt {
	user, client, password := l.UserName.Reveal(), l.ClientID.Reveal(), l.Password.Reveal()
	switch {
	case !l.Certificate.IsZero():
		return t.attempt(from, "certificate", l.Certificate.Reveal(), "", "")
	case user != "":
		return t.attempt(from, "login", user, password, client)
	case client != "" || password != "":
		return t.attempt(from, "login", client, password, "")
	}
	return attempt{}
}

func (t *throttle) provisioning(r ProvisionRequest) attempt {
	return t.attempt(r.From, "provisioning", r.Key.Reveal(), r.Secret.Reveal(), "")
}

// exceeded says which limit keeps an attempt from being looked at.
type exceeded uint8

const (
	within exceeded = iota
	bySource
	byName
)

func (e exceeded) String() string {
	return [...]string{within: "none", bySource: "address", byName: "name"}[e]
}

// ask says whether an attempt may be looked up.
func (t *throttle) ask(a attempt) exceeded {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.askLocked(a, t.now().Sub(t.begin))
}

func (t *throttle) askLocked(a attempt, now time.Duration) exceeded {
	switch {
	case a == attempt{}:
		return within
	case !a.source.IsZero() && t.emptyLocked(a.source, t.source, now):
		return bySource
	case t.emptyLocked(a.name, t.name, now), t.emptyLocked(a.whole, t.name, now):
		return byName
	}
	return within
}

// settle says whether the answer to an attempt may be given, and counts it if it was wrong.
func (t *throttle) settle(a attempt, wrong bool) exceeded {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now().Sub(t.begin)
	if why := t.askLocked(a, now); why != within || !wrong || a == (attempt{}) {
		return why
	}
	_, known := t.findLocked(a.guess)
	_, again := t.findLocked(a.whole)
	if !known {
		t.putLocked(a.guess, 0)
		if !a.source.IsZero() {
			t.drawLocked(a.source, t.source, now)
		}
	}
	if !again {
		t.drawLocked(a.name, t.name, now)
	}
	t.drawLocked(a.whole, t.name, now)
	return within
}

// tell says to an operator where secrets are guessed, or a device has a wrong one.
func (t *throttle) tell(a attempt, why exceeded) {
	t.log.Warn().Str("event", "wrong_secrets_throttled").Stringer("source", a.from).Stringer("limit", why).Send()
}

// emptyLocked reports whether there is no try left, one of which comes back after each step.
func (t *throttle) emptyLocked(of secret.Digest, step, now time.Duration) bool {
	whole, _ := t.findLocked(of)
	left := whole - now
	return left > period-step && left <= period // more would be a clock that was set back, and a lock-out for good
}

func (t *throttle) drawLocked(of secret.Digest, step, now time.Duration) {
	whole, _ := t.findLocked(of)
	t.putLocked(of, max(whole, now)+step)
}

// findLocked keeps what is looked at young.
func (t *throttle) findLocked(of secret.Digest) (time.Duration, bool) {
	if whole, ok := t.young[of]; ok {
		return whole, true
	}
	whole, ok := t.old[of]
	if ok {
		t.putLocked(of, whole)
	}
	return whole, ok
}

func (t *throttle) putLocked(of secret.Digest, whole time.Duration) {
	if _, ok := t.young[of]; !ok && len(t.young) >= t.half {
		t.young, t.old = map[secret.Digest]time.Duration{}, t.young
	}
	t.young[of] = whole
}

// SourceOf is the address that a peer is counted by; it is not valid where the peer has no IP address.
func SourceOf(peer net.Addr) netip.Addr {
	if a, ok := peer.(interface{ AddrPort() netip.AddrPort }); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// network is what counts as one source: an IPv4 address, or the IPv6 network that one subscriber has at least (RFC 6177).
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
