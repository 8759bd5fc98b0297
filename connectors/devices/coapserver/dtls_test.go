package coapserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

func certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// secure serves DTLS on a socket of the machine.
func secure(t *testing.T, limits coapserver.Limits, with coapserver.Security) (h *handler, c *counter, at *net.UDPAddr, stop func()) {
	t.Helper()
	h, c = &handler{}, newCounter()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at, _ = conn.LocalAddr().(*net.UDPAddr)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s := coapserver.New(coapserver.Options{Limits: limits, Observer: c}, h)
	go func() { done <- s.ServeDTLS(ctx, conn, with) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
	}
	t.Cleanup(stop)
	return h, c, at, stop
}

// dial opens a DTLS connection from a local address.
func dial(t *testing.T, from, to *net.UDPAddr, options ...dtls.ClientOption) (*dtls.Conn, error) {
	t.Helper()
	socket, err := net.ListenUDP("udp", from)
	if err != nil {
		t.Fatal(err)
	}
	patience := 20 * time.Second
	if t.Name() == "TestWrongKey" {
		patience = 2 * time.Second
	}
	conn, err := dtls.ClientWithOptions(socket, to, options...)
	if err == nil {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err = conn.HandshakeContext(ctx)
	}
	t.Cleanup(func() {
		if conn != nil {
			_ = conn.Close()
		}
		_ = socket.Close()
	})
	return conn, err
}

func psk(identity, key string) []dtls.ClientOption {
	return []dtls.ClientOption{
		dtls.WithPSK(func([]byte) ([]byte, error) { return []byte(key), nil }), dtls.WithPSKIdentityHint([]byte(identity)),
		dtls.WithCipherSuites(dtls.TLS_PSK_WITH_AES_128_CCM_8),
	}
}

func keys(_ context.Context, _ netip.AddrPort, identity string) ([]byte, any, bool) {
	return []byte("0123456789abcdef"), 7, identity == "meter-1"
}

// exchangeOver sends a message and reads one.
func exchangeOver(t *testing.T, c net.Conn, b []byte) *message.Message {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatalf("writing: %v", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	buffer := make([]byte, 2000)
	n, err := c.Read(buffer)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	m := &message.Message{}
	if err := m.Parse(buffer[:n]); err != nil {
		t.Fatalf("reading %x: %v", buffer[:n], err)
	}
	return m
}

func TestPSK(t *testing.T) { // RFC 7252 section 9.1.3.1
	t.Parallel()
	h, count, at, stop := secure(t, coapserver.Limits{}, coapserver.Security{PSK: keys})
	h.on(func(_ *coapserver.Request, answer func(coapserver.Response)) {
		answer(coapserver.Response{Code: message.Content, Payload: make([]byte, 1000), Format: 50})
	})
	c, err := dial(t, nil, at, psk("meter-1", "0123456789abcdef")...)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	one := bytesOf(con, get, 7, "ab", "")
	for range 2 { // needs no proof of the address
		if m := exchangeOver(t, c, one); m.Code != message.Content || len(m.Payload) != 1000 {
			t.Errorf("got %+v, want 1,000 bytes", m)
		}
	}
	if m := exchangeOver(t, c, bytesOf(con, 0, 8, "", "")); m.Type != message.Reset || m.ID != 8 {
		t.Errorf("got %+v for a ping, want a reset", m)
	}
	seen := h.requests()
	if len(seen) != 1 || !seen[0].Peer.Secure || seen[0].Peer.Identity != "meter-1" || seen[0].Peer.Known != 7 || seen[0].Peer.Certificates != nil {
		t.Fatalf("the handler saw %+v, want one request of meter-1", seen)
	}
	seen[0].Peer.Close()
	if _, err := c.Read(make([]byte, 100)); err == nil {
		t.Error("reading from a closed connection gave something")
	}
	stop()
	if got := count.get("secured"); got != 1 {
		t.Errorf("%d connections were counted, want 1", got)
	}
}

// TestWrongKey: RFC 6347 section 4.1.2.7 has records ignored that cannot be read, so both sides only see time pass.
func TestWrongKey(t *testing.T) {
	t.Parallel()
	_, count, at, stop := secure(t, coapserver.Limits{HandshakeTimeout: time.Second}, coapserver.Security{PSK: keys})
	for name, o := range map[string][]dtls.ClientOption{
		"wrong key": psk("meter-1", "another key 1234"), "unknown identity": psk("meter-2", "0123456789abcdef"),
	} {
		if _, err := dial(t, nil, at, o...); err == nil {
			t.Errorf("%s: connected", name)
		}
	}
	stop()
	if got := count.get("insecure " + string(coapserver.InsecureTimeout)); got != 2 {
		t.Errorf("%d handshakes were counted as not completed, want 2; all: %v", got, count.of)
	}
}

func TestCertificates(t *testing.T) { // RFC 7252 section 9.1.3.3
	t.Parallel()
	server, client := certificate(t, "localhost"), certificate(t, "meter-1")
	h, _, at, _ := secure(t, coapserver.Limits{}, coapserver.Security{Certificate: func() *tls.Certificate { return &server }})
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(leaf)
	trust := []dtls.ClientOption{dtls.WithRootCAs(roots), dtls.WithServerName("localhost")}
	for name, o := range map[string][]dtls.ClientOption{
		"meter-1": append([]dtls.ClientOption{dtls.WithCertificates(client)}, trust...), "": trust,
	} {
		c, err := dial(t, nil, at, o...)
		if err != nil {
			t.Fatalf("%q: connecting: %v", name, err)
		}
		exchangeOver(t, c, bytesOf(con, get, 7, "ab", ""))
		all := h.requests()
		got, p := "", all[len(all)-1].Peer
		if len(p.Certificates) > 0 {
			got = p.Certificates[0].Subject.CommonName
		}
		if got != name || !p.Secure || p.Identity != "" {
			t.Errorf("got peer %+v, want one that showed the certificate of %q", p, name)
		}
	}
}

// TestRestartedPeer is RFC 6347 section 4.2.8: a peer that lost its state connects again from the same address.
func TestRestartedPeer(t *testing.T) {
	t.Parallel()
	h, count, at, _ := secure(t, coapserver.Limits{}, coapserver.Security{PSK: keys})
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	from, _ := socket.LocalAddr().(*net.UDPAddr)
	old, err := dtls.ClientWithOptions(socket, at, psk("meter-1", "0123456789abcdef")...)
	if err == nil {
		err = old.HandshakeContext(t.Context())
	}
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	exchangeOver(t, old, bytesOf(con, get, 1, "ab", ""))
	_ = socket.Close() // without a word to the server
	_ = old.Close()
	c, err := dial(t, from, at, psk("meter-1", "0123456789abcdef")...)
	if err != nil {
		t.Fatalf("connecting again: %v", err)
	}
	exchangeOver(t, c, bytesOf(con, get, 1, "ab", ""))
	if n, s := len(h.requests()), count.get("secured"); n != 2 || s != 2 {
		t.Errorf("%d requests over %d connections, want 2 and 2", n, s)
	}
}

// TestForgedHellos: first messages of handshakes that nobody goes on with do not keep others out.
func TestForgedHellos(t *testing.T) {
	t.Parallel()
	_, count, at, stop := secure(t, coapserver.Limits{Handshakes: 4, HandshakesSource: 4}, coapserver.Security{PSK: keys})
	hello := make([]byte, 60)
	copy(hello, []byte{22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 47, 1, 0, 0, 35, 0, 0, 0, 0, 0, 0, 0, 35, 0xfe, 0xfd})
	for range 20 {
		forged, err := net.DialUDP("udp", nil, at)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = forged.Write(hello)
		for range 20 { // and what is no handshake at all, or one that goes wrong
			junk := append([]byte(nil), hello...)
			for range 1 + mathrand.IntN(20) {
				junk[mathrand.IntN(len(junk))] = byte(mathrand.IntN(256))
			}
			_, _ = forged.Write(junk[:mathrand.IntN(len(junk)+1)])
		}
		_ = forged.Close()
	}
	c, err := dial(t, nil, at, psk("meter-1", "0123456789abcdef")...)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	exchangeOver(t, c, bytesOf(con, get, 1, "ab", ""))
	stop()
	if got := count.get("insecure displaced") + count.get("insecure handshakes"); got == 0 {
		t.Errorf("no handshake made room or was refused; all: %v", count.of)
	}
	if n := count.get("panicked"); n != 0 {
		t.Errorf("%d handshakes panicked", n)
	}
}

func TestNeitherCertificateNorKeys(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := coapserver.New(coapserver.Options{}, &handler{})
	if err := s.ServeDTLS(t.Context(), conn, coapserver.Security{}); !errors.Is(err, coapserver.ErrInsecure) {
		t.Errorf("got %v, want %v", err, coapserver.ErrInsecure)
	}
}
