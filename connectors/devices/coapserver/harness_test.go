package coapserver_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// wire is a socket without a network.
type wire struct {
	in     chan datagram
	closed chan struct{}
	once   sync.Once
	mu     sync.Mutex
	out    map[netip.AddrPort][][]byte
}

type datagram struct {
	bytes []byte
	from  netip.AddrPort
}

func newWire() *wire {
	return &wire{in: make(chan datagram), closed: make(chan struct{}), out: map[netip.AddrPort][][]byte{}}
}

func (w *wire) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-w.in:
		return copy(b, d.bytes), d.from, nil
	case <-w.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (w *wire) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out[to] = append(w.out[to], append([]byte(nil), b...))
	return len(b), nil
}

func (*wire) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:5683"))
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// peer is one address on a wire.
type peer struct {
	t    *testing.T
	wire *wire
	at   netip.AddrPort
}

// send sends datagrams, and waits until nothing more happens without the clock.
func (p *peer) send(all ...[]byte) {
	for _, b := range all {
		p.wire.in <- datagram{b, p.at}
	}
	synctest.Wait()
}

// got takes what the server sent since the last call.
func (p *peer) got() [][]byte {
	synctest.Wait()
	p.wire.mu.Lock()
	defer p.wire.mu.Unlock()
	all := p.wire.out[p.at]
	delete(p.wire.out, p.at)
	return all
}

// wants compares what the server sent with what it is to send.
func (p *peer) wants(what string, want ...[]byte) {
	p.t.Helper()
	if got := p.got(); fmt.Sprintf("%x", got) != fmt.Sprintf("%x", want) {
		p.t.Errorf("%s: the server sent %x, want %x", what, got, want)
	}
}

// one takes the only datagram that the server sent.
func (p *peer) one(what string) *message.Message {
	p.t.Helper()
	got := p.got()
	if len(got) != 1 {
		p.t.Fatalf("%s: the server sent %x, want one datagram", what, got)
	}
	m := &message.Message{}
	if err := m.Parse(got[0]); err != nil {
		p.t.Fatalf("%s: the server sent %x: %v", what, got[0], err)
	}
	return m
}

// bench is a server on a wire, in a bubble of its own time.
type bench struct {
	t       *testing.T
	wire    *wire
	handler *handler
	count   *counter
	stop    func()
}

func (b *bench) peer(at string) *peer {
	return &peer{b.t, b.wire, netip.MustParseAddrPort(at)}
}

// rig runs f against a server, and stops it afterwards.
func rig(t *testing.T, limits coapserver.Limits, f func(b *bench, p *peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h, c, w := &handler{}, newCounter(), newWire()
		s := coapserver.New(coapserver.Options{Limits: limits, Observer: c}, h)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, w) }()
		stopped := false
		b := &bench{t: t, wire: w, handler: h, count: c}
		b.stop = func() {
			if stopped {
				return
			}
			stopped = true
			cancel()
			if err := <-done; err != nil {
				t.Errorf("serving: %v", err)
			}
		}
		defer b.stop()
		f(b, b.peer("192.0.2.7:40000"))
	})
}

// handler answers 2.05 with the payload of the request, unless it is told otherwise.
type handler struct {
	mu   sync.Mutex
	do   func(r *coapserver.Request, answer func(coapserver.Response))
	seen []*coapserver.Request
}

func (*handler) Connected(context.Context, *coapserver.Peer) {}

func (h *handler) Handle(_ context.Context, r *coapserver.Request, answer func(coapserver.Response)) {
	h.mu.Lock()
	h.seen = append(h.seen, r)
	do := h.do
	h.mu.Unlock()
	if do == nil {
		answer(coapserver.Response{Code: message.Content, Payload: r.Payload, Format: coapserver.NoFormat})
		return
	}
	do(r, answer)
}

func (h *handler) on(do func(r *coapserver.Request, answer func(coapserver.Response))) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.do = do
}

// hold lets requests wait; the function answers the oldest.
func (h *handler) hold() (answer func(coapserver.Response)) {
	waiting := make(chan func(coapserver.Response), 1000)
	h.on(func(_ *coapserver.Request, answer func(coapserver.Response)) { waiting <- answer })
	return func(r coapserver.Response) { (<-waiting)(r) }
}

func (h *handler) requests() []*coapserver.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*coapserver.Request(nil), h.seen...)
}

// created is the answer to most posts.
func created() coapserver.Response {
	return coapserver.Response{Code: message.Created, Format: coapserver.NoFormat}
}

// The bytes of a message, put together by hand: what the code under test makes of the same is another matter.

const (
	con = 0
	non = 1
	ack = 2
	rst = 3
)

type option struct {
	number int
	value  string
}

func bytesOf(kind, code byte, id uint16, token, payload string, options ...option) []byte {
	b := []byte{1<<6 | kind<<4 | byte(len(token)), code, 0, 0}
	binary.BigEndian.PutUint16(b[2:], id)
	b = append(b, token...)
	last := 0
	for _, o := range options {
		delta, length := o.number-last, len(o.value)
		last = o.number
		dn, dx := split(delta)
		ln, lx := split(length)
		b = append(b, dn<<4|ln)
		b = append(b, dx...)
		b = append(b, lx...)
		b = append(b, o.value...)
	}
	if payload != "" {
		b = append(b, 0xff)
		b = append(b, payload...)
	}
	return b
}

func split(n int) (nibble byte, more []byte) {
	switch {
	case n < 13:
		return byte(n), nil
	case n < 269:
		return 13, []byte{byte(n - 13)}
	}
	return 14, []byte{byte((n - 269) >> 8), byte(n - 269)}
}

func path(s string) option { return option{11, s} }

// block is the value of a block-wise option.
func block(number int, more bool, size int) string {
	v := number<<4 | size
	if more {
		v |= 8
	}
	switch {
	case v == 0:
		return ""
	case v < 256:
		return string([]byte{byte(v)})
	}
	return string([]byte{byte(v >> 8), byte(v)})
}

// Codes as they stand in a datagram.
const (
	get     = 0x01
	post    = 0x02
	c201    = 0x41
	c205    = 0x45
	c231    = 0x5f
	c400    = 0x80
	c402    = 0x82
	c405    = 0x85
	c408    = 0x88
	c413    = 0x8d
	c500    = 0xa0
	c503    = 0xa3
	c504    = 0xa4
	c505    = 0xa5
	seconds = time.Second
)

// counter counts what an Observer is told.
type counter struct {
	mu sync.Mutex
	of map[string]int
}

func newCounter() *counter { return &counter{of: map[string]int{}} }

func (c *counter) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[what]++
}

func (c *counter) get(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[what]
}

func (c *counter) Received()                      { c.add("received") }
func (c *counter) Ignored(i coapserver.Ignored)   { c.add("ignored " + string(i)) }
func (c *counter) Repeated()                      { c.add("repeated") }
func (c *counter) Answered(code message.Code)     { c.add("answered " + code.String()) }
func (c *counter) Refused(r coapserver.Refusal)   { c.add("refused " + string(r)) }
func (c *counter) Registered()                    { c.add("registered") }
func (c *counter) Ended(e coapserver.Ended)       { c.add("ended " + string(e)) }
func (c *counter) Notified()                      { c.add("notified") }
func (c *counter) Unacknowledged()                { c.add("unacknowledged") }
func (c *counter) Withheld()                      { c.add("withheld") }
func (c *counter) Forgotten()                     { c.add("forgotten") }
func (c *counter) Secured()                       { c.add("secured") }
func (c *counter) Insecure(i coapserver.Insecure) { c.add("insecure " + string(i)) }
func (c *counter) Panicked()                      { c.add("panicked") }
