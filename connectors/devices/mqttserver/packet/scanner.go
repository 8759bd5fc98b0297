package packet

import "encoding/binary"

// scanner walks the fields of an MQTT 5 packet. The first failure sticks, as with fields.
type scanner struct {
	rest  []byte
	rules *Rules
	// short is what is wrong if the next field is cut off; nil says no more than that.
	short *Error
	err   *Error
}

func (s *scanner) fail(err *Error) {
	if s.err == nil {
		s.err = err
	}
	s.rest = nil
}

func (s *scanner) take(n int) []byte {
	if s.err != nil || len(s.rest) < n {
		if s.short == nil {
			s.short = err5Short
		}
		s.fail(s.short)
		return nil
	}
	b := s.rest[:n:n]
	s.rest = s.rest[n:]
	return b
}

func (s *scanner) byte() byte {
	if b := s.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (s *scanner) uint16() uint16 {
	if b := s.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// varint is a Variable Byte Integer, section 1.5.5.
func (s *scanner) varint() (n uint32) {
	for i := range 4 {
		b := s.byte()
		n |= uint32(b&0x7f) << (7 * i)
		if b < 0x80 {
			if i > 0 && b == 0 && s.err == nil {
				s.fail(err5VarintPadded)
			}
			return n
		}
	}
	s.fail(err5VarintLong)
	return 0
}

func (s *scanner) binary() []byte { return s.take(int(s.uint16())) }

func (s *scanner) text() []byte {
	b := s.binary()
	if s.err != nil {
		return nil
	}
	if err := s.rules.checkText(b); err != nil {
		s.fail(err)
		return nil
	}
	return b
}

func (s *scanner) packetID() uint16 {
	id := s.uint16()
	if s.err == nil && id == 0 {
		s.fail(err5PacketID)
	}
	return id
}

// value takes the value of a property in its form, without looking at it; nil is a failure.
func (s *scanner) value(f form) []byte {
	switch f {
	case formByte:
		return s.take(1)
	case formUint16:
		return s.take(2)
	case formUint32:
		return s.take(4)
	case formText, formBinary:
		return s.binary()
	case formVarint, formPair:
		all := s.rest
		if f == formVarint {
			s.varint()
		} else {
			s.binary()
			s.binary()
		}
		if s.err != nil {
			return nil
		}
		return all[: len(all)-len(s.rest) : len(all)-len(s.rest)]
	}
	return nil
}

// end gives the first failure, or trailing if bytes are left that no field took.
func (s *scanner) end(trailing *Error) error {
	switch {
	case s.err != nil:
		return s.err
	case len(s.rest) > 0:
		return trailing
	}
	return nil
}

// properties takes the properties of a packet of type in and checks them. They alias the body.
func (s *scanner) properties(in Type) Properties {
	n := s.varint()
	if n == 0 {
		return nil
	}
	p := s.take(int(n))
	if s.err != nil {
		return nil
	}
	if err := s.rules.checkProperties(in, p); err != nil {
		s.fail(err)
		return nil
	}
	return p
}

// checkProperties applies section 2.2.2.2, and what the sections of the properties themselves say.
func (r *Rules) checkProperties(in Type, p []byte) *Error {
	s := scanner{rest: p, rules: r, short: err5PropertyCut}
	var seen uint64 // a bit for each identifier
	users, userBytes := 0, 0
	for len(s.rest) > 0 {
		id := s.varint()
		switch {
		case s.err != nil:
			return s.err
		case id >= uint32(len(properties)) || properties[id].in[in] == 0:
			return err5Property
		case id == userProperty:
			before := len(s.rest)
			s.text()
			s.text()
			users++
			userBytes += 1 + before - len(s.rest)
		case seen&(1<<id) != 0 && !(in == PUBLISH && r.FromServer && id == uint32(SubscriptionIdentifier)):
			return offence(in, id, ProtocolError, "twice")
		default:
			if err := s.property(in, id); err != nil {
				return err
			}
		}
		seen |= 1 << id
		if s.err == nil && (users > orDefault(r.UserProperties, defaultUserProperties) ||
			userBytes > orDefault(r.UserPropertyBytes, defaultUserPropertyBytes)) {
			return err5UserProperties
		}
	}
	const data, method = 1 << AuthenticationData, 1 << AuthenticationMethod
	switch {
	case s.err != nil:
		return s.err
	case in == AUTH && seen&method == 0:
		return err5NoMethod
	case seen&data != 0 && seen&method == 0:
		return err5DataAlone
	}
	return nil
}

func orDefault(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// property takes the value of one and checks it, User Properties apart.
func (s *scanner) property(in Type, id uint32) *Error {
	d := &properties[id]
	switch {
	case id == uint32(SubscriptionIdentifier) && in == PUBLISH && !s.rules.FromServer:
		return err5SubscriptionIdentifier
	case id == uint32(SessionExpiryInterval) && in == DISCONNECT && s.rules.FromServer:
		return err5ServerExpiry
	}
	switch d.form {
	case formText:
		b := s.text()
		if s.err == nil && id == uint32(ResponseTopic) {
			return checkTopic5(b, err5ResponseTopic)
		}
	case formBinary:
		s.binary()
	default:
		value := s.value(d.form)
		if s.err != nil {
			return s.err
		}
		n := number(d.form, value)
		switch {
		case id == uint32(TopicAlias) && n == 0:
			return err5AliasZero
		case id == uint32(TopicAlias) && n > uint32(s.rules.TopicAliasMaximum):
			return err5Alias
		case n < d.low, n > d.high:
			return offence(in, id, ProtocolError, "out of bounds")
		}
	}
	return s.err
}
