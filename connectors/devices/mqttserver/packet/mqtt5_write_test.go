package packet_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestMQTT5Limit writes packets to receivers of small packets: reasons give way first, then nothing is written.
func TestMQTT5Limit(t *testing.T) {
	t.Parallel()
	because := packet.Properties(nil).AppendText(packet.ReasonString, "because").AppendUser("a", "b")
	method := packet.Properties(nil).AppendText(packet.AuthenticationMethod, "m")
	authentic := slices.Concat(method, because)
	ack := func(t packet.Type, code packet.ReasonCode, p packet.Properties) func(uint32) []byte {
		return func(limit uint32) []byte {
			return (&packet.Ack5{ID: 1, Code: code, Properties: p}).Append(nil, t, limit)
		}
	}
	suback := func(t packet.Type) func(uint32) []byte {
		return func(limit uint32) []byte {
			p := packet.Suback5{ID: 1, Codes: []packet.ReasonCode{0, 0x80}, Properties: because}
			return p.Append(nil, t, limit)
		}
	}
	for _, tc := range []struct {
		name       string
		write      func(limit uint32) []byte
		full, bare string // with and without reasons
	}{
		{"MQTT-3.4.2-2 MQTT-3.4.2-3 puback", ack(packet.PUBACK, 0x97, because), frame(0x40, "\x00\x01\x97"+props(string(because))), "\x40\x03\x00\x01\x97"},
		{"MQTT-3.5.2-2 MQTT-3.5.2-3 pubrec", ack(packet.PUBREC, 0, because), frame(0x50, "\x00\x01\x00"+props(string(because))), "\x50\x02\x00\x01"},
		{"MQTT-3.6.2-2 MQTT-3.6.2-3 pubrel", ack(packet.PUBREL, 0x92, because), frame(0x62, "\x00\x01\x92"+props(string(because))), "\x62\x03\x00\x01\x92"},
		{"MQTT-3.7.2-2 MQTT-3.7.2-3 pubcomp", ack(packet.PUBCOMP, 0, because), frame(0x70, "\x00\x01\x00"+props(string(because))), "\x70\x02\x00\x01"},
		{"puback without properties", ack(packet.PUBACK, 0x97, nil), "\x40\x03\x00\x01\x97", "\x40\x03\x00\x01\x97"},
		{"puback of success", ack(packet.PUBACK, 0, nil), "\x40\x02\x00\x01", "\x40\x02\x00\x01"},
		{"MQTT-3.9.2-1 MQTT-3.9.2-2 suback", suback(packet.SUBACK), frame(0x90, "\x00\x01"+props(string(because))+"\x00\x80"), "\x90\x05\x00\x01\x00\x00\x80"},
		{"MQTT-3.11.2-1 MQTT-3.11.2-2 unsuback", suback(packet.UNSUBACK), frame(0xb0, "\x00\x01"+props(string(because))+"\x00\x80"), "\xb0\x05\x00\x01\x00\x00\x80"},
		{"MQTT-3.14.2-3 MQTT-3.14.2-4 disconnect", func(limit uint32) []byte {
			return (&packet.Disconnect{Code: packet.SessionTakenOver, Properties: because}).Append(nil, limit)
		}, frame(0xe0, "\x8e"+props(string(because))), "\xe0\x01\x8e"},
		{"disconnect, normal", func(limit uint32) []byte {
			return (&packet.Disconnect{Properties: because}).Append(nil, limit)
		}, frame(0xe0, "\x00"+props(string(because))), "\xe0\x00"},
		{"MQTT-3.15.2-2 MQTT-3.15.2-3 auth", func(limit uint32) []byte {
			return (&packet.Auth{Code: packet.ContinueAuthentication, Properties: authentic}).Append(nil, limit)
		}, frame(0xf0, "\x18"+props(string(authentic))), frame(0xf0, "\x18"+props(string(method)))},
		{"MQTT-3.2.2-19 MQTT-3.2.2-20 connack", func(limit uint32) []byte {
			return (&packet.Connack{Code: packet.Banned, Properties: because}).Append(nil, packet.V5, limit)
		}, frame(0x20, "\x00\x8a"+props(string(because))), "\x20\x03\x00\x8a\x00"},
	} {
		t.Run("MQTT-3.1.2-24 "+tc.name, func(t *testing.T) {
			t.Parallel()
			for limit := range uint32(len(tc.full) + 2) {
				want := tc.full
				switch {
				case limit == 0 || int(limit) >= len(tc.full):
				case int(limit) >= len(tc.bare):
					want = tc.bare
				default:
					want = ""
				}
				if got := tc.write(limit); string(got) != want {
					t.Errorf("limit %d: got %x, want %x", limit, got, want)
				}
			}
		})
	}
}

func TestMQTT5Forward(t *testing.T) {
	t.Parallel()
	in := packet.Publish{Topic: "t", QoS: 1, ID: 3, Payload: []byte("x"), Properties: packet.Properties(
		"\x23\x00\x01" + user("b", "1") + "\x02\x00\x00\x00\x3c" + "\x01\x01" + "\x08" + str("r/t") + user("a", "2") + "\x09" + str("\x00\xff") + "\x03" + str("") + user("b", "1"))}
	var got packet.Publish
	raw := in.Append5(nil)
	h, n, _ := packet.ParseHeader(raw, packet.V5)
	if err := got.Decode5(h.Flags, raw[n:], atServer); err != nil {
		t.Fatal(err)
	}
	out := packet.Properties(nil).AppendMessage(got.Properties).AppendNumber(packet.MessageExpiryInterval, 59).
		AppendNumber(packet.SubscriptionIdentifier, 300)
	var pairs []string
	for name, value := range out.User() {
		pairs = append(pairs, name+"="+value)
	}
	text := func(p packet.Properties, id packet.TextProperty) string {
		s, ok := p.Text(id)
		return fmt.Sprint(s, ok)
	}
	correlation, _ := out.Binary(packet.CorrelationData)
	_, alias := out.Number(packet.TopicAlias)
	for _, tc := range []struct{ name, got, want string }{
		{"MQTT-3.3.2-4 payload format indicator", fmt.Sprint(out.Value(packet.PayloadFormatIndicator)), "1"},
		{"message expiry interval is the sender's", fmt.Sprint(out.Value(packet.MessageExpiryInterval)), "59"},
		{"topic alias stays behind", fmt.Sprint(alias), "false"},
		{"MQTT-3.3.2-15 response topic", text(out, packet.ResponseTopic), fmt.Sprint("r/t", true)},
		{"MQTT-3.3.2-16 correlation data", fmt.Sprintf("%x", correlation), "00ff"},
		{"MQTT-3.3.2-17 MQTT-3.3.2-18 MQTT-3.1.3-10 user properties", strings.Join(pairs, " "), "b=1 a=2 b=1"},
		{"MQTT-3.3.2-20 content type", text(out, packet.ContentType), fmt.Sprint("", true)},
		{"subscription identifiers", fmt.Sprint(slices.Collect(out.AppendNumber(packet.SubscriptionIdentifier, 1).SubscriptionIdentifiers())), "[300 1]"},
		{"MQTT-3.1.2-29 without reasons", string(out.AppendText(packet.ReasonString, "x").AppendNumber(packet.ServerKeepAlive, 0).WithoutReasons()[:2]), "\x01\x01"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %q, want %q", tc.got, tc.want)
			}
		})
	}
	left := out.AppendText(packet.ReasonString, "x").WithoutReasons()
	if _, ok := left.Text(packet.ReasonString); ok || len(maps.Collect(left.User())) != 0 {
		t.Errorf("without reasons: got %x", []byte(left))
	}
}

func TestMQTT5Absent(t *testing.T) {
	t.Parallel()
	for id, want := range map[packet.NumberProperty]uint32{
		packet.ReceiveMaximum: 65535, packet.MaximumPacketSize: 268435460, packet.TopicAliasMaximum: 0, packet.MaximumQoS: 2,
		packet.RetainAvailable: 1, packet.WildcardSubscriptionAvailable: 1, packet.SubscriptionIdentifierAvailable: 1,
		packet.SharedSubscriptionAvailable: 1, packet.RequestProblemInformation: 1, packet.RequestResponseInformation: 0,
		packet.SessionExpiryInterval: 0, packet.WillDelayInterval: 0, packet.PayloadFormatIndicator: 0,
	} {
		var none packet.Properties
		if _, ok := none.Number(id); ok || none.Value(id) != want {
			t.Errorf("property 0x%02x: got %d, %t, want %d, false", byte(id), none.Value(id), ok, want)
		}
		zero := none.AppendNumber(id, 0)
		if n, ok := zero.Number(id); !ok || n != 0 || zero.Value(id) != 0 {
			t.Errorf("property 0x%02x of 0: got %d, %t", byte(id), n, ok)
		}
	}
}

// TestMQTT5ReasonCodes is table 2-6 of the standard: code, and the packets that may carry it, "*" for those that only
// servers send so, "!" for those that only clients do.
func TestMQTT5ReasonCodes(t *testing.T) {
	t.Parallel()
	want := map[packet.ReasonCode]string{
		0x00: "Success: CONNACK* PUBACK PUBREC PUBREL PUBCOMP SUBACK* UNSUBACK* DISCONNECT AUTH*",
		0x01: "Granted QoS 1: SUBACK*",
		0x02: "Granted QoS 2: SUBACK*",
		0x04: "Disconnect with Will Message: DISCONNECT!",
		0x10: "No matching subscribers: PUBACK* PUBREC*",
		0x11: "No subscription existed: UNSUBACK*",
		0x18: "Continue authentication: AUTH",
		0x19: "Re-authenticate: AUTH!",
		0x80: "Unspecified error: CONNACK* PUBACK PUBREC SUBACK* UNSUBACK* DISCONNECT",
		0x81: "Malformed Packet: CONNACK* DISCONNECT",
		0x82: "Protocol Error: CONNACK* DISCONNECT",
		0x83: "Implementation specific error: CONNACK* PUBACK PUBREC SUBACK* UNSUBACK* DISCONNECT",
		0x84: "Unsupported Protocol Version: CONNACK*",
		0x85: "Client Identifier not valid: CONNACK*",
		0x86: "Bad User Name or Password: CONNACK*",
		0x87: "Not authorized: CONNACK* PUBACK PUBREC SUBACK* UNSUBACK* DISCONNECT*",
		0x88: "Server unavailable: CONNACK*",
		0x89: "Server busy: CONNACK* DISCONNECT*",
		0x8a: "Banned: CONNACK*",
		0x8b: "Server shutting down: DISCONNECT*",
		0x8c: "Bad authentication method: CONNACK* DISCONNECT*",
		0x8d: "Keep Alive timeout: DISCONNECT*",
		0x8e: "Session taken over: DISCONNECT*",
		0x8f: "Topic Filter invalid: SUBACK* UNSUBACK* DISCONNECT*",
		0x90: "Topic Name invalid: CONNACK* PUBACK PUBREC DISCONNECT",
		0x91: "Packet Identifier in use: PUBACK PUBREC SUBACK* UNSUBACK*",
		0x92: "Packet Identifier not found: PUBREL PUBCOMP",
		0x93: "Receive Maximum exceeded: DISCONNECT",
		0x94: "Topic Alias invalid: DISCONNECT",
		0x95: "Packet too large: CONNACK* DISCONNECT",
		0x96: "Message rate too high: DISCONNECT",
		0x97: "Quota exceeded: CONNACK* PUBACK PUBREC SUBACK* DISCONNECT",
		0x98: "Administrative action: DISCONNECT",
		0x99: "Payload format invalid: CONNACK* PUBACK PUBREC DISCONNECT",
		0x9a: "Retain not supported: CONNACK* DISCONNECT*",
		0x9b: "QoS not supported: CONNACK* DISCONNECT*",
		0x9c: "Use another server: CONNACK* DISCONNECT*",
		0x9d: "Server moved: CONNACK* DISCONNECT*",
		0x9e: "Shared Subscriptions not supported: SUBACK* DISCONNECT*",
		0x9f: "Connection rate exceeded: CONNACK* DISCONNECT*",
		0xa0: "Maximum connect time: DISCONNECT*",
		0xa1: "Subscription Identifiers not supported: SUBACK* DISCONNECT*",
		0xa2: "Wildcard Subscriptions not supported: SUBACK* DISCONNECT*",
	}
	for n := range 256 {
		code := packet.ReasonCode(n)
		got := code.String() + ":"
		for kind := packet.Type(0); kind < 16; kind++ {
			switch c, s := code.AllowedIn(kind, false), code.AllowedIn(kind, true); {
			case c && s:
				got += " " + kind.String()
			case c:
				got += " " + kind.String() + "!"
			case s:
				got += " " + kind.String() + "*"
			}
		}
		known := want[code]
		if known == "" {
			known = fmt.Sprintf("reason code 0x%x:", n)
		}
		if got != known {
			t.Errorf("0x%02x: got %q, want %q", n, got, known)
		}
		if code.Failed() != (n >= 0x80) {
			t.Errorf("0x%02x: failed is %t", n, code.Failed())
		}
	}
}

func TestConnackOfEveryVersion(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		v     packet.Version
		p     packet.Connack
		bytes string
	}{
		{packet.V31, packet.Connack{}, "\x20\x02\x00\x00"},
		{packet.V311, packet.Connack{SessionPresent: true}, "\x20\x02\x01\x00"},
		{packet.V311, packet.Connack{Code: 5}, "\x20\x02\x00\x05"},
		{packet.V5, packet.Connack{SessionPresent: true}, "\x20\x03\x01\x00\x00"},
		{packet.V5, packet.Connack{Code: packet.NotAuthorized}, "\x20\x03\x00\x87\x00"},
	} {
		raw := tc.p.Append(nil, tc.v, 0)
		if string(raw) != tc.bytes {
			t.Errorf("version %d, %v: got %x, want %x", tc.v, tc.p, raw, tc.bytes)
		}
		var got packet.Connack
		if err := got.Decode(raw[2:], tc.v, atClient); err != nil || got.Code != tc.p.Code || got.SessionPresent != tc.p.SessionPresent {
			t.Errorf("version %d: got %v, %v, want %v", tc.v, got, err, tc.p)
		}
	}
	if got := (&packet.Connack{SessionPresent: true}).Append(nil, packet.V31, 0); got[2] != 0 {
		t.Errorf("session present in MQTT 3.1: got %x, where the byte is reserved", got)
	}
}

// TestConnect5IsACopy changes the bytes after they were decoded.
func TestConnect5IsACopy(t *testing.T) {
	t.Parallel()
	raw := []byte(connect5(0xf6, props("\x15"+str("m")), props("\x03"+str("c"))+str("w/t")+str("gone")+str("user")+str("pass")))
	h, n, _ := packet.ParseHeader(raw, packet.V311)
	var p packet.Connect
	if err := p.DecodeAny(h, raw[n:], atServer); err != nil {
		t.Fatal(err)
	}
	want := p.Append(nil)
	clear(raw)
	if got := p.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestConnectOfEveryVersion(t *testing.T) {
	t.Parallel()
	for v, raw := range map[packet.Version]string{
		packet.V31: connect31(0x02, str("c")), packet.V311: connect(0x02, str("c")), packet.V5: connect5(0x02, "\x00", ""),
	} {
		h, n, _ := packet.ParseHeader([]byte(raw), packet.V311)
		var p packet.Connect
		if err := p.DecodeAny(h, []byte(raw[n:]), atServer); err != nil || p.Version != v || p.ClientID != "c" {
			t.Errorf("version %d: got version %d, client %q, %v", v, p.Version, p.ClientID, err)
		}
	}
}

// TestUnacceptableIsComplete: what is sound but not taken can be answered by its packet identifier.
func TestUnacceptableIsComplete(t *testing.T) {
	t.Parallel()
	raw := frame(0x34, str("a/b")+"\x00\x07\x00x")
	var p packet.Publish
	err := p.Decode5(0x04, []byte(raw[2:]), &packet.Rules{TopicLevels: 1})
	var bad *packet.Error
	if !errors.As(err, &bad) || bad.Fault != packet.Unacceptable || !bad.Code.AllowedIn(packet.PUBREC, true) {
		t.Fatalf("got %v, want Unacceptable with a code for a PUBREC", err)
	}
	if p.ID != 7 || p.QoS != 2 || p.Topic != "a/b" || string(p.Payload) != "x" {
		t.Errorf("got %+v", p)
	}
}

func TestUnexpected(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		t    packet.Type
		v    packet.Version
		rule string
		code packet.ReasonCode
	}{
		{packet.CONNECT, packet.V5, "MQTT-3.1.0-2", packet.ProtocolError},
		{packet.CONNACK, packet.V5, "MQTT-4.13.1-1", packet.ProtocolError},
		{packet.CONNECT, packet.V311, "MQTT-3.1.0-2", packet.MalformedPacket},
		{packet.CONNACK, packet.V311, "MQTT-4.8.0-1", packet.MalformedPacket},
	} {
		if got := packet.Unexpected(tc.t, tc.v); got.Rule != tc.rule || got.Code != tc.code || got.Fault != packet.Malformed {
			t.Errorf("%s of version %d: got %v, 0x%x, want %s, 0x%x", tc.t, tc.v, got, byte(got.Code), tc.rule, byte(tc.code))
		}
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string][2]string{
		"a/b": {"", "a/b"}, "$share/g/a/+": {"g", "a/+"}, "$share/g//a": {"g", "/a"}, "$share": {"", "$share"}, "#": {"", "#"},
	} {
		if group, rest := packet.Share(filter); group != want[0] || rest != want[1] {
			t.Errorf("Share(%q): got %q, %q, want %q", filter, group, rest, want)
		}
	}
	for topic, want := range map[string]int{"a": 1, "/": 2, "a/b/c": 3, strings.Repeat("/", 65534): 65535} {
		if got := packet.Levels(topic); got != want {
			t.Errorf("Levels(%.9q): got %d, want %d", topic, got, want)
		}
	}
}

// TestBrokenPropertiesAreHarmless reads properties that no Decode has checked.
func TestBrokenPropertiesAreHarmless(t *testing.T) {
	t.Parallel()
	for _, p := range []packet.Properties{
		nil,
		{},
		{0x26},
		{0x26, 0, 5},
		{0x26, 0, 1, 'a'},
		{0x26, 0, 1, 'a', 0},
		{0xff},
		{0x00, 0x00},
		{0x21, 0},
		{0x0b, 0xff, 0xff, 0xff, 0xff, 1},
		{0x0b},
		{0x03, 0xff, 0xff},
	} {
		for name, value := range p.User() {
			t.Errorf("%x has a user property %q = %q", []byte(p), name, value)
		}
		for id := range p.SubscriptionIdentifiers() {
			t.Errorf("%x has a subscription identifier %d", []byte(p), id)
		}
		if _, ok := p.Text(packet.ContentType); ok || p.Value(packet.ReceiveMaximum) != 65535 {
			t.Errorf("%x has a content type or a receive maximum", []byte(p))
		}
		if got := p.WithoutReasons(); len(got) != 0 {
			t.Errorf("%x: got %x, want nothing", []byte(p), []byte(got))
		}
	}
}

func TestPropertiesAreNotPrinted(t *testing.T) {
	t.Parallel()
	p := packet.Properties(nil).AppendBinary(packet.AuthenticationData, []byte("secret"))
	hex := fmt.Sprintf("%x", "secret")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{p, &p, packet.Auth{Properties: p}, packet.Publish{Properties: p}, packet.Connect{Properties: p}} {
			got := fmt.Sprintf(format, v)
			if strings.Contains(got, "secret") || strings.Contains(got, hex) || strings.Contains(got, "115 101 99") || strings.Contains(got, "0x73, 0x65") {
				t.Errorf("%s prints %q", format, got)
			}
		}
	}
}

// TestMQTT5Sizes writes properties whose length takes one to four bytes.
func TestMQTT5Sizes(t *testing.T) {
	t.Parallel()
	lenient := &packet.Rules{UserProperties: 1 << 20, UserPropertyBytes: 1 << 28}
	const bare = 5 // bytes of a user property without name and value
	for _, n := range []int{0, 127, 128, 16_383, 16_384, 1<<21 - 1, 1 << 21} {
		p := packet.Publish{Topic: "t", Payload: []byte("payload")}
		for n > len(p.Properties) {
			left := n - len(p.Properties) - bare
			if left > 65_000 {
				left = 60_000
			}
			p.Properties = p.Properties.AppendUser("", strings.Repeat("x", left))
		}
		raw := p.Append5(nil)
		if len(p.Properties) != n || p.Size5() != len(raw) {
			t.Errorf("%d bytes of properties: Size5 is %d, want %d", len(p.Properties), p.Size5(), len(raw))
		}
		h, header, err := packet.ParseHeader(raw, packet.V5)
		if err != nil {
			t.Fatal(err)
		}
		var got packet.Publish
		if err := got.Decode5(h.Flags, raw[header:], lenient); err != nil || !bytes.Equal(got.Properties, p.Properties) || string(got.Payload) != "payload" {
			t.Errorf("%d bytes of properties: got %d, %v", n, len(got.Properties), err)
		}
	}
}

func TestErrorNamesTheStatement(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ bytes, want string }{
		{connect5(0x03, "\x00", ""), "reserved connect flag is set [MQTT-3.1.2-3]"},
		{connect5(0x02, props("\x21\x00\x00"), ""), "Receive Maximum out of bounds [MQTT 5.0 section 3.1.2.11.3]"},
		{publish5(props(strings.Repeat(user("", ""), 17))), "more user properties than the limit"},
	} {
		if _, err := decode5([]byte(tc.bytes), atServer); err == nil || err.Error() != tc.want {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}
