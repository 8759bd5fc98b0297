package thingsboard_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// secure serves DTLS with a certificate and with the keys of devices.
func (p *port) secure(own tls.Certificate) *net.UDPAddr {
	return p.serve(func(ctx context.Context, c *net.UDPConn) error {
		with := coapserver.Security{Certificate: func() *tls.Certificate { return &own }, PSK: p.coap.PSK}
		return p.server.ServeDTLS(ctx, c, with)
	})
}

func (p *port) dtls(to *net.UDPAddr, options ...dtls.ClientOption) *coapMeter {
	p.t.Helper()
	conn, err := dtls.DialWithOptions("udp", to, options...)
	must(p.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), never)
	defer cancel()
	must(p.t, conn.HandshakeContext(ctx))
	return p.over(conn)
}

func selfSigned(t *testing.T, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func TestCoAPSWithKeys(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	d := p.device("meters", "meter-1", token("A1B2C3D4E5F6G7H8I9J0"))
	p.device("meters", "meter-2", basic("c", "u", "a-long-password"))
	at := p.secure(selfSigned(t, "localhost", time.Now().Add(time.Hour)))
	for identity, key := range map[string]string{"meter-1": "A1B2C3D4E5F6G7H8I9J0", "meter-2": "a-long-password"} {
		m := p.dtls(at, dtls.WithPSK(func([]byte) ([]byte, error) { return []byte(key), nil }),
			dtls.WithPSKIdentityHint([]byte(identity)), dtls.WithCipherSuites(dtls.TLS_PSK_WITH_AES_128_CCM_8))
		m.want(message.POST, "/api/v1/attributes", `{"who":"`+identity+`"}`, created, "")
		m.want(message.POST, "/api/v1/nobody/attributes", `{}`, message.Unauthorized, "")
		if identity != "meter-1" {
			continue
		}
		// Without confirmation: the connection ends before an acknowledgement could be sent.
		m.write(m.asking(message.NonConfirmable, message.GET, "/api/v1/attributes", "", observing("")))
		m.next()
		same(t, "of meter-1", p.attributes(d, registry.ClientScope), `{"who":"meter-1"}`)
		_, err := p.registry.ChangeCredentials(context.Background(), d.ID, token("other"))
		must(t, err)
		// The observation is told before the connection ends; the library that the test speaks with may see the end first.
		b := make([]byte, 100)
		n, err := m.conn.Read(b)
		for ; err == nil; n, err = m.conn.Read(b) {
			var told message.Message
			must(t, told.Parse(b[:n]))
			if told.Code != message.Unauthorized {
				t.Errorf("got %v, want 4.01 and the end", told.Code)
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("the connection: got %v, want its end", err)
		}
	}
}

func TestCoAPSWithCertificates(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	own := selfSigned(t, "localhost", time.Now().Add(time.Hour))
	at := p.secure(own)
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	must(t, err)
	roots.AddCert(leaf)
	for name, c := range map[string]struct {
		until time.Time
		known bool
		want  message.Code
	}{
		"known":   {time.Now().Add(time.Hour), true, created},
		"unknown": {time.Now().Add(time.Hour), false, message.Unauthorized},
		"expired": {time.Now().Add(-time.Hour), true, message.Unauthorized},
	} {
		mine := selfSigned(t, name, c.until)
		if c.known {
			p.device("meters", name, registry.Credentials{
				Type: registry.X509Certificate, Certificate: secret.NewText(base64.StdEncoding.EncodeToString(mine.Certificate[0])),
			})
		}
		m := p.dtls(at, dtls.WithCertificates(mine), dtls.WithRootCAs(roots), dtls.WithServerName("localhost"))
		m.want(message.POST, "/api/v1/telemetry", "{}", c.want, "")
	}
}
