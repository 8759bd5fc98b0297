package packet

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// fields walks the fields of a packet body. The first failure sticks, so that a decoder checks once, at the end.
type fields struct {
	rest []byte
	err  error
}

func (f *fields) fail(err error) {
	if f.err == nil {
		f.err = err
	}
	f.rest = nil
}

func (f *fields) take(n int) []byte {
	if f.err != nil || len(f.rest) < n {
		f.fail(errShort)
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) byte() byte {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) uint16() uint16 {
	if b := f.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// binary is a field with a length of two bytes in front, such as a password. It aliases the body.
func (f *fields) binary() []byte { return f.take(int(f.uint16())) }

// text is a binary that is UTF-8 without U+0000. It aliases the body.
func (f *fields) text() []byte {
	b := f.binary()
	if err := checkText(b); err != nil {
		f.fail(err)
		return nil
	}
	return b
}

func (f *fields) packetID() uint16 {
	id := f.uint16()
	if f.err == nil && id == 0 {
		f.fail(errPacketID)
	}
	return id
}

// end gives the first failure, or complains about bytes that no field took.
func (f *fields) end() error {
	if f.err == nil && len(f.rest) > 0 {
		return errTrailing
	}
	return f.err
}

// checkText applies section 1.5.3. Go's UTF-8 is already the strict one: no surrogates, no overlong forms. Control
// characters and non-characters are only advised against, and a BOM is a character like others [MQTT-1.5.3-3].
func checkText(b []byte) error {
	if !utf8.Valid(b) {
		return errUTF8
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return errNUL
	}
	return nil
}

func checkTopic(b []byte) error {
	if len(b) == 0 {
		return errEmptyTopic
	}
	if bytes.IndexByte(b, '+') >= 0 || bytes.IndexByte(b, '#') >= 0 {
		return errWildcard
	}
	return nil
}

func checkFilter(b []byte) error {
	if len(b) == 0 {
		return errEmptyTopic
	}
	for i, c := range b {
		first := i == 0 || b[i-1] == '/'
		last := i == len(b)-1
		switch {
		case c == '#' && !(first && last):
			return errFilterHash
		case c == '+' && !(first && (last || b[i+1] == '/')):
			return errFilterPlus
		}
	}
	return nil
}

// ValidTopic reports whether s may be the topic of a PUBLISH: at least one character, at most 65,535 bytes of UTF-8
// without U+0000, no wildcard.
func ValidTopic(s string) bool {
	b := []byte(s)
	return len(b) <= 0xffff && checkText(b) == nil && checkTopic(b) == nil
}

func appendUint16(dst []byte, n uint16) []byte { return binary.BigEndian.AppendUint16(dst, n) }

func appendBinary[T string | []byte](dst []byte, b T) []byte {
	return append(appendUint16(dst, uint16(len(b))), b...)
}
