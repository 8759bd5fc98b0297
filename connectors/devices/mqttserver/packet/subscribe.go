package packet

// Subscription is one filter of a SUBSCRIBE.
type Subscription struct {
	Filter string
	// QoS is the highest quality of service that the client wants, 0 to 2.
	QoS byte

	// What follows are options of MQTT 5. NoLocal keeps the client's own messages from it.
	NoLocal bool
	// RetainAsPublished keeps the retain flag of messages that are forwarded.
	RetainAsPublished bool
	// RetainHandling says when retained messages are sent: 0 always, 1 for a new subscription, 2 never.
	RetainHandling byte
}

// SubscribeFailure is the return code in a SUBACK for a filter that was refused.
const SubscribeFailure = 0x80

// Subscribe is a SUBSCRIBE.
type Subscribe struct {
	ID            uint16
	Subscriptions []Subscription
	// Properties are those of MQTT 5, else nil. They alias the body that was decoded.
	Properties Properties
}

// Decode reads the body of a SUBSCRIBE. An error is an *Error.
func (p *Subscribe) Decode(body []byte) error {
	f := fields{rest: body}
	p.ID, p.Subscriptions = f.packetID(), nil
	if n := countFilters(f.rest, 1); n > 0 {
		p.Subscriptions = make([]Subscription, 0, n)
	}
	for f.err == nil && len(f.rest) > 0 {
		filter := decodeFilter(&f)
		qos := f.byte()
		if f.err == nil && qos > 2 { // the upper six bits are reserved
			f.fail(errRequestedQoS)
		}
		p.Subscriptions = append(p.Subscriptions, Subscription{Filter: filter, QoS: qos})
	}
	if f.err == nil && len(p.Subscriptions) == 0 {
		return errNoFilter
	}
	return f.end()
}

// Append appends the packet, header included.
func (p *Subscribe) Append(dst []byte) []byte {
	n := 2
	for _, s := range p.Subscriptions {
		n += 2 + len(s.Filter) + 1
	}
	dst = AppendHeader(dst, Header{Type: SUBSCRIBE, Flags: 0x02, Length: n})
	dst = appendUint16(dst, p.ID)
	for _, s := range p.Subscriptions {
		dst = append(appendBinary(dst, s.Filter), s.QoS)
	}
	return dst
}

// Unsubscribe is an UNSUBSCRIBE.
type Unsubscribe struct {
	ID      uint16
	Filters []string
	// Properties are those of MQTT 5, else nil. They alias the body that was decoded.
	Properties Properties
}

// Decode reads the body of an UNSUBSCRIBE. An error is an *Error.
func (p *Unsubscribe) Decode(body []byte) error {
	f := fields{rest: body}
	p.ID, p.Filters = f.packetID(), nil
	if n := countFilters(f.rest, 0); n > 0 {
		p.Filters = make([]string, 0, n)
	}
	for f.err == nil && len(f.rest) > 0 {
		p.Filters = append(p.Filters, decodeFilter(&f))
	}
	if f.err == nil && len(p.Filters) == 0 {
		return errNoUnsubscribe
	}
	return f.end()
}

// Append appends the packet, header included.
func (p *Unsubscribe) Append(dst []byte) []byte {
	n := 2
	for _, s := range p.Filters {
		n += 2 + len(s)
	}
	dst = AppendHeader(dst, Header{Type: UNSUBSCRIBE, Flags: 0x02, Length: n})
	dst = appendUint16(dst, p.ID)
	for _, s := range p.Filters {
		dst = appendBinary(dst, s)
	}
	return dst
}

// AppendSuback appends a SUBACK with one return code for each filter, in their order [MQTT-3.8.4-5].
func AppendSuback(dst []byte, id uint16, codes []byte) []byte {
	dst = AppendHeader(dst, Header{Type: SUBACK, Length: 2 + len(codes)})
	return append(appendUint16(dst, id), codes...)
}

func decodeFilter(f *fields) string {
	b := f.text()
	if f.err == nil {
		if err := checkFilter(b); err != nil {
			f.fail(err)
		}
	}
	return string(b)
}
