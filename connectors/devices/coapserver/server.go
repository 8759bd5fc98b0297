package coapserver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// Server reads datagrams and hands requests to a Handler. It is safe for concurrent use.
type Server struct {
	limits   Limits
	handler  Handler
	log      zerolog.Logger // sampled: peers can cause these lines
	observer Observer
	table    *table
	began    time.Time
}

// New makes a server.
func New(o Options, h Handler) *Server {
	s := &Server{
		limits: o.Limits.withDefaults(), handler: h, observer: o.Observer, began: time.Now(),
		log: o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute}),
	}
	if s.observer == nil {
		s.observer = unobserved{}
	}
	s.table = newTable(s.limits)
	return s
}

// PacketConn is what datagrams come from; *net.UDPConn has it.
type PacketConn interface {
	ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

const (
	// receiveBuffer is what the kernel is asked to keep of datagrams that were not read yet.
	receiveBuffer = 4 << 20
	// datagramMost is the longest datagram that UDP can carry.
	datagramMost = 65536
	sweepEvery   = 10 * time.Second
)

// now is the time since the server was made. It does not jump.
func (s *Server) now() time.Duration { return time.Since(s.began) }

// Serve reads requests from c, which it closes, until ctx ends. Then it takes no more requests, waits up to
// Limits.DrainTimeout until those that it took are answered, tells observers that it goes, and returns nil. It waits for
// handlers that do not heed their ctx. If c fails for good, it does the same and returns the error. Several sockets may be
// served at once; they share the limits.
func (s *Server) Serve(ctx context.Context, c PacketConn) error {
	g := newGroup(ctx)
	return s.serve(ctx, g, c, reception{
		take:      func(b []byte, from netip.AddrPort) { s.receive(g, c, b, from) },
		endpoints: func() []*endpoint { return s.table.of(g) },
	})
}

// reception is what is done with the datagrams of a socket.
type reception struct {
	take      func(datagram []byte, from netip.AddrPort)
	endpoints func() []*endpoint
}

func (s *Server) serve(ctx context.Context, g *group, c PacketConn, r reception) error {
	enlarge(c)
	failed := make(chan error, 1)
	var reading sync.WaitGroup
	reading.Go(func() { failed <- s.read(c, r.take) })
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	var err error
	for over := false; !over; {
		select {
		case <-sweep.C:
			s.sweep()
		case <-ctx.Done():
			over = true
		case err = <-failed:
			over = true
		}
	}
	g.drain(s.limits.DrainTimeout)
	s.dismiss(r.endpoints())
	g.cancel()
	g.workers.Wait()
	_ = c.Close()
	reading.Wait()
	s.dismiss(r.endpoints()) // whom the last datagrams came from
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// enlarge asks for a larger receive buffer: the default loses datagrams when a thousand peers begin at once.
func enlarge(c any) {
	if b, ok := c.(interface{ SetReadBuffer(int) error }); ok {
		_ = b.SetReadBuffer(receiveBuffer)
	}
}

// read hands datagrams to take until c is closed.
func (s *Server) read(c PacketConn, take func(datagram []byte, from netip.AddrPort)) error {
	const longest = time.Second
	buffer, pause := make([]byte, datagramMost), time.Millisecond
	for failures := 0; ; {
		n, from, err := c.ReadFromUDPAddrPort(buffer)
		if err == nil {
			failures, pause = 0, time.Millisecond
			s.observer.Received()
			take(buffer[:n], from)
			continue
		}
		const patience = 20
		if failures++; errors.Is(err, net.ErrClosed) || failures > patience {
			return fmt.Errorf("reading from %s: %w", c.LocalAddr(), err)
		}
		time.Sleep(pause)
		pause = min(2*pause, longest)
	}
}

// sweep forgets peers of which nothing has to be known any more.
func (s *Server) sweep() {
	for e := s.table.expired(s.now()); e != nil; e = s.table.expired(s.now()) {
		e.forget(EndedGone)
	}
}

// trim makes room after e has grown.
func (s *Server) trim(e *endpoint) {
	for {
		victim, self := s.table.excess(e)
		switch {
		case victim != nil:
			s.observer.Forgotten()
			victim.forget(EndedGone)
		case !self || !e.shrink():
			return
		}
	}
}

// dismiss forgets endpoints whose socket goes, and tells those that observe something.
func (s *Server) dismiss(all []*endpoint) {
	for _, e := range all {
		e.lock()
		for _, o := range e.observations {
			m := compose(o.token, Response{Code: message.ServiceUnavailable, MaxAge: busyFor, Format: NoFormat},
				nil, nil, false, 0, message.Largest)
			m.Type, m.ID = message.NonConfirmable, e.newIDLocked()
			e.sendLocked(m.Append(nil))
		}
		e.unlock()
		s.table.leave(e)
		e.forget(EndedShutdown)
	}
}

// udpLink writes to an address.
type udpLink struct {
	conn PacketConn
	to   netip.AddrPort
}

func (l udpLink) write(b []byte) {
	// What is lost here is lost as on the way: the peer, or a timer, sends again.
	_, _ = l.conn.WriteToUDPAddrPort(b, l.to)
}

// receive takes one datagram from an address.
func (s *Server) receive(g *group, c PacketConn, datagram []byte, from netip.AddrPort) {
	at, l, now := place{c, from}, udpLink{c, from}, s.now()
	m, ok := s.inspect(datagram, l)
	if !ok {
		return
	}
	if !m.Code.Request() {
		if e := s.table.find(at, now); e != nil {
			s.conclude(e, m)
		} else {
			s.observer.Ignored(IgnoredStray)
		}
		return
	}
	if g.draining() {
		s.observer.Ignored(IgnoredShutdown)
		return
	}
	for {
		e := s.table.find(at, now)
		if e == nil {
			e = s.newEndpoint(g, l, &Peer{Address: netip.AddrPortFrom(from.Addr().Unmap(), from.Port())})
			e = s.table.enter(e, at, now)
		}
		if s.request(e, m, len(datagram), now) {
			return
		}
	}
}

func (s *Server) newEndpoint(g *group, l link, p *Peer) *endpoint {
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails
	return &endpoint{server: s, group: g, link: l, peer: p, nextID: binary.BigEndian.Uint16(id[:])}
}

// inspect reads a datagram. It rejects or ignores those that are neither a request, nor may answer something (RFC 7252
// sections 4.2 and 4.3), which ok tells.
func (s *Server) inspect(datagram []byte, l link) (m *message.Message, ok bool) {
	m = &message.Message{}
	err := m.Parse(datagram)
	var why Ignored
	switch {
	case errors.Is(err, message.ErrForeign):
		s.observer.Ignored(IgnoredForeign)
		return nil, false
	case err != nil:
		why = IgnoredMalformed
	case m.Type == message.Acknowledgement || m.Type == message.Reset:
		if m.Code == message.Empty {
			return m, true
		}
		why = IgnoredStray
	case m.Code == message.Empty:
		why = IgnoredPing
	case !m.Code.Request():
		why = IgnoredStray // a response; nothing is ever asked
	default:
		return m, true
	}
	s.observer.Ignored(why)
	if m.Type == message.Confirmable {
		l.write(resetOf(m.ID))
	}
	return nil, false
}

// conclude takes an acknowledgement or a reset.
func (s *Server) conclude(e *endpoint, m *message.Message) {
	how := acked
	if m.Type == message.Reset {
		how = reset
	}
	e.acknowledged(m.ID, how)
}

// request takes a request, unless the endpoint was forgotten meanwhile.
func (s *Server) request(e *endpoint, m *message.Message, size int, now time.Duration) bool {
	e.lock()
	defer e.unlock()
	if e.dead {
		return false
	}
	e.heardLocked(size)
	if k := e.recent[m.ID]; k != nil && now < k.until {
		e.againLocked(k)
		return true
	}
	e.requestLocked(m, size, now)
	return true
}

// guard runs f, which calls code that is not ours, and reports whether it panicked.
func (s *Server) guard(f func()) (panicked bool) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		panicked = true
		s.observer.Panicked()
		// The value of a panic may quote a payload or a credential; that of a run-time error does not.
		what := fmt.Sprintf("%T", v)
		if err, ok := v.(runtime.Error); ok {
			what = err.Error()
		}
		s.log.Error().Str("panic", what).Bytes("stack", debug.Stack()).Str("event", "coap_panic").Send()
	}()
	f()
	return false
}

// group is what belongs to one socket.
type group struct {
	ctx     context.Context // of handlers
	cancel  context.CancelFunc
	workers sync.WaitGroup

	mu      sync.Mutex
	open    int // requests that were handed over, and whose answer did not arrive yet
	closing bool
	told    bool
	idle    chan struct{} // closed, once, when closing and nothing is open
}

func newGroup(ctx context.Context) *group {
	g := &group{idle: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return g
}

func (g *group) draining() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closing
}

// enter counts a request, unless none is taken any more.
func (g *group) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closing {
		g.open++
	}
	return !g.closing
}

// start runs f, unless nothing is begun any more.
func (g *group) start(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closing {
		g.workers.Go(f)
	}
	return !g.closing
}

func (g *group) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open--; g.open == 0 && g.closing && !g.told {
		g.told = true
		close(g.idle)
	}
}

func (g *group) drain(limit time.Duration) {
	g.mu.Lock()
	g.closing = true
	open := g.open
	g.mu.Unlock()
	if open == 0 {
		return
	}
	select {
	case <-g.idle:
	case <-time.After(limit):
	}
}
