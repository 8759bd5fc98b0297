package mqttserver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		limits mqttserver.Limits
		from   []string // connections that stay half-open
		login  bool     // or log in
		next   string
		want   mqttserver.Refusal
	}{
		{"room", mqttserver.Limits{Connections: 2}, []string{"10.0.0.1"}, false, "10.0.0.1", 0},
		{"total", mqttserver.Limits{Connections: 2}, []string{"10.0.0.1", "10.0.0.2"}, true, "10.0.0.3", mqttserver.RefusedTotal},
		{"half-open", mqttserver.Limits{HalfOpen: 2}, []string{"10.0.0.1", "10.0.0.2"}, false, "10.0.0.3", mqttserver.RefusedHalfOpen},
		{"logged in does not count", mqttserver.Limits{HalfOpen: 2, HalfOpenAddress: 2}, []string{"10.0.0.1", "10.0.0.1"}, true, "10.0.0.1", 0},
		{"address", mqttserver.Limits{HalfOpenAddress: 2}, []string{"10.0.0.1", "10.0.0.1"}, false, "10.0.0.1", mqttserver.RefusedAddress},
		{"another address", mqttserver.Limits{HalfOpenAddress: 2}, []string{"10.0.0.1", "10.0.0.1"}, false, "10.0.0.2", 0},
		{"IPv4 in IPv6", mqttserver.Limits{HalfOpenAddress: 1}, []string{"::ffff:10.0.0.1"}, false, "10.0.0.1", mqttserver.RefusedAddress},
		{"one IPv6 network", mqttserver.Limits{HalfOpenAddress: 1}, []string{"2001:db8::1"}, false, "2001:db8::2:0:0:1", mqttserver.RefusedAddress},
		{"two IPv6 networks", mqttserver.Limits{HalfOpenAddress: 1}, []string{"2001:db8::1"}, false, "2001:db8:0:1::1", 0},
		{"switched off", mqttserver.Limits{HalfOpenAddress: -1, HalfOpen: -1, Connections: -1}, []string{"10.0.0.1", "10.0.0.1"}, false, "10.0.0.1", 0},
		{"no address", mqttserver.Limits{HalfOpenAddress: 1}, []string{"", ""}, false, "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, tc.limits, &dialect{}, func(b *bench) {
				var first *client
				for _, ip := range tc.from {
					c := b.dialFrom(ip)
					c.listen()
					if tc.login {
						c.send(hello)
						c.want(welcome, false)
					}
					first = c
				}
				c := b.dialFrom(tc.next)
				c.listen()
				c.want("", tc.want != 0)
				if tc.want == 0 {
					return
				}
				if got := b.counts.refused[tc.want]; got != 1 {
					t.Errorf("refused: got %v, want one %v", b.counts.refused, tc.want)
				}
				_ = first.conn.Close() // which makes room
				synctest.Wait()
				c = b.dialFrom(tc.next)
				c.listen()
				c.want("", false)
			})
		})
	}
}

type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errors.New("broken") }

func TestServeReturnsWhatEndedIt(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = mqttserver.New(mqttserver.Options{}).Serve(t.Context(), brokenListener{l})
	if err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v, want the listener's error", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("listener: got %v, want it closed", err)
	}
}

// serveTCP runs a server on a port of its own until the test ends.
func serveTCP(t testing.TB, o mqttserver.Options, d ...mqttserver.Dialect) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- mqttserver.New(o, d...).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// TestLastWordsSurviveUnreadBytes: a TCP connection closed over unread bytes is reset, and that may destroy what was
// written before. Every time the answer must reach the client, however much it has sent after its CONNECT.
func TestLastWordsSurviveUnreadBytes(t *testing.T) {
	t.Parallel()
	refuse := &dialect{connect: func(*mqttserver.Conn, *packet.Connect) mqttserver.ConnectCode {
		return mqttserver.RefusedNotAuthorized
	}}
	address := serveTCP(t, mqttserver.Options{}, refuse)
	for range 20 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(hello + strings.Repeat(publish(1, 1, "payload"), 2000))); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || string(got) != "\x20\x02\x00\x05" {
			t.Fatalf("got %x, %v, want CONNACK 5 and an orderly end", got, err)
		}
		_ = c.Close()
	}
}

// TestManyAtOnce has clients that publish from everywhere while their connections are closed at random moments, and
// the server stops among it all. The race detector and goleak look on.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	echo := dialectFunc(func(c *mqttserver.Conn) mqttserver.Handler {
		d := &dialect{conn: c}
		d.publish = func(_ context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
			go func() {
				_ = c.Publish(p.Topic, p.Payload, p.QoS&1)
				done(mqttserver.Ack)
				if p.Payload[0] == 'x' {
					c.Close(mqttserver.ClosedTakenOver)
				}
			}()
		}
		return d
	})
	o := newCounts()
	address := serveTCP(t, mqttserver.Options{Observer: o}, echo)
	var clients sync.WaitGroup
	for n := range 20 {
		clients.Go(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			drained := make(chan struct{})
			go func() { defer close(drained); _, _ = io.Copy(io.Discard, c) }()
			_, _ = c.Write([]byte(hello))
			for id := range uint16(200) {
				payload := "y"
				if int(id) == 20*n {
					payload = "x"
				}
				if _, err := c.Write([]byte(publish(byte(id%2), id+1, payload))); err != nil {
					break
				}
			}
			_ = c.(*net.TCPConn).CloseWrite()
			<-drained
		})
	}
	clients.Wait()
	if o.opened != 20 {
		t.Errorf("opened: got %d, want 20", o.opened)
	}
}

type dialectFunc func(*mqttserver.Conn) mqttserver.Handler

func (f dialectFunc) Connect(_ context.Context, c *mqttserver.Conn, _ *packet.Connect) (mqttserver.Handler, mqttserver.ConnectCode) {
	return f(c), mqttserver.Accepted
}

func TestDialectsAreAskedInOrder(t *testing.T) {
	t.Parallel()
	not := &dialect{connect: func(*mqttserver.Conn, *packet.Connect) mqttserver.ConnectCode { return mqttserver.NotMine }}
	mine := &dialect{}
	address := serveTCP(t, mqttserver.Options{}, not, mine, not)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, hello+publish(0, 0, "x")+farewell)
	if got, _ := io.ReadAll(c); string(got) != welcome {
		t.Errorf("got %x, want %x", got, welcome)
	}
	if got := mine.noted(); got != "publish:t=x" {
		t.Errorf("second dialect: got %q, want one publish", got)
	}
}

func TestNothingFromClientsIsLogged(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	d := &dialect{publish: func(_ context.Context, p mqttserver.Publish, _ func(mqttserver.Verdict)) {
		panic("cannot take " + string(p.Payload))
	}}
	address := serveTCP(t, mqttserver.Options{Logger: zerolog.New(&log)}, d)
	for range 30 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		connect := packet.Connect{
			Version: packet.V311, CleanSession: true, ClientID: "hush-1",
			HasUserName: true, UserName: "hush-2", HasPassword: true, Password: []byte("hush-3"),
		}
		_, _ = c.Write(append(connect.Append(nil), publish(1, 1, "hush-4")...))
		_, _ = io.ReadAll(c)
		_ = c.Close()
	}
	text := log.String()
	if strings.Contains(text, "hush") {
		t.Errorf("the log quotes a client:\n%s", text)
	}
	if got := strings.Count(text, "mqtt_panic"); got != 10 {
		t.Errorf("log lines about panics: got %d, want 10 in one minute", got)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// never is long enough for anything that should happen, so that a test which fails does end.
const never = 30 * time.Second
