package mqttserver

import "github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"

// answered takes what the client says to a message that is on its way: PUBACK for QoS 1, PUBREC and then PUBCOMP for QoS 2. An
// error closes the connection.
func (c *Conn) answered(t packet.Type, id uint16, code packet.ReasonCode) error {
	acked, err := c.advance(t, id, code)
	if acked != nil {
		acked(!code.Failed())
	}
	return err
}

// advance gives who waits for the answer.
func (c *Conn) advance(t packet.Type, id uint16, code packet.ReasonCode) (acked func(bool), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.flight(id)
	if i < 0 {
		return nil, c.strayLocked(t, id, code)
	}
	f := c.flights.at(i)
	switch {
	case t == packet.PUBACK && f.qos == 1,
		t == packet.PUBREC && f.qos == 2 && code.Failed(), // no PUBREL follows: MQTT 5.0 section 4.3.3
		t == packet.PUBCOMP && f.released:
		acked = f.acked
		c.landLocked(i)
	case t == packet.PUBREC && f.qos == 2:
		if acked = f.acked; !f.released && c.out.again == 0 {
			c.state.release(i)
		} else {
			c.drop(f) // and stays where it is, while those behind it are sent again
			f.acked, f.released = nil, true
		}
		c.answerLocked(packet.PUBREL, id, packet.Success)
	default:
		return nil, packet.Unexpected(t, c.version)
	}
	return acked, nil
}

// landLocked ends a flight, which makes room for another.
func (c *Conn) landLocked(i int) {
	if i >= c.flights.n-c.out.again {
		c.out.again--
	}
	if f := c.land(i); f.counted {
		c.out.counted--
	}
	c.startFlushLocked()
}

// strayLocked takes an answer to a message that is not on its way. A PUBACK is ignored. A client may have kept more of a
// session than the server, and is helped to its end of a message; without a session nothing can be left of another connection.
func (c *Conn) strayLocked(t packet.Type, id uint16, code packet.ReasonCode) error {
	switch {
	case t == packet.PUBACK:
	case c.session == nil:
		return packet.Unexpected(t, c.version)
	case t == packet.PUBREC && !code.Failed():
		c.answerLocked(packet.PUBREL, id, packet.PacketIdentifierNotFound)
	}
	return nil
}
