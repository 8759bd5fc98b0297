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
