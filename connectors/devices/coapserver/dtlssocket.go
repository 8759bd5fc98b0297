package coapserver

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5/packetio"
)

// secureSocket sorts the datagrams of one socket by their DTLS connections.
type secureSocket struct {
	server   *Server
	group    *group
	conn     PacketConn
	security Security

	mu      sync.Mutex
	current map[netip.AddrPort]*secureConn // open
	// fresh are handshakes. One may be at the address of an open connection: a peer that restarted (RFC 6347 section
	// 4.2.8). It takes its place when it is complete, so nobody elsewhere can end a connection.
	fresh map[netip.AddrPort]*secureConn
	order []*secureConn // the same, oldest first
}

// secureConn is what a DTLS connection has for a socket.
type secureConn struct {
	socket    *secureSocket
	peer      netip.AddrPort
	source    netip.Prefix
	inbound   *packetio.Buffer
	ctx       context.Context // ends when the connection is to end
	cancel    context.CancelFunc
	displaced atomic.Bool
	verified  atomic.Bool // the peer has given back the cookie, so it is where it seems to be
	known     any         // see Security.PSK; set during the handshake, by its goroutine

	endpoint *endpoint // guarded by socket.mu
}

const (
	// inboundDatagrams and inboundBytes are what may wait for a connection.
	inboundDatagrams = 64
	inboundBytes     = 64 << 10
)

// receive takes one datagram.
func (l *secureSocket) receive(datagram []byte, from netip.AddrPort) {
	c, refused := l.route(datagram, from)
	if refused != "" {
		l.server.observer.Insecure(refused)
	}
	if c == nil {
		return
	}
	_, _ = c.inbound.Write(datagram, nil) // a full buffer loses it, as the network might have
}

func (l *secureSocket) route(datagram []byte, from netip.AddrPort) (c *secureConn, refused Insecure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const clientHello = 1
	open, fresh, hello := l.current[from], l.fresh[from], isHandshake(datagram, clientHello)
	switch {
	case fresh != nil && (hello || open == nil || fresh.verified.Load()):
		return fresh, ""
	case open != nil && !hello:
		return open, ""
	case !hello:
		l.server.observer.Ignored(IgnoredForeign)
		return nil, ""
	}
	source := prefixOf(from.Addr())
	if refused = l.makeRoomLocked(source); refused != "" {
		return nil, refused
	}
	c = &secureConn{socket: l, peer: from, source: source, inbound: packetio.NewBuffer()}
	c.inbound.SetLimitCount(inboundDatagrams)
	c.inbound.SetLimitSize(inboundBytes)
	c.ctx, c.cancel = context.WithCancel(l.group.ctx)
	l.fresh[from] = c
	l.order = append(l.order, c)
	if !l.group.start(func() { l.live(c) }) {
		l.settleLocked(c)
		c.cancel()
		return nil, InsecureShutdown
	}
	return c, ""
}

// makeRoomLocked keeps the number of handshakes within the limits. The oldest whose peer has not given back the cookie makes
// room: a forged address never does (RFC 6347 section 4.2.1).
func (l *secureSocket) makeRoomLocked(from netip.Prefix) (refused Insecure) {
	limits := l.server.limits
	if len(l.current) >= limits.Connections {
		return InsecureConnections
	}
	ofSource := 0
	for _, c := range l.order {
		if c.source == from {
			ofSource++
		}
	}
	full, fullSource := len(l.order) >= limits.Handshakes, ofSource >= limits.HandshakesSource
	if !full && !fullSource {
		return ""
	}
	for _, c := range l.order {
		if !c.verified.Load() && (!fullSource || c.source == from) {
			c.displaced.Store(true)
			l.settleLocked(c)
			c.cancel()
			return ""
		}
	}
	if fullSource {
		return InsecureSource
	}
	return InsecureConnections
}

// establish makes a connection the current one at its address.
func (l *secureSocket) establish(c *secureConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.displaced.Load() {
		return false
	}
	l.settleLocked(c)
	if old := l.current[c.peer]; old != nil {
		old.cancel()
	}
	l.current[c.peer] = c
	return true
}

// settleLocked ends that a connection counts as a handshake.
func (l *secureSocket) settleLocked(c *secureConn) {
	if l.fresh[c.peer] == c {
		delete(l.fresh, c.peer)
	}
	if i := slices.Index(l.order, c); i >= 0 {
		l.order = slices.Delete(l.order, i, i+1)
	}
}

func (l *secureSocket) remove(c *secureConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.cancel()
	l.settleLocked(c)
	if l.current[c.peer] == c {
		delete(l.current, c.peer)
	}
	_ = c.inbound.Close()
}

func (c *secureConn) attach(e *endpoint) {
	c.socket.mu.Lock()
	defer c.socket.mu.Unlock()
	c.endpoint = e
}

func (l *secureSocket) endpoints() []*endpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*endpoint
	for _, c := range l.current {
		if c.endpoint != nil {
			all = append(all, c.endpoint)
		}
	}
	return all
}

// The methods of net.PacketConn, as the DTLS library wants them.

func (c *secureConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := c.inbound.Read(b, nil)
	return n, net.UDPAddrFromAddrPort(c.peer), err
}

func (c *secureConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	const serverHello = 2 // follows the cookie
	if isHandshake(b, serverHello) {
		c.verified.Store(true)
	}
	return c.socket.conn.WriteToUDPAddrPort(b, c.peer)
}

func (c *secureConn) Close() error                      { return c.inbound.Close() }
func (c *secureConn) LocalAddr() net.Addr               { return c.socket.conn.LocalAddr() }
func (c *secureConn) SetReadDeadline(t time.Time) error { return c.inbound.SetReadDeadline(t) }
func (*secureConn) SetWriteDeadline(time.Time) error    { return nil }

func (c *secureConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }
