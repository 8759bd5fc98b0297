package thingsboard_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// client speaks MQTT 3.1.1 packet by packet, so that a test sees what is sent and what is not.
type client struct {
	t      *testing.T
	conn   net.Conn
	reader packet.Reader
	id     uint16
}

type login struct {
	client, user, password string
	noUser                 bool // none at all, which an empty one is not
}

func (h *house) dial() *client {
	h.t.Helper()
	return h.dialFrom("127.0.0.1")
}

// dialFrom comes from an address of this machine.
func (h *house) dialFrom(address string) *client {
	h.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := d.Dial("tcp", h.address)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		h.t.Skipf("this system has no address %s", address)
	}
	must(h.t, err)
	h.t.Cleanup(func() { _ = conn.Close() })
	must(h.t, conn.SetDeadline(time.Now().Add(never)))
	return onto(h.t, conn)
}

func onto(t *testing.T, conn net.Conn) *client {
	c := &client{t: t, conn: conn}
	c.reader.Reset(conn, 1<<20)
	c.reader.Accept(packet.V311, 1<<20)
	return c
}

// connect opens a session that must be accepted.
func (h *house) connect(l login) *client {
	h.t.Helper()
	c := h.dial()
	c.send(l.packet())
	if code := c.connack(); code != 0 {
		h.t.Fatalf("CONNACK: got %d, want 0", code)
	}
	return c
}

// provisioning opens a provision-only session.
func (h *house) provisioning() *client {
	h.t.Helper()
	return h.connect(login{client: "any", user: "provision"})
}

// code is how a login is answered.
func (h *house) code(l login) byte {
	h.t.Helper()
	return h.codeFrom("127.0.0.1", l)
}

func (h *house) codeFrom(address string, l login) byte {
	h.t.Helper()
	c := h.dialFrom(address)
	c.send(l.packet())
	code := c.connack()
	if code != 0 {
		c.wantClosed()
	}
	return code
}

func (l login) packet() []byte {
	p := packet.Connect{
		Version: packet.V311, CleanSession: true, KeepAlive: 60, ClientID: l.client, UserName: l.user,
		HasUserName: !l.noUser, HasPassword: l.password != "", Password: []byte(l.password),
	}
	return p.Append(nil)
}

func (c *client) send(bytes []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(bytes); err != nil {
		c.t.Fatalf("writing: %v", err)
	}
}

func (c *client) next() (packet.Header, []byte, error) {
	h, err := c.reader.ReadHeader()
	if err != nil {
		return h, nil, err
	}
	body, err := c.reader.ReadBody(h)
	return h, body, err
}

// want reads the next packet, which must be of that type.
func (c *client) want(t packet.Type) (packet.Header, []byte) {
	c.t.Helper()
	h, body, err := c.next()
	if err != nil {
		c.t.Fatalf("reading %v: %v", t, err)
	}
	if h.Type != t {
		c.t.Fatalf("packet: got %v %q, want %v", h.Type, body, t)
	}
	return h, body
}

func (c *client) connack() byte {
	c.t.Helper()
	_, body := c.want(packet.CONNACK)
	return body[1]
}

// wantClosed needs the server to close the connection without another word.
func (c *client) wantClosed() {
	c.t.Helper()
	switch h, body, err := c.next(); {
	case err == nil:
		c.t.Fatalf("packet: got %v %q, want the connection closed", h.Type, body)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.t.Fatal("the connection is still open")
	case !errors.Is(err, io.EOF):
		c.t.Logf("closed with: %v", err)
	}
}

// publish sends a message and returns its packet identifier.
func (c *client) publish(topic, payload string, qos byte) uint16 {
	c.t.Helper()
	p := packet.Publish{Topic: topic, Payload: []byte(payload), QoS: qos}
	if qos > 0 {
		c.id++
		p.ID = c.id
	}
	c.send(p.Append(nil))
	return p.ID
}

func (c *client) wantPuback(id uint16) {
	c.t.Helper()
	_, body := c.want(packet.PUBACK)
	var a packet.Ack
	if err := a.Decode(body); err != nil || a.ID != id {
		c.t.Fatalf("PUBACK: got %d, want %d", a.ID, id)
	}
}

// post publishes with QoS 1 and waits for the acknowledgement.
func (c *client) post(topic, payload string) {
	c.t.Helper()
	c.wantPuback(c.publish(topic, payload, 1))
}

// receive reads a message, acknowledges it, and returns it.
func (c *client) receive() packet.Publish {
	c.t.Helper()
	h, body := c.want(packet.PUBLISH)
	var p packet.Publish
	must(c.t, p.Decode(h.Flags, body))
	p.Payload = append([]byte(nil), p.Payload...)
	if p.QoS > 0 {
		c.send(packet.Ack{ID: p.ID}.Append(nil, packet.PUBACK))
	}
	return p
}

// wantMessage needs the next packet to be this message.
func (c *client) wantMessage(topic, payload string, qos byte) {
	c.t.Helper()
	p := c.receive()
	if p.Topic != topic || string(p.Payload) != payload || p.QoS != qos {
		c.t.Fatalf("message: got %q %s QoS %d, want %q %s QoS %d", p.Topic, p.Payload, p.QoS, topic, payload, qos)
	}
}

// subscribe returns the code of the SUBACK.
func (c *client) subscribe(filter string, qos byte) byte {
	c.t.Helper()
	c.id++
	p := packet.Subscribe{ID: c.id, Subscriptions: []packet.Subscription{{Filter: filter, QoS: qos}}}
	c.send(p.Append(nil))
	_, body := c.want(packet.SUBACK)
	return body[2]
}

func (c *client) unsubscribe(filter string) {
	c.t.Helper()
	c.id++
	p := packet.Unsubscribe{ID: c.id, Filters: []string{filter}}
	c.send(p.Append(nil))
	c.want(packet.UNSUBACK)
}

// ping shows that the session is alive, and that nothing was sent before.
func (c *client) ping() {
	c.t.Helper()
	c.send(packet.Empty{}.Append(nil, packet.PINGREQ))
	c.want(packet.PINGRESP)
}
