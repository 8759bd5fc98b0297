package packet

import "strconv"

// Version is the protocol level that a client announces.
type Version byte

const (
	// V31 is MQTT 3.1.
	V31 Version = 3
	// V311 is MQTT 3.1.1.
	V311 Version = 4
	// V5 is MQTT 5.0.
	V5 Version = 5
)

// Type is the kind of a control packet.
type Type byte

// The control packet types of MQTT 3.1.1 section 2.2.1, and AUTH, which MQTT 5 added.
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
	AUTH
)

var typeNames = [...]string{
	CONNECT: "CONNECT", CONNACK: "CONNACK", PUBLISH: "PUBLISH", PUBACK: "PUBACK", PUBREC: "PUBREC",
	PUBREL: "PUBREL", PUBCOMP: "PUBCOMP", SUBSCRIBE: "SUBSCRIBE", SUBACK: "SUBACK", UNSUBSCRIBE: "UNSUBSCRIBE",
	UNSUBACK: "UNSUBACK", PINGREQ: "PINGREQ", PINGRESP: "PINGRESP", DISCONNECT: "DISCONNECT",
	AUTH: "AUTH",
}

// String gives the name that the standard uses.
func (t Type) String() string {
	if t >= CONNECT && t <= AUTH {
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
	// Padded: the length took more bytes than it needs, which MQTT 5 forbids [MQTT-1.5.5-1].
	Padded bool
}

// maxRemaining is the largest remaining length that four bytes can say.
const maxRemaining = 1<<28 - 1

// ParseHeader reads a fixed header from the start of b and says how many bytes it takes. It returns 0 and no error
// if b ends inside the header. An error is an *Error, and comes as early as the bytes allow: a wrong first byte is
// refused before a length is there. Lengths in a longer form than needed are refused for MQTT 5 only; a CONNECT comes
// before the version is known, so Connect.DecodeAny looks at h.Padded.
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
			if h.Padded = i > 1 && b[i] == 0; h.Padded && v == V5 {
				return h, 0, err5VarintPadded
			}
			return h, i + 1, nil
		}
	}
	if v == V5 {
		return h, 0, err5VarintLong
	}
	return h, 0, errLength
}

func checkFlags(t Type, flags byte, v Version) error {
	if v == V5 && t != PUBLISH {
		return checkFlags5(t, flags)
	}
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

func checkFlags5(t Type, flags byte) error {
	want := byte(0)
	if t == PUBREL || t == SUBSCRIBE || t == UNSUBSCRIBE {
		want = 0x02
	}
	switch {
	case t == 0:
		return err5Type
	case flags == want:
		return nil
	}
	switch t {
	case PUBREL:
		return err5PubrelFlags
	case SUBSCRIBE:
		return err5SubFlags
	case UNSUBSCRIBE:
		return err5UnsubFlags
	case DISCONNECT:
		return err5DiscFlags
	case AUTH:
		return err5AuthFlags
	}
	return err5Flags
}

// AppendHeader appends the fixed header, its length in the shortest form. h.Length must be within 0 and 268,435,455.
func AppendHeader(dst []byte, h Header) []byte {
	dst = append(dst, byte(h.Type)<<4|h.Flags)
	return appendVarint(dst, h.Length)
}
