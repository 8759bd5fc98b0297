package packet

import "strconv"

// Version is the protocol level that a client announces.
type Version byte

const (
	// V31 is MQTT 3.1.
	V31 Version = 3
	// V311 is MQTT 3.1.1.
	V311 Version = 4
	// V5 is MQTT 5.0; a CONNECT of this version is recognised, not decoded.
	V5 Version = 5
)

// Type is the kind of a control packet.
type Type byte

// The control packet types of MQTT 3.1.1 section 2.2.1.
const (
	CONNECT Type = iota + 1
	CONNACK
	PUBLISH
	PUBACK
	PUBREC
	PUBREL
	PUBCOMP
	SUBSCRIBE
	SUBACK
	UNSUBSCRIBE
	UNSUBACK
	PINGREQ
	PINGRESP
	DISCONNECT
)

var typeNames = [...]string{
	CONNECT: "CONNECT", CONNACK: "CONNACK", PUBLISH: "PUBLISH", PUBACK: "PUBACK", PUBREC: "PUBREC",
	PUBREL: "PUBREL", PUBCOMP: "PUBCOMP", SUBSCRIBE: "SUBSCRIBE", SUBACK: "SUBACK", UNSUBSCRIBE: "UNSUBSCRIBE",
	UNSUBACK: "UNSUBACK", PINGREQ: "PINGREQ", PINGRESP: "PINGRESP", DISCONNECT: "DISCONNECT",
}

// String gives the name that the standard uses.
func (t Type) String() string {
	if t >= CONNECT && t <= DISCONNECT {
		return typeNames[t]
	}
	return "type " + strconv.Itoa(int(t))
}

// Header is the fixed header of a packet.
type Header struct {
	Type  Type
	Flags byte // the low four bits of the first byte
	// Length is the remaining length: the bytes that follow the header, 0 to 268,435,455.
	Length int
}

// maxRemaining is the largest remaining length that four bytes can say.
const maxRemaining = 1<<28 - 1

// ParseHeader reads a fixed header from the start of b and says how many bytes it takes. It returns 0 and no error
// if b ends inside the header. An error is an *Error, and comes as early as the bytes allow: a wrong first byte is
// refused before a length is there. Lengths are accepted in a longer form than needed, which MQTT 3.1.1 does not
// forbid.
func ParseHeader(b []byte, v Version) (h Header, n int, err error) {
	if len(b) == 0 {
		return h, 0, nil
	}
	h.Type, h.Flags = Type(b[0]>>4), b[0]&0x0f
	if err := checkFlags(h.Type, h.Flags, v); err != nil {
		return h, 0, err
	}
	for i := 1; i <= 4; i++ {
		if i == len(b) {
			return h, 0, nil
		}
		h.Length |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i] < 0x80 {
			return h, i + 1, nil
		}
	}
	return h, 0, errLength
}

func checkFlags(t Type, flags byte, v Version) error {
	switch t {
	case 0, 15:
		return errType
	case PUBLISH:
		switch {
		case flags&0x06 == 0x06:
			return errQoS
		case flags&0x0e == 0x08:
			return errDup
		}
		return nil
	case PUBREL, SUBSCRIBE, UNSUBSCRIBE:
		// MQTT 3.1 sets DUP on these when it sends them again (MQTT 3.1, sections 3.6, 3.8 and 3.10).
		if flags == 0x02 || v == V31 && flags == 0x0a {
			return nil
		}
		return errFlags
	}
	if flags != 0 {
		return errFlags
	}
	return nil
}

// AppendHeader appends the fixed header, its length in the shortest form. h.Length must be within 0 and 268,435,455.
func AppendHeader(dst []byte, h Header) []byte {
	dst = append(dst, byte(h.Type)<<4|h.Flags)
	n := h.Length & maxRemaining
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}
