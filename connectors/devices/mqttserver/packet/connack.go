package packet

// Connack is a CONNACK. In MQTT 3 Code is a return code of that version, not a reason code.
type Connack struct {
	SessionPresent bool
	Code           ReasonCode
	Properties     Properties
}

// Append appends the packet in the form of version v, header included, if it is at most limit bytes long; 0 is no
// limit. To a limit Reason String and User Properties give way first; if the packet is still larger, nothing is
// appended. A version that is not 5 gets the form of 3.1.1, without session present for 3.1.
func (p *Connack) Append(dst []byte, v Version, limit uint32) []byte {
	var flags byte
	if p.SessionPresent && v != V31 {
		flags = 1
	}
	if v != V5 {
		return append(dst, byte(CONNACK)<<4, 2, flags, byte(p.Code))
	}
	props, ok := fit(2, p.Properties, limit)
	if !ok {
		return dst
	}
	dst = AppendHeader(dst, Header{Type: CONNACK, Length: 2 + props.size()})
	return appendProperties(append(dst, flags, byte(p.Code)), props)
}

// Decode reads the body of a CONNACK of version v, as a client does. An error is an *Error.
func (p *Connack) Decode(body []byte, v Version, r *Rules) error {
	s := scanner{rest: body, rules: r}
	flags := s.byte()
	p.SessionPresent, p.Code, p.Properties = flags == 1, ReasonCode(s.byte()), nil
	if v == V5 {
		p.Properties = s.properties(CONNACK)
	}
	switch {
	case s.err != nil:
		return s.err
	case flags > 1:
		return err5ConnackFlags
	case p.SessionPresent && p.Code != Success:
		return err5SessionPresent
	case v == V5 && !p.Code.AllowedIn(CONNACK, true):
		return err5Code
	}
	return s.end(err5Trailing)
}
