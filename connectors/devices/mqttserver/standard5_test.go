package mqttserver_test

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestMQTT5Fate is TestFate for MQTT 5: what comes back for bytes as they stand, and whether the connection lives on.
func TestMQTT5Fate(t *testing.T) {
	t.Parallel()
	const (
		open  = false
		ended = true
	)
	number := func(id packet.NumberProperty, n uint32) packet.Properties { return props().AppendNumber(id, n) }
	misplaced := gone5(packet.ProtocolError, "packet out of place [MQTT-4.13.1-1]")
	long := strings.Repeat("t", 1025)
	for _, tc := range []struct {
		name string
		send string // after the session is open, unless raw
		raw  bool
		want string
		fate bool
		seen string
	}{
		{name: "MQTT-3.2.0-1", raw: true, send: hello5 + ping, want: welcome5 + pong, fate: open},
		{name: "MQTT-3.1.0-2", send: hello5, want: gone5(packet.ProtocolError, "second CONNECT [MQTT-3.1.0-2]"), fate: ended},
		{name: "MQTT-3.1.2-3", raw: true, send: frame(0x10, str("MQTT")+"\x05\x03\x00\x3c\x00"+str("c")), want: refused5(packet.MalformedPacket, "reserved connect flag is set [MQTT-3.1.2-3]"), fate: ended},
		{name: "MQTT-3.1.2-2", raw: true, send: frame(0x10, str("MQIsdp")+"\x05\x02\x00\x3c\x00"+str("c")), want: refused5(packet.UnsupportedProtocolVersion, "unsupported protocol level [MQTT-3.1.2-2]"), fate: ended},
		{name: "MQTT-1.5.5-1", raw: true, send: "\x10\x8f\x00" + str("MQTT") + "\x05\x02\x00\x3c\x00" + str("c1"), want: refused5(packet.MalformedPacket, "variable byte integer is longer than it has to be [MQTT-1.5.5-1]"), fate: ended},
		{name: "receive maximum 0", raw: true, send: connect5(60, number(packet.ReceiveMaximum, 0), "c"), want: refused5(packet.ProtocolError, "Receive Maximum out of bounds [MQTT 5.0 section 3.1.2.11.3]"), fate: ended},
		{name: "MQTT-3.1.2-29 no problem information", raw: true, send: connect5(60, number(packet.RequestProblemInformation, 0), "c") + "\x00\x00", want: welcome5 + gone5(packet.MalformedPacket, ""), fate: ended},
		{name: "MQTT-4.12.0-1", raw: true, send: connect5(60, props().AppendText(packet.AuthenticationMethod, "m"), "c"), want: refused5(packet.BadAuthenticationMethod, "no authentication method is known here"), fate: ended},
		{name: "AUTH", send: "\xf0\x06\x19\x04\x15" + str("m"), want: gone5(packet.BadAuthenticationMethod, "no authentication method is known here"), fate: ended},
		{name: "MQTT-3.15.1-1", send: "\xf1\x00", want: gone5(packet.MalformedPacket, "invalid fixed header flags [MQTT-3.15.1-1]"), fate: ended},
		{name: "session expiry is 0", raw: true, send: connect5(60, number(packet.SessionExpiryInterval, 3600), "c"), want: connack5(0, announced().AppendNumber(packet.SessionExpiryInterval, 0)), fate: open},
		{name: "MQTT-3.2.2-21 keep-alive 0", raw: true, send: connect5(0, nil, "c"), want: connack5(0, announced().AppendNumber(packet.ServerKeepAlive, 400)), fate: open},
		{name: "session expiry raised", send: string((&packet.Disconnect{Properties: number(packet.SessionExpiryInterval, 1)}).Append(nil, 0)), want: gone5(packet.ProtocolError, "session expiry interval after one of 0 [MQTT 5.0 section 3.14.2.2.2]"), fate: ended},
		{name: "expiry kept", raw: true, send: connect5(60, number(packet.SessionExpiryInterval, 1), "c") + string((&packet.Disconnect{Properties: number(packet.SessionExpiryInterval, 1)}).Append(nil, 0)), want: connack5(0, announced().AppendNumber(packet.SessionExpiryInterval, 0)), fate: ended},
		{name: "DISCONNECT", send: "\xe0\x00", fate: ended},
		{name: "DISCONNECT with will", send: "\xe0\x01\x04" + ping, fate: ended},
		{name: "QoS 0", send: publish5(0, 0, "t", "x", nil), fate: open, seen: "publish:t=x"},
		{name: "MQTT-4.3.2-4", send: publish5(1, 7, "t", "x", props().AppendUser("a", "b")), want: ack5(packet.PUBACK, 7, 0), fate: open, seen: "publish:t=x"},
		{name: "MQTT-4.3.3-8", send: publish5(2, 9, "t", "x", nil) + ack5(packet.PUBREL, 9, 0), want: ack5(packet.PUBREC, 9, 0) + ack5(packet.PUBCOMP, 9, 0), fate: open, seen: "publish:t=x"},
		{name: "MQTT-4.3.3-10", send: publish5(2, 9, "t", "x", nil) + publish5(2, 9, "t", "x", nil), want: ack5(packet.PUBREC, 9, 0) + ack5(packet.PUBREC, 9, 0), fate: open, seen: "publish:t=x"},
		{name: "PUBREL for nothing", send: ack5(packet.PUBREL, 9, 0), want: ack5(packet.PUBCOMP, 9, packet.PacketIdentifierNotFound), fate: open},
		{name: "MQTT-4.13.1-1", send: ack5(packet.PUBREC, 9, 0), want: misplaced, fate: ended},
		{name: "PUBCOMP for nothing", send: ack5(packet.PUBCOMP, 9, 0), want: misplaced, fate: ended},
		{name: "CONNACK from a client", send: connack5(0, nil), want: misplaced, fate: ended},
		{name: "PUBACK for nothing", send: ack5(packet.PUBACK, 9, 0), fate: open},
		{name: "MQTT-3.3.2-12", send: aliased("a", 1, 1, 1) + aliased("", 1, 1, 2) + aliased("b", 1, 1, 3) + aliased("", 1, 0, 0), want: ack5(packet.PUBACK, 1, 0) + ack5(packet.PUBACK, 2, 0) + ack5(packet.PUBACK, 3, 0), fate: open, seen: "publish:a=x publish:a=x publish:b=x publish:b=x"},
		{name: "alias before it is set", send: aliased("a", 2, 0, 0) + aliased("", 1, 0, 0), want: gone5(packet.ProtocolError, "topic alias was not set before [MQTT 5.0 section 3.3.2.3.4]"), fate: ended, seen: "publish:a=x"},
		{name: "MQTT-3.2.2-17", send: aliased("a", 11, 0, 0), want: gone5(packet.TopicAliasInvalid, "topic alias is above the maximum [MQTT-3.3.2-9]"), fate: ended},
		{name: "long topic", send: publish5(1, 1, long, "x", nil) + publish5(1, 2, "t", "x", nil), want: ack5(packet.PUBACK, 1, packet.TopicNameInvalid) + ack5(packet.PUBACK, 2, 0), fate: open, seen: "publish:t=x"},
		{name: "long topic, QoS 0", send: publish5(0, 0, long, "x", nil), want: gone5(packet.TopicNameInvalid, "topic is longer than the limit"), fate: ended},
		{name: "long topic and alias", send: aliased(long, 1, 2, 1) + aliased("", 1, 1, 2), want: ack5(packet.PUBREC, 1, packet.TopicNameInvalid) + ack5(packet.PUBACK, 2, packet.TopicNameInvalid), fate: open},
		{name: "SUBACK", send: subscribe5(3, nil, "a", "no", "b/+"), want: suback5(packet.SUBACK, 3, 1, packet.TopicFilterInvalid, 1), fate: open, seen: "subscribe:a subscribe:no subscribe:b/+"},
		{name: "SUBACK for what is not there", send: subscribe5(3, nil, "$share/g/a", long) + subscribe5(4, props().AppendNumber(packet.SubscriptionIdentifier, 1), "a"), want: suback5(packet.SUBACK, 3, packet.SharedSubscriptionsNotSupported, packet.TopicFilterInvalid) + suback5(packet.SUBACK, 4, packet.SubscriptionIdentifiersNotSupported), fate: open},
		{name: "ninth filter", send: subscribe5(3, nil, strings.Split(strings.Repeat("a ", 8)+"a", " ")...), want: suback5(packet.SUBACK, 3, 1, 1, 1, 1, 1, 1, 1, 1, packet.QuotaExceeded), fate: open, seen: strings.TrimSpace(strings.Repeat("subscribe:a ", 8))},
		{name: "MQTT-3.10.4-6", send: unsubscribe5(3, "a", "none"), want: suback5(packet.UNSUBACK, 3, 0, packet.NoSubscriptionExisted), fate: open, seen: "unsubscribe:a unsubscribe:none"},
		{name: "MQTT-3.2.2-15", send: "\x30\x80\x80\x04", want: gone5(packet.PacketTooLarge, "packet is larger than the limit [MQTT-3.2.2-15]"), fate: ended},
		{name: "answers come before the DISCONNECT", send: publish5(1, 1, "t", "x", nil) + "\x00", want: ack5(packet.PUBACK, 1, 0) + gone5(packet.MalformedPacket, "packet type 0 [MQTT 5.0 section 2.1.2]"), fate: ended, seen: "publish:t=x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := &dialect{subscribe: func(filter string, qos byte) packet.ReasonCode {
				if filter == "no" {
					return packet.TopicFilterInvalid
				}
				return packet.ReasonCode(min(qos, 1))
			}}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				c := b.dial()
				want := tc.want
				if !tc.raw {
					c.send(hello5)
					want = welcome5 + want
				}
				c.send(tc.send)
				c.want(want, tc.fate)
				if got := d.noted(); got != tc.seen {
					t.Errorf("handler: got %.80q, want %.80q", got, tc.seen)
				}
			})
		})
	}
}

// TestMQTT5EveryPrefix is TestEveryPrefix for MQTT 5.
func TestMQTT5EveryPrefix(t *testing.T) {
	t.Parallel()
	talk := hello5 + subscribe5(1, nil, "a", "b/#") + aliased("a", 1, 1, 2) + aliased("", 1, 2, 3) +
		ack5(packet.PUBREL, 3, packet.Success) + unsubscribe5(4, "a") + ack5(packet.PUBACK, 5, packet.UnspecifiedError) + ping
	bubble(t, mqttserver.Limits{}, &dialect{}, func(b *bench) {
		for n := range talk {
			c := b.dial()
			c.send(talk[:n])
			c.mu.Lock()
			if c.closed {
				t.Errorf("closed after %d sound bytes", n)
			}
			c.mu.Unlock()
			_ = c.conn.Close()
		}
	})
}
