package packet

// Publish is a PUBLISH.
type Publish struct {
	Topic string
	// Payload aliases the body that was decoded.
	Payload []byte
	// ID is the packet identifier, 0 for QoS 0.
	ID     uint16
	QoS    byte
	Dup    bool
	Retain bool
	// Properties are those of MQTT 5, else nil. They alias the body that was decoded.
	Properties Properties
}

// Decode reads the body of a PUBLISH whose fixed header ParseHeader has accepted. It keeps the string in p.Topic if
// the topic is the same again, so that a device that uses one topic costs one string. An error is an *Error.
func (p *Publish) Decode(flags byte, body []byte) error {
	f := fields{rest: body}
	topic := f.text()
	if f.err == nil {
		if err := checkTopic(topic); err != nil {
			return err
		}
	}
	p.QoS, p.Dup, p.Retain, p.ID = flags>>1&0x03, flags&0x08 != 0, flags&0x01 != 0, 0
	if p.QoS > 0 {
		p.ID = f.packetID()
	}
	if f.err != nil {
		return f.err
	}
	if p.Topic != string(topic) {
		p.Topic = string(topic)
	}
	p.Payload = f.rest
	return nil
}

// Size is the length of the packet that Append writes, without its fixed header.
func (p *Publish) Size() int {
	n := 2 + len(p.Topic) + len(p.Payload)
	if p.QoS > 0 {
		n += 2
	}
	return n
}

// Append appends the packet, header included. The topic must satisfy ValidTopic.
func (p *Publish) Append(dst []byte) []byte {
	dst = AppendHeader(dst, Header{Type: PUBLISH, Flags: p.flags(), Length: p.Size()})
	dst = appendBinary(dst, p.Topic)
	if p.QoS > 0 {
		dst = appendUint16(dst, p.ID)
	}
	return append(dst, p.Payload...)
}

func (p *Publish) flags() byte {
	flags := p.QoS << 1
	if p.Dup {
		flags |= 0x08
	}
	if p.Retain {
		flags |= 0x01
	}
	return flags
}

// Ack is a packet that holds nothing but a packet identifier: PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK.
type Ack struct{ ID uint16 }

// Decode reads the body of such a packet. An error is an *Error.
func (p *Ack) Decode(body []byte) error {
	f := fields{rest: body}
	p.ID = f.packetID()
	return f.end()
}

// Append appends the packet as one of type t, header included.
func (p Ack) Append(dst []byte, t Type) []byte {
	return append(dst, byte(t)<<4|ackFlags(t), 2, byte(p.ID>>8), byte(p.ID))
}

// Empty is a packet without a body: PINGREQ, PINGRESP or DISCONNECT.
type Empty struct{}

// Decode refuses any body. An error is an *Error.
func (Empty) Decode(body []byte) error {
	if len(body) > 0 {
		return errTrailing
	}
	return nil
}

// Append appends the packet as one of type t.
func (Empty) Append(dst []byte, t Type) []byte { return append(dst, byte(t)<<4, 0) }
