package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	coapmessage "github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/internal/server"
)

// ask sends one confirmable request over a connection and returns its answer, which it acknowledges.
func ask(t *testing.T, c net.Conn, id uint16, method coapmessage.Code, address, payload string) *coapmessage.Message {
	t.Helper()
	a, err := exchange(c, coapRequest(id, method, address, payload))
	must(t, err)
	return a
}

// coapRequest is a confirmable request.
func coapRequest(id uint16, method coapmessage.Code, address, payload string) coapmessage.Message {
	m := coapmessage.Message{Code: method, ID: id, Token: []byte{byte(id >> 8), byte(id)}, Payload: []byte(payload)}
	path, query, _ := strings.Cut(address, "?")
	for _, s := range strings.Split(path, "/") {
		m.Options = m.Options.Add(coapmessage.URIPath, []byte(s))
	}
	if query != "" {
		m.Options = m.Options.Add(coapmessage.URIQuery, []byte(query))
	}
	return m
}

// exchange sends a request over a connection and returns its answer, which it acknowledges.
func exchange(c net.Conn, m coapmessage.Message) (*coapmessage.Message, error) {
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	if _, err := c.Write(m.Append(nil)); err != nil {
		return nil, err
	}
	buffer := make([]byte, 2000)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return nil, err
		}
		a := &coapmessage.Message{}
		if err := a.Parse(bytes.Clone(buffer[:n])); err != nil {
			return nil, err
		}
		if a.Type == coapmessage.Confirmable {
			reply := coapmessage.Message{Type: coapmessage.Acknowledgement, ID: a.ID}
			if a.Code == coapmessage.Empty {
				reply.Type = coapmessage.Reset // a ping
			}
			if _, err := c.Write(reply.Append(nil)); err != nil {
				return nil, err
			}
		}
		if a.Code != coapmessage.Empty {
			return a, nil
		}
	}
}

// TestCoAPDevice: a meter over CoAP, from provisioning to its attachment's outcome, which it reads over DTLS with its token
// as key and with the server's certificate.
func TestCoAPDevice(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, t.TempDir(), "gridtie.test")
	for name, o := range map[string]server.Options{
		"without a certificate": {}, "with a certificate": {CertificateFile: cert, CertificateKeyFile: key},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Data, o.CoAP, o.CoAPS = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "127.0.0.1:0"
			s := start(t, o)
			provisioningKey, provisioningSecret, err := s.Registry().RevealProfile(t.Context(), server.FirstProfile)
			must(t, err)
			c, err := net.Dial("udp", s.Addresses()["coap"])
			must(t, err)
			defer func() { _ = c.Close() }()
			a := ask(t, c, 1, coapmessage.POST, "api/v1/provision", fmt.Sprintf(
				`{"deviceName":"meter-1","provisionDeviceKey":%q,"provisionDeviceSecret":%q}`, provisioningKey.Reveal(), provisioningSecret.Reveal()))
			var given struct{ CredentialsValue, Status string }
			if err := json.Unmarshal(a.Payload, &given); err != nil || given.Status != "SUCCESS" || a.Code != coapmessage.Created {
				t.Fatalf("got %v %s %v, want 2.01 and credentials", a.Code, a.Payload, err)
			}
			token := given.CredentialsValue
			a = ask(t, c, 2, coapmessage.POST, "api/v1/"+token+"/attributes", `{"supplierKey":"unknown","CUPS":"ES0021000000000001RK"}`)
			if a.Code != coapmessage.Created {
				t.Errorf("posting: got %v, want 2.01", a.Code)
			}
			at, err := net.ResolveUDPAddr("udp", s.Addresses()["coaps"])
			must(t, err)
			options := []dtls.ClientOption{
				dtls.WithPSK(func([]byte) ([]byte, error) { return []byte(token), nil }), dtls.WithPSKIdentityHint([]byte("meter-1")),
				dtls.WithCipherSuites(dtls.TLS_PSK_WITH_AES_128_GCM_SHA256),
			}
			address := "api/v1/attributes"
			if o.CertificateFile != "" {
				options, address = []dtls.ClientOption{dtls.WithInsecureSkipVerify(true)}, "api/v1/"+token+"/attributes"
			}
			secure, err := dtls.DialWithOptions("udp", at, options...)
			must(t, err)
			defer func() { _ = secure.Close() }()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			must(t, secure.HandshakeContext(ctx))
			a = ask(t, secure, 1, coapmessage.GET, address+"?sharedKeys=attachment", "")
			if !strings.Contains(string(a.Payload), `"outcome":"KEY_REFUSED"`) {
				t.Errorf("got %v %s, want the outcome as soon as the post is answered", a.Code, a.Payload)
			}
			must(t, s.stop())
		})
	}
}

// TestCoAPWhileTheDiskIsFull: who comes is refused, and told when to come again.
func TestCoAPWhileTheDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := newSized()
	s := start(t, server.Options{FS: disk, Data: filepath.Join(t.TempDir(), "data"), CoAP: "127.0.0.1:0"})
	disk.free.Store(10 << 20)
	eventually(t, "it is not ready", func() bool { return !s.Status().Ready })
	c, err := net.Dial("udp", s.Addresses()["coap"])
	must(t, err)
	defer func() { _ = c.Close() }()
	a := ask(t, c, 1, coapmessage.POST, "api/v1/T/telemetry", "{}")
	if age, _ := a.Options.Uint(coapmessage.MaxAge); a.Code != coapmessage.ServiceUnavailable || age == 0 {
		t.Errorf("got %v, Max-Age %d, want 5.03 and a time", a.Code, age)
	}
	disk.free.Store(500 << 20)
	eventually(t, "it is ready again", func() bool { return s.Status().Ready })
	must(t, s.stop())
}
