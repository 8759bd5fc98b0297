package packet

// Ack5 is a PUBACK, PUBREC, PUBREL or PUBCOMP of MQTT 5.
type Ack5 struct {
	ID         uint16
	Code       ReasonCode
	Properties Properties
}

// Decode reads the body of such a packet of type t. Properties alias the body. An error is an *Error.
func (p *Ack5) Decode(t Type, body []byte, r *Rules) error {
	s := scanner{rest: body, rules: r}
	p.ID, p.Code, p.Properties = s.packetID(), Success, nil
	if len(s.rest) > 0 {
		p.Code = ReasonCode(s.byte())
	}
	if len(s.rest) > 0 {
		p.Properties = s.properties(t)
	}
	if s.err == nil && !p.Code.AllowedIn(t, r.FromServer) {
		return err5Code
	}
	return s.end(err5Trailing)
}

// Append appends the packet as one of type t, header included, if it is at most limit bytes long; 0 is no limit. To a
// limit Reason String and User Properties give way first; if the packet is still larger, nothing is appended.
func (p *Ack5) Append(dst []byte, t Type, limit uint32) []byte {
	id := [2]byte{byte(p.ID >> 8), byte(p.ID)}
	return appendReason(dst, t, id[:], p.Code, p.Properties, limit)
}

func ackFlags(t Type) byte {
	if t == PUBREL {
		return 0x02 // [MQTT-3.6.1-1]
	}
	return 0
}
