package mqttserver_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		ack(packet.PUBREC, 2) + ack(packet.PUBCOMP, 2) + ack(packet.PUBACK, 1), ack(packet.PUBREC, 2) + publish(2, 3, "z") + farewell,
	} {
		f.Add([]byte(seed), byte(3), true, true)
		f.Add([]byte(seed), byte(255), false, false)
		f.Add([]byte(seed), byte(7), true, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, piece byte, hangUp, keep bool) {
		d := &dialect{keep: keep}
		connections := 1
		bubble(t, mqttserver.Limits{Inflight: 2, Unreleased: 3, OutboundMessages: 2, SessionExpiry: time.Minute}, d, func(s *bench) {
			c := s.dial()
			if keep {
				c.send(storedAs(packet.V311, "c1", &packet.Will{Topic: "w", QoS: 1}))
			} else {
				c.send(hello)
			}
			_ = d.send(message(1, "1"))
			_ = d.send(message(2, "2"))
			c.pieces(b, piece)
			if hangUp {
				_ = c.conn.Close()
			}
			if keep {
				connections++
				wantAgain(t, s, d, b, piece)
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
		wantEnds(t, d, connections)
	})
}

// wantAgain goes on with a session on another connection, and says the same there: what is on its way comes again, with DUP, in
// order, under the identifiers that it had, before all that is new.
func wantAgain(t *testing.T, s *bench, d *dialect, b []byte, piece byte) {
	t.Helper()
	_ = d.send(message(2, "3"))
	c := s.dial()
	c.send(stored("c1"))
	c.mu.Lock()
	sent := bytes.Clone(c.got.Bytes())
	c.mu.Unlock()
	fresh := false
	for len(sent) > 0 {
		h, n, err := packet.ParseHeader(sent, packet.V311)
		if err != nil || n == 0 || n+h.Length > len(sent) {
			t.Errorf("packet %x: got %+v, %v", sent, h, err)
			return
		}
		again := h.Type == packet.PUBREL || h.Type == packet.PUBLISH && h.Flags&0x08 != 0
		if fresh && again {
			t.Errorf("%v is sent again behind what is new", h.Type)
		}
		fresh = fresh || h.Type == packet.PUBLISH && !again
		sent = sent[n+h.Length:]
	}
	c.pieces(b, piece)
	_ = c.conn.Close()
	time.Sleep(2 * time.Minute)
	synctest.Wait()
}

// wantEnds wants every connection closed, and a session that was kept ended, each once.
func wantEnds(t *testing.T, d *dialect, connections int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.closed) != connections {
		t.Errorf("Closed: got %v, want it called %d times", d.closed, connections)
	}
	if d.keep && d.seen[len(d.seen)-1] != "ended" {
		t.Errorf("handler: got %q last, want the end", d.seen[len(d.seen)-1])
	}
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
		ack5(packet.PUBREC, 2, 0) + ack5(packet.PUBCOMP, 2, 0), ack5(packet.PUBREC, 1, packet.QuotaExceeded) + parts(0, 30),
		publish5(2, 3, "t", "z", nil) + parts(packet.DisconnectWithWillMessage, 0),
	} {
		f.Add([]byte(seed), byte(3), uint16(0), byte(0))
		f.Add([]byte(seed), byte(255), uint16(70), byte(60))
		f.Add([]byte(seed), byte(9), uint16(0), byte(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, piece byte, limit uint16, expiry byte) {
		d := &dialect{keep: expiry > 0, terms: mqttserver.Terms{TopicAliases: 1, SubscriptionIdentifiers: true}}
		connections := 1
		bubble(t, mqttserver.Limits{Inflight: 2, OutboundMessages: 2, SessionExpiry: time.Minute}, d, func(s *bench) {
			p := props().AppendNumber(packet.ReceiveMaximum, 1).AppendNumber(packet.TopicAliasMaximum, 1)
			if limit >= 64 {
				p = p.AppendNumber(packet.MaximumPacketSize, uint32(limit))
			}
			c := s.dial()
			c.send(expiring(uint32(expiry), true, &packet.Will{Topic: "w"}, p))
			_ = d.send(mqttserver.Message{Topic: "t", QoS: 2, Expires: time.Now().Add(time.Second)})
			_ = d.send(mqttserver.Message{Topic: "topic", QoS: 1})
			c.pieces(b, piece)
			if s.counts.panicked > 0 {
				t.Errorf("%d panics", s.counts.panicked)
			}
			if acked := s.counts.sent[packet.PUBACK] + s.counts.sent[packet.PUBREC]; acked > s.counts.received[packet.PUBLISH] {
				t.Errorf("%d acknowledgements for %d messages", acked, s.counts.received[packet.PUBLISH])
			}
			c.mu.Lock()
			wantSound5(t, c.got.Bytes(), limit)
			c.mu.Unlock()
			if !d.keep {
				return
			}
			_ = c.conn.Close()
			_ = d.send(message(2, "3"))
			connections++
			c = s.dial()
			c.send(expiring(uint32(expiry), false, nil, p))
			c.pieces(b, piece)
			_ = c.conn.Close()
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			wantSound5(t, c.got.Bytes(), limit)
		})
		wantEnds(t, d, connections)
	})
}

// send sends to the session if there is one.
func (d *dialect) send(m mqttserver.Message) error {
	if d.keep {
		return d.kept.Send(m)
	}
	return d.conn.Send(m)
}

// pieces sends bytes, so many and one at once.
func (c *client) pieces(b []byte, piece byte) {
	for len(b) > 0 {
		n := min(len(b), int(piece)+1)
		c.send(string(b[:n]))
		b = b[n:]
	}
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
