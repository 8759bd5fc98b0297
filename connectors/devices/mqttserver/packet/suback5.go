package packet

// Suback5 is a SUBACK or UNSUBACK of MQTT 5: a reason code for each filter, in their order [MQTT-3.9.3-1],
// [MQTT-3.11.3-1].
type Suback5 struct {
	ID         uint16
	Codes      []ReasonCode
	Properties Properties
}

// Append appends the packet as one of type t, SUBACK or UNSUBACK, header included, if it is at most limit bytes long;
// 0 is no limit. To a limit Reason String and User Properties give way first; if the packet is still larger, nothing is
// appended.
func (p *Suback5) Append(dst []byte, t Type, limit uint32) []byte {
	props, ok := fit(2+len(p.Codes), p.Properties, limit)
	if !ok {
		return dst
	}
	dst = AppendHeader(dst, Header{Type: t, Length: 2 + props.size() + len(p.Codes)})
	dst = appendProperties(appendUint16(dst, p.ID), props)
	for _, c := range p.Codes {
		dst = append(dst, byte(c))
	}
	return dst
}

// Decode reads the body of such a packet of type t, as a client does. Properties alias the body. An error is an *Error.
func (p *Suback5) Decode(t Type, body []byte, r *Rules) error {
	s := scanner{rest: body, rules: r}
	p.ID, p.Codes = s.packetID(), nil
	p.Properties = s.properties(t)
	if s.err != nil {
		return s.err
	}
	if len(s.rest) == 0 {
		return err5Short // [MQTT-3.8.4-6]
	}
	p.Codes = make([]ReasonCode, len(s.rest))
	for i, b := range s.rest {
		if p.Codes[i] = ReasonCode(b); !p.Codes[i].AllowedIn(t, true) {
			return err5Code
		}
	}
	return nil
}
