package packet

// Decode5 reads the body of a PUBLISH of MQTT 5 whose fixed header ParseHeader has accepted. With a topic alias the
// topic may be empty; what the alias stands for is the connection's to know. Payload and Properties alias the body;
// the topic is kept if it is the same again, as with Decode. An error is an *Error; with Unacceptable p is complete, and
// for QoS 1 and 2 its Code may go into a PUBACK or PUBREC instead of closing the connection.
func (p *Publish) Decode5(flags byte, body []byte, r *Rules) error {
	s := scanner{rest: body, rules: r}
	topic := s.text()
	p.QoS, p.Dup, p.Retain, p.ID = flags>>1&0x03, flags&0x08 != 0, flags&0x01 != 0, 0
	if p.QoS > 0 {
		p.ID = s.packetID()
	}
	p.Properties = s.properties(PUBLISH)
	if s.err != nil {
		return s.err
	}
	if len(topic) > 0 {
		if err := checkTopic5(topic, err5Wildcard); err != nil {
			return err
		}
	} else if _, alias := p.Properties.Number(TopicAlias); !alias {
		return err5NoTopic
	}
	if p.Topic != string(topic) {
		p.Topic = string(topic)
	}
	p.Payload = s.rest
	if err := r.checkTopic(topic); err != nil {
		return err
	}
	if err := r.checkPayload(p.Properties, p.Payload); err != nil {
		return err
	}
	return nil
}

// Size5 is the length of the packet that Append5 writes, with its fixed header: what a receiver's Maximum Packet Size
// bounds.
func (p *Publish) Size5() int {
	n := p.Size() + p.Properties.size()
	return 1 + varintSize(n) + n
}

// Append5 appends the packet in the form of MQTT 5, header included. The topic must satisfy ValidTopic, or be empty if
// there is a topic alias.
func (p *Publish) Append5(dst []byte) []byte {
	dst = AppendHeader(dst, Header{Type: PUBLISH, Flags: p.flags(), Length: p.Size() + p.Properties.size()})
	dst = appendBinary(dst, p.Topic)
	if p.QoS > 0 {
		dst = appendUint16(dst, p.ID)
	}
	return append(appendProperties(dst, p.Properties), p.Payload...)
}
