package packet

import (
	"encoding/binary"
	"iter"
)

// Properties are the properties of a packet as they stand on the wire, without the length in front; nil is none. What a
// Decode gives obeys the standard and aliases the packet's body, unless the Decode says that it copies. The methods
// whose names begin with Append add to the end, as the built-in append does:
//
//	p := packet.Properties(nil).AppendNumber(packet.ReceiveMaximum, 20).AppendText(packet.ReasonString, "welcome")
//
// Reading walks the bytes each time; they are few.
type Properties []byte

// String shows nothing: properties hold authentication data and whatever a client likes.
func (Properties) String() string { return "properties" }

// GoString shows nothing, as String.
func (Properties) GoString() string { return "packet.Properties{…}" }

// Number gives a number, and whether it is there.
func (p Properties) Number(id NumberProperty) (uint32, bool) {
	for at, value := range p.all() {
		if at == byte(id) {
			return number(properties[at].form, value), true
		}
	}
	return 0, false
}

// Value gives a number, or what the standard says its absence means: 65,535 for the Receive Maximum, 268,435,460 for
// the Maximum Packet Size, 2 for the Maximum QoS, 1 for Request Problem Information and what may be available, else 0.
// Where absence differs from every number, use Number.
func (p Properties) Value(id NumberProperty) uint32 {
	if n, ok := p.Number(id); ok {
		return n
	}
	return properties[id].absent
}

// Text gives a copy of a text, and whether it is there; it may be there and empty.
func (p Properties) Text(id TextProperty) (string, bool) {
	value, ok := p.find(byte(id))
	return string(value), ok
}

// Binary gives binary data, and whether it is there. It aliases p.
func (p Properties) Binary(id BinaryProperty) ([]byte, bool) { return p.find(byte(id)) }

// User gives the names and values of the User Properties in their order; a name may come again.
func (p Properties) User() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for at, value := range p.all() {
			if at != userProperty {
				continue
			}
			n := binary.BigEndian.Uint16(value)
			if !yield(string(value[2:2+n]), string(value[4+n:])) {
				return
			}
		}
	}
}

// SubscriptionIdentifiers gives all of them: a server's PUBLISH may have several.
func (p Properties) SubscriptionIdentifiers() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for at, value := range p.all() {
			if at == byte(SubscriptionIdentifier) && !yield(number(formVarint, value)) {
				return
			}
		}
	}
}

// AppendNumber adds a number. More than the property can hold is cut; bounds are the caller's business.
func (p Properties) AppendNumber(id NumberProperty, n uint32) Properties {
	p = append(p, byte(id))
	switch properties[id].form {
	case formByte:
		return append(p, byte(n))
	case formUint16:
		return binary.BigEndian.AppendUint16(p, uint16(n))
	case formUint32:
		return binary.BigEndian.AppendUint32(p, n)
	}
	return appendVarint(p, int(n))
}

// AppendText adds a text of up to 65,535 bytes of UTF-8 without U+0000.
func (p Properties) AppendText(id TextProperty, s string) Properties {
	return appendBinary(append(p, byte(id)), s)
}

// AppendBinary adds up to 65,535 bytes.
func (p Properties) AppendBinary(id BinaryProperty, b []byte) Properties {
	return appendBinary(append(p, byte(id)), b)
}

// AppendUser adds a User Property; name and value are as with AppendText.
func (p Properties) AppendUser(name, value string) Properties {
	return appendBinary(appendBinary(append(p, userProperty), name), value)
}

// AppendMessage adds those properties of a PUBLISH or a will that its receivers get unaltered: Payload Format
// Indicator, Content Type, Response Topic, Correlation Data, and the User Properties in their order [MQTT-3.3.2-4],
// [MQTT-3.3.2-15] to [MQTT-3.3.2-18], [MQTT-3.3.2-20], [MQTT-3.1.3-10]. The Message Expiry Interval is for the sender
// to count down, Topic Alias and Subscription Identifier are each connection's own.
func (p Properties) AppendMessage(from Properties) Properties {
	return p.appendIf(from, func(id byte) bool {
		switch id {
		case byte(PayloadFormatIndicator), byte(ContentType), byte(ResponseTopic), byte(CorrelationData), userProperty:
			return true
		}
		return false
	})
}

// WithoutReasons is p without Reason String and User Properties. That is what goes to a client with Request Problem
// Information 0, in every packet but PUBLISH, CONNACK and DISCONNECT [MQTT-3.1.2-29], and what is left when a packet
// would be larger than the receiver takes.
func (p Properties) WithoutReasons() Properties {
	return Properties(nil).appendIf(p, func(id byte) bool { return id != byte(ReasonString) && id != userProperty })
}

func (p Properties) appendIf(from Properties, wanted func(id byte) bool) Properties {
	for id, value := range from.all() {
		if !wanted(id) {
			continue
		}
		p = append(p, id)
		if f := properties[id].form; f == formText || f == formBinary {
			p = appendUint16(p, uint16(len(value)))
		}
		p = append(p, value...)
	}
	return p
}

func (p Properties) find(id byte) ([]byte, bool) {
	for at, value := range p.all() {
		if at == id {
			return value, true
		}
	}
	return nil, false
}

// all gives identifier and value of each property, texts and binary data without their length. It ends before the
// first that is not sound, for whoever made p himself.
func (p Properties) all() iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		s := scanner{rest: p}
		for len(s.rest) > 0 {
			id := s.byte()
			if int(id) >= len(properties) {
				return
			}
			value := s.value(properties[id].form)
			if s.err != nil || value == nil || !yield(id, value) {
				return
			}
		}
	}
}

func number(f form, value []byte) uint32 {
	switch f {
	case formByte:
		return uint32(value[0])
	case formUint16:
		return uint32(binary.BigEndian.Uint16(value))
	case formUint32:
		return binary.BigEndian.Uint32(value)
	}
	s := scanner{rest: value}
	return s.varint()
}

// size is the length of the properties on the wire, with the length in front.
func (p Properties) size() int { return varintSize(len(p)) + len(p) }

func appendProperties(dst []byte, p Properties) []byte {
	return append(appendVarint(dst, len(p)), p...)
}

func varintSize(n int) int {
	switch {
	case n < 1<<7:
		return 1
	case n < 1<<14:
		return 2
	case n < 1<<21:
		return 3
	}
	return 4
}

func appendVarint(dst []byte, n int) []byte {
	n &= maxRemaining
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

// fit makes a packet of at most limit bytes, 0 for no limit, out of a body of bare bytes and properties: if need be
// without reasons. It reports false if even that is too much [MQTT-3.1.2-24].
func fit(bare int, p Properties, limit uint32) (Properties, bool) {
	if within(bare+p.size(), limit) {
		return p, true
	}
	p = p.WithoutReasons()
	return p, within(bare+p.size(), limit)
}

// within reports whether a packet with a body of n bytes is at most limit bytes long; 0 is no limit.
func within(n int, limit uint32) bool { return limit == 0 || 1+varintSize(n)+n <= int(limit) }
