package websocket_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/connectors/devices/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	final  = 0x80
	text   = 0x1
	binry  = 0x2
	more   = 0x0
	bye    = 0x8
	ping   = 0x9
	pong   = 0xa
	mask   = "\x11\x22\x33\x44"
	normal = 1000
)

// frame is what a client sends: first is the final bit and the opcode.
func frame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 65536:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask...)
	for i := range payload {
		b = append(b, payload[i]^mask[i&3])
	}
	return string(b)
}

// answered is what a server sends, up to 125 bytes.
func answered(op byte, payload string) string {
	return string([]byte{final | op, byte(len(payload))}) + payload
}

func code(n int) string { return string(binary.BigEndian.AppendUint16(nil, uint16(n))) }

// pieces is a net.Conn that gives what a client sent in pieces, then EOF, and keeps what it is sent.
type pieces struct {
	in   string
	size int
	out  []byte
	shut bool
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.in == "" {
		return 0, io.EOF
	}
	n := copy(b, p.in[:min(len(p.in), p.size)])
	p.in = p.in[n:]
	return n, nil
}

func (p *pieces) Write(b []byte) (int, error) {
	if p.shut {
		return 0, net.ErrClosed
	}
	p.out = append(p.out, b...)
	return len(b), nil
}

func (p *pieces) Close() error                     { p.shut = true; return nil }
func (p *pieces) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (p *pieces) RemoteAddr() net.Addr             { return &net.TCPAddr{Port: 7} }
func (p *pieces) SetDeadline(time.Time) error      { return nil }
func (p *pieces) SetReadDeadline(time.Time) error  { return nil }
func (p *pieces) SetWriteDeadline(time.Time) error { return nil }

const limit = 70_000 // bytes of a message

// read reads a client's bytes to their end, through a buffer of so many bytes, and closes the connection.
func read(t testing.TB, sent string, size, buffer int) (stream, out string, err error) {
	t.Helper()
	under := &pieces{in: sent, size: size}
	c := websocket.NewConn(under, "", limit)
	var got []byte
	b := make([]byte, buffer)
	for err == nil {
		var n int
		n, err = c.Read(b)
		got = append(got, b[:n]...)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if e := c.Close(); e != nil {
		t.Error(e)
	}
	return string(got), string(under.out), err
}
