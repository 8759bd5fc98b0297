package message

import (
	"encoding/binary"
	"unicode/utf8"
)

// Number says what an option is.
type Number uint16

// The options that servers here know (RFC 7252 section 5.10, RFC 7641, RFC 7959).
const (
	URIHost       Number = 3
	ETag          Number = 4
	Observe       Number = 6
	URIPort       Number = 7
	URIPath       Number = 11
	ContentFormat Number = 12
	MaxAge        Number = 14
	URIQuery      Number = 15
	Accept        Number = 17
	Block2        Number = 23
	Block1        Number = 27
	Size2         Number = 28
	ProxyURI      Number = 35
	ProxyScheme   Number = 39
	Size1         Number = 60
)

// Critical reports whether a message with such an option must not be processed by one who does not know it (RFC 7252
// section 5.4.1).
func (n Number) Critical() bool { return n&1 == 1 }

// Option is one option. The value points into the datagram that it was read from.
type Option struct {
	Number Number
	Value  []byte
}

// Options are in the order of their numbers.
type Options []Option

// rule is what RFC 7252 table 4 says of an option in a request.
type rule struct {
	shortest, longest int
	repeatable, text  bool
}

func ruleOf(n Number) (rule, bool) {
	switch n {
	case URIHost, ProxyScheme:
		return rule{shortest: 1, longest: 255, text: true}, true
	case ProxyURI:
		return rule{shortest: 1, longest: 1034, text: true}, true
	case URIPath, URIQuery:
		return rule{longest: 255, repeatable: true, text: true}, true
	case ETag:
		return rule{shortest: 1, longest: 8, repeatable: true}, true
	case URIPort, ContentFormat, Accept:
		return rule{longest: 2}, true
	case Observe, Block1, Block2:
		return rule{longest: 3}, true
	case MaxAge, Size1, Size2:
		return rule{longest: 4}, true
	}
	return rule{}, false
}

// Check returns the options of a request that can be used, in the same storage. ok is false if one has to be understood
// and is not: a critical option that nobody here knows, one whose value is not of its form, or one more of those that
// must not be repeated (RFC 7252 sections 5.4.1, 5.4.3 and 5.4.5). Elective ones of that kind are left out.
func (o Options) Check() (usable Options, ok bool) {
	usable, ok = o[:0], true
	for i, p := range o {
		r, known := ruleOf(p.Number)
		good := known && len(p.Value) >= r.shortest && len(p.Value) <= r.longest &&
			(r.repeatable || i == 0 || o[i-1].Number != p.Number) && (!r.text || utf8.Valid(p.Value))
		switch {
		case good:
			usable = append(usable, p)
		case p.Number.Critical():
			ok = false
		}
	}
	return usable, ok
}

// Get is the value of the first option with a number.
func (o Options) Get(n Number) (value []byte, ok bool) {
	for _, p := range o {
		if p.Number == n {
			return p.Value, true
		}
	}
	return nil, false
}

// Uint is Get for a value that is a number of at most 4 bytes.
func (o Options) Uint(n Number) (value uint32, ok bool) {
	b, ok := o.Get(n)
	if !ok || len(b) > 4 {
		return 0, false
	}
	for _, c := range b {
		value = value<<8 | uint32(c)
	}
	return value, true
}

// Strings are the values of all options with a number.
func (o Options) Strings(n Number) []string {
	var all []string
	for _, p := range o {
		if p.Number == n {
			all = append(all, string(p.Value))
		}
	}
	return all
}

// AddUint adds an option whose value is a number, in as few bytes as it needs (RFC 7252 section 3.2). Options must be
// added in the order of their numbers.
func (o Options) AddUint(n Number, value uint32) Options {
	var b []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if len(b) > 0 || value>>shift != 0 {
			b = append(b, byte(value>>shift))
		}
	}
	return append(o, Option{n, b})
}

// Add adds an option. Options must be added in the order of their numbers.
func (o Options) Add(n Number, value []byte) Options { return append(o, Option{n, value}) }

// parse reads options up to the payload.
func (o Options) parse(b []byte) (options Options, payload []byte, err error) {
	number := 0
	for len(b) > 0 {
		if b[0] == payloadMarker {
			if len(b) == 1 { // RFC 7252 section 3: a marker without a payload
				return o, nil, ErrFormat
			}
			return o, b[1:], nil
		}
		delta, length := int(b[0]>>4), int(b[0]&15)
		b = b[1:]
		var ok bool
		if delta, b, ok = extended(delta, b); !ok {
			return o, nil, ErrFormat
		}
		if length, b, ok = extended(length, b); !ok || length > len(b) {
			return o, nil, ErrFormat
		}
		if number += delta; number > 0xffff {
			return o, nil, ErrFormat
		}
		o = append(o, Option{Number(number), b[:length]})
		b = b[length:]
	}
	return o, nil, nil
}

// The nibbles that mean: the number goes on in one byte, or in two (RFC 7252 section 3.1). 15 is reserved.
const (
	oneByte  = 13
	twoBytes = 14
	fromOne  = 13
	fromTwo  = 269
)

func extended(nibble int, b []byte) (value int, rest []byte, ok bool) {
	switch {
	case nibble < oneByte:
		return nibble, b, true
	case nibble == oneByte && len(b) >= 1:
		return int(b[0]) + fromOne, b[1:], true
	case nibble == twoBytes && len(b) >= 2:
		return int(binary.BigEndian.Uint16(b)) + fromTwo, b[2:], true
	}
	return 0, b, false
}

func (o Options) append(b []byte) []byte {
	last := Number(0)
	for _, p := range o {
		delta, length := int(p.Number-last), len(p.Value)
		b = append(b, nibble(delta)<<4|nibble(length))
		b = extend(b, delta)
		b = extend(b, length)
		b = append(b, p.Value...)
		last = p.Number
	}
	return b
}

func nibble(n int) byte {
	switch {
	case n < fromOne:
		return byte(n)
	case n < fromTwo:
		return oneByte
	}
	return twoBytes
}

func extend(b []byte, n int) []byte {
	switch {
	case n < fromOne:
		return b
	case n < fromTwo:
		return append(b, byte(n-fromOne))
	}
	return binary.BigEndian.AppendUint16(b, uint16(n-fromTwo))
}
