package mqttserver_test

import (
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// willing5 is a CONNECT of MQTT 5 with a will.
func willing5(qos byte, retain bool) string {
	c := packet.Connect{
		Version: packet.V5, CleanSession: true, KeepAlive: 60, ClientID: "c1",
		Will: &packet.Will{Topic: "w", Payload: []byte("gone"), QoS: qos, Retain: retain},
	}
	return string(c.Append(nil))
}

// poor is a dialect that offers little, and lacking what its clients are told.
func poor() *dialect {
	return &dialect{connect: func(c *mqttserver.Conn, _ *packet.Connect) mqttserver.ConnectCode {
		c.Offer(mqttserver.Terms{MaximumQoS: 1, NoRetain: true})
		return mqttserver.Accepted
	}}
}

var lacking = announced().AppendNumber(packet.RetainAvailable, 0).AppendNumber(packet.MaximumQoS, 1)

// TestMQTT5Sequences is TestSequences for MQTT 5.
func TestMQTT5Sequences(t *testing.T) {
	t.Parallel()
	number := func(id packet.NumberProperty, n uint32) packet.Properties { return props().AppendNumber(id, n) }
	asking := func(id packet.NumberProperty, n uint32) string { return connect5(60, number(id, n), "c1") }
	method := connect5(60, props().AppendText(packet.AuthenticationMethod, "m"), "c")
	terse := connect5(60, number(packet.MaximumPacketSize, 10).AppendText(packet.AuthenticationMethod, "m"), "c")
	sent := func(qos byte, id uint16, payload string) string { return publish5(qos, id, "t", payload, nil) }
	puback := func(id uint16) string { return ack5(packet.PUBACK, id, packet.Success) }
	pubrec := func(id uint16) string { return ack5(packet.PUBREC, id, packet.Success) }
	pubrel := func(id uint16) string { return ack5(packet.PUBREL, id, packet.Success) }
	pubcomp := func(id uint16) string { return ack5(packet.PUBCOMP, id, packet.Success) }
	picky := func() *dialect {
		return &dialect{subscribe: func(filter string, qos byte) packet.ReasonCode {
			switch filter {
			case "no":
				return packet.NotAuthorized
			case "odd":
				return packet.KeepAliveTimeout
			}
			return packet.ReasonCode(min(qos, 1))
		}}
	}
	noAlias := gone5(packet.ProtocolError, "topic alias was not set before [MQTT 5.0 section 3.3.2.3.4]") + gone
	rehearse(t, []sequence{
		{name: "MQTT-2.2.1-4 MQTT-4.3.2-1", turns: []turn{
			{send: hello5, want: welcome5},
			{push: push(1, "x"), want: sent(1, 1, "x")},
			{push: push(1, "y"), want: sent(1, 2, "y")},
			{send: puback(1)},
			{push: push(1, "z"), want: sent(1, 3, "z")},
		}},
		{name: "MQTT-2.2.1-5", seen: "publish:t=x publish:t=y", turns: []turn{
			{send: hello5, want: welcome5},
			{send: sent(1, 7, "x") + sent(2, 8, "y"), want: puback(7) + pubrec(8)},
			{send: pubrel(8), want: pubcomp(8)},
		}},
		{name: "MQTT-2.2.1-6", seen: "subscribe:a unsubscribe:a", turns: []turn{
			{send: hello5, want: welcome5},
			{send: subscribe5(0x102, nil, "a"), want: suback5(packet.SUBACK, 0x102, 1)},
			{send: unsubscribe5(0xffff, "a"), want: suback5(packet.UNSUBACK, 0xffff, 0)},
		}},
		{name: "MQTT-3.1.0-1", turns: []turn{
			{who: "a", send: ping, want: gone},
			{who: "b", send: sent(0, 0, "x"), want: gone},
			{who: "c", send: "\xf0\x00", want: gone},
		}},
		{name: "MQTT-3.1.2-1", turns: []turn{{send: frame(0x10, str("MQTt")+"\x05\x02\x00\x3c\x00"+str("c")), want: gone}}},
		{name: "MQTT-3.1.2-28", turns: []turn{
			{who: "a", send: asking(packet.RequestResponseInformation, 0), want: welcome5},
			{who: "b", send: asking(packet.RequestResponseInformation, 1), want: welcome5},
		}},
		{name: "MQTT-3.1.2-29", d: judging(mqttserver.Ack.With(packet.QuotaExceeded)), seen: "publish:t=x subscribe:a", turns: []turn{
			{send: asking(packet.RequestProblemInformation, 0), want: welcome5},
			{send: sent(1, 1, "x"), want: ack5(packet.PUBACK, 1, packet.QuotaExceeded)},
			{send: subscribe5(2, nil, "a"), want: suback5(packet.SUBACK, 2, 1)},
			{send: pubrel(9), want: ack5(packet.PUBCOMP, 9, packet.PacketIdentifierNotFound)},
		}},
		{name: "MQTT-3.1.2-30", turns: []turn{{send: method + ping, want: refused5(packet.BadAuthenticationMethod, "no authentication method is known here") + gone}}},
		{name: "MQTT-3.1.3-8", d: refusing(mqttserver.RefusedIdentifier), turns: []turn{{send: hello5, want: connack5(packet.ClientIdentifierNotValid, nil) + gone}}},
		{name: "MQTT-3.1.4-2", d: refusing(mqttserver.RefusedNotAuthorized), turns: []turn{{send: hello5, want: connack5(packet.NotAuthorized, nil) + gone}}},
		{name: "MQTT-3.1.4-5", turns: []turn{{send: hello5, want: welcome5}}},
		{name: "MQTT-3.1.4-6", d: refusing(mqttserver.RefusedCredentials), turns: []turn{
			{send: hello5 + subscribe5(1, nil, "a") + sent(1, 2, "x") + ping, want: connack5(packet.BadUserNameOrPassword, nil) + gone},
		}},
		{name: "MQTT-3.2.0-1", d: greeting(), turns: []turn{{send: hello5, want: welcome5 + sent(1, 1, "x")}}},
		{name: "MQTT-3.2.0-2", turns: []turn{
			{send: hello5, want: welcome5},
			{send: hello5, want: gone5(packet.ProtocolError, "second CONNECT [MQTT-3.1.0-2]") + gone},
		}},
		{name: "MQTT-3.2.2-2", turns: []turn{{send: hello5 + gone5(0, ""), want: welcome5 + gone}, {send: hello5, want: welcome5}}},
		{name: "MQTT-3.2.2-6 MQTT-3.2.2-7", d: refusing(mqttserver.RefusedUnavailable), turns: []turn{{send: hello5, want: connack5(packet.ServerUnavailable, nil) + gone}}},
		{name: "MQTT-3.2.2-9 rich", seen: "publish:t=x publish:t=y", turns: []turn{ // none is said, and both are taken
			{send: hello5, want: welcome5},
			{send: sent(1, 1, "x") + sent(2, 2, "y"), want: puback(1) + pubrec(2)},
		}},
		{name: "MQTT-3.2.2-10", seen: "subscribe:a subscribe:b subscribe:c", turns: []turn{
			{send: hello5, want: welcome5},
			{send: frame(0x82, "\x00\x01\x00"+str("a")+"\x00"+str("b")+"\x01"+str("c")+"\x02"), want: suback5(packet.SUBACK, 1, 0, 1, 1)},
		}},
		{name: "MQTT-3.2.2-9 MQTT-3.2.2-11", d: poor(), seen: "publish:t=x", turns: []turn{
			{send: hello5, want: connack5(packet.Success, lacking)},
			{send: sent(1, 1, "x"), want: puback(1)},
			{send: sent(2, 2, "y"), want: gone5(packet.QoSNotSupported, "QoS is above the maximum [MQTT-3.2.2-11]") + gone},
		}},
		{name: "MQTT-3.2.2-10 poor", d: poor(), seen: "subscribe:a subscribe:b subscribe:c", turns: []turn{
			{send: hello5, want: connack5(packet.Success, lacking)},
			{send: frame(0x82, "\x00\x01\x00"+str("a")+"\x00"+str("b")+"\x01"+str("c")+"\x02"), want: suback5(packet.SUBACK, 1, 0, 1, 1)},
		}},
		{name: "MQTT-3.2.2-12", d: poor(), turns: []turn{
			{who: "a", send: willing5(2, false), want: refused5(packet.QoSNotSupported, "QoS is above the maximum [MQTT-3.2.2-11]") + gone},
			{who: "b", send: willing5(1, false), want: connack5(packet.Success, lacking)},
		}},
		{name: "MQTT-3.2.2-13", d: poor(), turns: []turn{
			{send: willing5(0, true), want: refused5(packet.RetainNotSupported, "retained messages are not available [MQTT-3.2.2-14]") + gone},
		}},
		{name: "MQTT-3.2.2-14", d: poor(), turns: []turn{
			{send: hello5, want: connack5(packet.Success, lacking)},
			{send: frame(0x31, str("t")+"\x00x"), want: gone5(packet.RetainNotSupported, "retained messages are not available [MQTT-3.2.2-14]") + gone},
		}},
		{name: "MQTT-3.2.2-12 MQTT-3.2.2-13 rich", turns: []turn{{send: willing5(2, true), want: welcome5}}},
		{name: "MQTT-3.2.2-19", turns: []turn{{send: terse, want: connack5(packet.BadAuthenticationMethod, nil) + gone}}},
		{name: "MQTT-3.2.2-21", turns: []turn{{send: connect5(0, nil, "c"), want: connack5(0, announced().AppendNumber(packet.ServerKeepAlive, 400))}}},
		{name: "MQTT-3.3.2-7", turns: []turn{
			{who: "a", send: hello5, want: welcome5},
			{who: "a", send: aliased("t", 1, 1, 1), want: puback(1)},
			{who: "a", send: gone5(0, ""), want: gone},
			{who: "b", send: hello5, want: welcome5},
			{who: "b", send: aliased("", 1, 1, 1), want: noAlias},
		}, seen: "publish:t=x"},
		{name: "MQTT-3.3.4-1", seen: "publish:t=0 publish:t=1 publish:t=2", turns: []turn{
			{send: hello5, want: welcome5},
			{send: sent(0, 0, "0") + ping, want: pong},
			{send: sent(1, 5, "1"), want: puback(5)},
			{send: sent(2, 6, "2"), want: pubrec(6)},
		}},
		{name: "MQTT-3.3.4-9 MQTT-4.9.0-1 MQTT-4.9.0-2", turns: []turn{
			{send: asking(packet.ReceiveMaximum, 2), want: welcome5},
			{push: push(1, "x"), want: sent(1, 1, "x")},
			{push: push(1, "y"), want: sent(1, 2, "y")},
			{push: push(1, "z")},
			{send: ping, want: pong},
			{send: ping, want: pong},
			{send: puback(1), want: sent(1, 3, "z")},
		}},
		{name: "MQTT-3.3.4-10 MQTT-4.9.0-3", seen: "subscribe:a publish:t=in unsubscribe:a", turns: []turn{
			{send: asking(packet.ReceiveMaximum, 1), want: welcome5},
			{push: push(1, "x"), want: sent(1, 1, "x")},
			{push: push(1, "y")},
			{send: subscribe5(3, nil, "a"), want: suback5(packet.SUBACK, 3, 1)},
			{send: sent(1, 4, "in"), want: puback(4)},
			{send: unsubscribe5(5, "a"), want: suback5(packet.UNSUBACK, 5, 0)},
			{send: ping, want: pong},
			{send: puback(1), want: sent(1, 2, "y")},
		}},
		{name: "MQTT-3.8.4-1 MQTT-3.8.4-2", seen: "subscribe:a subscribe:b", turns: []turn{
			{send: hello5, want: welcome5},
			{send: subscribe5(1, nil, "a"), want: suback5(packet.SUBACK, 1, 1)},
			{send: subscribe5(65535, nil, "b"), want: suback5(packet.SUBACK, 65535, 1)},
		}},
		{name: "MQTT-3.8.4-5 MQTT-3.8.4-6 MQTT-3.9.3-1", d: picky(), seen: "subscribe:a subscribe:no subscribe:b subscribe:a", turns: []turn{
			{send: hello5, want: welcome5},
			{send: subscribe5(1, nil, "a", "no", "b", "a"), want: suback5(packet.SUBACK, 1, 1, packet.NotAuthorized, 1, 1)},
		}},
		{name: "MQTT-3.8.4-7 MQTT-3.9.3-2", d: picky(), seen: "subscribe:no subscribe:odd", turns: []turn{
			{send: hello5, want: welcome5},
			{send: subscribe5(1, nil, "no", "odd"), want: suback5(packet.SUBACK, 1, packet.NotAuthorized, packet.UnspecifiedError)},
		}},
		{name: "MQTT-3.10.4-4 MQTT-3.10.4-5", seen: "unsubscribe:none", turns: []turn{
			{send: hello5, want: welcome5},
			{send: unsubscribe5(0x506, "none"), want: suback5(packet.UNSUBACK, 0x506, packet.NoSubscriptionExisted)},
		}},
		{name: "MQTT-3.10.4-6 MQTT-3.11.3-1", seen: "unsubscribe:a unsubscribe:none unsubscribe:b", turns: []turn{
			{send: hello5, want: welcome5},
			{send: unsubscribe5(9, "a", "none", "b"), want: suback5(packet.UNSUBACK, 9, 0, packet.NoSubscriptionExisted, 0)},
		}},
		{name: "MQTT-3.12.4-1", turns: []turn{{send: hello5, want: welcome5}, {send: ping, want: pong}, {send: ping + ping, want: pong + pong}}},
		{name: "MQTT-3.14.2-2 MQTT-3.14.4-2", turns: []turn{
			{send: asking(packet.SessionExpiryInterval, 0), want: welcome5},
			{send: "\x00", want: gone5(packet.MalformedPacket, "packet type 0 [MQTT 5.0 section 2.1.2]") + gone},
		}},
		{name: "MQTT-3.14.4-1", turns: []turn{{send: hello5 + gone5(0, "") + sent(0, 0, "x"), want: welcome5 + gone}}},
		{name: "MQTT-4.3.1-1", turns: []turn{
			{send: hello5, want: welcome5},
			{push: push(0, "x"), want: "\x30\x05\x00\x01t\x00x"},
		}},
		{name: "MQTT-4.3.2-2", turns: []turn{
			{send: hello5, want: welcome5},
			{push: push(1, "x"), want: "\x32\x07\x00\x01t\x00\x01\x00x"},
		}},
		{name: "MQTT-4.3.2-3", turns: []turn{
			{send: asking(packet.ReceiveMaximum, 1), want: welcome5},
			{push: push(1, "x"), want: sent(1, 1, "x")},
			{push: push(1, "y")},
			{send: pubrel(1) + puback(2) + ping, want: ack5(packet.PUBCOMP, 1, packet.PacketIdentifierNotFound) + pong},
			{send: puback(1), want: sent(1, 2, "y")},
		}},
		{name: "MQTT-4.3.2-4 MQTT-4.3.2-5", seen: "publish:t=x publish:t=y publish:t=z", turns: []turn{
			{send: hello5, want: welcome5},
			{send: sent(1, 9, "x"), want: puback(9)},
			{send: sent(1, 9, "y"), want: puback(9)},
			{send: frame(0x3a, str("t")+"\x00\x09\x00z"), want: puback(9)},
		}},
		{name: "MQTT-4.3.3-8 MQTT-4.3.3-10 MQTT-4.3.3-11 MQTT-4.3.3-12", seen: "publish:t=x publish:t=z", turns: []turn{
			{send: hello5, want: welcome5},
			{send: sent(2, 9, "x"), want: pubrec(9)},
			{send: frame(0x3c, str("t")+"\x00\x09\x00y"), want: pubrec(9)},
			{send: pubrel(9), want: pubcomp(9)},
			{send: sent(2, 9, "z"), want: pubrec(9)},
		}},
		{name: "MQTT-4.3.3-9", d: judging(mqttserver.Ack.With(packet.QuotaExceeded)), seen: "publish:t=x publish:t=y", turns: []turn{
			{send: hello5, want: welcome5},
			{send: sent(2, 9, "x"), want: ack5(packet.PUBREC, 9, packet.QuotaExceeded)},
			{send: sent(2, 9, "y"), want: ack5(packet.PUBREC, 9, packet.QuotaExceeded)},
		}},
		{name: "MQTT-4.3.3-13", seen: "publish:t=x", turns: []turn{
			{send: hello5, want: welcome5},
			{send: publish5(2, 9, "t", "x", number(packet.MessageExpiryInterval, 0)), want: pubrec(9)},
			{send: pubrel(9), want: pubcomp(9)},
		}},
		{name: "MQTT-4.4.0-2", turns: []turn{
			{send: hello5, want: welcome5},
			{push: push(1, "x"), want: sent(1, 1, "x")},
			{send: ack5(packet.PUBACK, 1, packet.QuotaExceeded)},
		}},
		{name: "MQTT-4.12.0-4", turns: []turn{
			{send: method, want: refused5(packet.BadAuthenticationMethod, "no authentication method is known here") + gone},
		}},
		{name: "MQTT-4.12.0-6", turns: []turn{{send: hello5, want: welcome5}, {send: ping, want: pong}}},
		{name: "MQTT-4.12.0-7", turns: []turn{
			{send: hello5, want: welcome5},
			{send: frame(0xf0, "\x18\x04\x15"+str("m")), want: gone5(packet.BadAuthenticationMethod, "no authentication method is known here") + gone},
		}},
		{name: "MQTT-4.13.1-1", turns: []turn{
			{who: "a", send: hello5, want: welcome5},
			{who: "b", send: connect5(60, nil, "c2"), want: welcome5},
			{who: "a", send: "\x62\x00", want: gone5(packet.MalformedPacket, "packet ends inside a field [MQTT 5.0 section 2.1.4]") + gone},
			{who: "b", send: ping, want: pong},
		}},
		{name: "MQTT-4.13.2-1", d: judging(mqttserver.CloseWithoutAck.With(packet.QuotaExceeded)), seen: "publish:t=x", turns: []turn{
			{send: hello5, want: welcome5},
			{send: sent(1, 1, "x"), want: gone5(packet.QuotaExceeded, "") + gone},
		}},
	})
}
