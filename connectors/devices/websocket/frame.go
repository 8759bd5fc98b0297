package websocket

import (
	"encoding/binary"
	"fmt"
)

// opcode says what a frame is (RFC 6455 section 5.2).
type opcode byte

const (
	continuation opcode = 0x0
	textFrame    opcode = 0x1
	binaryFrame  opcode = 0x2
	closeFrame   opcode = 0x8
	pingFrame    opcode = 0x9
	pongFrame    opcode = 0xa
)

func (o opcode) control() bool { return o&0x8 != 0 }

const (
	finalBit = 0x80 // of the first byte
	maskBit  = 0x80 // of the second one

	longestHead    = 14  // of a client: 2, the long length 8, the mask 4
	longestControl = 125 // bytes of a control frame's payload (RFC 6455 section 5.5)
)

// The codes of a close frame that are used here (RFC 6455 section 7.4.1).
const (
	CodeNormal      = 1000
	CodeProtocol    = 1002
	CodeUnsupported = 1003
	CodeTooBig      = 1009
	codeNone        = 1005 // is never sent: the frame had no code
)

// Error is what a client did against the rules. It holds nothing that the client sent.
type Error struct {
	Code int // that the client is told in the close frame
	text string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (websocket close code %d)", e.text, e.Code) }

// TooLarge says that the client's message was larger than the limit; otherwise it was against the protocol.
func (e *Error) TooLarge() bool { return e.Code == CodeTooBig }

func broken(text string) *Error { return &Error{CodeProtocol, text} }

// decoder cuts the bytes of a client into frames. It may stop and go on between any two of them.
type decoder struct {
	limit   uint64 // bytes of a message, however many frames it has
	head    [longestHead]byte
	have    int    // bytes of head that are there
	inside  bool   // the header is whole, and its payload is next
	op      opcode // of the frame inside
	left    uint64 // bytes of its payload that are missing
	at      int    // position in its payload, for the mask
	message bool   // a message has begun, and its last frame has not
	total   uint64 // bytes of that message, announced so far

	control []byte // payload of a control frame
	whole   bool   // a control frame is complete: op, control
}

// next takes a part of b, which is not empty: bytes of a header, or of one payload. data is what it adds to the stream, in
// place. An error is an *Error.
func (d *decoder) next(b []byte) (data []byte, used int, err error) {
	if !d.inside {
		for used < len(b) && !d.inside {
			d.head[d.have] = b[used]
			d.have++
			used++
			if d.have >= 2 && d.have == headSize(d.head[1]) {
				if err := d.begin(); err != nil {
					return nil, used, err
				}
			}
		}
	} else {
		used = int(min(uint64(len(b)), d.left))
		data = b[:used]
		mask := d.head[d.have-4 : d.have]
		for i := range data {
			data[i] ^= mask[(d.at+i)&3]
		}
		d.at += used
		d.left -= uint64(used)
		if d.op.control() {
			d.control = append(d.control, data...)
			data = nil
		}
	}
	if d.inside && d.left == 0 {
		d.inside, d.have, d.whole = false, 0, d.op.control()
	}
	return data, used, nil
}

// headSize is how much of a header has to be there to look at it, by its second byte: all of it, unless it has no mask,
// which is wrong already.
func headSize(second byte) int {
	switch {
	case second&maskBit == 0:
		return 2
	case second == maskBit|126:
		return 2 + 2 + 4
	case second == maskBit|127:
		return 2 + 8 + 4
	}
	return 2 + 4
}

// begin looks at a header that is there. All that can be wrong with a frame is wrong here.
func (d *decoder) begin() error {
	first, second := d.head[0], d.head[1]
	op, final := opcode(first&0x0f), first&finalBit != 0
	length := uint64(second &^ maskBit)
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(d.head[2:]))
	case 127:
		length = binary.BigEndian.Uint64(d.head[2:])
	}
	switch {
	case first&0x70 != 0:
		return broken("a frame with bits of an extension that was not agreed to")
	case second&maskBit == 0:
		return broken("a client's frame without a mask")
	case op.control() && (!final || length > longestControl):
		return broken("a control frame that is in parts, or too long")
	case op == textFrame: // [MQTT-6.0.0-1]
		return &Error{CodeUnsupported, "a text frame: MQTT comes in binary ones"}
	case op == binaryFrame && d.message:
		return broken("a message inside another")
	case op == continuation && !d.message:
		return broken("a frame that goes on with no message")
	}
	switch op {
	case continuation, binaryFrame:
		if op == binaryFrame {
			d.total = 0
		}
		if length > d.limit-d.total {
			return &Error{CodeTooBig, "a message larger than the limit"}
		}
		d.total += length
		d.message = !final
	case closeFrame, pingFrame, pongFrame:
		d.control = d.control[:0]
	default:
		return broken("a frame of a kind that is not known")
	}
	d.op, d.left, d.at, d.inside = op, length, 0, true
	return nil
}

// appendFrame appends a whole message of a server, which has no mask.
func appendFrame(b []byte, op opcode, payload []byte) []byte {
	b = append(b, finalBit|byte(op))
	switch n := len(payload); {
	case n <= 125:
		b = append(b, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}

// partingCode reads a client's close frame: what it may hold, and the code to say back.
func partingCode(payload []byte) (int, error) {
	if len(payload) == 0 {
		return codeNone, nil
	}
	if len(payload) == 1 {
		return 0, broken("a close frame with half a code")
	}
	code := int(binary.BigEndian.Uint16(payload))
	switch {
	case code < 1000, code == 1004, code == codeNone, code == 1006, code == 1015, code >= 1016 && code < 3000, code >= 5000:
		return 0, broken("a close frame with a code that is not to be sent")
	}
	return code, nil
}
