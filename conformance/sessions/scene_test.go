package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// scene is a server of its own, and clients that speak with it over sockets, byte for byte.
type scene struct {
	t       *testing.T
	address string
}

// act is a test of one or several statements, whose numbers are its name.
type act struct {
	name string
	play func(s *scene)
}

func play(t *testing.T, acts []act) {
	t.Helper()
	for _, a := range acts {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.play(&scene{t, serve(t)})
		})
	}
}

// patience is long enough for anything that should happen, so that a test which fails does end.
const patience = 30 * time.Second

// party is a client.
type party struct {
	t      *testing.T
	conn   net.Conn
	reader *bufio.Reader
	id     string
	five   bool
}

func (s *scene) dial(id string, five bool) *party {
	s.t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	return &party{t: s.t, conn: c, reader: bufio.NewReader(c), id: id, five: five}
}

// enter sends a CONNECT, and wants to be let in, into a session that was there or into a new one.
func (s *scene) enter(c *packet.Connect, present bool) *party {
	s.t.Helper()
	p := s.dial(c.ClientID, c.Version == packet.V5)
	p.send(string(c.Append(nil)))
	h, body := p.next()
	var k packet.Connack
	if h.Type != packet.CONNACK {
		p.t.Fatalf("%s: got %v, want CONNACK", p.id, h.Type)
	}
	err := k.Decode(body, c.Version, &packet.Rules{FromServer: true})
	if err != nil || k.Code != packet.Success || k.SessionPresent != present {
		p.t.Fatalf("%s: got CONNACK %v, session present %t, %v, want success and %t", p.id, k.Code, k.SessionPresent, err, present)
	}
	return p
}

func (p *party) send(packets ...string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, strings.Join(packets, "")); err != nil {
		p.t.Fatalf("%s: %v", p.id, err)
	}
}

// next is the next packet from the server.
func (p *party) next() (packet.Header, []byte) {
	p.t.Helper()
	h, body, err := p.read()
	if err != nil {
		p.t.Fatalf("%s: got %v, want a packet", p.id, err)
	}
	return h, body
}

func (p *party) read() (h packet.Header, body []byte, err error) {
	var head []byte
	for n := 0; n == 0; {
		b, err := p.reader.ReadByte()
		if err != nil {
			return h, nil, err
		}
		head = append(head, b)
		if h, n, err = packet.ParseHeader(head, packet.V5); err != nil {
			return h, nil, err
		}
	}
	body = make([]byte, h.Length)
	_, err = io.ReadFull(p.reader, body)
	return h, body, err
}

// want reads packets, and compares them byte for byte.
func (p *party) want(packets ...string) {
	p.t.Helper()
	for _, want := range packets {
		p.wantOne(want)
	}
}

// wantAny is want in any order.
func (p *party) wantAny(packets ...string) {
	p.t.Helper()
	for len(packets) > 0 {
		i := slices.Index(packets, p.wantOne(packets...))
		packets = slices.Delete(packets, i, i+1)
	}
}

// wantOne reads one packet, which has to be one of these.
func (p *party) wantOne(packets ...string) string {
	p.t.Helper()
	h, body := p.next()
	got := string(packet.AppendHeader(nil, h)) + string(body)
	if !slices.Contains(packets, got) {
		p.t.Fatalf("%s: got %v %x, want one of %x", p.id, h.Type, got, packets)
	}
	return got
}

// wantAmong wants packets in their order, and so many answers anywhere among them.
func (p *party) wantAmong(answer string, answers int, packets ...string) {
	p.t.Helper()
	for answers > 0 || len(packets) > 0 {
		next := []string{answer}
		if len(packets) > 0 {
			next = append(next, packets[0])
		}
		if p.wantOne(next...) == answer {
			answers--
		} else {
			packets = packets[1:]
		}
	}
}

// ask sends a request and wants its answer.
func (p *party) ask(request, answer string) {
	p.t.Helper()
	p.send(request)
	p.want(answer)
}

// getting sends a request and wants its answer and these messages: a server may send what is retained before the SUBACK.
func (p *party) getting(messages ...string) func(request, answer string) {
	p.t.Helper()
	return func(request, answer string) {
		p.t.Helper()
		p.send(request)
		p.wantAny(append(messages, answer)...)
	}
}

// quiet wants that nothing waits for the client. It asks twice, since an answer may overtake messages.
func (p *party) quiet() {
	p.t.Helper()
	p.ask("\xc0\x00", "\xd0\x00")
	p.ask("\xc0\x00", "\xd0\x00")
}

// gone wants that the server closes the connection, after these packets.
func (p *party) gone(packets ...string) {
	p.t.Helper()
	p.want(packets...)
	_, _, err := p.read()
	var late net.Error
	if err == nil || errors.As(err, &late) && late.Timeout() {
		p.t.Fatalf("%s: got %v, want the end of the connection", p.id, err)
	}
}

// leave says good-bye, and waits until the server has closed.
func (p *party) leave() {
	p.t.Helper()
	p.send("\xe0\x00")
	p.gone()
}

// drop goes without a word.
func (p *party) drop() { _ = p.conn.Close() }

// ack is a packet that has only an identifier; both versions of the protocol have it.
func ack(t packet.Type, id uint16) string { return string(packet.Ack{ID: id}.Append(nil, t)) }

// word is a payload that differs from others.
func word(i int) string { return fmt.Sprintf("%03d", i) }
