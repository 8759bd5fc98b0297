package mqttserver_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dialect is one session behind function fields; a field that is nil accepts.
type dialect struct {
	connect   func(c *mqttserver.Conn, p *packet.Connect) mqttserver.ConnectCode
	publish   func(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict))
	subscribe func(filter string, qos byte) packet.ReasonCode
	onClosed  func()
	onEnded   func()
	keep      bool // sessions may outlive their connections
	terms     mqttserver.Terms
	refuse    func(context.Context) mqttserver.ConnectCode // after all

	mu     sync.Mutex
	conn   *mqttserver.Conn
	kept   *mqttserver.Session
	asked  mqttserver.Subscription // the last one
	last   mqttserver.Publish      // the last will
	seen   []string                // what the handler was told, in order
	closed []mqttserver.CloseReason
}

func (d *dialect) Connect(ctx context.Context, c *mqttserver.Conn, p *packet.Connect) (mqttserver.Handler, mqttserver.ConnectCode) {
	d.mu.Lock()
	d.conn = c
	d.mu.Unlock()
	c.Offer(d.terms)
	if d.keep {
		s, _, err := c.Resume(ctx, c.ClientID())
		if err != nil {
			return nil, mqttserver.RefusedUnavailable
		}
		d.mu.Lock()
		d.kept = s
		d.mu.Unlock()
	}
	if d.refuse != nil {
		return nil, d.refuse(ctx)
	}
	if d.connect != nil {
		if code := d.connect(c, p); code != mqttserver.Accepted {
			return nil, code
		}
	}
	return d, mqttserver.Accepted
}

func (d *dialect) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, what)
}

func (d *dialect) noted() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.seen, " ")
}

func (d *dialect) Publish(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	d.note("publish:" + p.Topic + "=" + string(p.Payload))
	if d.publish != nil {
		d.publish(ctx, p, done)
		return
	}
	done(mqttserver.Ack)
}

func (d *dialect) Subscribe(_ context.Context, s mqttserver.Subscription) packet.ReasonCode {
	d.note("subscribe:" + s.Filter)
	d.mu.Lock()
	d.asked = s
	d.mu.Unlock()
	if d.subscribe != nil {
		return d.subscribe(s.Filter, s.QoS)
	}
	return packet.ReasonCode(min(s.QoS, 1))
}

func (d *dialect) Unsubscribe(_ context.Context, filter string) packet.ReasonCode {
	d.note("unsubscribe:" + filter)
	if filter == "none" {
		return packet.NoSubscriptionExisted
	}
	return packet.Success
}

func (d *dialect) Will(p mqttserver.Publish) {
	d.note("will:" + p.Topic + "=" + string(p.Payload))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = p
}

func (d *dialect) Ended() {
	d.note("ended")
	if d.onEnded != nil {
		d.onEnded()
	}
}

func (d *dialect) Closed(r mqttserver.CloseReason) {
	d.mu.Lock()
	d.closed = append(d.closed, r)
	d.mu.Unlock()
	if d.onClosed != nil {
		d.onClosed()
	}
}

// wantClosed checks that Closed was called once, with want; 0 is not at all.
func (d *dialect) wantClosed(t *testing.T, want mqttserver.CloseReason) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case want == 0 && len(d.closed) == 0:
	case len(d.closed) == 1 && d.closed[0] == want:
	default:
		t.Errorf("Closed: got %v, want once %v", d.closed, want)
	}
}

// counts is an Observer; it checks its own invariants at the end of a test.
type counts struct {
	mu                         sync.Mutex
	accepted, opened, panicked int
	dropped                    int
	refused                    map[mqttserver.Refusal]int
	closed                     map[mqttserver.CloseReason]int
	denied                     map[mqttserver.Denial]int
	received, sent             map[packet.Type]int
}

func newCounts() *counts {
	return &counts{
		refused: map[mqttserver.Refusal]int{}, closed: map[mqttserver.CloseReason]int{},
		denied:   map[mqttserver.Denial]int{},
		received: map[packet.Type]int{}, sent: map[packet.Type]int{},
	}
}

func (o *counts) do(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

func (o *counts) Accepted()                       { o.do(func() { o.accepted++ }) }
func (o *counts) Refused(r mqttserver.Refusal)    { o.do(func() { o.refused[r]++ }) }
func (o *counts) Opened()                         { o.do(func() { o.opened++ }) }
func (o *counts) Closed(r mqttserver.CloseReason) { o.do(func() { o.closed[r]++ }) }
func (o *counts) Received(p packet.Type)          { o.do(func() { o.received[p]++ }) }
func (o *counts) Sent(p packet.Type)              { o.do(func() { o.sent[p]++ }) }
func (o *counts) Denied(r mqttserver.Denial)      { o.do(func() { o.denied[r]++ }) }
func (o *counts) Dropped()                        { o.do(func() { o.dropped++ }) }
func (o *counts) Panicked()                       { o.do(func() { o.panicked++ }) }

func (o *counts) of(d mqttserver.Denial) (n int) {
	o.do(func() { n = o.denied[d] })
	return n
}

func sum[K comparable](m map[K]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// pipes is a listener for connections in memory, so that a test can stop the clock.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// bench is a server in a bubble of fake time.
type bench struct {
	t        *testing.T
	listener *pipes
	counts   *counts
	stop     func() // ends the server's context
	served   chan error
}

// bubble runs f against a server in fake time, and then checks that nothing is left of it.
func bubble(t *testing.T, limits mqttserver.Limits, d mqttserver.Dialect, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{
			t: t, listener: &pipes{conns: make(chan net.Conn), closed: make(chan struct{})},
			counts: newCounts(), served: make(chan error, 1),
		}
		ctx, cancel := context.WithCancel(t.Context())
		b.stop = cancel
		s := mqttserver.New(mqttserver.Options{Limits: limits, Observer: b.counts}, d)
		go func() { b.served <- s.Serve(ctx, b.listener) }()
		f(b)
		cancel()
		if err := <-b.served; err != nil {
			t.Errorf("Serve: got %v, want nil", err)
		}
		o := b.counts
		if got := sum(o.refused) + o.opened; got != o.accepted {
			t.Errorf("refused + opened: got %d, want accepted = %d", got, o.accepted)
		}
		if got := sum(o.closed); got != o.opened {
			t.Errorf("closed: got %d, want opened = %d", got, o.opened)
		}
	})
}

// client is a peer that says what a test tells it to, and reads all the time unless it is deaf.
type client struct {
	t      *testing.T
	conn   net.Conn
	mu     sync.Mutex
	got    bytes.Buffer
	closed bool
}

func (b *bench) dial() *client {
	c := b.dialDeaf()
	c.listen()
	return c
}

func (b *bench) dialDeaf() *client { return b.dialFrom("") }

// dialFrom has the address ip, or none that counts.
func (b *bench) dialFrom(ip string) *client {
	near, far := net.Pipe()
	if ip != "" {
		far = located{far, &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}}
	}
	b.listener.conns <- far
	b.t.Cleanup(func() { _ = near.Close() })
	return &client{t: b.t, conn: near}
}

type located struct {
	net.Conn
	addr net.Addr
}

func (l located) RemoteAddr() net.Addr { return l.addr }

func (c *client) listen() {
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := c.conn.Read(buf)
			c.mu.Lock()
			c.got.Write(buf[:n])
			c.closed = err != nil
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
}

// send writes bytes; the server may have closed before it read them all. Then everything settles.
func (c *client) send(bytes ...string) {
	for _, b := range bytes {
		_, _ = c.conn.Write([]byte(b))
	}
	synctest.Wait()
}

// want compares what came since the last want, and whether the server has hung up.
func (c *client) want(answer string, closed bool) {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := c.got.String(); got != answer {
		c.t.Errorf("answer: got %x, want %x", got, answer)
	}
	if c.closed != closed {
		c.t.Errorf("closed: got %t, want %t", c.closed, closed)
	}
	c.got.Reset()
}

// forget drops what came since the last want.
func (c *client) forget() {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got.Reset()
}

// login opens a session with a keep-alive of 60 s.
func (b *bench) login() *client {
	b.t.Helper()
	c := b.dial()
	c.send(hello)
	c.want(welcome, false)
	return c
}

func str(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

func frame(first byte, body string) string {
	return string(packet.AppendHeader(nil, packet.Header{
		Type: packet.Type(first >> 4), Flags: first & 0x0f, Length: len(body),
	})) + body
}

func publish(qos byte, id uint16, payload string) string {
	p := packet.Publish{Topic: "t", QoS: qos, ID: id, Payload: []byte(payload)}
	return string(p.Append(nil))
}

func ack(t packet.Type, ids ...uint16) string {
	var b []byte
	for _, id := range ids {
		b = packet.Ack{ID: id}.Append(b, t)
	}
	return string(b)
}

var (
	hello    = frame(0x10, str("MQTT")+"\x04\x02\x00\x3c"+str("c1"))
	welcome  = "\x20\x02\x00\x00"
	ping     = "\xc0\x00"
	pong     = "\xd0\x00"
	farewell = "\xe0\x00"
)

const keepAlive = 60 * time.Second
