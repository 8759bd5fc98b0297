package packet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// decode runs one packet of a client through a Reader and its decoder, and writes what it understood.
func decode(frame []byte, v packet.Version) (again []byte, err error) {
	var r packet.Reader
	r.Reset(bytes.NewReader(frame), 1<<20)
	defer r.Release()
	r.Accept(v, 1<<20)
	h, err := r.ReadHeader()
	if err != nil {
		return nil, err
	}
	body, err := r.ReadBody(h)
	if err != nil {
		return nil, err
	}
	switch h.Type {
	case packet.CONNECT:
		var p packet.Connect
		err = p.Decode(body)
		again = p.Append(nil)
	case packet.PUBLISH:
		var p packet.Publish
		err = p.Decode(h.Flags, body)
		again = p.Append(nil)
	case packet.SUBSCRIBE:
		var p packet.Subscribe
		err = p.Decode(body)
		again = p.Append(nil)
	case packet.UNSUBSCRIBE:
		var p packet.Unsubscribe
		err = p.Decode(body)
		again = p.Append(nil)
	case packet.PINGREQ, packet.DISCONNECT:
		err = packet.Empty{}.Decode(body)
		again = packet.Empty{}.Append(nil, h.Type)
	default:
		var p packet.Ack
		err = p.Decode(body)
		again = p.Append(nil, h.Type)
	}
	return again, err
}

// str is a field with its length in front.
func str(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

// frame puts a fixed header in front of a body.
func frame(first byte, body string) string {
	return string(packet.AppendHeader(nil, packet.Header{
		Type: packet.Type(first >> 4), Flags: first & 0x0f, Length: len(body),
	})) + body
}

func connect(flags byte, rest string) string {
	return frame(0x10, str("MQTT")+"\x04"+string([]byte{flags})+"\x00\x3c"+rest)
}

func connect31(flags byte, rest string) string {
	return frame(0x10, str("MQIsdp")+"\x03"+string([]byte{flags})+"\x00\x3c"+rest)
}

var sound = []struct {
	name  string
	v     packet.Version
	bytes string
	loose bool // is written in another form than it came
}{
	{name: "MQTT-3.1.3-3 connect", bytes: connect(0x02, str("c1"))},
	{name: "connect without client identifier", bytes: connect(0x02, str(""))},
	{name: "connect, not clean", bytes: connect(0x00, str("c1"))},
	{name: "MQTT-3.1.3-1 connect with everything", bytes: connect(0xf6, str("c1")+str("w/t")+str("\x00gone")+str("user")+str("\xff\x00"))},
	{name: "connect with user name only", bytes: connect(0x82, str("c1")+str("token"))},
	{name: "connect with empty user name and password", bytes: connect(0xc2, str("c1")+str("")+str(""))},
	{name: "connect with empty will", bytes: connect(0x06, str("c1")+str("w")+str(""))},
	{name: "connect 3.1", v: packet.V31, bytes: connect31(0x02, str("c1"))},
	{name: "connect 3.1, reserved bit", v: packet.V31, bytes: connect31(0x03, str("c1")), loose: true},
	{name: "connect 3.1, will bits without will", v: packet.V31, bytes: connect31(0x3a, str("c1")), loose: true},
	{name: "connect 3.1, user name flag without user name", v: packet.V31, bytes: connect31(0xc2, str("c1")), loose: true},
	{name: "MQTT-2.3.1-5 publish 0", bytes: frame(0x30, str("a/b")+"payload")},
	{name: "publish 0 retained, empty", bytes: frame(0x31, str("a/b"))},
	{name: "publish 1", bytes: frame(0x32, str("a/b")+"\x00\x07payload")},
	{name: "publish 1 again", bytes: frame(0x3a, str("a/b")+"\xff\xffpayload")},
	{name: "publish 2", bytes: frame(0x34, str("/")+"\x00\x01")},
	{name: "MQTT-1.5.3-3 publish with BOM and control characters", bytes: frame(0x30, str("\ufeffa\u0001\uffff"))},
	{name: "publish of 200 bytes", bytes: frame(0x32, str("v1/devices/me/telemetry")+"\x00\x07"+strings.Repeat("x", 175))},
	{name: "remaining length in four bytes", bytes: "\x30\x83\x80\x80\x00" + str("a"), loose: true},
	{name: "puback", bytes: "\x40\x02\x00\x01"},
	{name: "pubrec", bytes: "\x50\x02\x00\x01"},
	{name: "MQTT-2.2.2-1 pubrel", bytes: "\x62\x02\x00\x01"},
	{name: "pubcomp", bytes: "\x70\x02\x00\x01"},
	{name: "pubrel 3.1 again", v: packet.V31, bytes: "\x6a\x02\x00\x01", loose: true},
	{name: "MQTT-2.2.2-1 subscribe", bytes: frame(0x82, "\x00\x01"+str("a/+/c")+"\x01"+str("#")+"\x02"+str("+/#")+"\x00")},
	{name: "subscribe 3.1 again", v: packet.V31, bytes: frame(0x8a, "\x00\x01"+str("a")+"\x01"), loose: true},
	{name: "subscribe to slashes", bytes: frame(0x82, "\x00\x01"+str("//+//")+"\x01")},
	{name: "unsubscribe", bytes: frame(0xa2, "\x00\x01"+str("a/+")+str("$share/x/#"))},
	{name: "pingreq", bytes: "\xc0\x00"},
	{name: "disconnect", bytes: "\xe0\x00"},
}

func TestSoundPackets(t *testing.T) {
	t.Parallel()
	for _, tc := range sound {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := decode([]byte(tc.bytes), version(tc.v))
			if err != nil {
				t.Fatalf("got error %v, want none", err)
			}
			if !tc.loose && string(got) != tc.bytes {
				t.Errorf("written again: got %x, want %x", got, tc.bytes)
			}
			if again, err := decode(got, packet.V311); err != nil || !bytes.Equal(again, got) {
				t.Errorf("canonical form is not stable: got %x, %v, want %x", again, err, got)
			}
		})
	}
}

// version is 3.1.1 where a test names none.
func version(v packet.Version) packet.Version {
	if v == 0 {
		return packet.V311
	}
	return v
}

func TestBadPackets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, rule, bytes string
		v                 packet.Version
		fault             packet.Fault
	}{
		{name: "type 0", rule: "MQTT-2.2.2-2", bytes: "\x00\x00"},
		{name: "type 15", rule: "MQTT-2.2.2-2", bytes: "\xf0\x00"},
		{name: "connect flags", rule: "MQTT-2.2.2-2", bytes: "\x11\x00"},
		{name: "puback flags", rule: "MQTT-2.2.2-2", bytes: "\x42\x02\x00\x01"},
		{name: "MQTT-3.6.1-1 pubrel without its flag", rule: "MQTT-2.2.2-2", bytes: "\x60\x02\x00\x01"},
		{name: "pubrel with DUP", rule: "MQTT-2.2.2-2", bytes: "\x6a\x02\x00\x01"},
		{name: "MQTT-3.8.1-1 subscribe without its flag", rule: "MQTT-2.2.2-2", bytes: frame(0x80, "\x00\x01"+str("a")+"\x00")},
		{name: "subscribe with retain, 3.1", v: packet.V31, rule: "MQTT-2.2.2-2", bytes: frame(0x83, "\x00\x01"+str("a")+"\x00")},
		{name: "MQTT-3.10.1-1 unsubscribe without its flag", rule: "MQTT-2.2.2-2", bytes: frame(0xa0, "\x00\x01"+str("a"))},
		{name: "pingreq flags", rule: "MQTT-2.2.2-2", bytes: "\xc8\x00"},
		{name: "MQTT-3.14.1-1 disconnect flags", rule: "MQTT-2.2.2-2", bytes: "\xe1\x00"},
		{name: "length of five bytes", bytes: "\x30\xff\xff\xff\xff\x01"},

		{name: "protocol name", rule: "MQTT-3.1.2-1", bytes: frame(0x10, str("MQTt")+"\x04\x02\x00\x3c"+str("c"))},
		{name: "protocol name empty", rule: "MQTT-3.1.2-1", bytes: frame(0x10, str("")+"\x04\x02\x00\x3c"+str("c"))},
		{name: "level 0", fault: packet.BadVersion, rule: "MQTT-3.1.2-2", bytes: frame(0x10, str("MQTT")+"\x00\x02\x00\x3c"+str("c"))},
		{name: "level 5", fault: packet.BadVersion, rule: "MQTT-3.1.2-2", bytes: frame(0x10, str("MQTT")+"\x05\x02\x00\x3c\x00"+str("c"))},
		{name: "level 3 with the name of 3.1.1", fault: packet.BadVersion, rule: "MQTT-3.1.2-2", bytes: frame(0x10, str("MQTT")+"\x03\x02\x00\x3c"+str("c"))},
		{name: "level 4 with the name of 3.1", fault: packet.BadVersion, rule: "MQTT-3.1.2-2", bytes: frame(0x10, str("MQIsdp")+"\x04\x02\x00\x3c"+str("c"))},
		{name: "reserved connect flag", rule: "MQTT-3.1.2-3", bytes: connect(0x03, str("c"))},
		{name: "MQTT-3.1.2-11 will QoS without will", rule: "MQTT-3.1.2-13", bytes: connect(0x0a, str("c"))},
		{name: "will QoS 3", rule: "MQTT-3.1.2-14", bytes: connect(0x1e, str("c")+str("w")+str(""))},
		{name: "will retain without will", rule: "MQTT-3.1.2-15", bytes: connect(0x22, str("c"))},
		{name: "password without user name", rule: "MQTT-3.1.2-22", bytes: connect(0x42, str("c")+str("p"))},
		{name: "password without user name, 3.1", rule: "MQTT-3.1.2-22", bytes: connect31(0x42, str("c")+str("p"))},
		{name: "MQTT-3.1.2-19 user name missing", bytes: connect(0x82, str("c"))},
		{name: "MQTT-3.1.2-21 password missing", bytes: connect(0xc2, str("c")+str("u"))},
		{name: "MQTT-3.1.2-9 will missing", bytes: connect(0x06, str("c"))},
		{name: "MQTT-3.1.4-1 connect ends in flags", bytes: frame(0x10, str("MQTT")+"\x04")},
		{name: "MQTT-3.1.4-1 connect without body", bytes: "\x10\x00"},
		{name: "MQTT-3.1.2-18 MQTT-3.1.2-20 bytes after client identifier", bytes: connect(0x02, str("c")+"x")},
		{name: "MQTT-3.1.3-4 client identifier not UTF-8", rule: "MQTT-1.5.3-1", bytes: connect(0x02, str("\xff"))},
		{name: "client identifier with surrogate", rule: "MQTT-1.5.3-1", bytes: connect(0x02, str("\xed\xa0\x80"))},
		{name: "client identifier overlong", rule: "MQTT-1.5.3-1", bytes: connect(0x02, str("\xc0\x80"))},
		{name: "client identifier with NUL", rule: "MQTT-1.5.3-2", bytes: connect(0x02, str("a\x00"))},
		{name: "user name with NUL", rule: "MQTT-1.5.3-2", bytes: connect(0x82, str("c")+str("\x00"))},
		{name: "MQTT-3.1.3-11 user name with surrogate", rule: "MQTT-1.5.3-1", bytes: connect(0x82, str("c")+str("\xed\xbf\xbf"))},
		{name: "will topic empty", rule: "MQTT-4.7.3-1", bytes: connect(0x06, str("c")+str("")+str("x"))},
		{name: "will topic with wildcard", rule: "MQTT-3.3.2-2", bytes: connect(0x06, str("c")+str("a/#")+str("x"))},
		{name: "MQTT-3.1.3-10 will topic not UTF-8", rule: "MQTT-1.5.3-1", bytes: connect(0x06, str("c")+str("\xfe")+str("x"))},
		{name: "MQTT-3.1.3-7 no client identifier, not clean", fault: packet.BadIdentifier, rule: "MQTT-3.1.3-8", bytes: connect(0x00, str(""))},
		{name: "no client identifier, 3.1", fault: packet.BadIdentifier, rule: "MQTT-3.1.3-8", bytes: connect31(0x02, str(""))},
		{name: "client identifier of 24 characters, 3.1", fault: packet.BadIdentifier, rule: "MQTT-3.1.3-8", bytes: connect31(0x02, str(strings.Repeat("é", 24)))},

		{name: "QoS 3", rule: "MQTT-3.3.1-4", bytes: frame(0x36, str("a")+"\x00\x01")},
		{name: "DUP with QoS 0", rule: "MQTT-3.3.1-2", bytes: frame(0x38, str("a"))},
		{name: "MQTT-3.3.2-1 topic missing", bytes: "\x30\x00"},
		{name: "topic cut", bytes: frame(0x30, "\x00\x05abc")},
		{name: "topic empty", rule: "MQTT-4.7.3-1", bytes: frame(0x30, str(""))},
		{name: "topic with #", rule: "MQTT-3.3.2-2", bytes: frame(0x30, str("a/#"))},
		{name: "MQTT-4.7.1-1 topic with +", rule: "MQTT-3.3.2-2", bytes: frame(0x30, str("a+b"))},
		{name: "MQTT-4.7.3-2 topic with NUL", rule: "MQTT-1.5.3-2", bytes: frame(0x30, str("a\x00b"))},
		{name: "MQTT-3.3.2-1 topic not UTF-8", rule: "MQTT-1.5.3-1", bytes: frame(0x30, str("\xc3"))},
		{name: "publish identifier 0", rule: "MQTT-2.3.1-1", bytes: frame(0x32, str("a")+"\x00\x00")},
		{name: "publish identifier cut", bytes: frame(0x34, str("a")+"\x00")},
		{name: "puback identifier 0", rule: "MQTT-2.3.1-1", bytes: "\x40\x02\x00\x00"},
		{name: "puback too long", bytes: "\x40\x03\x00\x01\x00"},
		{name: "puback too short", bytes: "\x40\x01\x00"},

		{name: "subscribe identifier 0", rule: "MQTT-2.3.1-1", bytes: frame(0x82, "\x00\x00"+str("a")+"\x00")},
		{name: "subscribe without filter", rule: "MQTT-3.8.3-3", bytes: frame(0x82, "\x00\x01")},
		{name: "subscribe without body", bytes: "\x82\x00"},
		{name: "subscribe ends after filter", bytes: frame(0x82, "\x00\x01"+str("a"))},
		{name: "subscribe QoS 3", rule: "MQTT-3-8.3-4", bytes: frame(0x82, "\x00\x01"+str("a")+"\x03")},
		{name: "subscribe reserved bits", rule: "MQTT-3-8.3-4", bytes: frame(0x82, "\x00\x01"+str("a")+"\x04")},
		{name: "filter empty", rule: "MQTT-4.7.3-1", bytes: frame(0x82, "\x00\x01"+str("")+"\x00")},
		{name: "MQTT-3.8.3-1 filter not UTF-8", rule: "MQTT-1.5.3-1", bytes: frame(0x82, "\x00\x01"+str("\xff")+"\x00")},
		{name: "filter with # inside", rule: "MQTT-4.7.1-2", bytes: frame(0x82, "\x00\x01"+str("a/#/b")+"\x00")},
		{name: "filter with # in a level", rule: "MQTT-4.7.1-2", bytes: frame(0x82, "\x00\x01"+str("a#")+"\x00")},
		{name: "filter with + in a level", rule: "MQTT-4.7.1-3", bytes: frame(0x82, "\x00\x01"+str("a+/b")+"\x00")},
		{name: "filter with + before text", rule: "MQTT-4.7.1-3", bytes: frame(0x82, "\x00\x01"+str("+a")+"\x00")},
		{name: "MQTT-4.7.3-2 filter with NUL", rule: "MQTT-1.5.3-2", bytes: frame(0x82, "\x00\x01"+str("a\x00")+"\x00")},
		{name: "second filter cut", bytes: frame(0x82, "\x00\x01"+str("a")+"\x00\x00")},
		{name: "unsubscribe without filter", rule: "MQTT-3.10.3-2", bytes: frame(0xa2, "\x00\x01")},
		{name: "unsubscribe filter bad", rule: "MQTT-4.7.1-2", bytes: frame(0xa2, "\x00\x01"+str("##"))},
		{name: "MQTT-3.10.3-1 unsubscribe filter not UTF-8", rule: "MQTT-1.5.3-1", bytes: frame(0xa2, "\x00\x01"+str("\x80"))},
		{name: "pingreq with body", bytes: "\xc0\x01x"},
		{name: "disconnect with body", bytes: "\xe0\x01\x00"},
	} {
		t.Run(title(tc.rule, tc.name), func(t *testing.T) {
			t.Parallel()
			_, err := decode([]byte(tc.bytes), version(tc.v))
			var bad *packet.Error
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, want a *packet.Error", err)
			}
			want := tc.fault
			if want == 0 {
				want = packet.Malformed
			}
			if bad.Fault != want || bad.Rule != tc.rule {
				t.Errorf("got fault %d, rule %q (%v), want fault %d, rule %q", bad.Fault, bad.Rule, bad, want, tc.rule)
			}
		})
	}
}

// TestTruncated cuts every sound packet at every byte: the reader waits for more, or an error says that the stream
// ended; and it shortens the packet by every number of bytes with a header that fits: no decoder panics.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for _, tc := range sound {
		b := []byte(tc.bytes)
		v := version(tc.v)
		for n := range b {
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF
			}
			if _, err := decode(b[:n], v); !errors.Is(err, want) {
				t.Errorf("%s, first %d bytes: got %v, want %v", tc.name, n, err, want)
			}
		}
		h, n, err := packet.ParseHeader(b, v)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		for cut := range h.Length {
			short := packet.AppendHeader(nil, packet.Header{Type: h.Type, Flags: h.Flags, Length: cut})
			_, _ = decode(append(short, b[n:n+cut]...), v)
		}
	}
}

func TestConnectIsNotPrinted(t *testing.T) {
	t.Parallel()
	p := packet.Connect{ClientID: "meter-secret", UserName: "token-secret", Password: []byte("secret")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{p, &p} {
			if got := fmt.Sprintf(format, v); strings.Contains(got, "secret") {
				t.Errorf("%s prints %q", format, got)
			}
		}
	}
}

func TestValidTopic(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]bool{
		"a/b": true, "/": true, "": false, "a/#": false, "+": false, "a\x00": false, "\xff": false,
		strings.Repeat("a", 65535): true, strings.Repeat("a", 65536): false,
	} {
		if got := packet.ValidTopic(topic); got != want {
			t.Errorf("ValidTopic(%.20q): got %t, want %t", topic, got, want)
		}
	}
}
