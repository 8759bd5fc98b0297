package mqttserver_test

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// FuzzSession sends any bytes to a session, in pieces: nothing panics, no more is delivered or acknowledged
// than came, and Closed comes once.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		publish(0, 0, "x") + publish(1, 2, "y") + ping,
		publish(2, 3, "z") + publish(2, 3, "z") + ack(packet.PUBREL, 3) + publish(2, 3, "z"),
		frame(0x82, "\x00\x01"+str("a")+"\x01"+str("b/#")+"\x00") + frame(0xa2, "\x00\x04"+str("a")),
		ack(packet.PUBACK, 1, 2, 9), farewell + ping, hello, "\x30\xff\xff\xff\x7f",
	} {
		f.Add([]byte(seed), byte(3), true)
		f.Add([]byte(seed), byte(255), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, piece byte, hangUp bool) {
		d := &dialect{}
		bubble(t, mqttserver.Limits{Inflight: 2, Unreleased: 3, OutboundMessages: 2}, d, func(s *bench) {
			c := s.dial()
			c.send(hello)
			_ = d.conn.Publish("t", nil, 1)
			for rest := b; len(rest) > 0; {
				n := min(len(rest), int(piece)+1)
				c.send(string(rest[:n]))
				rest = rest[n:]
			}
			if hangUp {
				_ = c.conn.Close()
			}
			if s.counts.panicked > 0 {
				t.Errorf("%d panics", s.counts.panicked)
			}
			if acked := s.counts.sent[packet.PUBACK] + s.counts.sent[packet.PUBREC]; acked > s.counts.received[packet.PUBLISH] {
				t.Errorf("%d acknowledgements for %d messages", acked, s.counts.received[packet.PUBLISH])
			}
			if got := strings.Count(d.noted(), "publish:"); got > s.counts.received[packet.PUBLISH] {
				t.Errorf("%d of %d messages were delivered", got, s.counts.received[packet.PUBLISH])
			}
		})
		if len(d.closed) != 1 {
			t.Errorf("Closed: got %v, want it called once", d.closed)
		}
	})
}

// FuzzSession5 is FuzzSession for MQTT 5; and after a DISCONNECT nothing follows.
func FuzzSession5(f *testing.F) {
	for _, seed := range []string{
		publish5(0, 0, "t", "x", nil) + publish5(1, 2, "t", "y", props().AppendUser("a", "b")) + ping,
		aliased("a", 1, 1, 1) + aliased("", 1, 2, 2) + aliased("", 2, 0, 0),
		publish5(2, 3, "t", "z", nil) + publish5(2, 3, "t", "z", nil) + ack5(packet.PUBREL, 3, packet.Success),
		subscribe5(1, nil, "a", "b/#") + unsubscribe5(4, "a"), "\xf0\x06\x19\x04\x15" + str("m"),
		ack5(packet.PUBACK, 1, packet.Success) + ack5(packet.PUBACK, 2, packet.UnspecifiedError),
		"\xe0\x01\x04" + ping, hello5, "\x30\xff\xff\xff\x7f",
	} {
		f.Add([]byte(seed), byte(3), uint16(0))
		f.Add([]byte(seed), byte(255), uint16(70))
	}
	f.Fuzz(func(t *testing.T, b []byte, piece byte, limit uint16) {
		d := &dialect{}
		bubble(t, mqttserver.Limits{Inflight: 2, OutboundMessages: 2}, d, func(s *bench) {
			p := props().AppendNumber(packet.ReceiveMaximum, 1)
			if limit >= 64 {
				p = p.AppendNumber(packet.MaximumPacketSize, uint32(limit))
			}
			c := s.dial()
			c.send(connect5(60, p, "c1"))
			_ = d.conn.Publish("t", nil, 1)
			for rest := b; len(rest) > 0; {
				n := min(len(rest), int(piece)+1)
				c.send(string(rest[:n]))
				rest = rest[n:]
			}
			if s.counts.panicked > 0 {
				t.Errorf("%d panics", s.counts.panicked)
			}
			if acked := s.counts.sent[packet.PUBACK] + s.counts.sent[packet.PUBREC]; acked > s.counts.received[packet.PUBLISH] {
				t.Errorf("%d acknowledgements for %d messages", acked, s.counts.received[packet.PUBLISH])
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			wantSound5(t, c.got.Bytes(), limit)
		})
		if len(d.closed) != 1 {
			t.Errorf("Closed: got %v, want it called once", d.closed)
		}
	})
}

// wantSound5 reads what a server sent as a client does, which takes no packet above its limit.
func wantSound5(t *testing.T, sent []byte, limit uint16) {
	t.Helper()
	if limit < 64 {
		limit = 65535
	}
	over := false
	for len(sent) > 0 {
		h, n, err := packet.ParseHeader(sent, packet.V5)
		if err != nil || n == 0 || n+h.Length > len(sent) || n+h.Length > int(limit) {
			t.Errorf("packet %x: got %+v, %v", sent, h, err)
			return
		}
		if over {
			t.Errorf("%v after the DISCONNECT", h.Type)
		}
		over = h.Type == packet.DISCONNECT
		sent = sent[n+h.Length:]
	}
}
