package mqttserver_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// login3 is a CONNECT of MQTT 3.1.1 with a keep-alive of 60 s.
func login3(flags byte, id string, rest ...string) string {
	return frame(0x10, str("MQTT")+"\x04"+string([]byte{flags})+"\x00\x3c"+str(id)+strings.Join(rest, ""))
}

func subscribe3(id uint16, filters ...string) string {
	s := packet.Subscribe{ID: id}
	for _, f := range filters {
		s.Subscriptions = append(s.Subscriptions, packet.Subscription{Filter: f, QoS: 1})
	}
	return string(s.Append(nil))
}

func unsubscribe3(id uint16, filters ...string) string {
	u := packet.Unsubscribe{ID: id, Filters: filters}
	return string(u.Append(nil))
}

func suback3(id uint16, codes ...byte) string { return string(packet.AppendSuback(nil, id, codes)) }

// refusing is a dialect that lets nobody in.
func refusing(code mqttserver.ConnectCode) *dialect {
	return &dialect{connect: func(*mqttserver.Conn, *packet.Connect) mqttserver.ConnectCode { return code }}
}

// judging is a dialect that gives every message the same verdict.
func judging(v mqttserver.Verdict) *dialect {
	return &dialect{publish: func(_ context.Context, _ mqttserver.Publish, done func(mqttserver.Verdict)) { done(v) }}
}

// greeting is a dialect that sends a message before the CONNACK can have left.
func greeting() *dialect {
	return &dialect{connect: func(c *mqttserver.Conn, _ *packet.Connect) mqttserver.ConnectCode {
		_ = c.Publish("t", []byte("x"), 1)
		return mqttserver.Accepted
	}}
}

// push sends a message to the client whose topic is "t".
func push(qos byte, payload string) func(*mqttserver.Conn) error {
	return func(c *mqttserver.Conn) error { return c.Publish("t", []byte(payload), qos) }
}

// TestSequences shows statements of MQTT 3.1.1 about sound packets, one after the other, over real sockets. Those about
// messages that go from one client to another are in conformance/sessions.
func TestSequences(t *testing.T) {
	t.Parallel()
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	refused := func(code byte) string { return "\x20\x02\x00" + string([]byte{code}) + gone }
	picky := func() *dialect {
		return &dialect{subscribe: func(filter string, qos byte) packet.ReasonCode {
			switch filter {
			case "no":
				return packet.NotAuthorized
			case "odd":
				return 0x7f
			}
			return packet.ReasonCode(min(qos, 1))
		}}
	}
	rehearse(t, []sequence{
		{name: "MQTT-2.3.1-6", seen: "publish:t=x publish:t=y", turns: []turn{
			{send: hello, want: welcome},
			{send: publish(1, 7, "x") + publish(2, 8, "y"), want: ack(packet.PUBACK, 7) + ack(packet.PUBREC, 8)},
			{send: ack(packet.PUBREL, 8), want: ack(packet.PUBCOMP, 8)},
		}},
		{name: "MQTT-2.3.1-7", seen: "subscribe:a unsubscribe:a", turns: []turn{
			{send: hello, want: welcome},
			{send: subscribe3(0x102, "a"), want: suback3(0x102, 1)},
			{send: unsubscribe3(0xffff, "a"), want: ack(packet.UNSUBACK, 0xffff)},
		}},
		{name: "MQTT-3.1.0-1", turns: []turn{
			{who: "a", send: ping, want: gone},
			{who: "b", send: publish(1, 1, "x"), want: gone},
			{who: "c", send: subscribe3(1, "a"), want: gone},
			{who: "d", send: farewell, want: gone},
		}},
		{name: "MQTT-3.1.0-2", turns: []turn{{send: hello, want: welcome}, {send: hello, want: gone}}},
		{name: "MQTT-3.1.2-1", turns: []turn{{send: frame(0x10, str("MQTt")+"\x04\x02\x00\x3c"+str("c")), want: gone}}},
		{name: "MQTT-3.1.2-2", turns: []turn{
			{who: "a", send: frame(0x10, str("MQTT")+"\x06\x02\x00\x3c"+str("c")), want: refused(1)},
			{who: "b", send: frame(0x10, str("MQTT")+"\x00\x02\x00\x3c"+str("c")), want: refused(1)},
		}},
		{name: "MQTT-3.1.2-3", turns: []turn{{send: login3(0x03, "c"), want: gone}}},
		{name: "MQTT-3.1.3-5", turns: []turn{
			{who: "a", send: login3(2, letters[:1]), want: welcome},
			{who: "b", send: login3(2, letters[:23]), want: welcome},
			{who: "c", send: login3(2, letters[23:46]), want: welcome},
			{who: "d", send: login3(2, letters[39:]), want: welcome},
			{who: "e", send: login3(2, "é/#"+letters), want: welcome},
		}},
		{name: "MQTT-3.1.3-6", turns: []turn{{who: "a", send: login3(2, ""), want: welcome}, {who: "b", send: login3(2, ""), want: welcome}}},
		{name: "MQTT-3.1.3-8", turns: []turn{{send: login3(0, ""), want: refused(2)}}},
		{name: "MQTT-3.1.3-9", d: refusing(mqttserver.RefusedIdentifier), turns: []turn{{send: login3(2, "c"), want: refused(2)}}},
		{name: "MQTT-3.1.4-1", turns: []turn{
			{who: "a", send: login3(0x82, "c"), want: gone},
			{who: "b", send: login3(0x02, "c", "x"), want: gone},
			{who: "c", send: login3(0x42, "c", str("p")), want: gone},
		}},
		{name: "MQTT-3.1.4-4", turns: []turn{{send: login3(0xf6, "c", str("w"), str("gone"), str("u"), str("p")), want: welcome}}},
		{name: "MQTT-3.1.4-5", d: refusing(mqttserver.RefusedCredentials), turns: []turn{
			{send: login3(2, "c") + subscribe3(1, "a") + publish(1, 2, "x") + ping, want: refused(4)},
		}},
		{name: "MQTT-3.2.0-1", d: greeting(), turns: []turn{{send: hello, want: welcome + publish(1, 1, "x")}}},
		{name: "MQTT-3.2.2-1", turns: []turn{{send: login3(2, "c") + farewell, want: "\x20\x02\x00\x00" + gone}, {send: login3(2, "c"), want: "\x20\x02\x00\x00"}}},
		{name: "MQTT-3.2.2-3", turns: []turn{{send: login3(0, "never seen"), want: "\x20\x02\x00\x00"}}},
		{name: "MQTT-3.2.2-4", d: refusing(mqttserver.RefusedNotAuthorized), turns: []turn{{send: login3(0, "c"), want: refused(5)}}},
		{name: "MQTT-3.2.2-5", d: refusing(mqttserver.RefusedUnavailable), turns: []turn{{send: login3(2, "c"), want: refused(3)}}},
		{name: "MQTT-3.2.2-6", turns: []turn{{send: login3(0x1e, "c", str("w"), str("x")), want: gone}}},
		{name: "MQTT-3.3.4-1", seen: "publish:t=0 publish:t=1 publish:t=2", turns: []turn{
			{send: hello, want: welcome},
			{send: publish(0, 0, "0") + ping, want: pong},
			{send: publish(1, 5, "1"), want: ack(packet.PUBACK, 5)},
			{send: publish(2, 6, "2"), want: ack(packet.PUBREC, 6)},
		}},
		{name: "MQTT-3.3.5-2 acknowledged", d: judging(mqttserver.Ack.With(packet.NotAuthorized)), seen: "publish:t=x publish:t=y", turns: []turn{
			{send: hello, want: welcome},
			{send: publish(1, 1, "x"), want: ack(packet.PUBACK, 1)},
			{send: publish(2, 2, "y"), want: ack(packet.PUBREC, 2)},
		}},
		{name: "MQTT-3.3.5-2 closed", d: judging(mqttserver.CloseWithoutAck.With(packet.NotAuthorized)), seen: "publish:t=x", turns: []turn{
			{send: hello, want: welcome}, {send: publish(1, 1, "x"), want: gone},
		}},
		{name: "MQTT-3.8.4-1 MQTT-3.8.4-2", seen: "subscribe:a subscribe:b", turns: []turn{
			{send: hello, want: welcome},
			{send: subscribe3(1, "a"), want: suback3(1, 1)},
			{send: subscribe3(65535, "b"), want: suback3(65535, 1)},
		}},
		{name: "MQTT-3.8.4-4 MQTT-3.8.4-5 MQTT-3.9.3-1", d: picky(), seen: "subscribe:a subscribe:no subscribe:b subscribe:a", turns: []turn{
			{send: hello, want: welcome},
			{send: frame(0x82, "\x00\x03"+str("a")+"\x00"+str("no")+"\x01"+str("b")+"\x01"+str("a")+"\x01"), want: suback3(3, 0, 0x80, 1, 1)},
		}},
		{name: "MQTT-3.8.4-6 MQTT-3.9.3-2", d: picky(), seen: "subscribe:no subscribe:odd", turns: []turn{
			{send: hello, want: welcome}, {send: subscribe3(3, "no", "odd"), want: suback3(3, 0x80, 0x80)},
		}},
		{name: "MQTT-3.10.4-4 MQTT-3.10.4-5", seen: "unsubscribe:none", turns: []turn{
			{send: hello, want: welcome}, {send: unsubscribe3(0x506, "none"), want: ack(packet.UNSUBACK, 0x506)},
		}},
		{name: "MQTT-3.10.4-6", seen: "unsubscribe:a unsubscribe:none unsubscribe:b", turns: []turn{
			{send: hello, want: welcome}, {send: unsubscribe3(9, "a", "none", "b"), want: ack(packet.UNSUBACK, 9)},
		}},
		{name: "MQTT-3.12.4-1", turns: []turn{{send: hello, want: welcome}, {send: ping, want: pong}, {send: ping + ping, want: pong + pong}}},
		{name: "MQTT-3.14.4-1", turns: []turn{{send: hello, want: welcome}, {send: farewell, want: gone}}},
		{name: "MQTT-3.14.4-2", seen: "publish:t=x", turns: []turn{{send: hello + publish(0, 0, "x") + farewell + publish(0, 0, "y"), want: welcome + gone}}},
		{name: "MQTT-4.3.1-1", turns: []turn{
			{send: hello, want: welcome},
			{push: push(0, "x"), want: "\x30\x04\x00\x01tx"},
		}},
		{name: "MQTT-4.3.2-1", turns: []turn{
			{send: hello, want: welcome},
			{push: push(1, "x"), want: "\x32\x06\x00\x01t\x00\x01x"},
			{push: push(1, "y"), want: "\x32\x06\x00\x01t\x00\x02y"},
			{send: ack(packet.PUBACK, 1)},
			{push: push(1, "z"), want: "\x32\x06\x00\x01t\x00\x03z"},
		}},
		{name: "MQTT-4.3.2-2", seen: "publish:t=x publish:t=y publish:t=z", turns: []turn{
			{send: hello, want: welcome},
			{send: publish(1, 9, "x"), want: ack(packet.PUBACK, 9)},
			{send: publish(1, 9, "y"), want: ack(packet.PUBACK, 9)},
			{send: frame(0x3a, str("t")+"\x00\x09z"), want: ack(packet.PUBACK, 9)}, // DUP does not matter
		}},
		{name: "MQTT-4.3.3-2", seen: "publish:t=x publish:t=z", turns: []turn{
			{send: hello, want: welcome},
			{send: publish(2, 9, "x"), want: ack(packet.PUBREC, 9)},
			{send: frame(0x3c, str("t")+"\x00\x09y"), want: ack(packet.PUBREC, 9)},
			{send: ack(packet.PUBREL, 9), want: ack(packet.PUBCOMP, 9)},
			{send: ack(packet.PUBREL, 9), want: ack(packet.PUBCOMP, 9)},
			{send: publish(2, 9, "z"), want: ack(packet.PUBREC, 9)},
		}},
		{name: "MQTT-4.6.0-2 MQTT-4.6.0-3", seen: "publish:t=1 publish:t=2 publish:t=3 publish:t=4", turns: []turn{
			{send: hello, want: welcome},
			{
				send: publish(2, 4, "1") + publish(1, 3, "2") + publish(2, 2, "3") + publish(1, 1, "4"),
				want: ack(packet.PUBREC, 4) + ack(packet.PUBACK, 3) + ack(packet.PUBREC, 2) + ack(packet.PUBACK, 1),
			},
		}},
		{name: "MQTT-4.8.0-1", turns: []turn{
			{who: "a", send: hello, want: welcome},
			{who: "b", send: login3(2, "c2"), want: welcome},
			{who: "a", send: "\x62\x00", want: gone},
			{who: "b", send: ping, want: pong},
		}},
		{name: "MQTT-4.8.0-2", d: &dialect{publish: func(_ context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
			if string(p.Payload) == "too much" {
				done(mqttserver.CloseWithoutAck)
				return
			}
			done(mqttserver.Ack)
		}}, seen: "publish:t=too much publish:t=x", turns: []turn{
			{who: "a", send: hello, want: welcome},
			{who: "b", send: login3(2, "c2"), want: welcome},
			{who: "a", send: publish(1, 1, "too much"), want: gone},
			{who: "b", send: publish(1, 1, "x"), want: ack(packet.PUBACK, 1)},
		}},
	})
}
