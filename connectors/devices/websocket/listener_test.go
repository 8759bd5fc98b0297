package websocket_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/websocket"
)

// statuses are those that were observed.
type statuses struct {
	mu  sync.Mutex
	all []int
}

func (s *statuses) observe(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, status)
}

// serve is an HTTP server that answers handshakes.
func serve(t *testing.T) (*websocket.Listener, string, *statuses) {
	t.Helper()
	s := &statuses{}
	l := websocket.Listen(&net.TCPAddr{}, websocket.Options{Observe: s.observe})
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = l.Close() })
	return l, strings.TrimPrefix(server.URL, "http://"), s
}

// ask sends a request as it is and returns the head of the answer, and what comes behind it.
func ask(t *testing.T, address, request string) (int, http.Header, *bufio.Reader, net.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // after 101 there is none
	return res.StatusCode, res.Header, r, c
}

const (
	first     = "GET /mqtt HTTP/1.1\r\nHost: example.test\r\n"
	upgrade   = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
	thirteen  = "Sec-WebSocket-Version: 13\r\n"
	withKey   = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	offer     = "Sec-WebSocket-Protocol: mqtt\r\n"
	good      = first + upgrade + thirteen + withKey
	accepting = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" // RFC 6455 section 1.3
)

func TestHandshake(t *testing.T) {
	t.Parallel()
	l, address, seen := serve(t)
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_ = c.Close()
		}
	}()
	for _, c := range []struct {
		name, request string
		status        int
		header, value string
	}{
		{"good", good + offer, 101, "Sec-Websocket-Protocol", "mqtt"},
		{"accept", good + offer, 101, "Sec-Websocket-Accept", accepting},
		{"no extension", good + offer + "Sec-WebSocket-Extensions: permessage-deflate\r\n", 101, "Sec-Websocket-Extensions", ""},
		{"old client", good + "Sec-WebSocket-Protocol: mqttv3.1\r\n", 101, "Sec-Websocket-Protocol", "mqttv3.1"},
		{"several", good + "Sec-WebSocket-Protocol: x, mqttv3.1,mqtt\r\n", 101, "Sec-Websocket-Protocol", "mqtt"},
		{"several lines", good + "Sec-WebSocket-Protocol: x\r\n" + offer, 101, "Sec-Websocket-Protocol", "mqtt"},
		{"no subprotocol", good, 400, "", ""},
		{"another subprotocol", good + "Sec-WebSocket-Protocol: stomp, MQTT\r\n", 400, "", ""},
		{"no upgrade", first, 426, "Upgrade", "websocket"},
		{"another upgrade", first + "Connection: Upgrade\r\nUpgrade: h2c\r\n" + thirteen + withKey + offer, 426, "Upgrade", "websocket"},
		{"HTTP/1.0", strings.Replace(good, "1.1", "1.0", 1) + offer, 426, "Upgrade", "websocket"},
		{"another version", first + upgrade + "Sec-WebSocket-Version: 8\r\n" + withKey + offer, 426, "Sec-Websocket-Version", "13"},
		{"no version", first + upgrade + withKey + offer, 426, "Sec-Websocket-Version", "13"},
		{"no key", first + upgrade + thirteen + offer, 400, "", ""},
		{"short key", first + upgrade + thirteen + offer + "Sec-WebSocket-Key: c2hvcnQ=\r\n", 400, "", ""},
		{"POST", strings.Replace(good, "GET", "POST", 1) + offer, 405, "Allow", "GET"},
		{"a body", good + offer + "Content-Length: 2\r\n\r\n", 400, "", ""},
		{"same origin", good + offer + "Origin: https://Example.test\r\n", 101, "", ""},
		{"same origin with a port", strings.Replace(good, "example.test", "example.test:8080", 1) + offer + "Origin: http://example.test:8080\r\n", 101, "", ""},
		{"another origin", good + offer + "Origin: https://evil.test\r\n", 403, "", ""},
		{"another port", good + offer + "Origin: https://example.test:8080\r\n", 403, "", ""},
		{"origin of nowhere", good + offer + "Origin: null\r\n", 403, "", ""},
		{"two origins", good + offer + "Origin: https://example.test\r\nOrigin: https://evil.test\r\n", 403, "", ""},
		{"forwarded host", good + offer + "X-Forwarded-Host: evil.test\r\nOrigin: https://evil.test\r\n", 403, "", ""},
	} {
		status, header, _, _ := ask(t, address, c.request+"\r\n")
		if status != c.status || header.Get(c.header) != c.value {
			t.Errorf("%s: got %d and %s %q, want %d and %q", c.name, status, c.header, header.Get(c.header), c.status, c.value)
		}
		seen.mu.Lock()
		if last := seen.all[len(seen.all)-1]; last != c.status || !slices.Contains(websocket.Statuses(), last) {
			t.Errorf("%s: observed %d, want %d", c.name, last, c.status)
		}
		seen.mu.Unlock()
	}
}

// TestListener: a connection is what the client says in frames, from the first byte behind the handshake on, and outlives
// the listener.
func TestListener(t *testing.T) {
	t.Parallel()
	l, address, _ := serve(t)
	status, _, r, client := ask(t, address, good+offer+"\r\n"+frame(final|binry, "early"))
	if status != http.StatusSwitchingProtocols {
		t.Fatalf("got %d, want 101", status)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if _, err := l.Accept(); err == nil {
		t.Error("accepting after Close: got a connection")
	}
	if status, _, _, _ := ask(t, address, good+offer+"\r\n"); status != http.StatusServiceUnavailable {
		t.Errorf("a handshake after Close: got %d, want 503", status)
	}
	b := make([]byte, 100)
	if n, err := c.Read(b); err != nil || string(b[:n]) != "early" {
		t.Errorf("got %q, %v; want what came with the handshake", b[:n], err)
	}
	if c.RemoteAddr().String() != client.LocalAddr().String() {
		t.Errorf("remote address: got %s, want %s", c.RemoteAddr(), client.LocalAddr())
	}
	if _, err := c.Write([]byte("answer")); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	got, err := io.ReadAll(r)
	if want := answered(binry, "answer") + answered(bye, code(normal)); err != nil || string(got) != want {
		t.Errorf("the client got %q, %v; want %q", got, err, want)
	}
}
