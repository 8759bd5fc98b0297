package mqttserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// Server accepts connections and hands them to dialects. It is safe for concurrent use.
type Server struct {
	limits   Limits
	log      zerolog.Logger
	loud     zerolog.Logger // for lines that peers can cause
	observer Observer
	dialects []Dialect

	// Of MQTT 5: what every client is told in its CONNACK, and held to.
	rules     packet.Rules
	announced packet.Properties

	sessions sessions

	mu     sync.Mutex
	open   int // connections, half-open ones included
	half   int
	halfBy map[netip.Prefix]int
}

// New makes a server. The dialects are asked in their order.
func New(o Options, dialects ...Dialect) *Server {
	s := &Server{
		limits:   o.Limits.withDefaults(),
		log:      o.Logger,
		loud:     o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute}),
		observer: o.Observer,
		dialects: dialects,
		halfBy:   map[netip.Prefix]int{},
	}
	if s.observer == nil {
		s.observer = unobserved{}
	}
	s.rules = packet.Rules{TopicAliasMaximum: uint16(s.limits.TopicAliases), TopicBytes: s.limits.TopicBytes}
	s.announced = s.announcement()
	s.sessions = sessions{limit: s.limits.Sessions, byName: map[string]*Session{}}
	return s
}

// Serve accepts connections from l, which it closes, until ctx ends. Then it reads nothing more, waits up to
// Limits.DrainTimeout for outstanding verdicts, acknowledges them, closes all connections of l and returns nil. It
// waits for handlers that do not heed their ctx. If l fails for good, it does the same and returns the error.
// Several listeners may be served at once; they share the limits.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	unhook := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer unhook()
	g := group{conns: map[*Conn]struct{}{}}
	err := s.accept(ctx, l, &g)
	_ = l.Close()
	g.drain(s.limits.DrainTimeout)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *Server) accept(ctx context.Context, l net.Listener, g *group) error {
	const longest = time.Second
	pause := 5 * time.Millisecond
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 5 * time.Millisecond
			s.start(context.WithoutCancel(ctx), nc, g)
			continue
		}
		if !scarce(err) {
			return fmt.Errorf("accepting on %s: %w", l.Addr(), err)
		}
		s.loud.Warn().Err(err).Str("event", "mqtt_accept_delayed").Send()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
			pause = min(2*pause, longest)
		}
	}
}

// scarce reports whether accepting may work again later.
func scarce(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *Server) start(ctx context.Context, nc net.Conn, g *group) {
	s.observer.Accepted()
	from := sourceOf(nc.RemoteAddr())
	if r := s.admit(from); r != 0 {
		s.observer.Refused(r)
		_ = nc.Close()
		return
	}
	c := &Conn{server: s, nc: nc, source: from, gone: make(chan struct{}), version: packet.V311}
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.wake.L = &c.mu
	c.reader.Reset((*inflow)(c), s.limits.ConnectBytes)
	c.due = time.Now().Add(s.limits.ConnectTimeout)
	c.armLocked()
	g.add(c)
	go func() {
		defer g.remove(c)
		defer s.leave()
		c.serve()
	}()
}

// source is what half-open connections are counted by; it is not valid where the peer has no IP address.
type source struct{ netip.Prefix }

func sourceOf(a net.Addr) source {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return source{}
	}
	ip := t.AddrPort().Addr().Unmap()
	bits := 32
	if ip.Is6() {
		bits = 64 // one subscriber usually has that many at least (RFC 6177)
	}
	p, _ := ip.WithZone("").Prefix(bits)
	return source{p}
}

// admit counts a new connection, or says why there is no room for it.
func (s *Server) admit(from source) Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := func(n, limit int) bool { return limit > 0 && n >= limit }
	switch {
	case full(s.open, s.limits.Connections):
		return RefusedTotal
	case full(s.half, s.limits.HalfOpen):
		return RefusedHalfOpen
	case from.IsValid() && full(s.halfBy[from.Prefix], s.limits.HalfOpenAddress):
		return RefusedAddress
	}
	s.open++
	s.half++
	if from.IsValid() {
		s.halfBy[from.Prefix]++
	}
	return 0
}

// settled counts a connection as half-open no more.
func (s *Server) settled(from source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.half--
	if !from.IsValid() {
		return
	}
	if s.halfBy[from.Prefix]--; s.halfBy[from.Prefix] == 0 {
		delete(s.halfBy, from.Prefix)
	}
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// group is the connections of one listener.
type group struct {
	mu    sync.Mutex
	conns map[*Conn]struct{}
	wait  sync.WaitGroup
}

func (g *group) add(c *Conn) {
	g.wait.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[c] = struct{}{}
}

func (g *group) remove(c *Conn) {
	g.mu.Lock()
	delete(g.conns, c)
	g.mu.Unlock()
	g.wait.Done()
}

func (g *group) each(f func(*Conn)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		f(c)
	}
}

func (g *group) drain(limit time.Duration) {
	g.each((*Conn).drain)
	done := make(chan struct{})
	go func() { g.wait.Wait(); close(done) }()
	select {
	case <-done:
		return
	case <-time.After(limit):
	}
	g.each(func(c *Conn) { c.Close(ClosedShutdown) })
	<-done
}
