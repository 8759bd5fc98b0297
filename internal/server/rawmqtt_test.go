package server_test

import (
	"fmt"
	"net"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// rawMQTT is a client that also sends what no client should.
type rawMQTT struct {
	net.Conn
	reader packet.Reader
}

// dialMQTT connects from an address, or from any if it is nil.
func dialMQTT(from net.IP, to string) (*rawMQTT, error) {
	c, err := dialFrom(from, to)
	if err != nil {
		return nil, err
	}
	r := &rawMQTT{Conn: c}
	r.reader.Reset(c, 1<<20)
	return r, nil
}

// dialFrom opens a connection of TCP that gives up after the usual time.
func dialFrom(from net.IP, to string) (net.Conn, error) {
	d := net.Dialer{Timeout: limit, LocalAddr: &net.TCPAddr{IP: from}}
	c, err := d.Dial("tcp", to)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(limit))
	}
	return c, err
}

func (c *rawMQTT) close() {
	_ = c.Close()
	c.reader.Release()
}

// device is the CONNECT of a device that has a token.
func device(name string) *packet.Connect {
	return &packet.Connect{Version: packet.V311, CleanSession: true, KeepAlive: 60, HasUserName: true, UserName: tokenOf(name)}
}

// send writes packets.
func (c *rawMQTT) send(packets ...[]byte) error {
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	for _, p := range packets {
		if _, err := c.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// next reads the next packet, which has to be of a type.
func (c *rawMQTT) next(want packet.Type) ([]byte, error) {
	h, err := c.reader.ReadHeader()
	if err != nil {
		return nil, err
	}
	body, err := c.reader.ReadBody(h)
	if err == nil && h.Type != want {
		err = fmt.Errorf("got a %v, want a %v", h.Type, want)
	}
	return body, err
}

// login connects and needs a return code.
func (c *rawMQTT) login(as *packet.Connect, want byte) error {
	if err := c.send(as.Append(nil)); err != nil {
		return err
	}
	body, err := c.next(packet.CONNACK)
	if err == nil && body[1] != want {
		err = fmt.Errorf("got CONNACK %d, want %d", body[1], want)
	}
	return err
}

// post publishes with QoS 1 and waits for the acknowledgement.
func (c *rawMQTT) post(id uint16) error {
	p := packet.Publish{Topic: "v1/devices/me/telemetry", QoS: 1, ID: id, Payload: []byte(harmless)}
	if err := c.send(p.Append(nil)); err != nil {
		return err
	}
	_, err := c.next(packet.PUBACK)
	return err
}

// subscribe returns the codes of the SUBACK.
func (c *rawMQTT) subscribe(filters ...string) ([]byte, error) {
	p := packet.Subscribe{ID: 1}
	for _, f := range filters {
		p.Subscriptions = append(p.Subscriptions, packet.Subscription{Filter: f, QoS: 1})
	}
	if err := c.send(p.Append(nil)); err != nil {
		return nil, err
	}
	body, err := c.next(packet.SUBACK)
	if err != nil {
		return nil, err
	}
	return body[2:], nil
}

// ping needs the answer to be the next thing that comes.
func (c *rawMQTT) ping() error {
	if err := c.send(packet.Empty{}.Append(nil, packet.PINGREQ)); err != nil {
		return err
	}
	_, err := c.next(packet.PINGRESP)
	return err
}

// ended waits until the server closes the connection.
func ended(c net.Conn) error {
	_ = c.SetReadDeadline(time.Now().Add(limit))
	for buffer := make([]byte, 1000); ; {
		_, err := c.Read(buffer)
		if late, ok := err.(net.Error); ok && late.Timeout() {
			return fmt.Errorf("the connection is open still")
		}
		if err != nil {
			return nil
		}
	}
}
