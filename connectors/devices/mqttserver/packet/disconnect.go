package packet

// Disconnect is a DISCONNECT of MQTT 5. Whether its Session Expiry Interval may be there depends on the CONNECT: after
// one of 0 only 0 may follow (MQTT 5.0 section 3.14.2.2.2).
type Disconnect struct {
	Code       ReasonCode
	Properties Properties
}

// Decode reads the body of a DISCONNECT. Properties alias it. An error is an *Error.
func (p *Disconnect) Decode(body []byte, r *Rules) error {
	return decodeReason(DISCONNECT, body, r, &p.Code, &p.Properties)
}

// Append appends the packet, header included, if it is at most limit bytes long; 0 is no limit. To a limit Reason
// String and User Properties give way first; if the packet is still larger, nothing is appended.
func (p *Disconnect) Append(dst []byte, limit uint32) []byte {
	return appendReason(dst, DISCONNECT, nil, p.Code, p.Properties, limit)
}

// Auth is an AUTH. That its Authentication Method is that of the CONNECT is for the session to check.
type Auth struct {
	Code       ReasonCode
	Properties Properties
}

// Decode reads the body of an AUTH. Properties alias it. An error is an *Error.
func (p *Auth) Decode(body []byte, r *Rules) error {
	return decodeReason(AUTH, body, r, &p.Code, &p.Properties)
}

// Append appends the packet, header included, within limit as with Disconnect.
func (p *Auth) Append(dst []byte, limit uint32) []byte {
	return appendReason(dst, AUTH, nil, p.Code, p.Properties, limit)
}

func decodeReason(t Type, body []byte, r *Rules, code *ReasonCode, props *Properties) error {
	s := scanner{rest: body, rules: r}
	*code, *props = Success, nil
	if len(body) > 0 {
		*code = ReasonCode(s.byte())
	}
	if len(s.rest) > 0 {
		*props = s.properties(t)
	}
	switch {
	case s.err != nil:
		return s.err
	case !code.AllowedIn(t, r.FromServer):
		return err5Code
	case t == AUTH && len(body) > 0 && len(*props) == 0:
		return err5NoMethod
	}
	return s.end(err5Trailing)
}

// appendReason appends a packet that ends in a reason code and properties, within limit. Both are left out if they say
// nothing.
func appendReason(dst []byte, t Type, head []byte, code ReasonCode, props Properties, limit uint32) []byte {
	n := len(head) + reasonSize(code, props)
	if !within(n, limit) {
		props = props.WithoutReasons()
		if n = len(head) + reasonSize(code, props); !within(n, limit) {
			return dst
		}
	}
	dst = append(AppendHeader(dst, Header{Type: t, Flags: ackFlags(t), Length: n}), head...)
	if n > len(head) {
		dst = append(dst, byte(code))
	}
	if len(props) > 0 {
		dst = appendProperties(dst, props)
	}
	return dst
}

func reasonSize(code ReasonCode, props Properties) int {
	switch {
	case len(props) > 0:
		return 1 + props.size()
	case code != Success:
		return 1
	}
	return 0
}
