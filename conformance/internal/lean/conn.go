package lean

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// maxPacket is more than a server sends a client that measures it.
const maxPacket = 64 << 10

// Conn is one connection. Close it.
type Conn struct {
	net.Conn
	reader packet.Reader
	out    []byte
}

// New makes a Conn of a network connection, on which nothing was sent yet. Whatever is not done when patience is over
// is an error.
func New(nc net.Conn, patience time.Duration) (*Conn, error) {
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	c := &Conn{Conn: nc}
	c.reader.Reset(nc, maxPacket)
	return c, nil
}

// Refused is the return code of a CONNACK, other than 0.
type Refused byte

func (r Refused) Error() string {
	return fmt.Sprintf("the server refused the connection with code %d", byte(r))
}

// Connect sends a CONNECT and waits for the CONNACK. The error may be Refused.
func (c *Conn) Connect(p *packet.Connect) error {
	if err := c.Send(p); err != nil {
		return err
	}
	_, body, err := c.Next(packet.CONNACK)
	if err != nil {
		return err
	}
	if len(body) != 2 {
		return errors.New("the CONNACK has not two bytes")
	}
	if body[1] != 0 {
		return Refused(body[1])
	}
	return nil
}

// Login is a CONNECT with a user name, as most devices send it.
func Login(clientID, user string) *packet.Connect {
	return &packet.Connect{
		Version: packet.V311, CleanSession: true, KeepAlive: 60, ClientID: clientID, HasUserName: true, UserName: user,
	}
}

// Packet is what a client may send.
type Packet interface{ Append(dst []byte) []byte }

// Send writes packets at once.
func (c *Conn) Send(packets ...Packet) error {
	c.out = c.out[:0]
	for _, p := range packets {
		c.out = p.Append(c.out)
	}
	_, err := c.Write(c.out)
	return err
}

// Disconnect is the packet that ends a session.
type Disconnect struct{}

// Append appends it.
func (Disconnect) Append(dst []byte) []byte { return packet.Empty{}.Append(dst, packet.DISCONNECT) }

// Puback acknowledges a message.
type Puback uint16

// Append appends it.
func (p Puback) Append(dst []byte) []byte {
	return packet.Ack{ID: uint16(p)}.Append(dst, packet.PUBACK)
}

// Next waits for a packet, which has to be of one of the types. The body is valid until the next call.
func (c *Conn) Next(types ...packet.Type) (packet.Header, []byte, error) {
	h, err := c.reader.ReadHeader()
	if err != nil {
		return h, nil, fmt.Errorf("waiting for %s: %w", names(types), err)
	}
	body, err := c.reader.ReadBody(h)
	if err != nil {
		return h, nil, fmt.Errorf("reading %s: %w", h.Type, err)
	}
	for _, t := range types {
		if h.Type == t {
			return h, body, nil
		}
	}
	return h, nil, fmt.Errorf("got %s, want %s", h.Type, names(types))
}

func names(types []packet.Type) string {
	var all []string
	for _, t := range types {
		all = append(all, t.String())
	}
	return strings.Join(all, " or ")
}

// Release gives buffers back; the Conn must not be used afterwards, but for Close.
func (c *Conn) Release() { c.reader.Release() }
