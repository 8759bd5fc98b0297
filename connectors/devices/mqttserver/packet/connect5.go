package packet

import "bytes"

// DecodeAny reads the body of a CONNECT of MQTT 3.1, 3.1.1 or 5, of which h is the header. For 3.1 and 3.1.1 it is
// Decode. In MQTT 5 CleanSession is the standard's Clean Start, a password may come without a user name, and an empty
// client identifier asks for one. Nothing in p aliases the body. An error is an *Error; its Code is fit for a CONNACK
// if p.Version is V5, and with Unacceptable p is complete.
func (p *Connect) DecodeAny(h Header, body []byte, r *Rules) error {
	f := fields{rest: body}
	name, level := f.binary(), Version(f.byte())
	if f.err != nil || string(name) != "MQTT" || level != V5 {
		return p.Decode(body)
	}
	*p = Connect{Version: V5}
	if h.Padded {
		return err5VarintPadded
	}
	s := scanner{rest: f.rest, rules: r}
	flags := s.byte()
	p.KeepAlive = s.uint16()
	if s.err != nil {
		return s.err
	}
	if err := checkConnectFlags5(flags); err != nil {
		return err
	}
	p.CleanSession = flags&flagCleanSession != 0
	p.Properties = bytes.Clone(s.properties(CONNECT))
	s.short = err5NoClientID
	p.ClientID = string(s.text())
	trailing := err5Trailing
	var unacceptable *Error
	if flags&flagWill != 0 {
		s.short = err5NoWill
		p.Will, unacceptable = decodeWill5(&s, flags)
	}
	if p.HasUserName = flags&flagUserName != 0; p.HasUserName {
		s.short = err5NoUserName
		p.UserName = string(s.text())
	} else {
		trailing = err5UserName
	}
	if p.HasPassword = flags&flagPassword != 0; p.HasPassword {
		s.short = err5NoPassword
		p.Password = append([]byte(nil), s.binary()...)
	} else if p.HasUserName {
		trailing = err5Password
	}
	if err := s.end(trailing); err != nil {
		return err
	}
	if unacceptable != nil {
		return unacceptable
	}
	return nil
}

func checkConnectFlags5(flags byte) error {
	willQoS := flags >> 3 & 0x03
	switch {
	case flags&flagReserved != 0:
		return err5ConnectFlag
	case flags&flagWill == 0 && willQoS != 0:
		return err5WillQoS0
	case flags&flagWill == 0 && flags&flagWillRetain != 0:
		return err5WillRetain
	case willQoS == 3:
		return err5WillQoS
	}
	return nil
}

// decodeWill5 reads a will. It may be sound and yet not acceptable.
func decodeWill5(s *scanner, flags byte) (w *Will, unacceptable *Error) {
	w = &Will{QoS: flags >> 3 & 0x03, Retain: flags&flagWillRetain != 0}
	w.Properties = bytes.Clone(s.properties(will))
	topic := s.text()
	if s.err == nil {
		if err := checkTopic5(topic, err5WillTopic); err != nil {
			s.fail(err)
		}
	}
	payload := s.binary()
	if s.err != nil {
		return nil, nil
	}
	w.Topic, w.Payload = string(topic), append([]byte(nil), payload...)
	if unacceptable = s.rules.checkTopic(topic); unacceptable == nil {
		unacceptable = s.rules.checkPayload(w.Properties, payload)
	}
	return w, unacceptable
}
