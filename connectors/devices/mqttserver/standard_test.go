package mqttserver_test

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestFate sends bytes as they stand and checks what comes back and whether the connection lives on, per statement of
// the standard. What the codec refuses is in its own tests; a few of its refusals stand here for all.
func TestFate(t *testing.T) {
	t.Parallel()
	const (
		open  = false
		ended = true
	)
	for _, tc := range []struct {
		name, rule string
		send       string // after the session is open, unless raw
		raw        bool
		want       string
		fate       bool
		seen       string
	}{
		{name: "first packet is not CONNECT", rule: "3.1.0-1", raw: true, send: ping, fate: ended},
		{name: "first packet is PUBLISH", rule: "3.1.0-1", raw: true, send: publish(0, 0, "x"), fate: ended},
		{name: "first byte is enough", rule: "3.1.0-1", raw: true, send: "\xf0", fate: ended},
		{name: "second CONNECT", rule: "3.1.0-2", send: hello, fate: ended},
		{name: "second CONNECT at once", rule: "3.1.0-2", raw: true, send: hello + hello, want: welcome, fate: ended},
		{name: "protocol name", rule: "3.1.2-1", raw: true, send: frame(0x10, str("HTTP")+"\x04\x02\x00\x3c"+str("c")), fate: ended},
		{name: "protocol level", rule: "3.1.2-2", raw: true, send: frame(0x10, str("MQTT")+"\x06\x02\x00\x3c"+str("c")), want: "\x20\x02\x00\x01", fate: ended},
		{name: "MQTT 3.1", raw: true, send: frame(0x10, str("MQIsdp")+"\x03\x02\x00\x3c"+str("c1")), want: welcome, fate: open},
		{name: "reserved connect flag", rule: "3.1.2-3", raw: true, send: frame(0x10, str("MQTT")+"\x04\x03\x00\x3c"+str("c")), fate: ended},
		{name: "no identifier, clean", rule: "3.1.3-6", raw: true, send: frame(0x10, str("MQTT")+"\x04\x02\x00\x3c"+str("")), want: welcome, fate: open},
		{name: "no identifier, not clean", rule: "3.1.3-8", raw: true, send: frame(0x10, str("MQTT")+"\x04\x00\x00\x3c"+str("")), want: "\x20\x02\x00\x02", fate: ended},
		{name: "session present is 0", rule: "3.2.2-3", raw: true, send: frame(0x10, str("MQTT")+"\x04\x00\x00\x3c"+str("c1")), want: welcome, fate: open},
		{name: "packets before CONNACK", rule: "3.1.4-5", raw: true, send: hello + frame(0x82, "\x00\x01"+str("r")+"\x01") + publish(1, 7, "x"), want: welcome + "\x90\x03\x00\x01\x01" + ack(packet.PUBACK, 7), fate: open, seen: "subscribe:r publish:t=x"},
		{name: "QoS 0 is not acknowledged", rule: "3.3.4-1", send: publish(0, 0, "x"), fate: open, seen: "publish:t=x"},
		{name: "QoS 1", rule: "3.3.4-1", send: publish(1, 65535, "x"), want: ack(packet.PUBACK, 65535), fate: open, seen: "publish:t=x"},
		{name: "QoS 1 again is a new message", rule: "4.3.2-2", send: publish(1, 9, "x") + publish(1, 9, "x"), want: ack(packet.PUBACK, 9, 9), fate: open, seen: "publish:t=x publish:t=x"},
		{name: "QoS 2", rule: "4.3.3-2", send: publish(2, 9, "x") + ack(packet.PUBREL, 9), want: ack(packet.PUBREC, 9) + ack(packet.PUBCOMP, 9), fate: open, seen: "publish:t=x"},
		{name: "QoS 2 before PUBREL is a duplicate", rule: "4.3.3-2", send: publish(2, 9, "x") + publish(2, 9, "x"), want: ack(packet.PUBREC, 9, 9), fate: open, seen: "publish:t=x"},
		{name: "QoS 2 after PUBREL is new", rule: "4.3.3-2", send: publish(2, 9, "x") + ack(packet.PUBREL, 9) + publish(2, 9, "y"), want: ack(packet.PUBREC, 9) + ack(packet.PUBCOMP, 9) + ack(packet.PUBREC, 9), fate: open, seen: "publish:t=x publish:t=y"},
		{name: "PUBREL for nothing", rule: "3.6.4-1", send: ack(packet.PUBREL, 9), want: ack(packet.PUBCOMP, 9), fate: open},
		{name: "PUBREL flags", rule: "3.6.1-1", send: "\x60\x02\x00\x09", fate: ended},
		{name: "PUBACK for nothing", send: ack(packet.PUBACK, 9), fate: open},
		{name: "PUBREC for nothing", send: ack(packet.PUBREC, 9), fate: ended},
		{name: "PUBCOMP for nothing", send: ack(packet.PUBCOMP, 9), fate: ended},
		{name: "CONNACK from a client", send: welcome, fate: ended},
		{name: "PINGRESP from a client", send: pong, fate: ended},
		{name: "SUBACK from a client", send: "\x90\x03\x00\x01\x00", fate: ended},
		{name: "DUP with QoS 0", rule: "3.3.1-2", send: frame(0x38, str("t")), fate: ended},
		{name: "QoS 3", rule: "3.3.1-4", send: frame(0x36, str("t")+"\x00\x01"), fate: ended},
		{name: "wildcard in topic", rule: "3.3.2-2", send: frame(0x30, str("a/+")), fate: ended},
		{name: "identifier 0", rule: "2.3.1-1", send: frame(0x32, str("a")+"\x00\x00"), fate: ended},
		{name: "SUBSCRIBE flags", rule: "3.8.1-1", send: frame(0x80, "\x00\x01"+str("a")+"\x00"), fate: ended},
		{name: "SUBSCRIBE without filter", rule: "3.8.3-3", send: "\x82\x02\x00\x01", fate: ended},
		{name: "SUBACK has the codes in order", rule: "3.8.4-5", send: frame(0x82, "\x01\x02"+str("a")+"\x00"+str("no")+"\x01"+str("b")+"\x02"), want: "\x90\x05\x01\x02\x00\x80\x01", fate: open, seen: "subscribe:a subscribe:no subscribe:b"},
		{name: "UNSUBSCRIBE flags", rule: "3.10.1-1", send: frame(0xa0, "\x00\x01"+str("a")), fate: ended},
		{name: "UNSUBSCRIBE without filter", rule: "3.10.3-2", send: "\xa2\x02\x00\x01", fate: ended},
		{name: "UNSUBACK always", rule: "3.10.4-5", send: frame(0xa2, "\x01\x02"+str("a")+str("b")), want: ack(packet.UNSUBACK, 0x102), fate: open, seen: "unsubscribe:a unsubscribe:b"},
		{name: "PINGREQ", rule: "3.12.4-1", send: ping + ping, want: pong + pong, fate: open},
		{name: "DISCONNECT", rule: "3.14.4-2", send: farewell, fate: ended},
		{name: "DISCONNECT flags", rule: "3.14.1-1", send: "\xe1\x00", fate: ended},
		{name: "nothing after DISCONNECT", send: farewell + publish(0, 0, "x"), fate: ended},
		{name: "nothing after bad bytes", rule: "4.8.0-1", send: publish(1, 1, "x") + "\x00" + publish(1, 2, "y"), want: ack(packet.PUBACK, 1), fate: ended, seen: "publish:t=x"},
		{name: "long topic", send: frame(0x30, str(strings.Repeat("a/", 600))), fate: ended},
		{name: "ninth filter", send: frame(0x82, "\x00\x01"+strings.Repeat(str("a")+"\x00", 9)), want: "\x90\x0b\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x80", fate: open, seen: strings.TrimSpace(strings.Repeat("subscribe:a ", 8))},
		{name: "65,535 levels", send: frame(0x82, "\x00\x01"+str(strings.Repeat("/", 65000))+"\x00"), want: "\x90\x03\x00\x01\x80", fate: open},
		{name: "packet of 64 KiB", send: frame(0x30, str("t")+strings.Repeat("x", 65536-4-3)), fate: open, seen: "publish:t=" + strings.Repeat("x", 65536-4-3)},
		{name: "packet above 64 KiB", send: "\x30\x80\x80\x04", fate: ended},
		{name: "256 MiB announced", send: "\x30\xff\xff\xff\x7f", fate: ended},
		{name: "CONNECT above 4 KiB", raw: true, send: "\x10\xfe\x1f", fate: ended},
		{name: "CONNECT of 4 KiB", raw: true, send: frame(0x10, str("MQTT")+"\x04\x02\x00\x3c"+str(strings.Repeat("c", 4096-3-12))), want: welcome, fate: open},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := &dialect{subscribe: func(filter string, qos byte) packet.ReasonCode {
				if filter == "no" {
					return 0x80
				}
				return packet.ReasonCode(min(qos, 1))
			}}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				c := b.dial()
				want := tc.want
				if !tc.raw {
					c.send(hello)
					want = welcome + want
				}
				c.send(tc.send)
				c.want(want, tc.fate)
				if got := d.noted(); got != tc.seen {
					t.Errorf("handler: got %.80q, want %.80q", got, tc.seen)
				}
			})
			if t.Failed() && tc.rule != "" {
				t.Logf("MQTT-%s", tc.rule)
			}
		})
	}
}

// TestEveryPrefix opens a session and breaks off after every byte of a longer conversation.
func TestEveryPrefix(t *testing.T) {
	t.Parallel()
	talk := hello + frame(0x82, "\x00\x01"+str("a")+"\x01"+str("b/#")+"\x00") + publish(0, 0, "x") + publish(1, 2, "y") +
		publish(2, 3, "z") + ack(packet.PUBREL, 3) + frame(0xa2, "\x00\x04"+str("a")) + ack(packet.PUBACK, 5) + ping
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
