package thingsboard_test

import (
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// What a broker would do with them is in docs/mqtt-conformance.md, which names these tests.

// TestNoBroker: what a device publishes goes to the chains and to no device, the publisher included: not at once, not
// because it is to be retained, and not as a will.
func TestNoBroker(t *testing.T) {
	t.Parallel()
	const attributes = "v1/devices/me/attributes"
	h := build(t)
	h.device("meters", "a", token("A"))
	h.device("meters", "b", token("B"))
	b := h.connect(login{client: "b", user: "B"})
	b.subscribe(attributes, 1)

	a := h.dial()
	hello := packet.Connect{
		Version: packet.V311, CleanSession: true, KeepAlive: 60, ClientID: "a", HasUserName: true, UserName: "A",
		Will: &packet.Will{Topic: attributes, Payload: []byte(`{"will":1}`), QoS: 1, Retain: true},
	}
	a.send(hello.Append(nil))
	if code := a.connack(); code != 0 {
		t.Fatalf("CONNACK: got %d, want 0", code)
	}
	a.subscribe(attributes, 1)
	kept := packet.Publish{Topic: attributes, Payload: []byte(`{"kept":1}`), QoS: 1, ID: 9, Retain: true}
	a.send(kept.Append(nil))
	a.wantPuback(9)
	a.ping()
	must(t, a.conn.Close())

	again := h.connect(login{client: "a", user: "A"}) // the connection before is over now
	again.subscribe(attributes, 1)
	again.ping()
	again.post(attributes, `{"last":1}`)
	b.subscribe(attributes, 1)
	b.ping()
	for i, m := range h.seen.want(t, 2) {
		if got, want := m.Data().Text(), []string{`{"kept":1}`, `{"last":1}`}[i]; got != want {
			t.Errorf("message %d of a: got %s, want %s", i, got, want)
		}
	}
}

// TestNoStoredSession: a session ends with its connection, whatever the client wants, and it is told.
func TestNoStoredSession(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "m", token("T"))
	for range 2 {
		c := h.dial()
		hello := packet.Connect{Version: packet.V311, ClientID: "c", HasUserName: true, UserName: "T"}
		c.send(hello.Append(nil))
		if _, body := c.want(packet.CONNACK); string(body) != "\x00\x00" {
			t.Errorf("CONNACK: got %x, want 0 and no session", body)
		}
	}
	for range 2 {
		c := client5{h.dial()}
		c.reader.Accept(packet.V5, 1<<20)
		hello := packet.Connect{
			Version: packet.V5, ClientID: "c", HasUserName: true, UserName: "T",
			Properties: packet.Properties(nil).AppendNumber(packet.SessionExpiryInterval, 3600),
		}
		c.send(hello.Append(nil))
		_, body := c.want(packet.CONNACK)
		var k packet.Connack
		must(t, k.Decode(body, packet.V5, fromServer()))
		expiry, told := k.Properties.Number(packet.SessionExpiryInterval)
		if k.SessionPresent || k.Code != packet.Success || !told || expiry != 0 {
			t.Errorf("CONNACK: got session present %t, %v, expiry %d %t, want none and 0", k.SessionPresent, k.Code, expiry, told)
		}
	}
}
