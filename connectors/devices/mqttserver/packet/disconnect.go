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
	return appendReason(dst, DISCONNECT, p.Code, p.Properties, limit)
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
	return appendReason(dst, AUTH, p.Code, p.Properties, limit)
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

func appendReason(dst []byte, t Type, code ReasonCode, props Properties, limit uint32) []byte {
	if len(props) > 0 {
		var ok bool
		if props, ok = fit(1, props, limit); !ok {
			if len(props) > 0 {
				return dst
			}
		}
	}
	n := 0
	switch {
	case len(props) > 0:
		n = 1 + props.size()
	case code != Success:
		n = 1
	}
	if limit > 0 && uint32(2+n) > limit {
		return dst
	}
	dst = AppendHeader(dst, Header{Type: t, Length: n})
	if n > 0 {
		dst = append(dst, byte(code))
	}
	if n > 1 {
		dst = appendProperties(dst, props)
	}
	return dst
}
