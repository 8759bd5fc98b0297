package message

import (
	"encoding/binary"
	"errors"
)

// Type is the type of a message.
type Type byte

// The types of RFC 7252 section 3.
const (
	Confirmable Type = iota
	NonConfirmable
	Acknowledgement
	Reset
)

// HeaderBytes is the length of the shortest message.
const HeaderBytes = 4

// TokenBytes is the greatest length of a token.
const TokenBytes = 8

// version is the only version of CoAP (RFC 7252 section 3).
const version = 1

// payloadMarker stands between options and payload.
const payloadMarker = 0xff

var (
	// ErrForeign: the datagram is no CoAP message of version 1. It is to be ignored in silence (RFC 7252 section 3).
	ErrForeign = errors.New("datagram is not a CoAP message")
	// ErrFormat: a message format error (RFC 7252 section 3). The header was read; the message is to be rejected.
	ErrFormat = errors.New("message format error")
)

// Message is one CoAP message.
type Message struct {
	Type    Type
	Code    Code
	ID      uint16
	Token   []byte
	Options Options
	Payload []byte
}

// Parse reads a datagram into m, whose option storage it uses again. After ErrFormat, Type, Code and ID of m are those of
// the header, and nothing else of it is meant to be used; after ErrForeign nothing at all.
func (m *Message) Parse(datagram []byte) error {
	*m = Message{Options: m.Options[:0]}
	if len(datagram) < HeaderBytes || datagram[0]>>6 != version {
		return ErrForeign
	}
	m.Type = Type(datagram[0] >> 4 & 3)
	m.Code = Code(datagram[1])
	m.ID = binary.BigEndian.Uint16(datagram[2:])
	token, rest := int(datagram[0]&15), datagram[HeaderBytes:]
	if m.Code == Empty {
		if token != 0 || len(rest) != 0 { // RFC 7252 section 4.1
			return ErrFormat
		}
		return nil
	}
	// Classes 1, 6 and 7 are reserved (RFC 7252 section 4.2); Reset is always empty.
	if c := m.Code.Class(); c == 1 || c > 5 || m.Type == Reset {
		return ErrFormat
	}
	if token > TokenBytes || token > len(rest) {
		return ErrFormat
	}
	m.Token, rest = rest[:token], rest[token:]
	var err error
	m.Options, m.Payload, err = m.Options.parse(rest)
	return err
}

// Append writes m behind b. The token must be at most TokenBytes long, and the options in the order of their numbers.
func (m *Message) Append(b []byte) []byte {
	b = append(b, version<<6|byte(m.Type)<<4|byte(len(m.Token)), byte(m.Code))
	b = binary.BigEndian.AppendUint16(b, m.ID)
	b = append(b, m.Token...)
	b = m.Options.append(b)
	if len(m.Payload) > 0 {
		b = append(b, payloadMarker)
		b = append(b, m.Payload...)
	}
	return b
}
