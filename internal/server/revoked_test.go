package server_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
)

// connection is one way for a device to be connected.
type connection struct {
	name string
	// open connects the device of that name, and returns what waits until the server has ended that, in the way in which the
	// device has to be told. It sends nothing: the end must come by itself.
	open func(t *testing.T, v *victim, device string) (ended func() error)
}

func connections(t *testing.T) []connection {
	mine, text := keyPair(t)
	return []connection{
		{"MQTT 3.1.1", overMQTT("mqtt", packet.V311)},
		{"MQTT 5", overMQTT("mqtt", packet.V5)},
		{"MQTT 3.1.1 over TLS", overMQTT("mqtts", packet.V311)},
		{"MQTT 5 over TLS", overMQTT("mqtts", packet.V5)},
		{"an HTTP poll for attributes", polling("attributes/updates")},
		{"an HTTP poll for calls", polling("rpc")},
		{"a CoAP observation of attributes", observing("attributes")},
		{"a CoAP observation of calls", observing("rpc")},
		{"DTLS with a key", func(t *testing.T, v *victim, device string) func() error {
			return v.overDTLS(t, "", psk(device)...)
		}},
		{"DTLS with a key, silent", func(t *testing.T, v *victim, device string) func() error {
			return wantEnd(v.shakeHands(t, psk(device)...))
		}},
		{"DTLS with a key, observing", func(t *testing.T, v *victim, device string) func() error {
			return v.overDTLS(t, "rpc", psk(device)...)
		}},
		{"DTLS with a certificate", func(t *testing.T, v *victim, device string) func() error {
			v.certify(t, device, text)
			return v.overDTLS(t, "", dtls.WithCertificates(mine), dtls.WithInsecureSkipVerify(true))
		}},
		{"DTLS with a certificate, silent", func(t *testing.T, v *victim, device string) func() error {
			v.certify(t, device, text)
			return wantEnd(v.shakeHands(t, dtls.WithCertificates(mine), dtls.WithInsecureSkipVerify(true)))
		}},
		{"behind a gateway", behindGateway},
	}
}

// TestC12_C13_DisconnectedAtOnce: a device that is deleted, or gets other credentials, is disconnected, whatever it speaks,
// while it says nothing, long before a poll's time is over, and without harm to its neighbour.
func TestC12_C13_DisconnectedAtOnce(t *testing.T) {
	t.Parallel()
	v := newVictim(t, nil)
	neighbour, err := dialMQTT(nil, v.Addresses()["mqtt"])
	must(t, err)
	t.Cleanup(neighbour.close)
	must(t, neighbour.login(device("watched"), 0))
	a := commands(v.data)
	revoked := why("gridtie_device_sessions_ended_total", "revoked")
	for n, c := range connections(t) {
		for what, do := range map[string]func(device string) error{
			"deleted": func(device string) error { return a.DeleteDevice(t.Context(), device) },
			"changed": func(device string) error {
				_, err := a.ChangeCredentials(t.Context(), device, admin.Credentials{})
				return err
			},
		} {
			t.Run(c.name+"/"+what, func(t *testing.T) {
				name := fmt.Sprint("device-", n, "-", what)
				if c.name != "behind a gateway" { // which makes it
					v.add(name, registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(tokenOf(name))})
				}
				ended := c.open(t, v, name)
				before := v.scrape(t)[revoked]
				must(t, do(name))
				if err := ended(); err != nil {
					t.Error(err)
				}
				if after := v.scrape(t)[revoked]; after <= before {
					t.Errorf("%s: got %v, as before", revoked, after)
				}
			})
		}
	}
	if err := neighbour.ping(); err != nil {
		t.Errorf("the neighbour: %v", err)
	}
	must(t, v.stop())
}

func overMQTT(name string, version packet.Version) func(*testing.T, *victim, string) func() error {
	return func(t *testing.T, v *victim, who string) func() error {
		t.Helper()
		c, err := dialMQTT(nil, v.Addresses()[name])
		must(t, err)
		if name == "mqtts" {
			c.Conn = tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
			c.reader.Reset(c.Conn, 1<<20)
		}
		t.Cleanup(c.close)
		as := device(who)
		as.Version = version
		must(t, c.login(as, 0))
		c.reader.Accept(version, 1<<20)
		return func() error {
			if version == packet.V5 {
				body, err := c.next(packet.DISCONNECT)
				if err != nil || packet.ReasonCode(body[0]) != packet.AdministrativeAction {
					return fmt.Errorf("got %x, %w, want a DISCONNECT with 0x98", body, err)
				}
			}
			return ended(c.Conn)
		}
	}
}

// polling waits for five minutes.
func polling(path string) func(*testing.T, *victim, string) func() error {
	return func(t *testing.T, v *victim, device string) func() error {
		t.Helper()
		told := make(chan error, 1)
		before := v.waiting(t)
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		t.Cleanup(cancel)
		go func() { told <- pollUntilGone(ctx, v.Addresses()["http"]+"/api/v1/"+tokenOf(device)+"/"+path) }()
		eventually(t, "the poll", func() bool { return v.waiting(t) == before+1 })
		return func() error { return <-told }
	}
}

func (v *victim) waiting(t *testing.T) float64 { return v.scrape(t)["gridtie_devices_waiting"] }

func pollUntilGone(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+url+"?timeout=300000", nil)
	if err != nil {
		return err
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusForbidden || !strings.Contains(string(text), "Device was deleted!")) {
		err = fmt.Errorf("got %d %s, want 403 and that it was deleted", res.StatusCode, text)
	}
	return err
}

func observing(path string) func(*testing.T, *victim, string) func() error {
	return func(t *testing.T, v *victim, device string) func() error {
		t.Helper()
		c, err := net.Dial("udp", v.Addresses()["coap"])
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		observe(t, c, "api/v1/"+tokenOf(device)+"/"+path)
		return func() error { return unauthorized(c) }
	}
}

// observe begins an observation.
func observe(t *testing.T, c net.Conn, path string) {
	t.Helper()
	m := coapRequest(2, message.GET, path, "")
	m.Options = append(message.Options{}.AddUint(message.Observe, 0), m.Options...)
	a, err := exchange(c, m)
	must(t, err)
	if _, begun := a.Options.Uint(message.Observe); !begun {
		t.Fatalf("observing %s: got %v", path, a.Code)
	}
}

// unauthorized waits for the last notification of an observation.
func unauthorized(c net.Conn) error {
	_ = c.SetReadDeadline(time.Now().Add(limit))
	b := make([]byte, 2000)
	n, err := c.Read(b)
	if err != nil {
		return err
	}
	m := message.Message{}
	if err := m.Parse(b[:n]); err != nil || m.Code != message.Unauthorized {
		return fmt.Errorf("got %v, %v, want 4.01", m.Code, err)
	}
	return nil
}

func psk(device string) []dtls.ClientOption {
	return []dtls.ClientOption{
		dtls.WithPSK(func([]byte) ([]byte, error) { return []byte(tokenOf(device)), nil }), dtls.WithPSKIdentityHint([]byte(device)),
		dtls.WithCipherSuites(dtls.TLS_PSK_WITH_AES_128_CCM_8),
	}
}

// keyPair is a certificate of a device, and how the registry keeps it.
func keyPair(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	cert, key := certificate(t, t.TempDir(), "device")
	pair, err := tls.LoadX509KeyPair(cert, key)
	must(t, err)
	return pair, base64.StdEncoding.EncodeToString(pair.Certificate[0])
}

// certify gives a device a certificate in the place of its token.
func (v *victim) certify(t *testing.T, device, text string) {
	t.Helper()
	_, err := commands(v.data).ChangeCredentials(t.Context(), device, admin.Credentials{Type: registry.X509Certificate, Certificate: text})
	must(t, err)
}

// shakeHands opens a DTLS connection that asks for nothing. The ping is answered once the server has taken note of it.
func (v *victim) shakeHands(t *testing.T, options ...dtls.ClientOption) *dtls.Conn {
	t.Helper()
	at, err := net.ResolveUDPAddr("udp", v.Addresses()["coaps"])
	must(t, err)
	c, err := dtls.DialWithOptions("udp", at, options...)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	must(t, c.HandshakeContext(ctx))
	ping, pong := message.Message{Type: message.Confirmable, Code: message.Empty, ID: 7}, make([]byte, 100)
	_, err = c.Write(ping.Append(nil))
	must(t, err)
	must(t, c.SetReadDeadline(time.Now().Add(limit)))
	n, err := c.Read(pong)
	must(t, err)
	var m message.Message
	if err := m.Parse(pong[:n]); err != nil || m.Type != message.Reset {
		t.Fatalf("a ping: got %v, %v, want a reset", m.Type, err)
	}
	return c
}

// wantEnd wants the end of a connection, and nothing before.
func wantEnd(c net.Conn) func() error {
	return func() error {
		if err := unauthorized(c); !errors.Is(err, io.EOF) {
			return fmt.Errorf("got %w, want the end", err)
		}
		return nil
	}
}

// overDTLS posts once over a connection that needs no token, and observes something if that is wanted.
func (v *victim) overDTLS(t *testing.T, path string, options ...dtls.ClientOption) func() error {
	t.Helper()
	c := v.shakeHands(t, options...)
	a, err := exchange(c, coapRequest(1, message.POST, "api/v1/telemetry", harmless))
	must(t, err)
	if a.Code != message.Created {
		t.Fatalf("posting: got %v, want 2.01", a.Code)
	}
	if path == "" {
		return wantEnd(c)
	}
	observe(t, c, "api/v1/"+path)
	return func() error {
		// The observation is told before the connection ends, but the library that the test speaks with may see the end first.
		if err := unauthorized(c); !errors.Is(err, io.EOF) {
			return errors.Join(err, ended(c))
		}
		return nil
	}
}

// behindGateway is told by MQTT 5 to the gateway, whose own connection stays. Named again, the device is made anew if it was
// deleted.
func behindGateway(t *testing.T, v *victim, name string) func() error {
	t.Helper()
	_, _, err := v.Registry().AddDevice(t.Context(), registry.Device{Name: "gateway-of-" + name, Profile: server.FirstProfile, Gateway: true},
		registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(tokenOf("gateway-of-" + name))})
	must(t, err)
	c, err := dialMQTT(nil, v.Addresses()["mqtt"])
	must(t, err)
	t.Cleanup(c.close)
	as := device("gateway-of-" + name)
	as.Version = packet.V5
	must(t, c.login(as, 0))
	c.reader.Accept(packet.V5, 1<<20)
	named := fmt.Sprintf(`{"device":%q}`, name)
	p := packet.Publish{Topic: "v1/gateway/connect", QoS: 1, ID: 1, Payload: []byte(named)}
	must(t, c.send(p.Append5(nil)))
	_, err = c.next(packet.PUBACK)
	must(t, err)
	return func() error {
		body, err := c.next(packet.PUBLISH)
		if want := fmt.Sprintf(`{"device":%q,"reason":152}`, name); err != nil || !strings.HasSuffix(string(body), want) ||
			!strings.Contains(string(body), "v1/gateway/disconnect") {
			return fmt.Errorf("got %q, %w, want %s", body, err, want)
		}
		p.ID = 2
		if err := c.send(p.Append5(nil)); err != nil {
			return err
		}
		_, err = c.next(packet.PUBACK)
		return errors.Join(err, c.ping())
	}
}
