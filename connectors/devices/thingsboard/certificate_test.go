package thingsboard_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// signer is a certificate with its key, which may sign others.
type signer struct {
	t    *testing.T
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
	over []*signer // those that signed it, the nearest first
}

// sign makes a certificate; by is nil for one that signs itself.
func sign(t *testing.T, by *signer, name string, change ...func(*x509.Certificate)) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	for _, f := range change {
		f(template)
	}
	s := &signer{t: t, key: key}
	parent, with := template, key
	if by != nil {
		parent, with = by.leaf, by.key
		s.over = append([]*signer{by}, by.over...)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, with)
	must(t, err)
	s.leaf, err = x509.ParseCertificate(raw)
	must(t, err)
	return s
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

// alone is what its device shows without those above it, chain with all of them.
func (s *signer) alone() tls.Certificate { return s.beside() }
func (s *signer) chain() tls.Certificate { return s.beside(s.over...) }

// beside shows other certificates after its own, whether they signed it or not.
func (s *signer) beside(others ...*signer) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{s.leaf.Raw}, PrivateKey: s.key}
	for _, o := range others {
		c.Certificate = append(c.Certificate, o.leaf.Raw)
	}
	return c
}

func (s *signer) credentials() registry.Credentials {
	return registry.Credentials{Type: registry.X509Certificate, Certificate: registry.CertificateText(s.leaf)}
}

// safe is a house with an address for MQTT over TLS.
type safe struct {
	*house
	address string
}

func buildSafe(t *testing.T) *safe {
	t.Helper()
	h := build(t)
	own := selfSigned(t, "localhost", time.Now().Add(time.Hour))
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := tls.NewListener(plain, &tls.Config{
		MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, Certificates: []tls.Certificate{own},
	})
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	server := mqttserver.New(mqttserver.Options{Logger: zerolog.New(h.log)}, h.dialect)
	go func() { served <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		must(t, <-served)
	})
	return &safe{h, plain.Addr().String()}
}

// certified adds a profile for the devices of an authority.
func (s *safe) certified(name string, of *signer, pattern string, create bool) {
	s.t.Helper()
	s.profile(name, registry.CertificateHash(of.leaf), func(p *registry.Profile) {
		p.Strategy, p.CertificatePattern, p.CreateByCertificate = registry.X509Chain, pattern, create
	})
}

// show connects with certificates and returns how that is answered. version is 0 for the newest of TLS.
func (s *safe) show(c tls.Certificate, version uint16, l login) (*client, byte) {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.address, &tls.Config{
		InsecureSkipVerify: true, MaxVersion: version, // it is the server that is tested
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil },
	})
	must(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	must(s.t, conn.SetDeadline(time.Now().Add(never)))
	m := onto(s.t, conn)
	m.send(l.packet())
	code := m.connack()
	return m, code
}

// enter needs the certificates to be let in.
func (s *safe) enter(c tls.Certificate) *client {
	s.t.Helper()
	m, code := s.show(c, 0, login{client: "any", noUser: true})
	if code != 0 {
		s.t.Fatalf("CONNACK: got %d, want 0", code)
	}
	return m
}

// refused needs them not to be.
func (s *safe) refused(what string, c tls.Certificate) {
	s.t.Helper()
	m, code := s.show(c, 0, login{client: "any", noUser: true})
	if code != 5 {
		s.t.Errorf("%s: CONNACK: got %d, want 5", what, code)
		return
	}
	m.wantClosed()
}

func TestCertificateDecidesAlone(t *testing.T) {
	t.Parallel()
	s := buildSafe(t)
	known, unknown := sign(t, nil, "meter-1"), sign(t, nil, "meter-1")
	d := s.device("meters", "meter-1", known.credentials())
	other := s.device("meters", "meter-2", token("T"))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		m, code := s.show(known.alone(), version, login{client: "c", user: "T", password: "p"})
		if code != 0 {
			t.Fatalf("TLS %x: CONNACK: got %d, want 0", version, code)
		}
		s.wantDevice(m, d)
	}
	// No falling back to the token, which is right.
	if _, code := s.show(unknown.alone(), 0, login{client: "c", user: "T"}); code != 5 {
		t.Errorf("an unknown certificate with a good token: CONNACK: got %d, want 5", code)
	}
	m, code := s.show(tls.Certificate{}, 0, login{client: "c", user: "T"})
	if code != 0 {
		t.Fatalf("no certificate and a good token: CONNACK: got %d, want 0", code)
	}
	s.wantDevice(m, other)
	// A certificate that lies beside the leaf is nobody's key.
	s.refused("the known certificate beside another leaf", unknown.beside(known))
	s.log.wantNone(t, registry.CertificateText(known.leaf).Reveal())
}

func TestCertificateIsValidForATime(t *testing.T) {
	t.Parallel()
	s := buildSafe(t)
	for name, c := range map[string]struct{ from, until time.Duration }{
		"expired": {-2 * time.Hour, -time.Hour}, "not yet": {time.Hour, 2 * time.Hour},
	} {
		m := sign(t, nil, name, func(x *x509.Certificate) {
			x.NotBefore, x.NotAfter = time.Now().Add(c.from), time.Now().Add(c.until)
		})
		s.device("meters", name, m.credentials())
		s.refused(name, m.alone())
	}
	good := sign(t, nil, "good")
	s.device("meters", "good", good.credentials())
	s.enter(good.alone())
	s.skip.Add(int64(25 * time.Hour))
	s.refused("a day later", good.alone())
}

// TestP40_CertificateChain: a device comes with a certificate that nobody knows, of an authority that has a profile.
func TestP40_CertificateChain(t *testing.T) {
	t.Parallel()
	s := buildSafe(t)
	ca := sign(t, nil, "Meters CA", authority)
	factory := sign(t, ca, "Factory 7", authority)
	s.certified("certified", ca, "([^@]+)", true)
	first := sign(t, factory, "meter-1@example.com")
	m := s.enter(first.chain())
	d, ok := s.named("meter-1")
	if !ok || d.Profile != "certified" || d.CredentialsType != registry.X509Certificate {
		t.Fatalf("device: got %+v, want meter-1 of the profile certified with its certificate", d)
	}
	types := []string{"PROVISION_REQUEST", "ENTITY_CREATED", "PROVISION_SUCCESS"}
	s.seen.want(t, len(types))
	if got := s.seen.types(); !slices.Equal(got, types) {
		t.Errorf("messages of a new device: got %v, want %v", got, types)
	}
	s.wantDevice(m, d)

	// Its certificate is enough from now on.
	s.wantDevice(s.enter(first.alone()), d)
	m.wantClosed() // taken over

	// Another one of the same name takes its place, and the session of the one before ends.
	before := s.enter(first.alone())
	count := len(s.seen.types())
	second := sign(t, ca, "meter-1")
	m = s.enter(second.chain())
	before.wantClosed()
	if got := s.seen.types()[count:]; !slices.Equal(got, []string{"PROVISION_REQUEST"}) {
		t.Errorf("messages of a renewed certificate: got %v, want the request alone", got)
	}
	s.wantDevice(m, d)
	s.refused("the certificate that was replaced, without its chain", first.alone())
	s.log.wantNone(t, registry.CertificateText(second.leaf).Reveal(), registry.CertificateText(ca.leaf).Reveal())
}

func TestP40_CertificateChainRefuses(t *testing.T) {
	t.Parallel()
	s := buildSafe(t)
	ca, other, closed := sign(t, nil, "CA", authority), sign(t, nil, "Other CA", authority), sign(t, nil, "Closed CA", authority)
	s.certified("certified", ca, `^(meter-\d+)$`, true)
	s.certified("closed", closed, `(.+)`, false)
	s.device("meters", "meter-90", token("T90"))
	s.device("certified", "meter-91", token("T91"))
	s.device("closed", "there", sign(t, nil, "x").credentials())
	aged := func(x *x509.Certificate) {
		x.NotBefore, x.NotAfter = time.Now().Add(-3*time.Hour), time.Now().Add(-time.Hour)
	}
	forServers := func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	noAuthority := sign(t, ca, "meter-50") // of a device, whose key signs another
	oldFactory := sign(t, ca, "old", authority, aged)
	for _, c := range []struct {
		name  string
		shown tls.Certificate
	}{
		{"an authority without a profile", sign(t, other, "meter-1").chain()},
		{"its authority is not shown", sign(t, ca, "meter-1").alone()},
		{"forged: the authority is shown, and did not sign", sign(t, other, "meter-1").beside(ca)},
		{"forged: the leaf signs itself", sign(t, nil, "meter-1").beside(ca)},
		{"forged: an authority of the same name", sign(t, sign(t, nil, "CA", authority), "meter-1").beside(ca)},
		{"the authority's own certificate alone", ca.alone()},
		{"signed by another device", sign(t, noAuthority, "meter-1").chain()},
		{"the one between is left out", sign(t, sign(t, ca, "between", authority), "meter-1").beside(ca)},
		{"the one between has expired", sign(t, oldFactory, "meter-1").chain()},
		{"expired", sign(t, ca, "meter-1", aged).chain()},
		{"for servers only", sign(t, ca, "meter-1", forServers).chain()},
		{"pattern does not match", sign(t, ca, "Meter").chain()},
		{"no common name", sign(t, ca, "").chain()},
		{"device of another profile", sign(t, ca, "meter-90").chain()},
		{"device with a token", sign(t, ca, "meter-91").chain()},
		{"device that may not be made", sign(t, closed, "new").chain()},
	} {
		s.refused(c.name, c.shown)
		// What is known of sources begins anew.
		s.skip.Add(int64(time.Minute))
	}
	for _, name := range []string{"meter-1", "Meter", "new", "CA", ""} {
		if _, ok := s.named(name); ok {
			t.Errorf("there is a device %q", name)
		}
	}
	if c, err := s.registry.RevealCredentials(context.Background(), s.id("meter-90")); err != nil || c.Token.Reveal() != "T90" {
		t.Errorf("credentials of a device of another profile: got %v, %v, want its token", c.Type, err)
	}
	s.enter(sign(t, closed, "there").chain()) // one that is there may come
}

func (s *safe) id(name string) string {
	s.t.Helper()
	d, ok := s.named(name)
	if !ok {
		s.t.Fatalf("there is no device %q", name)
	}
	return d.ID
}

// TestCertificateOfProfileIsNoSecret: what a profile's devices are found by is public, so that nobody is provisioned by it.
func TestCertificateOfProfileIsNoSecret(t *testing.T) {
	t.Parallel()
	s := buildSafe(t)
	ca := sign(t, nil, "CA", authority)
	s.certified("certified", ca, "(.+)", true)
	c := s.provisioning()
	body := `{"deviceName":"m","provisionDeviceKey":"` + registry.CertificateHash(ca.leaf) + `","provisionDeviceSecret":"` + profileSecret + `"}`
	same(t, "the answer", c.request(body), notFound)
}

func TestCertificatesAreThrottled(t *testing.T) {
	t.Parallel()
	s := buildSafe(t)
	ca := sign(t, nil, "CA", authority)
	s.certified("certified", ca, "(.+)", true)
	good := sign(t, nil, "good")
	s.device("meters", "good", good.credentials())
	for range 10 { // Limits.AddressFailures
		s.refused("a forged one", sign(t, nil, "m").beside(ca))
	}
	if _, code := s.show(good.alone(), 0, login{client: "any"}); code != 3 {
		t.Errorf("one that is known, after ten forged ones: CONNACK: got %d, want 3", code)
	}
	s.skip.Add(int64(time.Minute))
	s.enter(good.alone())
}

func TestCertificateRevoked(t *testing.T) {
	t.Parallel()
	s := buildSafe(t)
	ctx := context.Background()
	one, two := sign(t, nil, "one"), sign(t, nil, "two")
	d := s.device("meters", "one", one.credentials())
	gone := s.device("meters", "two", two.credentials())
	m, n := s.enter(one.alone()), s.enter(two.alone())
	_, err := s.registry.ChangeCredentials(ctx, d.ID, registry.Credentials{Type: registry.AccessToken, Token: secret.NewText("T")})
	must(t, err)
	m.wantClosed()
	must(t, s.registry.DeleteDevice(ctx, gone.ID))
	n.wantClosed()
	s.refused("one", one.alone())
	s.refused("two", two.alone())
}

// TestCertificateOfResumedSession: TLS need not show a certificate again.
func TestCertificateOfResumedSession(t *testing.T) {
	t.Parallel()
	s := buildSafe(t)
	mine := sign(t, nil, "meter-1")
	d := s.device("meters", "meter-1", mine.credentials())
	with := &tls.Config{
		InsecureSkipVerify: true, Certificates: []tls.Certificate{mine.alone()}, // it is the server that is tested
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	for i := range 2 {
		conn, err := tls.Dial("tcp", s.address, with)
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(never)))
		m := onto(t, conn)
		m.send(login{client: "any", noUser: true}.packet())
		if code := m.connack(); code != 0 {
			t.Fatalf("connection %d: CONNACK: got %d, want 0", i, code)
		}
		s.wantDevice(m, d)
		if got := conn.ConnectionState().DidResume; got != (i == 1) {
			t.Errorf("connection %d: resumed %v", i, got)
		}
		must(t, conn.Close())
	}
}

// TestCertificateOverMQTT5: whatever is wrong with a certificate has one code (ThingsBoard's is the same).
func TestCertificateOverMQTT5(t *testing.T) {
	t.Parallel()
	s := buildSafe(t)
	conn, err := tls.Dial("tcp", s.address, &tls.Config{
		InsecureSkipVerify: true, Certificates: []tls.Certificate{sign(t, nil, "nobody").alone()}, // it is the server that is tested
	})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(never)))
	m := onto(t, conn)
	m.reader.Accept(packet.V5, 1<<20)
	p := packet.Connect{Version: packet.V5, CleanSession: true, KeepAlive: 60, ClientID: "any"}
	m.send(p.Append(nil))
	_, body := m.want(packet.CONNACK)
	var a packet.Connack
	must(t, a.Decode(body, packet.V5, fromServer()))
	if a.Code != packet.NotAuthorized {
		t.Errorf("CONNACK: got %v, want %v", a.Code, packet.NotAuthorized)
	}
}
