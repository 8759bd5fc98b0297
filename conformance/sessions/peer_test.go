package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// serve runs the command and gives its address.
func serve(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append([]string{"--listen", "127.0.0.1:0"}, args...), in, io.Discard) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("run: got %v, want nil", err)
		}
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// peer is a client of MQTT 5 that acknowledges nothing.
type peer struct {
	t       *testing.T
	name    string
	conn    net.Conn
	reader  packet.Reader
	present bool
	came    []string // messages that came before what was waited for
}

var fromServer = packet.Rules{FromServer: true, TopicAliasMaximum: 10}

// dial opens the session of that name, which outlives the connection by an hour.
func dial(t *testing.T, address, name string, clean bool, will *packet.Will) *peer {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	p := &peer{t: t, name: name, conn: c}
	p.reader.Reset(c, 64<<10)
	p.reader.Accept(packet.V5, 64<<10)
	p.send((&packet.Connect{
		Version: packet.V5, CleanSession: clean, ClientID: name, Will: will,
		Properties: packet.Properties(nil).AppendNumber(packet.SessionExpiryInterval, 3600),
	}).Append(nil))
	var k packet.Connack
	if err := k.Decode(p.wait(packet.CONNACK), packet.V5, &fromServer); err != nil || k.Code.Failed() {
		t.Fatalf("CONNACK: got %+v, %v", k, err)
	}
	p.present = k.SessionPresent
	return p
}

func (p *peer) send(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// wait reads up to a packet of type t and takes note of the messages before it.
func (p *peer) wait(t packet.Type) []byte {
	p.t.Helper()
	for {
		h, err := p.reader.ReadHeader()
		if err != nil {
			p.t.Fatalf("%s waits for %v: %v", p.name, t, err)
		}
		body, err := p.reader.ReadBody(h)
		switch {
		case err != nil:
			p.t.Fatalf("%s waits for %v: %v", p.name, t, err)
		case h.Type == t:
			return body
		case h.Type == packet.PUBLISH:
			var m packet.Publish
			if err := m.Decode5(h.Flags, body, &fromServer); err != nil {
				p.t.Fatal(err)
			}
			p.came = append(p.came, text(&m))
		}
	}
}

// text is "topic=payload" with a QoS, r for the retain flag, and Subscription Identifiers.
func text(m *packet.Publish) string {
	s := fmt.Sprintf("%s=%s q%d", m.Topic, m.Payload, m.QoS)
	if m.Retain {
		s += " r"
	}
	ids := slices.Sorted(m.Properties.SubscriptionIdentifiers())
	for _, id := range ids {
		s += fmt.Sprintf(" #%d", id)
	}
	return s
}

// subscribe gives the reason code of the one subscription.
func (p *peer) subscribe(s packet.Subscription, identifier uint32) packet.ReasonCode {
	p.t.Helper()
	ask := packet.Subscribe{ID: 1, Subscriptions: []packet.Subscription{s}}
	if identifier > 0 {
		ask.Properties = ask.Properties.AppendNumber(packet.SubscriptionIdentifier, identifier)
	}
	p.send(ask.Append5(nil))
	var a packet.Suback5
	if err := a.Decode(packet.SUBACK, p.wait(packet.SUBACK), &fromServer); err != nil {
		p.t.Fatal(err)
	}
	return a.Codes[0]
}

func (p *peer) unsubscribe(filter string) packet.ReasonCode {
	p.t.Helper()
	p.send((&packet.Unsubscribe{ID: 1, Filters: []string{filter}}).Append5(nil))
	var a packet.Suback5
	if err := a.Decode(packet.UNSUBACK, p.wait(packet.UNSUBACK), &fromServer); err != nil {
		p.t.Fatal(err)
	}
	return a.Codes[0]
}

// publish returns when the message was routed.
func (p *peer) publish(topic, payload string, qos byte, retain bool, more packet.Properties) {
	p.t.Helper()
	m := packet.Publish{Topic: topic, Payload: []byte(payload), QoS: qos, Retain: retain, Properties: more}
	switch qos {
	case 0:
		p.send(m.Append5(nil))
		p.send(packet.Empty{}.Append(nil, packet.PINGREQ)) // which is answered after it
		p.wait(packet.PINGRESP)
	case 1:
		m.ID = 1
		p.send(m.Append5(nil))
		p.wait(packet.PUBACK)
	case 2:
		m.ID = 2
		p.send(m.Append5(nil))
		p.wait(packet.PUBREC)
		p.send((&packet.Ack5{ID: 2}).Append(nil, packet.PUBREL, 0))
		p.wait(packet.PUBCOMP)
	}
}

// wants compares the messages that came since the last call. A ping comes after what was sent before; but a message that
// another goroutine writes may be behind it, so the last word is a message of its own.
func (p *peer) wants(want ...string) {
	p.t.Helper()
	end := "end/" + p.name
	p.subscribe(packet.Subscription{Filter: end, RetainHandling: 2}, 0)
	p.publish(end, "", 0, false, nil)
	for !slices.Contains(p.came, end+"= q0") {
		p.waitMore()
	}
	p.unsubscribe(end)
	i := slices.Index(p.came, end+"= q0")
	if got := p.came[:i]; !slices.Equal(got, want) {
		p.t.Errorf("%s: got %q, want %q", p.name, got, want)
	}
	p.came = slices.Delete(p.came, 0, i+1)
}

// waitMore waits for what comes next.
func (p *peer) waitMore() {
	p.t.Helper()
	p.send(packet.Empty{}.Append(nil, packet.PINGREQ))
	p.wait(packet.PINGRESP)
}

// leave says good-bye, and waits for the end.
func (p *peer) leave() {
	p.t.Helper()
	p.send((&packet.Disconnect{}).Append(nil, 0))
	_, _ = io.Copy(io.Discard, p.conn)
}
