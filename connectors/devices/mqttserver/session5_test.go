package mqttserver_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func TestMQTT5Refusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		code mqttserver.ConnectCode
		want packet.ReasonCode // to a client of MQTT 5
		old  byte              // to one of 3.1.1
	}{
		{"version", mqttserver.RefusedVersion, packet.UnsupportedProtocolVersion, 1},
		{"identifier", mqttserver.RefusedIdentifier, packet.ClientIdentifierNotValid, 2},
		{"unavailable", mqttserver.RefusedUnavailable, packet.ServerUnavailable, 3},
		{"credentials", mqttserver.RefusedCredentials, packet.BadUserNameOrPassword, 4},
		{"not authorized", mqttserver.RefusedNotAuthorized, packet.NotAuthorized, 5},
		{"not mine", mqttserver.NotMine, packet.NotAuthorized, 5},
		{"with a reason", mqttserver.RefusedUnavailable.With(packet.ConnectionRateExceeded), packet.ConnectionRateExceeded, 3},
		{"with one that a CONNACK may not have", mqttserver.RefusedUnavailable.With(packet.KeepAliveTimeout), packet.UnspecifiedError, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := &dialect{connect: func(*mqttserver.Conn, *packet.Connect) mqttserver.ConnectCode { return tc.code }}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				c := b.dial()
				c.send(hello5)
				c.want(connack5(tc.want, nil), true) // and no DISCONNECT [MQTT-3.14.0-1]
				c = b.dial()
				c.send(hello)
				c.want("\x20\x02\x00"+string(tc.old), true)
			})
		})
	}
}

func TestMQTT5Verdicts(t *testing.T) {
	t.Parallel()
	const bad, other = packet.PayloadFormatInvalid, packet.TopicNameInvalid
	for _, tc := range []struct {
		name    string
		verdict mqttserver.Verdict
		qos     byte
		want    string
		fate    bool
		old     string // to a client of 3.1.1
	}{
		{"acknowledge", mqttserver.Ack, 1, ack5(packet.PUBACK, 1, 0), false, ack(packet.PUBACK, 1)},
		{"acknowledge with a reason", mqttserver.Ack.With(bad), 1, ack5(packet.PUBACK, 1, bad), false, ack(packet.PUBACK, 1)},
		{"QoS 2", mqttserver.Ack.With(bad), 2, ack5(packet.PUBREC, 1, bad), false, ack(packet.PUBREC, 1)},
		{"QoS 0", mqttserver.Ack.With(bad), 0, "", false, ""},
		{"a reason of its own", mqttserver.Ack.With(packet.NoMatchingSubscribers), 1, ack5(packet.PUBACK, 1, packet.NoMatchingSubscribers), false, ack(packet.PUBACK, 1)},
		{"one that may not be", mqttserver.Ack.With(packet.Banned), 1, ack5(packet.PUBACK, 1, packet.UnspecifiedError), false, ack(packet.PUBACK, 1)},
		{"and close", mqttserver.AckAndClose.With(other), 1, ack5(packet.PUBACK, 1, other) + gone5(other, ""), true, ack(packet.PUBACK, 1)},
		{"and close for no reason", mqttserver.AckAndClose, 1, ack5(packet.PUBACK, 1, 0) + gone5(packet.ImplementationSpecificError, ""), true, ack(packet.PUBACK, 1)},
		{"close", mqttserver.CloseWithoutAck.With(bad), 1, gone5(bad, ""), true, ""},
		{"close for no reason", mqttserver.CloseWithoutAck, 1, gone5(packet.ImplementationSpecificError, ""), true, ""},
		{"no verdict at all", 0, 1, gone5(packet.ImplementationSpecificError, ""), true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var h holder
			d := &dialect{publish: h.publish}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				c := b.login5(nil)
				c.send(publish5(tc.qos, 1, "t", "", nil))
				h.done[0](tc.verdict)
				c.want(tc.want, tc.fate)
				c = b.login()
				c.send(publish(tc.qos, 1, ""))
				h.done[1](tc.verdict)
				c.want(tc.old, tc.fate)
			})
		})
	}
}

// TestMQTT5RefusedQoS2: a PUBREC with a failure frees the identifier, and no PUBREL follows.
func TestMQTT5RefusedQoS2(t *testing.T) {
	t.Parallel()
	var h holder
	session5(t, mqttserver.Limits{Inflight: 1}, &dialect{publish: h.publish}, func(_ *bench, c *client) {
		for i := range 3 {
			c.send(publish5(2, 1, "t", "x", nil))
			h.done[i](mqttserver.Ack.With(packet.QuotaExceeded))
			c.want(ack5(packet.PUBREC, 1, packet.QuotaExceeded), false)
		}
	})
}

func TestMQTT5ReceiveMaximum(t *testing.T) {
	t.Parallel()
	full := gone5(packet.ReceiveMaximumExceeded, "more messages than the Receive Maximum")
	for _, tc := range []struct {
		name, within, beyond string
		want                 string
	}{
		{"QoS 1", publish5(1, 1, "t", "", nil) + publish5(1, 2, "t", "", nil), publish5(1, 3, "t", "", nil), full},
		{"QoS 2", publish5(2, 1, "t", "", nil) + publish5(2, 2, "t", "", nil), publish5(2, 3, "t", "", nil), full},
		{"QoS 2 again is the same", publish5(2, 1, "t", "", nil) + publish5(2, 2, "t", "", nil), publish5(2, 2, "t", "", nil), ""},
		{"QoS 0 waits", publish5(1, 1, "t", "", nil) + publish5(1, 2, "t", "", nil), publish5(0, 0, "t", "", nil), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var h holder
			session5(t, mqttserver.Limits{Inflight: 2}, &dialect{publish: h.publish}, func(_ *bench, c *client) {
				c.send(tc.within)
				c.want("", false)
				c.send(tc.beyond)
				c.want(tc.want, tc.want != "")
			})
		})
	}
	t.Run("what is acknowledged counts no more", func(t *testing.T) {
		t.Parallel()
		session5(t, mqttserver.Limits{Inflight: 1}, &dialect{}, func(_ *bench, c *client) {
			c.send(publish5(1, 1, "t", "", nil) + publish5(2, 2, "t", "", nil))
			c.want(ack5(packet.PUBACK, 1, 0)+ack5(packet.PUBREC, 2, 0), false)
			c.send(ack5(packet.PUBREL, 2, 0) + publish5(1, 3, "t", "", nil))
			c.want(ack5(packet.PUBCOMP, 2, 0)+ack5(packet.PUBACK, 3, 0), false)
			c.send(publish5(2, 4, "t", "", nil) + publish5(1, 5, "t", "", nil)) // the one without PUBREL counts
			c.want(ack5(packet.PUBREC, 4, 0)+full, true)
		})
	})
}

func TestMQTT5ToTheClient(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	limits := props().AppendNumber(packet.ReceiveMaximum, 2).AppendNumber(packet.MaximumPacketSize, 60)
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.login5(limits)
		var told []bool
		send := func(payload string) error {
			return d.conn.PublishAcked("t", []byte(payload), func(ok bool) { told = append(told, ok) })
		}
		for _, payload := range []string{"a", "b", "c"} {
			if err := send(payload); err != nil {
				t.Error(err)
			}
		}
		c.want(publish5(1, 1, "t", "a", nil)+publish5(1, 2, "t", "b", nil), false) // [MQTT-3.3.4-9]
		c.send(ack5(packet.PUBACK, 1, packet.UnspecifiedError))
		c.want(publish5(1, 3, "t", "c", nil), false)
		c.send(ack5(packet.PUBACK, 2, 0) + ack5(packet.PUBACK, 3, 0))
		if len(told) != 3 || told[0] || !told[1] || !told[2] {
			t.Errorf("acknowledged: got %v, want false true true", told)
		}
		largest := strings.Repeat("x", 60-2-3-2-1) // [MQTT-3.1.2-24]
		if err := send(largest); err != nil {
			t.Errorf("a packet of 60 bytes: got %v", err)
		}
		if err := send(largest + "x"); !errors.Is(err, mqttserver.ErrMessage) {
			t.Errorf("a packet of 61 bytes: got %v, want %v", err, mqttserver.ErrMessage)
		}
		c.want(publish5(1, 4, "t", largest, nil), false)
	})
}

func TestMQTT5SmallClient(t *testing.T) {
	t.Parallel()
	bubble(t, mqttserver.Limits{}, &dialect{}, func(b *bench) {
		c := b.dial()
		c.send(connect5(60, props().AppendNumber(packet.MaximumPacketSize, 10), "c"))
		c.want("", true) // not even the CONNACK may be sent
		c = b.dial()
		c.send(connect5(60, props().AppendNumber(packet.MaximumPacketSize, uint32(len(welcome5))), "c"))
		c.want(welcome5, false)
		c.send("\x00")
		c.want(gone5(packet.MalformedPacket, ""), true) // without the text
	})
}

func TestMQTT5AssignedIdentifier(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{} // [MQTT-3.2.2-16]
	d := &dialect{connect: func(c *mqttserver.Conn, p *packet.Connect) mqttserver.ConnectCode {
		if p.ClientID != "" {
			t.Errorf("client identifier in the CONNECT: got %q, want none", p.ClientID)
		}
		seen[c.ClientID()] = true
		return mqttserver.Accepted
	}}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		for range 2 {
			c := b.dial()
			c.send(connect5(60, nil, ""))
			c.want(connack5(0, announced().AppendText(packet.AssignedClientIdentifier, d.conn.ClientID())), false)
		}
	})
	if len(seen) != 2 || seen[""] {
		t.Errorf("identifiers: got %v, want two", seen)
	}
}

func TestMQTT5KeepAlive(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		asked, told uint16
		after       time.Duration
	}{
		{"less than the most", 20, 0, 30 * time.Second},
		{"more than the most", 600, 60, 90 * time.Second},
		{"none", 0, 60, 90 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := &dialect{}
			bubble(t, mqttserver.Limits{KeepAlive: time.Minute}, d, func(b *bench) {
				c := b.dial()
				c.send(connect5(tc.asked, nil, "c"))
				p := announced()
				if tc.told > 0 {
					p = p.AppendNumber(packet.ServerKeepAlive, uint32(tc.told))
				}
				c.want(connack5(0, p), false)
				time.Sleep(tc.after - time.Millisecond)
				c.want("", false)
				time.Sleep(time.Millisecond)
				c.want(gone5(packet.KeepAliveTimeout, ""), true)
			})
			d.wantClosed(t, mqttserver.ClosedKeepAlive)
		})
	}
}

// TestMQTT5Closing: the DISCONNECT says why, once, after everything else.
func TestMQTT5Closing(t *testing.T) {
	t.Parallel()
	for reason, want := range map[mqttserver.CloseReason]packet.ReasonCode{
		mqttserver.ClosedTakenOver: packet.SessionTakenOver,
		mqttserver.ClosedRevoked:   packet.AdministrativeAction,
		mqttserver.ClosedSlow:      packet.AdministrativeAction,
		mqttserver.ClosedVerdict:   packet.ImplementationSpecificError,
	} {
		t.Run(reason.String(), func(t *testing.T) {
			t.Parallel()
			d := &dialect{}
			session5(t, mqttserver.Limits{}, d, func(_ *bench, c *client) {
				_ = d.conn.Publish("t", []byte(strings.Repeat("x", 50_000)), 0)
				_ = d.conn.Publish("t", []byte("last"), 1)
				d.conn.Close(reason)
				d.conn.Close(mqttserver.ClosedPanic)
				c.want(publish5(0, 0, "t", strings.Repeat("x", 50_000), nil)+publish5(1, 1, "t", "last", nil)+gone5(want, ""), true)
			})
			d.wantClosed(t, reason)
		})
	}
	t.Run("time-up", func(t *testing.T) {
		t.Parallel()
		d := &dialect{}
		session5(t, mqttserver.Limits{}, d, func(_ *bench, c *client) {
			d.conn.CloseAfter(time.Second)
			time.Sleep(time.Second)
			c.want(gone5(packet.MaximumConnectTime, ""), true)
		})
	})
	t.Run("shutdown", func(t *testing.T) {
		t.Parallel()
		session5(t, mqttserver.Limits{}, &dialect{}, func(b *bench, c *client) {
			b.stop()
			c.want(gone5(packet.ServerShuttingDown, ""), true)
		})
	})
	t.Run("before the CONNACK", func(t *testing.T) {
		t.Parallel()
		d := &dialect{connect: func(c *mqttserver.Conn, _ *packet.Connect) mqttserver.ConnectCode {
			c.Close(mqttserver.ClosedRevoked)
			return mqttserver.Accepted
		}}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			c := b.dial()
			c.send(hello5)
			c.want("", true) // [MQTT-3.14.0-1]
		})
	})
}
