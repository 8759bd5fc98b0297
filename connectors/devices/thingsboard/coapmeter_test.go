package thingsboard_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/coap"
)

// port is a house with its CoAP side on a port of its own.
type port struct {
	*house
	at     *net.UDPAddr
	coap   *coap.Dialect
	server *coapserver.Server
}

func buildPort(t *testing.T) *port { return openPort(build(t)) }

func openPort(h *house) *port {
	p := &port{house: h, coap: coap.New(h.service, coap.Options{Logger: zerolog.New(h.log)})}
	p.server = coapserver.New(coapserver.Options{Logger: zerolog.New(h.log)}, p.coap)
	p.at = p.serve(func(ctx context.Context, c *net.UDPConn) error { return p.server.Serve(ctx, c) })
	return p
}

func (p *port) serve(serve func(context.Context, *net.UDPConn) error) *net.UDPAddr {
	p.t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(p.t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, conn) }()
	p.t.Cleanup(func() {
		stop()
		must(p.t, <-served)
	})
	at, _ := conn.LocalAddr().(*net.UDPAddr)
	return at
}

// coapMeter speaks CoAP message by message.
type coapMeter struct {
	t     *testing.T
	conn  net.Conn
	id    uint16
	deaf  bool // it does not answer pings
	pings int
}

func (p *port) meter() *coapMeter {
	p.t.Helper()
	conn, err := net.DialUDP("udp", nil, p.at)
	must(p.t, err)
	return p.over(conn)
}

// over speaks CoAP over a connection.
func (p *port) over(conn net.Conn) *coapMeter {
	p.t.Cleanup(func() { _ = conn.Close() })
	return &coapMeter{t: p.t, conn: conn}
}

func (m *coapMeter) write(d message.Message) {
	m.t.Helper()
	if _, err := m.conn.Write(d.Append(nil)); err != nil {
		m.t.Fatalf("writing: %v", err)
	}
}

// asking is a request: the path as it stands in an address.
func (m *coapMeter) asking(kind message.Type, method message.Code, address, payload string, options ...message.Option) message.Message {
	m.id++
	path, query, _ := strings.Cut(strings.TrimPrefix(address, "/"), "?")
	d := message.Message{Type: kind, Code: method, ID: m.id, Token: []byte{byte(m.id >> 8), byte(m.id)}, Payload: []byte(payload)}
	for _, o := range options {
		if o.Number < message.URIPath {
			d.Options = append(d.Options, o)
		}
	}
	for _, s := range strings.Split(path, "/") {
		d.Options = d.Options.Add(message.URIPath, []byte(s))
	}
	for _, o := range options {
		if o.Number > message.URIPath && o.Number < message.URIQuery {
			d.Options = append(d.Options, o)
		}
	}
	if query != "" {
		for _, s := range strings.Split(query, "&") {
			d.Options = d.Options.Add(message.URIQuery, []byte(s))
		}
	}
	return d
}

// next reads the next message that is not a ping, nor an empty acknowledgement; it answers and acknowledges as it should.
func (m *coapMeter) next() *message.Message {
	m.t.Helper()
	for {
		buffer := make([]byte, 2000)
		must(m.t, m.conn.SetReadDeadline(time.Now().Add(never)))
		n, err := m.conn.Read(buffer)
		if err != nil {
			m.t.Fatalf("reading: %v", err)
		}
		d := &message.Message{}
		must(m.t, d.Parse(buffer[:n]))
		switch {
		case d.Code == message.Empty && d.Type == message.Confirmable:
			m.pings++
			if !m.deaf {
				m.write(message.Message{Type: message.Reset, ID: d.ID})
			}
			continue
		case d.Code == message.Empty:
			continue
		case d.Type == message.Confirmable:
			m.write(message.Message{Type: message.Acknowledgement, ID: d.ID})
		}
		return d
	}
}

// ask sends a confirmable request and reads its answer.
func (m *coapMeter) ask(method message.Code, address, payload string, options ...message.Option) *message.Message {
	m.t.Helper()
	d := m.asking(message.Confirmable, method, address, payload, options...)
	m.write(d)
	for {
		if a := m.next(); bytes.Equal(a.Token, d.Token) {
			return a
		}
	}
}

// want asks, and needs this answer.
func (m *coapMeter) want(method message.Code, address, payload string, code message.Code, answer string) {
	m.t.Helper()
	if got := m.ask(method, address, payload); got.Code != code || string(got.Payload) != answer {
		m.t.Errorf("%v %s: got %v %s, want %v %s", method, address, got.Code, got.Payload, code, answer)
	}
}

func observing(what string) message.Option {
	return message.Option{Number: message.Observe, Value: []byte(what)}
}

// wantNotification compares a notification, or the answer that an observation begins with.
func (m *coapMeter) wantNotification(d *message.Message, code message.Code, order uint32, payload string) {
	m.t.Helper()
	got, has := d.Options.Uint(message.Observe)
	if d.Code != code || !has || got != order || string(d.Payload) != payload {
		m.t.Errorf("got %v, Observe %d (%t), %s, want %v, Observe %d, %s", d.Code, got, has, d.Payload, code, order, payload)
	}
}
