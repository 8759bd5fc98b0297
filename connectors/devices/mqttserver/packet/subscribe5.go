package packet

// Decode5 reads the body of a SUBSCRIBE of MQTT 5. Nothing but Properties aliases the body. An error is an *Error.
// Limits of filters are not looked at: a filter that is too long or too deep has a reason code of its own in the SUBACK.
func (p *Subscribe) Decode5(body []byte, r *Rules) error {
	s := scanner{rest: body, rules: r}
	p.ID, p.Subscriptions = s.packetID(), nil
	p.Properties = s.properties(SUBSCRIBE)
	if n := countFilters(s.rest, 1); n > 0 {
		p.Subscriptions = make([]Subscription, 0, n)
	}
	for s.err == nil && len(s.rest) > 0 {
		filter := s.filter()
		options := s.byte()
		sub := Subscription{
			Filter: filter, QoS: options & 0x03, NoLocal: options&0x04 != 0, RetainAsPublished: options&0x08 != 0,
			RetainHandling: options >> 4 & 0x03,
		}
		if err := checkOptions(options, &sub); err != nil && s.err == nil {
			s.fail(err)
		}
		p.Subscriptions = append(p.Subscriptions, sub)
	}
	if s.err == nil && len(p.Subscriptions) == 0 {
		return err5NoFilter
	}
	return s.end(err5Trailing)
}

func checkOptions(options byte, sub *Subscription) *Error {
	switch {
	case options&0xc0 != 0:
		return err5Options
	case sub.QoS == 3:
		return err5RequestedQoS
	case sub.RetainHandling == 3:
		return err5RetainHandling
	case sub.NoLocal:
		if group, _ := Share(sub.Filter); group != "" {
			return err5NoLocal
		}
	}
	return nil
}

// countFilters says how many filters, each with so many bytes of options, b begins with that may be sound, so that a SUBSCRIBE
// of many short ones costs no more than a small multiple of its length.
func countFilters(b []byte, options int) (n int) {
	for len(b) >= 2 {
		length := 2 + (int(b[0])<<8 | int(b[1])) + options
		if length > len(b) || length == 2+options {
			break
		}
		b = b[length:]
		n++
	}
	return n
}

func (s *scanner) filter() string {
	b := s.text()
	if s.err == nil {
		if err := checkFilter5(b); err != nil {
			s.fail(err)
		}
	}
	if s.err != nil {
		return ""
	}
	return string(b)
}

// Append5 appends the packet in the form of MQTT 5, header included.
func (p *Subscribe) Append5(dst []byte) []byte {
	n := 2 + p.Properties.size()
	for _, s := range p.Subscriptions {
		n += 2 + len(s.Filter) + 1
	}
	dst = AppendHeader(dst, Header{Type: SUBSCRIBE, Flags: 0x02, Length: n})
	dst = appendProperties(appendUint16(dst, p.ID), p.Properties)
	for _, s := range p.Subscriptions {
		dst = append(appendBinary(dst, s.Filter), s.options())
	}
	return dst
}

func (s *Subscription) options() byte {
	b := s.QoS | s.RetainHandling<<4
	if s.NoLocal {
		b |= 0x04
	}
	if s.RetainAsPublished {
		b |= 0x08
	}
	return b
}

// Decode5 reads the body of an UNSUBSCRIBE of MQTT 5, as with Subscribe.
func (p *Unsubscribe) Decode5(body []byte, r *Rules) error {
	s := scanner{rest: body, rules: r}
	p.ID, p.Filters = s.packetID(), nil
	p.Properties = s.properties(UNSUBSCRIBE)
	if n := countFilters(s.rest, 0); n > 0 {
		p.Filters = make([]string, 0, n)
	}
	for s.err == nil && len(s.rest) > 0 {
		p.Filters = append(p.Filters, s.filter())
	}
	if s.err == nil && len(p.Filters) == 0 {
		return err5NoUnsubscribe
	}
	return s.end(err5Trailing)
}

// Append5 appends the packet in the form of MQTT 5, header included.
func (p *Unsubscribe) Append5(dst []byte) []byte {
	n := 2 + p.Properties.size()
	for _, s := range p.Filters {
		n += 2 + len(s)
	}
	dst = AppendHeader(dst, Header{Type: UNSUBSCRIBE, Flags: 0x02, Length: n})
	dst = appendProperties(appendUint16(dst, p.ID), p.Properties)
	for _, s := range p.Filters {
		dst = appendBinary(dst, s)
	}
	return dst
}
