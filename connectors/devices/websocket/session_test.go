package websocket_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/connectors/devices/websocket"
)

// session is a dialect that lets everybody in and acknowledges everything.
type session struct{ closed chan mqttserver.CloseReason }

func (s session) Connect(context.Context, *mqttserver.Conn, *packet.Connect) (mqttserver.Handler, mqttserver.ConnectCode) {
	return s, mqttserver.Accepted
}

func (session) Publish(_ context.Context, _ mqttserver.Publish, done func(mqttserver.Verdict)) {
	done(mqttserver.Ack)
}

func (session) Subscribe(context.Context, mqttserver.Subscription) packet.ReasonCode {
	return packet.GrantedQoS0
}
func (session) Unsubscribe(context.Context, string) packet.ReasonCode { return packet.Success }
func (s session) Closed(r mqttserver.CloseReason)                     { s.closed <- r }

// only is a listener that has one connection.
type only struct {
	conn   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *only) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *only) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *only) Addr() net.Addr { return &net.TCPAddr{} }

// refusals tells why connections were not opened.
type refusals struct {
	mqttserver.Observer
	all chan mqttserver.Refusal
}

func (r refusals) Accepted()                      {}
func (r refusals) Opened()                        {}
func (r refusals) Closed(mqttserver.CloseReason)  {}
func (r refusals) Received(packet.Type)           {}
func (r refusals) Sent(packet.Type)               {}
func (r refusals) Refused(why mqttserver.Refusal) { r.all <- why }

// talk runs f as a client of a session over a websocket, in fake time. The client reads all the time.
func talk(t *testing.T, f func(say func(string), closed chan mqttserver.CloseReason, refused chan mqttserver.Refusal)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		l := &only{conn: make(chan net.Conn), closed: make(chan struct{})}
		d := session{make(chan mqttserver.CloseReason, 1)}
		o := refusals{all: make(chan mqttserver.Refusal, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- mqttserver.New(mqttserver.Options{Observer: o}, d).Serve(ctx, l) }()
		l.conn <- websocket.NewConn(far, "", limit)
		go func() { _, _ = io.Copy(io.Discard, near) }()
		f(func(s string) {
			_ = near.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = near.Write([]byte(s))
			synctest.Wait()
		}, d.closed, o.all)
		_ = near.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

const (
	hello   = "\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02c1"
	pingreq = "\xc0\x00"
)

// TestHalfOpen: a client has ten seconds for its CONNECT, whatever it says meanwhile that is none.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]string{
		"nothing": "", "pings": frame(final|ping, "x"), "empty messages": frame(final|binry, ""), "parts": frame(more, ""),
	} {
		talk(t, func(say func(string), _ chan mqttserver.CloseReason, refused chan mqttserver.Refusal) {
			if name == "parts" {
				say(frame(binry, ""))
			}
			for i := range 21 {
				say(said)
				select {
				case why := <-refused:
					if why != mqttserver.RefusedTimeout || i < 20 {
						t.Errorf("%s: refused as %s after %d half seconds, want a timeout after 20", name, why, i)
					}
					return
				default:
					time.Sleep(time.Second / 2)
				}
			}
			time.Sleep(2 * time.Second)
			if why := <-refused; why != mqttserver.RefusedTimeout {
				t.Errorf("%s: refused as %s, want a timeout", name, why)
			}
		})
	}
}

// TestKeepAlive: a session goes on as long as packets come in time, also where a deadline was set for an earlier one; pings
// of the websocket are none.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	talk(t, func(say func(string), closed chan mqttserver.CloseReason, _ chan mqttserver.Refusal) {
		say(frame(final|binry, hello))
		for range 10 {
			time.Sleep(50 * time.Second)
			say(frame(final|binry, pingreq))
			say(frame(binry, "\xc0")) // the deadline meets it within a packet and a message
			time.Sleep(35 * time.Second)
			say(frame(final|more, "\x00"))
		}
		select {
		case why := <-closed:
			t.Fatalf("closed: %s", why)
		default:
		}
		for range 89 {
			time.Sleep(time.Second)
			say(frame(final|ping, ""))
		}
		select {
		case why := <-closed:
			t.Fatalf("closed too early: %s", why)
		default:
		}
		time.Sleep(3 * time.Second)
		if why := <-closed; why != mqttserver.ClosedKeepAlive {
			t.Errorf("closed: %s, want %s", why, mqttserver.ClosedKeepAlive)
		}
	})
}

// TestSlowBytes: a packet that drips in, a frame for each byte, keeps no connection alive.
func TestSlowBytes(t *testing.T) {
	t.Parallel()
	talk(t, func(say func(string), closed chan mqttserver.CloseReason, _ chan mqttserver.Refusal) {
		say(frame(final|binry, hello))
		say(frame(final|binry, "\x30\x7f\x00\x01t"))
		for range 95 {
			time.Sleep(time.Second)
			say(frame(final|binry, "x"))
		}
		if why := <-closed; why != mqttserver.ClosedKeepAlive {
			t.Errorf("closed: %s, want %s", why, mqttserver.ClosedKeepAlive)
		}
	})
}
