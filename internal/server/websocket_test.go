package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
)

// TestMQTTOverWebsockets: a meter over ws and wss, from provisioning to its attachment's outcome.
func TestMQTTOverWebsockets(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, t.TempDir(), "gridtie.test")
	s := start(t, server.Options{HTTP: "127.0.0.1:0", HTTPS: "127.0.0.1:0", CertificateFile: cert, CertificateKeyFile: key})
	profileKey, profileSecret, err := s.Registry().RevealProfile(t.Context(), server.FirstProfile)
	must(t, err)
	for name, url := range map[string]string{"ws": "ws://" + s.Addresses()["http"] + "/mqtt", "wss": "wss://" + s.Addresses()["https"] + "/mqtt"} {
		answers := make(chan string, 4)
		hear := func(_ paho.Client, m paho.Message) { answers <- string(m.Payload()) }
		next := func(what string) string {
			select {
			case a := <-answers:
				return a
			case <-time.After(limit):
				t.Fatalf("%s: no %s", name, what)
				return ""
			}
		}
		c := meterOver(t, url, "provision")
		settled(t, c.Subscribe("/provision/response", 1, hear))
		settled(t, c.Publish("/provision/request", 1, false, fmt.Sprintf(
			`{"deviceName":%q,"provisionDeviceKey":%q,"provisionDeviceSecret":%q,"credentialsType":"ACCESS_TOKEN","token":"token-of-%s"}`,
			name, profileKey.Reveal(), profileSecret.Reveal(), name)))
		if got := next("answer"); !strings.Contains(got, "SUCCESS") {
			t.Fatalf("%s: got %s", name, got)
		}
		c.Disconnect(0)
		c = meterOver(t, url, "token-of-"+name)
		settled(t, c.Subscribe("v1/devices/me/attributes/response/+", 1, hear))
		settled(t, c.Publish("v1/devices/me/attributes", 1, false, `{"supplierKey":"unknown","CUPS":"ES0021000000000001RK"}`))
		settled(t, c.Publish("v1/devices/me/attributes/request/1", 1, false, `{"sharedKeys":"attachment"}`))
		if got := next("attributes"); !strings.Contains(got, `"outcome":"KEY_REFUSED"`) {
			t.Errorf("%s: got %s, want the outcome", name, got)
		}
		large := `{"v":"` + strings.Repeat("x", 60_000) + `"}`
		settled(t, c.Publish("v1/devices/me/telemetry", 1, false, large))
		c.Disconnect(0)
	}
	if _, text := s.get(t, "/metrics"); !strings.Contains(text, `gridtie_http_answers_total{route="mqtt",status="101"} 4`) {
		t.Error("four handshakes are not counted")
	}
}

// TestCertificateOverWebsockets: over wss a device may show a certificate, as over mqtts.
func TestCertificateOverWebsockets(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, t.TempDir(), "gridtie.test")
	s := start(t, server.Options{HTTPS: "127.0.0.1:0", CertificateFile: cert, CertificateKeyFile: key})
	own, ownKey := certificate(t, t.TempDir(), "meter")
	shown, err := tls.LoadX509KeyPair(own, ownKey)
	must(t, err)
	text, err := os.ReadFile(own)
	must(t, err)
	_, _, err = s.Registry().AddDevice(t.Context(), registry.Device{Name: "meter", Profile: server.FirstProfile},
		registry.Credentials{Type: registry.X509Certificate, Certificate: secret.NewText(string(text))})
	must(t, err)
	c := meterOver(t, "wss://"+s.Addresses()["https"]+"/mqtt", "", shown)
	settled(t, c.Publish("v1/devices/me/telemetry", 1, false, `{"v":1}`))
	c.Disconnect(0)
}

// socket is a websocket by hand.
type socket struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dialSocket(t *testing.T, s *running, more string) *socket {
	t.Helper()
	c, err := net.Dial("tcp", s.Addresses()["http"])
	must(t, err)
	return socketOver(t, c, more)
}

// socketOver shakes hands on a connection.
func socketOver(t *testing.T, c net.Conn, more string) *socket {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	k := &socket{t, c, bufio.NewReader(c)}
	k.say("GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n" + more + "\r\n")
	res, err := http.ReadResponse(k.r, nil)
	must(t, err)
	_ = res.Body.Close() // there is none
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the handshake: got %d, want 101", res.StatusCode)
	}
	return k
}

func (k *socket) say(bytes string) {
	k.t.Helper()
	_, err := io.WriteString(k.Conn, bytes)
	must(k.t, err)
}

// binaryFrame is one of a client whose mask is nought.
func binaryFrame(first byte, payload string) string {
	return string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
}

// want reads what the server says next.
func (k *socket) want(what string) {
	k.t.Helper()
	_ = k.SetReadDeadline(time.Now().Add(limit))
	got := make([]byte, len(what))
	if _, err := io.ReadFull(k.r, got); err != nil || string(got) != what {
		k.t.Fatalf("got %q, %v; want %q", got, err, what)
	}
}

// wantEnd: and then nothing more.
func (k *socket) wantEnd() {
	k.t.Helper()
	_ = k.SetReadDeadline(time.Now().Add(limit))
	if rest, err := io.ReadAll(k.r); err != nil || len(rest) > 0 {
		k.t.Fatalf("got %q, %v; want the end", rest, err)
	}
}

func mqttConnect(token string) string {
	return "\x10" + string(rune(13+2+len(token))) + "\x00\x04MQTT\x04\x82\x00\x3c\x00\x01c\x00" + string(rune(len(token))) + token
}

const (
	binaryFinal = "\x82"
	welcome     = binaryFinal + "\x04\x20\x02\x00\x00"
)

// TestFramesAndPackets: packets and frames have nothing to do with each other [MQTT-6.0.0-2].
func TestFramesAndPackets(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{HTTP: "127.0.0.1:0"})
	addMeter(t, s, "meter", "T")
	connect := mqttConnect("T")
	ping := "\xc0\x00"
	pong := binaryFinal + "\x02\xd0\x00"

	split := dialSocket(t, s, "")
	for i := range connect {
		split.say(binaryFrame(0x82, connect[i:i+1]))
	}
	split.want(welcome)
	split.say(binaryFrame(0x02, "\xc0") + binaryFrame(0x89, "hey") + binaryFrame(0x80, "\x00"))
	split.want("\x8a\x03hey" + pong)

	together := dialSocket(t, s, "X-Forwarded-For: 192.0.2.1\r\n")
	together.say(binaryFrame(0x82, connect+ping))
	together.want(binaryFinal + "\x06\x20\x02\x00\x00\xd0\x00") // what is answered together leaves together
	split.want("\x88\x02\x03\xe8")                              // the same device came again
	split.wantEnd()

	together.say(binaryFrame(0x81, "text"))
	together.want("\x88\x02\x03\xeb")
	_ = together.Conn.(*net.TCPConn).CloseWrite()
	together.wantEnd()

	large := dialSocket(t, s, "")
	large.say(binaryFrame(0x82, connect))
	large.want(welcome)
	large.say("\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01\x00\x00\x00\x00")
	large.want("\x88\x02\x03\xf1")
	_ = large.Conn.(*net.TCPConn).CloseWrite()
	large.wantEnd()

	closing := dialSocket(t, s, "")
	closing.say(binaryFrame(0x82, connect))
	closing.want(welcome)
	closing.say(binaryFrame(0x82, "\xe0\x00") + binaryFrame(0x88, "\x03\xe8"))
	closing.want("\x88\x02\x03\xe8")
	closing.wantEnd()

	eventually(t, "the ends are counted", func() bool {
		_, text := s.get(t, "/metrics")
		for _, want := range []string{
			`gridtie_mqtt_connections_accepted_total 4`, `gridtie_mqtt_connections_closed_total{reason="taken-over"} 1`,
			`gridtie_mqtt_connections_closed_total{reason="malformed"} 1`, `gridtie_mqtt_connections_closed_total{reason="too-large"} 1`,
			`gridtie_mqtt_connections_closed_total{reason="client"} 1`,
		} {
			if !strings.Contains(text, want+"\n") {
				return false
			}
		}
		return true
	})
}

// TestWebsocketsHoldNoPlaceOfHTTP: max-connections counts a websocket once, as one of MQTT.
func TestWebsocketsHoldNoPlaceOfHTTP(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, t.TempDir(), "gridtie.test")
	for _, scheme := range []string{"http", "https"} {
		o := server.Options{MaxConnections: 2, CertificateFile: cert, CertificateKeyFile: key}
		dial := func(at string) (net.Conn, error) { return net.Dial("tcp", at) }
		if scheme == "http" {
			o.HTTP = "127.0.0.1:0"
		} else {
			o.HTTPS = "127.0.0.1:0"
			dial = func(at string) (net.Conn, error) { return tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true}) }
		}
		s := start(t, o)
		come := func() *socket {
			c, err := dial(s.Addresses()[scheme])
			must(t, err)
			return socketOver(t, c, "")
		}
		addMeter(t, s, "meter-1", "A")
		addMeter(t, s, "meter-2", "B")
		for _, token := range []string{"A", "B"} {
			k := come()
			k.say(binaryFrame(0x82, mqttConnect(token)))
			k.want(welcome)
		}
		for range 3 { // each would wait for ever for a place
			c := &http.Client{Timeout: limit, Transport: &http.Transport{
				DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			}}
			res, err := c.Get(scheme + "://" + s.Addresses()[scheme] + "/api/v1/A/attributes?clientKeys=a")
			must(t, err)
			_ = res.Body.Close()
		}
		k := come()
		k.want("\x88\x02\x03\xe8")
		k.wantEnd()
		if _, text := s.get(t, "/metrics"); !strings.Contains(text, `gridtie_mqtt_connections_refused_total{reason="connections"} 1`) {
			t.Errorf("%s: the third is not refused as one too many", scheme)
		}
	}
}

// TestStopDrainsWebsockets: who is connected is told, and a stop does not wait for it.
func TestStopDrainsWebsockets(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{HTTP: "127.0.0.1:0"})
	addMeter(t, s, "meter", "T")
	k := dialSocket(t, s, "")
	k.say(binaryFrame(0x82, mqttConnect("T")))
	k.want(welcome)
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	k.want("\x88\x02\x03\xe8")
	k.say(binaryFrame(0x88, "\x03\xe8"))
	k.wantEnd()
	must(t, <-ended)
}

// TestWebsocketOnAFullDisk: whoever comes is refused by MQTT's own words, as over TCP.
func TestWebsocketOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := newSized()
	s := start(t, server.Options{HTTP: "127.0.0.1:0", FS: disk})
	disk.free.Store(10 << 20)
	eventually(t, "it is not ready", func() bool { return !s.Status().Ready })
	k := dialSocket(t, s, "")
	k.say(binaryFrame(0x82, mqttConnect("T")))
	k.want(binaryFinal + "\x04\x20\x02\x00\x03")
	disk.free.Store(500 << 20)
	eventually(t, "it is ready", func() bool { return s.Status().Ready })
}
