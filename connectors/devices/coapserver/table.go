package coapserver

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// table knows who is known, and what they cost. Its lock is taken while an endpoint's is held, never the other way.
type table struct {
	limits Limits

	mu           sync.Mutex
	places       map[place]*endpoint // over UDP
	idle         *list.List          // endpoints that may be forgotten, the one heard last in front
	sources      map[netip.Prefix]*source
	bytes        int
	requests     int
	observations int
	uploads      int
	proofs       int // pings on their way
}

// place is one address seen from one socket.
type place struct {
	socket  PacketConn
	address netip.AddrPort
}

// source is an IPv4 address or an IPv6 /64 network.
type source struct {
	prefix    netip.Prefix
	endpoints int
	bytes     int
	requests  int
	idle      *list.List
}

// standing is what the table knows of an endpoint.
type standing struct {
	place    place
	source   *source
	seen     time.Duration
	bytes    int
	requests int
	// pins are reasons not to forget the endpoint: requests without an answer, observations, a DTLS connection.
	pins            int
	inIdle, inOther *list.Element // places in table.idle and source.idle; nil if pinned
	gone            bool
}

// endpointBytes is roughly what an endpoint costs of which nothing is remembered.
const endpointBytes = 768

func newTable(l Limits) *table {
	return &table{limits: l, places: map[place]*endpoint{}, idle: list.New(), sources: map[netip.Prefix]*source{}}
}

func prefixOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a = a.Unmap(); a.Is6() {
		bits = 64 // one subscriber usually has that many at least (RFC 6177)
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

// find gives the endpoint at a place, if it is known.
func (t *table) find(at place, now time.Duration) *endpoint {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.places[at]
	if e != nil {
		t.touchLocked(e, now)
	}
	return e
}

// enter makes an endpoint known, or gives the one that is known at its place already.
func (t *table) enter(e *endpoint, at place, now time.Duration) *endpoint {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at.socket != nil {
		if known := t.places[at]; known != nil {
			t.touchLocked(known, now)
			return known
		}
		t.places[at] = e
	}
	p := prefixOf(at.address.Addr())
	s := t.sources[p]
	if s == nil {
		s = &source{prefix: p, idle: list.New()}
		t.sources[p] = s
	}
	s.endpoints++
	e.standing = standing{place: at, source: s, seen: now}
	if at.socket == nil {
		e.pins = 1
	} else {
		t.restLocked(e)
	}
	t.chargeLocked(e, endpointBytes)
	return e
}

func (t *table) touchLocked(e *endpoint, now time.Duration) {
	e.seen = now
	if e.inIdle != nil {
		t.idle.MoveToFront(e.inIdle)
		e.source.idle.MoveToFront(e.inOther)
	}
}

func (t *table) restLocked(e *endpoint) {
	e.inIdle, e.inOther = t.idle.PushFront(e), e.source.idle.PushFront(e)
}

func (t *table) wakeLocked(e *endpoint) {
	if e.inIdle != nil {
		t.idle.Remove(e.inIdle)
		e.source.idle.Remove(e.inOther)
		e.inIdle, e.inOther = nil, nil
	}
}

func (t *table) pinLocked(e *endpoint) {
	e.pins++
	t.wakeLocked(e)
}

func (t *table) unpinLocked(e *endpoint) {
	if e.pins--; e.pins == 0 && !e.gone {
		t.restLocked(e)
	}
}

// charge counts memory, or with a negative number gives it back.
func (t *table) charge(e *endpoint, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !e.gone {
		t.chargeLocked(e, n)
	}
}

func (t *table) chargeLocked(e *endpoint, n int) {
	e.bytes += n
	e.source.bytes += n
	t.bytes += n
}

// admit counts a request that is to be answered, if there is room for it.
func (t *table) admit(e *endpoint) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.gone || t.requests >= t.limits.Requests || e.source.requests >= t.limits.RequestsSource ||
		e.requests >= t.limits.RequestsPeer {
		return false
	}
	t.requests++
	e.source.requests++
	e.requests++
	t.pinLocked(e)
	return true
}

// settle takes back admit.
func (t *table) settle(e *endpoint) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests--
	e.source.requests--
	e.requests--
	t.unpinLocked(e)
	t.tidyLocked(e.source)
}

// observe counts an observation, if there is room for it.
func (t *table) observe(e *endpoint) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.gone || t.observations >= t.limits.Observations {
		return false
	}
	t.observations++
	t.pinLocked(e)
	return true
}

// unobserve takes back observe.
func (t *table) unobserve(e *endpoint) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.observations--
	t.unpinLocked(e)
}

// upload counts a body that is not complete, if there is room for it.
func (t *table) upload(proved bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := t.limits.Uploads
	if !proved {
		limit = (limit + 1) / 2
	}
	if t.uploads >= limit {
		return false
	}
	t.uploads++
	return true
}

// uploaded takes back upload.
func (t *table) uploaded() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.uploads--
}

// prove counts a ping, if there is room for it.
func (t *table) prove() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proofs >= t.limits.Requests {
		return false
	}
	t.proofs++
	return true
}

// proven takes back prove.
func (t *table) proven() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proofs--
}

// leave forgets an endpoint.
func (t *table) leave(e *endpoint) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leaveLocked(e)
}

func (t *table) leaveLocked(e *endpoint) {
	if e.gone {
		return
	}
	e.gone = true
	t.wakeLocked(e)
	if e.place.socket != nil {
		delete(t.places, e.place)
	}
	t.chargeLocked(e, -e.bytes)
	e.source.endpoints--
	t.tidyLocked(e.source)
}

func (t *table) tidyLocked(s *source) {
	if s.endpoints == 0 && s.requests == 0 {
		delete(t.sources, s.prefix)
	}
}

// excess says what has to go after e has grown: another endpoint, which is taken out of the table, or something of e
// itself, or nothing.
func (t *table) excess(e *endpoint) (victim *endpoint, self bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case e.gone:
		return nil, false
	case e.bytes > t.limits.MemoryPeer:
		return nil, true
	case e.source.bytes > t.limits.MemorySource:
		return t.victimLocked(e.source.idle, e)
	case t.bytes > t.limits.Memory:
		return t.victimLocked(t.idle, e)
	}
	return nil, false
}

func (t *table) victimLocked(idle *list.List, e *endpoint) (victim *endpoint, self bool) {
	last := idle.Back()
	if last == nil {
		return nil, true
	}
	v, _ := last.Value.(*endpoint)
	if v == e {
		return nil, true
	}
	t.leaveLocked(v)
	return v, false
}

// expired takes an endpoint out of the table that nothing has to be known of any more.
func (t *table) expired(now time.Duration) *endpoint {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := t.idle.Back()
	if last == nil {
		return nil
	}
	e, _ := last.Value.(*endpoint)
	if now-e.seen < exchangeLifetime {
		return nil
	}
	t.leaveLocked(e)
	return e
}

// of gives all endpoints of a group.
func (t *table) of(g *group) []*endpoint {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*endpoint
	for _, e := range t.places {
		if e.group == g {
			all = append(all, e)
		}
	}
	return all
}
