package packet_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// decode5 runs one packet through a Reader and its decoder for MQTT 5, and writes what it understood.
func decode5(frame []byte, r *packet.Rules) (again []byte, err error) {
	var in packet.Reader
	in.Reset(bytes.NewReader(frame), 1<<20)
	defer in.Release()
	if len(frame) > 0 && frame[0]>>4 != byte(packet.CONNECT) {
		in.Accept(packet.V5, 1<<20) // before a CONNECT nobody knows the version
	}
	h, err := in.ReadHeader()
	if err != nil {
		return nil, err
	}
	body, err := in.ReadBody(h)
	if err != nil {
		return nil, err
	}
	switch h.Type {
	case packet.CONNECT:
		var p packet.Connect
		err = p.DecodeAny(h, body, r)
		again = p.Append(nil)
	case packet.CONNACK:
		var p packet.Connack
		err = p.Decode(body, packet.V5, r)
		again = p.Append(nil, packet.V5, 0)
	case packet.PUBLISH:
		var p packet.Publish
		if err = p.Decode5(h.Flags, body, r); err == nil && p.Size5() != len(p.Append5(nil)) {
			err = errors.New("Size5 is not the length of the packet")
		}
		again = p.Append5(nil)
	case packet.SUBSCRIBE:
		var p packet.Subscribe
		err = p.Decode5(body, r)
		again = p.Append5(nil)
	case packet.SUBACK, packet.UNSUBACK:
		var p packet.Suback5
		err = p.Decode(h.Type, body, r)
		again = p.Append(nil, h.Type, 0)
	case packet.UNSUBSCRIBE:
		var p packet.Unsubscribe
		err = p.Decode5(body, r)
		again = p.Append5(nil)
	case packet.PINGREQ, packet.PINGRESP:
		err = packet.Empty{}.Decode(body)
		again = packet.Empty{}.Append(nil, h.Type)
	case packet.DISCONNECT:
		var p packet.Disconnect
		err = p.Decode(body, r)
		again = p.Append(nil, 0)
	case packet.AUTH:
		var p packet.Auth
		err = p.Decode(body, r)
		again = p.Append(nil, 0)
	default:
		var p packet.Ack5
		err = p.Decode(h.Type, body, r)
		again = p.Append(nil, h.Type, 0)
	}
	return again, err
}

// props is a property section of up to 127 bytes with its length in front.
func props(p ...string) string {
	all := strings.Join(p, "")
	return string([]byte{byte(len(all))}) + all
}

// user is a User Property.
func user(name, value string) string { return "\x26" + str(name) + str(value) }

// connect5 is a CONNECT with client identifier "c"; rest follows it.
func connect5(flags byte, properties, rest string) string {
	return frame(0x10, str("MQTT")+"\x05"+string([]byte{flags})+"\x00\x3c"+properties+str("c")+rest)
}

// publish5 is a QoS 0 PUBLISH to "t".
func publish5(properties string) string { return frame(0x30, str("t")+properties+"payload") }

func subscribe5(filter string, options byte) string {
	return frame(0x82, "\x00\x01\x00"+str(filter)+string([]byte{options}))
}

func unsubscribe5(filter string) string { return frame(0xa2, "\x00\x01\x00"+str(filter)) }

var (
	atServer = &packet.Rules{TopicAliasMaximum: 5}
	atClient = &packet.Rules{TopicAliasMaximum: 5, FromServer: true}
)

// sound5 are packets that the standard allows; each name begins with the statements that it shows.
var sound5 = []struct {
	name  string
	bytes string
	at    *packet.Rules // atServer unless said
	loose bool          // is written in another form than it came
}{
	{name: "MQTT-3.1.3-3 connect", bytes: connect5(0x02, "\x00", "")},
	{name: "connect without clean start", bytes: connect5(0x00, "\x00", "")},
	{name: "connect without client identifier", bytes: frame(0x10, str("MQTT")+"\x05\x00\x00\x00\x00"+str(""))},
	{name: "MQTT-3.1.3-5 connect with 23 characters", bytes: frame(0x10, str("MQTT")+"\x05\x02\x00\x00\x00"+str("0123456789abcdefghijklmn"))},
	{name: "MQTT-3.1.2-17 user name", bytes: connect5(0x82, "\x00", str("u"))},
	{name: "MQTT-3.1.2-19 password without user name", bytes: connect5(0x42, "\x00", str("\xff\x00"))},
	{name: "MQTT-3.1.3-1 all fields in order", bytes: connect5(0xf6, "\x00", "\x00"+str("w/t")+str("\x00gone")+str("user")+str("\xff\x00"))},
	{name: "MQTT-3.1.2-9 will", bytes: connect5(0x06, "\x00", "\x00"+str("w")+str(""))},
	{name: "MQTT-3.1.2-12 will QoS 2", bytes: connect5(0x16, "\x00", "\x00"+str("w")+str("x"))},
	{name: "will retain", bytes: connect5(0x26, "\x00", "\x00"+str("w")+str("x"))},
	{name: "every property of a will", bytes: connect5(0x06, "\x00",
		props("\x18\x00\x00\x00\x05", "\x01\x01", "\x02\x00\x00\x00\x0a", "\x03"+str("text"), "\x08"+str("r"), "\x09"+str("\x00\xff"), user("a", "b"), user("a", "b"))+str("w")+str("x"))},
	{name: "every property of a CONNECT", bytes: connect5(0x02,
		props("\x11\xff\xff\xff\xff", "\x21\xff\xff", "\x27\x00\x00\x00\x01", "\x22\x00\x00", "\x19\x01", "\x17\x00", user("", ""), "\x15"+str("m"), "\x16"+str("")), "")},

	{name: "MQTT-3.2.2-8 connack", at: atClient, bytes: frame(0x20, "\x00\x00\x00")},
	{name: "session present", at: atClient, bytes: frame(0x20, "\x01\x00\x00")},
	{name: "MQTT-3.2.2-8 connack refused", at: atClient, bytes: frame(0x20, "\x00\x86\x00")},
	{name: "every property of a CONNACK", at: atClient, bytes: frame(0x20, "\x00\x00"+props(
		"\x11\x00\x00\x00\x00", "\x21\x00\x14", "\x24\x01", "\x25\x00", "\x27\x00\x01\x00\x00", "\x12"+str("id"), "\x22\x00\x05", "\x1f"+str("why"), user("a", "b"),
		"\x28\x00", "\x29\x01", "\x2a\x00", "\x13\x00\x3c", "\x1a"+str("r/"), "\x1c"+str("other:1883"), "\x15"+str("m"), "\x16"+str("d")))},

	{name: "MQTT-2.2.2-1 MQTT-3.3.2-1 publish", bytes: publish5("\x00")},
	{name: "MQTT-2.2.1-2 publish 0 has no identifier", bytes: frame(0x30, str("t")+"\x00\x00\x00")},
	{name: "MQTT-2.2.1-3 publish 1", bytes: frame(0x32, str("t")+"\x00\x01\x00x")},
	{name: "publish 2 again", bytes: frame(0x3c, str("t")+"\xff\xff\x00")},
	{name: "publish retained", bytes: frame(0x31, str("t")+"\x00")},
	{name: "MQTT-1.5.4-3 BOM stays", bytes: frame(0x30, str("\ufeffa")+"\x00")},
	{name: "advised against, not forbidden", bytes: frame(0x30, str("\u0001\u007f\u009f\ufdd0\uffff\U0001fffe")+"\x00")},
	{name: "MQTT-3.3.2-12 topic alias", bytes: frame(0x30, str("t")+props("\x23\x00\x05"))},
	{name: "MQTT-3.3.2-10 topic alias to a client", at: atClient, bytes: frame(0x30, str("t")+props("\x23\x00\x05"))},
	{name: "topic alias alone", bytes: frame(0x30, str("")+props("\x23\x00\x01"))},
	{name: "every property of a PUBLISH", bytes: publish5(props("\x01\x00", "\x02\x00\x00\x00\x00", "\x23\x00\x01", "\x08"+str("r/t"), "\x09"+str("\x00"), user("b", "1"), user("a", "2"), user("b", "1"), "\x03"+str("")))},
	{name: "16 user properties", bytes: publish5(props(strings.Repeat(user("", ""), 16)))},
	{name: "17 user properties where they may be", at: &packet.Rules{UserProperties: 17}, bytes: publish5(props(strings.Repeat(user("", ""), 17)))},
	{name: "user properties of 4 KiB", bytes: frame(0x30, str("t")+"\x80\x20"+user("", strings.Repeat("x", 4091)))},
	{name: "topic as long and as deep as it may be", at: &packet.Rules{TopicBytes: 5, TopicLevels: 3}, bytes: frame(0x30, str("a/b/c")+"\x00")},
	{name: "payload is UTF-8", at: &packet.Rules{CheckPayload: true}, bytes: frame(0x30, str("t")+props("\x01\x01")+"é")},
	{name: "payload that claims nothing", at: &packet.Rules{CheckPayload: true}, bytes: frame(0x30, str("t")+props("\x01\x00")+"\xff")},
	{name: "nothing that is advised against", at: &packet.Rules{StrictText: true}, bytes: frame(0x30, str("é~ \u00a0\ufdcf\ufdf0")+"\x00")},
	{name: "several subscription identifiers to a client", at: atClient, bytes: publish5(props("\x0b\x01", "\x0b\xff\xff\xff\x7f", "\x0b\x01"))},
	{name: "MQTT-4.7.3-4 topic is kept as it is", bytes: frame(0x30, str("//A/a /é/$SYS")+"\x00")},

	{name: "MQTT-3.4.2-1 puback", bytes: "\x40\x02\x00\x01"},
	{name: "MQTT-3.4.2-1 puback with success said", bytes: "\x40\x03\x00\x01\x00", loose: true},
	{name: "MQTT-3.4.2-1 puback with empty properties", bytes: "\x40\x04\x00\x01\x00\x00", loose: true},
	{name: "MQTT-3.4.2-1 puback, failed", bytes: "\x40\x03\x00\x01\x97"},
	{name: "puback with properties", bytes: frame(0x40, "\x00\x01\x00"+props("\x1f"+str("so"), user("a", "b")))},
	{name: "MQTT-3.4.2-1 puback without subscribers", at: atClient, bytes: "\x40\x03\x00\x01\x10"},
	{name: "MQTT-3.5.2-1 pubrec", bytes: "\x50\x02\x00\x01"},
	{name: "MQTT-3.5.2-1 pubrec, failed", bytes: frame(0x50, "\x00\x01\x91"+props("\x1f"+str("so")))},
	{name: "MQTT-3.6.1-1 MQTT-3.6.2-1 pubrel", bytes: "\x62\x02\x00\x01"},
	{name: "MQTT-3.6.2-1 pubrel for nothing", bytes: frame(0x62, "\x00\x01\x92"+props(user("a", "b")))},
	{name: "MQTT-3.7.2-1 pubcomp", bytes: "\x70\x02\x00\x01"},
	{name: "MQTT-3.7.2-1 pubcomp for nothing", bytes: "\x70\x03\x00\x01\x92"},

	{name: "MQTT-3.8.3-1 MQTT-3.8.3-2 subscribe", bytes: frame(0x82, "\x00\x01\x00"+str("a/+/c")+"\x01"+str("#")+"\x02"+str("+/#")+"\x00"+str("/")+"\x00"+str("+")+"\x00")},
	{name: "every option", bytes: subscribe5("a", 0x2e)},
	{name: "retain handling 1", bytes: subscribe5("a", 0x18)},
	{name: "every property of a SUBSCRIBE", bytes: frame(0x82, "\x00\x01"+props("\x0b\xff\xff\xff\x7f", user("a", "b"))+str("a")+"\x00")},
	{name: "MQTT-4.8.2-1 MQTT-4.8.2-2 shared subscription", bytes: subscribe5("$share/g/+/b/#", 0x01)},
	{name: "MQTT-4.8.2-2 shared subscription to an empty level", bytes: subscribe5("$share/consumer1//finance", 0x00)},
	{name: "$share without a slash is a filter", bytes: subscribe5("$share", 0x00)},
	{name: "$sharex is a filter", bytes: subscribe5("$sharex/+", 0x00)},
	{name: "MQTT-3.9.3-1 MQTT-3.9.3-2 suback", at: atClient, bytes: frame(0x90, "\x00\x01\x00\x00\x01\x02\x80\x8f\xa2")},
	{name: "every property of a SUBACK", at: atClient, bytes: frame(0x90, "\x00\x01"+props("\x1f"+str("so"), user("a", "b"))+"\x00")},
	{name: "MQTT-3.10.3-1 MQTT-3.10.3-2 unsubscribe", bytes: frame(0xa2, "\x00\x01\x00"+str("a/+")+str("$share/x/#"))},
	{name: "every property of an UNSUBSCRIBE", bytes: frame(0xa2, "\x00\x01"+props(user("a", "b"))+str("a"))},
	{name: "MQTT-3.11.3-1 MQTT-3.11.3-2 unsuback", at: atClient, bytes: frame(0xb0, "\x00\x01"+props("\x1f"+str("so"), user("a", "b"))+"\x00\x11\x8f")},

	{name: "pingreq", bytes: "\xc0\x00"},
	{name: "pingresp", at: atClient, bytes: "\xd0\x00"},
	{name: "MQTT-3.14.2-1 disconnect", bytes: "\xe0\x00"},
	{name: "MQTT-3.14.2-1 disconnect with normal said", bytes: "\xe0\x01\x00", loose: true},
	{name: "MQTT-3.14.2-1 disconnect with empty properties", bytes: "\xe0\x02\x00\x00", loose: true},
	{name: "MQTT-3.14.2-1 disconnect with will", bytes: "\xe0\x01\x04"},
	{name: "every property of a client's DISCONNECT", bytes: frame(0xe0, "\x04"+props("\x11\x00\x00\x00\x00", "\x1f"+str("so"), user("a", "b")))},
	{name: "every property of a server's DISCONNECT", at: atClient, bytes: frame(0xe0, "\x9d"+props("\x1c"+str("other"), "\x1f"+str("so"), user("a", "b")))},
	{name: "MQTT-3.15.2-1 auth", bytes: frame(0xf0, "\x18"+props("\x15"+str("m"), "\x16"+str("\x00d"), "\x1f"+str("so"), user("a", "b")))},
	{name: "MQTT-3.15.2-1 re-authentication", bytes: frame(0xf0, "\x19"+props("\x15"+str("m")))},
	{name: "MQTT-3.15.2-1 authentication is done", at: atClient, bytes: frame(0xf0, "\x00"+props("\x15"+str("m")))},
	{name: "auth with nothing said", at: atClient, bytes: "\xf0\x00"},
}

func TestMQTT5Sound(t *testing.T) {
	t.Parallel()
	for _, tc := range sound5 {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := tc.at
			if r == nil {
				r = atServer
			}
			got, err := decode5([]byte(tc.bytes), r)
			if err != nil {
				t.Fatalf("got error %v, want none", err)
			}
			if !tc.loose && string(got) != tc.bytes {
				t.Errorf("written again: got %x, want %x", got, tc.bytes)
			}
			if again, err := decode5(got, r); err != nil || !bytes.Equal(again, got) {
				t.Errorf("canonical form is not stable: got %x, %v, want %x", again, err, got)
			}
		})
	}
}

// TestMQTT5Truncated shortens every sound packet at every byte, with and without a header that fits: nothing panics,
// and what is refused has a reason code.
func TestMQTT5Truncated(t *testing.T) {
	t.Parallel()
	for _, tc := range sound5 {
		for _, r := range []*packet.Rules{atServer, atClient, {StrictText: true, CheckPayload: true, TopicLevels: 1}} {
			b := []byte(tc.bytes)
			h, n, err := packet.ParseHeader(b, packet.V5)
			if err != nil {
				t.Fatalf("%s: %v", tc.name, err)
			}
			for cut := range h.Length {
				short := packet.AppendHeader(nil, packet.Header{Type: h.Type, Flags: h.Flags, Length: cut})
				_, err := decode5(append(short, b[n:n+cut]...), r)
				var bad *packet.Error
				if err != nil && (!errors.As(err, &bad) || !bad.Code.Failed()) {
					t.Errorf("%s, %d bytes: got %v, want a reason code", tc.name, cut, err)
				}
				if _, err := decode5(b[:n+cut], r); err == nil {
					t.Errorf("%s: %d bytes of the body were enough", tc.name, cut)
				}
			}
		}
	}
}
