package coapserver

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
)

// Security is how a DTLS socket shows who it is, and learns who its peers are. At least one field must be set.
type Security struct {
	// Certificate gives what shows who the server is; it is called for each handshake. Peers may then show one, too; see
	// Peer.Certificates.
	Certificate func() *tls.Certificate
	// PSK gives the key that belongs to an identity. It is called concurrently, and may block for a look-up. A peer is not
	// told whether it was the identity or the key that was wrong.
	// known is kept as Peer.Known, so that a handler can tell whether the key still holds.
	PSK func(ctx context.Context, from netip.AddrPort, identity string) (key []byte, known any, ok bool)
}

// ErrInsecure: a Security says neither how to show who the server is, nor how to know peers.
var ErrInsecure = errors.New("neither a certificate nor pre-shared keys are given")

// ServeDTLS is Serve for DTLS 1.2 (RFC 7252 section 9).
func (s *Server) ServeDTLS(ctx context.Context, c PacketConn, with Security) error {
	if with.Certificate == nil && with.PSK == nil {
		_ = c.Close()
		return ErrInsecure
	}
	l := &secureSocket{
		server: s, group: newGroup(ctx), conn: c, security: with,
		current: map[netip.AddrPort]*secureConn{}, fresh: map[netip.AddrPort]*secureConn{},
	}
	return s.serve(ctx, l.group, c, reception{take: l.receive, endpoints: l.endpoints})
}

// suites are those that RFC 7252 section 9.1.3 makes mandatory, and their stronger relatives.
func (w Security) suites() []dtls.CipherSuiteID {
	var all []dtls.CipherSuiteID
	if w.Certificate != nil {
		all = append(all, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8)
	}
	if w.PSK != nil {
		all = append(all, dtls.TLS_PSK_WITH_AES_128_GCM_SHA256, dtls.TLS_PSK_WITH_AES_128_CCM,
			dtls.TLS_PSK_WITH_AES_128_CCM_8)
	}
	return all
}

func (w Security) options(ctx context.Context, c *secureConn) []dtls.ServerOption {
	all := []dtls.ServerOption{dtls.WithCipherSuites(w.suites()...), dtls.WithLoggerFactory(silence{})}
	if w.Certificate != nil {
		all = append(all, dtls.WithCertificates(*w.Certificate()), dtls.WithClientAuth(dtls.RequestClientCert))
	}
	if w.PSK != nil {
		all = append(all, dtls.WithPSK(func(identity []byte) ([]byte, error) {
			key, known, ok := w.PSK(ctx, c.peer, string(identity))
			if c.known = known; ok {
				return key, nil
			}
			// RFC 4279 section 2: as if only the key were wrong.
			key = make([]byte, 32)
			_, _ = rand.Read(key) // never fails
			return key, nil
		}))
	}
	return all
}

// silence keeps the library from writing to stderr what peers do to it.
type silence struct{}

func (silence) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, discard{})
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// live is the life of a connection, from its first datagram on.
func (l *secureSocket) live(c *secureConn) {
	defer l.remove(c)
	ctx, cancel := context.WithTimeout(c.ctx, l.server.limits.HandshakeTimeout)
	defer cancel()
	var conn *dtls.Conn
	var err error
	// The library reads what anybody sends.
	if l.server.guard(func() { conn, err = l.handshake(ctx, c) }) {
		err = errHandshake
	}
	if conn != nil {
		defer func() { _ = conn.Close() }()
	}
	if err != nil {
		l.server.observer.Insecure(c.whyNot(err))
		return
	}
	l.server.guard(func() { l.converse(c, conn) })
}

var errHandshake = errors.New("handshake panicked")

func (l *secureSocket) handshake(ctx context.Context, c *secureConn) (*dtls.Conn, error) {
	to := net.UDPAddrFromAddrPort(c.peer)
	conn, err := dtls.ServerWithOptions(c, to, l.security.options(ctx, c)...)
	if err != nil {
		return nil, err
	}
	err = conn.HandshakeContext(ctx)
	return conn, err
}

// converse reads messages until the connection ends.
func (l *secureSocket) converse(c *secureConn, conn *dtls.Conn) {
	s := l.server
	p, err := peerOf(conn, c)
	if err != nil || !l.establish(c) {
		s.observer.Insecure(InsecureFailed)
		return
	}
	s.observer.Secured()
	e := s.newEndpoint(l.group, secureLink{conn}, p)
	e.proved = true // by the handshake
	s.table.enter(e, place{address: p.Address}, s.now())
	c.attach(e)
	s.handler.Connected(c.ctx, p)
	stop := context.AfterFunc(c.ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buffer := make([]byte, s.limits.DatagramBytes)
	for {
		if c.ctx.Err() == nil {
			_ = conn.SetReadDeadline(time.Now().Add(s.limits.Inactivity))
		}
		n, err := conn.Read(buffer)
		if err == nil {
			s.observer.Received()
			s.hear(e, buffer[:n])
			continue
		}
		var late net.Error
		if errors.As(err, &late) && late.Timeout() && c.ctx.Err() == nil && e.observed() {
			continue
		}
		break
	}
	s.table.leave(e)
	e.forget(EndedGone)
}

// hear takes one message that came over DTLS.
func (s *Server) hear(e *endpoint, datagram []byte) {
	m, ok := s.inspect(datagram, e.link)
	switch {
	case !ok:
	case !m.Code.Request():
		s.conclude(e, m)
	case e.group.draining():
		s.observer.Ignored(IgnoredShutdown)
	default:
		s.request(e, m, len(datagram), s.now())
	}
}

func (e *endpoint) observed() bool {
	e.lock()
	defer e.unlock()
	return len(e.observations) > 0
}

func peerOf(conn *dtls.Conn, c *secureConn) (*Peer, error) {
	p := &Peer{Address: netip.AddrPortFrom(c.peer.Addr().Unmap(), c.peer.Port()), Secure: true, close: c.cancel, life: c.ctx}
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, errHandshake
	}
	for _, raw := range state.PeerCertificates {
		one, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, err
		}
		p.Certificates = append(p.Certificates, one)
	}
	if len(p.Certificates) == 0 {
		p.Identity, p.Known = string(state.IdentityHint), c.known
	}
	return p, nil
}

// secureLink writes to a DTLS connection.
type secureLink struct{ conn *dtls.Conn }

func (l secureLink) write(b []byte) {
	_, _ = l.conn.Write(b) // as with udpLink
}

// whyNot says why a handshake failed.
func (c *secureConn) whyNot(err error) Insecure {
	switch {
	case c.displaced.Load():
		return InsecureDisplaced
	case c.ctx.Err() != nil:
		return InsecureShutdown
	case errors.Is(err, context.DeadlineExceeded):
		return InsecureTimeout
	}
	return InsecureFailed
}

// isHandshake reports whether a datagram begins with a handshake message of that type, outside of any epoch (RFC 6347
// sections 4.1 and 4.2.2).
func isHandshake(b []byte, typ byte) bool {
	const (
		recordHeader    = 13
		handshakeHeader = 12
		handshake       = 22
	)
	return len(b) >= recordHeader+handshakeHeader && b[0] == handshake && b[1] == 0xfe && b[3] == 0 && b[4] == 0 &&
		b[recordHeader] == typ
}
