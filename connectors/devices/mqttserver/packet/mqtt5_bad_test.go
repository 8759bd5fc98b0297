package packet_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// bad5 are packets that break MQTT 5: in each the statement that it breaks and the reason code that goes back.
var bad5 = []struct {
	name  string // begins with further statements that it shows
	rule  string // "5.0 x" is a section without a statement number
	code  packet.ReasonCode
	fault packet.Fault // Malformed unless said
	at    *packet.Rules
	bytes string
}{
	// Fixed header.
	{name: "type 0", rule: "5.0 2.1.2", code: 0x81, bytes: "\x00\x00"},
	{name: "connect flags", rule: "MQTT-2.2.2-2", code: 0x81, bytes: "\x11\x00"},
	{name: "puback flags", rule: "MQTT-2.1.3-1", code: 0x81, bytes: "\x42\x02\x00\x01"},
	{name: "pubrec flags", rule: "MQTT-2.1.3-1", code: 0x81, bytes: "\x52\x02\x00\x01"},
	{name: "pubcomp flags", rule: "MQTT-2.1.3-1", code: 0x81, bytes: "\x71\x02\x00\x01"},
	{name: "pingreq flags", rule: "MQTT-2.1.3-1", code: 0x81, bytes: "\xc8\x00"},
	{name: "pubrel without its flag", rule: "MQTT-3.6.1-1", code: 0x81, bytes: "\x60\x02\x00\x01"},
	{name: "pubrel with DUP", rule: "MQTT-3.6.1-1", code: 0x81, bytes: "\x6a\x02\x00\x01"},
	{name: "subscribe without its flag", rule: "MQTT-3.8.1-1", code: 0x81, bytes: "\x80\x00"},
	{name: "subscribe with DUP", rule: "MQTT-3.8.1-1", code: 0x81, bytes: "\x8a\x00"},
	{name: "unsubscribe without its flag", rule: "MQTT-3.10.1-1", code: 0x81, bytes: "\xa0\x00"},
	{name: "disconnect flags", rule: "MQTT-3.14.1-1", code: 0x81, bytes: "\xe2\x00"},
	{name: "auth flags", rule: "MQTT-3.15.1-1", code: 0x81, bytes: "\xf2\x00"},
	{name: "QoS 3", rule: "MQTT-3.3.1-4", code: 0x81, bytes: frame(0x36, str("t")+"\x00\x01\x00")},
	{name: "DUP with QoS 0", rule: "MQTT-3.3.1-2", code: 0x81, bytes: frame(0x38, str("t")+"\x00")},
	{name: "remaining length of five bytes", rule: "5.0 1.5.5", code: 0x81, bytes: "\x30\xff\xff\xff\xff\x01"},
	{name: "remaining length not minimal", rule: "MQTT-1.5.5-1", code: 0x81, bytes: "\x30\x88\x00" + str("t") + "\x00xxxx"},
	{name: "remaining length of noughts", rule: "MQTT-1.5.5-1", code: 0x81, bytes: "\xc0\x80\x80\x00"},
	{name: "remaining length of CONNECT not minimal", rule: "MQTT-1.5.5-1", code: 0x81, bytes: "\x10\x8e\x00" + connect5(0x02, "\x00", "")[2:]},
	{name: "above the limit", rule: "MQTT-3.2.2-15", code: 0x95, fault: packet.TooLarge, bytes: "\x30\xff\xff\xff\x7f"},

	// CONNECT.
	{name: "protocol name", rule: "MQTT-3.1.2-1", code: 0x81, bytes: frame(0x10, str("MQTt")+"\x05\x02\x00\x3c\x00"+str("c"))},
	{name: "level 6", rule: "MQTT-3.1.2-2", code: 0x84, fault: packet.BadVersion, bytes: frame(0x10, str("MQTT")+"\x06\x02\x00\x3c\x00"+str("c"))},
	{name: "level 5 with the name of 3.1", rule: "MQTT-3.1.2-2", code: 0x84, fault: packet.BadVersion, bytes: frame(0x10, str("MQIsdp")+"\x05\x02\x00\x3c\x00"+str("c"))},
	{name: "reserved connect flag", rule: "MQTT-3.1.2-3", code: 0x81, bytes: connect5(0x03, "\x00", "")},
	{name: "will QoS without will", rule: "MQTT-3.1.2-11", code: 0x81, bytes: connect5(0x0a, "\x00", "")},
	{name: "will QoS 3", rule: "MQTT-3.1.2-12", code: 0x81, bytes: connect5(0x1e, "\x00", "\x00"+str("w")+str(""))},
	{name: "will retain without will", rule: "MQTT-3.1.2-13", code: 0x81, bytes: connect5(0x22, "\x00", "")},
	{name: "will missing", rule: "MQTT-3.1.2-9", code: 0x81, bytes: connect5(0x06, "\x00", "")},
	{name: "will properties missing", rule: "MQTT-3.1.2-9", code: 0x81, bytes: connect5(0x06, "\x00", str("w")+str("x"))},
	{name: "will payload missing", rule: "MQTT-3.1.2-9", code: 0x81, bytes: connect5(0x06, "\x00", "\x00"+str("w"))},
	{name: "user name without its flag", rule: "MQTT-3.1.2-16", code: 0x81, bytes: connect5(0x02, "\x00", str("u"))},
	{name: "user name missing", rule: "MQTT-3.1.2-17", code: 0x81, bytes: connect5(0x82, "\x00", "")},
	{name: "user name cut", rule: "MQTT-3.1.2-17", code: 0x81, bytes: connect5(0x82, "\x00", "\x00\x05u")},
	{name: "password without its flag", rule: "MQTT-3.1.2-18", code: 0x81, bytes: connect5(0x82, "\x00", str("u")+str("p"))},
	{name: "password missing", rule: "MQTT-3.1.2-19", code: 0x81, bytes: connect5(0xc2, "\x00", str("u"))},
	{name: "bytes after the password", rule: "5.0 2.1.4", code: 0x81, bytes: connect5(0xc2, "\x00", str("u")+str("p")+"x")},
	{name: "MQTT-3.1.4-1 connect ends in flags", rule: "5.0 2.1.4", code: 0x81, bytes: frame(0x10, str("MQTT")+"\x05\x02")},
	{name: "MQTT-2.2.2-1 connect without property length", rule: "5.0 2.1.4", code: 0x81, bytes: frame(0x10, str("MQTT")+"\x05\x02\x00\x3c")},
	{name: "client identifier missing", rule: "MQTT-3.1.3-3", code: 0x81, bytes: frame(0x10, str("MQTT")+"\x05\x02\x00\x3c\x00")},
	{name: "MQTT-3.1.3-4 client identifier not UTF-8", rule: "MQTT-1.5.4-1", code: 0x81, bytes: frame(0x10, str("MQTT")+"\x05\x02\x00\x3c\x00"+str("\xff"))},
	{name: "MQTT-3.1.3-4 client identifier with NUL", rule: "MQTT-1.5.4-2", code: 0x81, bytes: frame(0x10, str("MQTT")+"\x05\x02\x00\x3c\x00"+str("a\x00"))},
	{name: "MQTT-3.1.3-12 user name with a surrogate", rule: "MQTT-1.5.4-1", code: 0x81, bytes: connect5(0x82, "\x00", str("\xed\xa0\x80"))},
	{name: "MQTT-3.1.3-12 user name with a pair of surrogates", rule: "MQTT-1.5.4-1", code: 0x81, bytes: connect5(0x82, "\x00", str("\xed\xa0\x80\xed\xb0\x80"))},
	{name: "MQTT-3.1.3-12 user name with NUL", rule: "MQTT-1.5.4-2", code: 0x81, bytes: connect5(0x82, "\x00", str("\x00"))},
	{name: "MQTT-3.1.3-11 will topic not UTF-8", rule: "MQTT-1.5.4-1", code: 0x81, bytes: connect5(0x06, "\x00", "\x00"+str("\xc0\x80")+str("x"))},
	{name: "will topic empty", rule: "MQTT-4.7.3-1", code: 0x81, bytes: connect5(0x06, "\x00", "\x00"+str("")+str("x"))},
	{name: "will topic with wildcard", rule: "MQTT-4.7.0-1", code: 0x81, bytes: connect5(0x06, "\x00", "\x00"+str("a/+")+str("x"))},
	{name: "authentication data without method", rule: "5.0 3.1.2.11.10", code: 0x82, bytes: connect5(0x02, props("\x16"+str("d")), "")},
	{name: "receive maximum 0", rule: "5.0 3.1.2.11.3", code: 0x82, bytes: connect5(0x02, props("\x21\x00\x00"), "")},
	{name: "maximum packet size 0", rule: "5.0 3.1.2.11.4", code: 0x82, bytes: connect5(0x02, props("\x27\x00\x00\x00\x00"), "")},
	{name: "request response information 2", rule: "5.0 3.1.2.11.6", code: 0x82, bytes: connect5(0x02, props("\x19\x02"), "")},
	{name: "request problem information 2", rule: "5.0 3.1.2.11.7", code: 0x82, bytes: connect5(0x02, props("\x17\x02"), "")},
	{name: "session expiry interval twice", rule: "5.0 3.1.2.11.2", code: 0x82, bytes: connect5(0x02, props("\x11\x00\x00\x00\x01", "\x11\x00\x00\x00\x01"), "")},
	{name: "receive maximum twice", rule: "5.0 3.1.2.11.3", code: 0x82, bytes: connect5(0x02, props("\x21\x00\x01", "\x21\x00\x01"), "")},
	{name: "maximum packet size twice", rule: "5.0 3.1.2.11.4", code: 0x82, bytes: connect5(0x02, props("\x27\x00\x00\x00\x01", "\x27\x00\x00\x00\x01"), "")},
	{name: "topic alias maximum twice", rule: "5.0 3.1.2.11.5", code: 0x82, bytes: connect5(0x02, props("\x22\x00\x00", "\x22\x00\x00"), "")},
	{name: "request response information twice", rule: "5.0 3.1.2.11.6", code: 0x82, bytes: connect5(0x02, props("\x19\x00", "\x19\x00"), "")},
	{name: "request problem information twice", rule: "5.0 3.1.2.11.7", code: 0x82, bytes: connect5(0x02, props("\x17\x00", user("", ""), "\x17\x00"), "")},
	{name: "authentication method twice", rule: "5.0 3.1.2.11.9", code: 0x82, bytes: connect5(0x02, props("\x15"+str("m"), "\x15"+str("m")), "")},
	{name: "authentication data twice", rule: "5.0 3.1.2.11.10", code: 0x82, bytes: connect5(0x02, props("\x15"+str("m"), "\x16"+str("m"), "\x16"+str("m")), "")},
	{name: "will delay interval among the CONNECT's own", rule: "5.0 2.2.2.2", code: 0x81, bytes: connect5(0x02, props("\x18\x00\x00\x00\x00"), "")},
	{name: "receive maximum among the will's", rule: "5.0 2.2.2.2", code: 0x81, bytes: connect5(0x06, "\x00", props("\x21\x00\x01")+str("w")+str(""))},
	{name: "topic alias in a will", rule: "5.0 2.2.2.2", code: 0x81, bytes: connect5(0x06, "\x00", props("\x23\x00\x01")+str("w")+str(""))},
	{name: "will delay interval twice", rule: "5.0 3.1.3.2.2", code: 0x82, bytes: connect5(0x06, "\x00", props("\x18\x00\x00\x00\x00", "\x18\x00\x00\x00\x00")+str("w")+str(""))},
	{name: "payload format indicator of a will twice", rule: "5.0 3.1.3.2.3", code: 0x82, bytes: connect5(0x06, "\x00", props("\x01\x00", "\x01\x00")+str("w")+str(""))},
	{name: "response topic of a will with wildcard", rule: "MQTT-3.3.2-14", code: 0x82, bytes: connect5(0x06, "\x00", props("\x08"+str("#"))+str("w")+str(""))},

	// Properties, wherever they stand.
	{name: "unknown property", rule: "5.0 2.2.2.2", code: 0x81, bytes: publish5(props("\x04\x00"))},
	{name: "property 0", rule: "5.0 2.2.2.2", code: 0x81, bytes: publish5(props("\x00\x00"))},
	{name: "property 0x2b", rule: "5.0 2.2.2.2", code: 0x81, bytes: publish5(props("\x2b\x00"))},
	{name: "property 0x4000", rule: "5.0 2.2.2.2", code: 0x81, bytes: publish5(props("\x80\x80\x01"))},
	{name: "property identifier not minimal", rule: "MQTT-1.5.5-1", code: 0x81, bytes: publish5(props("\x81\x00\x00"))},
	{name: "property identifier of five bytes", rule: "5.0 1.5.5", code: 0x81, bytes: publish5(props("\x80\x80\x80\x80\x01"))},
	{name: "property length not minimal", rule: "MQTT-1.5.5-1", code: 0x81, bytes: publish5("\x80\x00")},
	{name: "property length of five bytes", rule: "5.0 1.5.5", code: 0x81, bytes: publish5("\x80\x80\x80\x80\x01")},
	{name: "property length above the packet's", rule: "5.0 2.1.4", code: 0x81, bytes: publish5("\x7f")},
	{name: "MQTT-2.2.2-1 no property length", rule: "5.0 2.1.4", code: 0x81, bytes: frame(0x30, str("t"))},
	{name: "property cut", rule: "5.0 2.2.2.1", code: 0x81, bytes: publish5(props("\x02\x00\x00"))},
	{name: "text of a property cut", rule: "5.0 2.2.2.1", code: 0x81, bytes: publish5(props("\x03\x00\x05ab"))},
	{name: "user property without value", rule: "5.0 2.2.2.1", code: 0x81, bytes: publish5(props("\x26" + str("a")))},
	{name: "MQTT-1.5.7-1 name of a user property not UTF-8", rule: "MQTT-1.5.4-1", code: 0x81, bytes: publish5(props(user("\xff", "b")))},
	{name: "MQTT-1.5.7-1 value of a user property with NUL", rule: "MQTT-1.5.4-2", code: 0x81, bytes: publish5(props(user("a", "\x00")))},
	{name: "17 user properties", code: 0x97, fault: packet.TooLarge, bytes: publish5(props(strings.Repeat(user("", ""), 17)))},
	{name: "2 user properties where 1 may be", at: &packet.Rules{UserProperties: 1}, code: 0x97, fault: packet.TooLarge, bytes: publish5(props(user("", ""), user("", "")))},
	{name: "6 bytes of user properties where 5 may be", at: &packet.Rules{UserPropertyBytes: 5}, code: 0x97, fault: packet.TooLarge, bytes: publish5(props(user("a", "")))},
	{name: "17 user properties of a will", code: 0x97, fault: packet.TooLarge, bytes: connect5(0x06, "\x00", props(strings.Repeat(user("", ""), 17))+str("w")+str(""))},
	{name: "user properties of more than 4 KiB", code: 0x97, fault: packet.TooLarge, bytes: frame(0x30, str("t")+"\x81\x20"+user("", strings.Repeat("x", 4092)))},

	// PUBLISH.
	{name: "MQTT-3.3.2-1 topic missing", rule: "5.0 2.1.4", code: 0x81, bytes: "\x30\x00"},
	{name: "MQTT-3.3.2-1 topic not UTF-8", rule: "MQTT-1.5.4-1", code: 0x81, bytes: frame(0x30, str("\xc3")+"\x00")},
	{name: "MQTT-4.7.3-2 topic with NUL", rule: "MQTT-1.5.4-2", code: 0x81, bytes: frame(0x30, str("a\x00b")+"\x00")},
	{name: "topic with #", rule: "MQTT-3.3.2-2", code: 0x81, bytes: frame(0x30, str("a/#")+"\x00")},
	{name: "MQTT-4.7.0-1 topic with +", rule: "MQTT-3.3.2-2", code: 0x81, bytes: frame(0x30, str("a+b")+"\x00")},
	{name: "MQTT-4.7.3-1 neither topic nor alias", rule: "5.0 3.3.2.1", code: 0x82, bytes: frame(0x30, str("")+"\x00")},
	{name: "topic alias 0", rule: "MQTT-3.3.2-8", code: 0x94, bytes: publish5(props("\x23\x00\x00"))},
	{name: "MQTT-3.2.2-17 topic alias above the maximum", rule: "MQTT-3.3.2-9", code: 0x94, bytes: publish5(props("\x23\x00\x06"))},
	{name: "MQTT-3.2.2-18 topic alias where none was announced", at: &packet.Rules{}, rule: "MQTT-3.3.2-9", code: 0x94, bytes: publish5(props("\x23\x00\x01"))},
	{name: "topic alias twice", rule: "5.0 3.3.2.3.4", code: 0x82, bytes: publish5(props("\x23\x00\x01", "\x23\x00\x01"))},
	{name: "MQTT-2.2.1-4 identifier 0", rule: "MQTT-2.2.1-3", code: 0x82, bytes: frame(0x32, str("t")+"\x00\x00\x00")},
	{name: "identifier cut", rule: "5.0 2.1.4", code: 0x81, bytes: frame(0x34, str("t")+"\x00")},
	{name: "subscription identifier from a client", rule: "MQTT-3.3.4-6", code: 0x82, bytes: publish5(props("\x0b\x01"))},
	{name: "subscription identifier 0", at: atClient, rule: "5.0 3.3.2.3.8", code: 0x82, bytes: publish5(props("\x0b\x00"))},
	{name: "subscription identifier of five bytes", at: atClient, rule: "5.0 1.5.5", code: 0x81, bytes: publish5(props("\x0b\xff\xff\xff\xff\x01"))},
	{name: "payload format indicator 2", rule: "5.0 3.3.2.3.2", code: 0x82, bytes: publish5(props("\x01\x02"))},
	{name: "payload format indicator twice", rule: "5.0 3.3.2.3.2", code: 0x82, bytes: publish5(props("\x01\x00", "\x01\x00"))},
	{name: "message expiry interval twice", rule: "5.0 3.3.2.3.3", code: 0x82, bytes: publish5(props("\x02\x00\x00\x00\x01", "\x02\x00\x00\x00\x01"))},
	{name: "response topic twice", rule: "5.0 3.3.2.3.5", code: 0x82, bytes: publish5(props("\x08"+str("r"), "\x08"+str("r")))},
	{name: "correlation data twice", rule: "5.0 3.3.2.3.6", code: 0x82, bytes: publish5(props("\x09"+str("r"), "\x09"+str("r")))},
	{name: "content type twice", rule: "5.0 3.3.2.3.9", code: 0x82, bytes: publish5(props("\x03"+str("r"), "\x03"+str("r")))},
	{name: "response topic with wildcard", rule: "MQTT-3.3.2-14", code: 0x82, bytes: publish5(props("\x08" + str("r/+")))},
	{name: "response topic empty", rule: "MQTT-4.7.3-1", code: 0x81, bytes: publish5(props("\x08" + str("")))},
	{name: "MQTT-3.3.2-13 response topic not UTF-8", rule: "MQTT-1.5.4-1", code: 0x81, bytes: publish5(props("\x08" + str("\xed\xbf\xbf")))},
	{name: "MQTT-3.3.2-19 content type not UTF-8", rule: "MQTT-1.5.4-1", code: 0x81, bytes: publish5(props("\x03" + str("\xfe")))},
	{name: "session expiry interval in a PUBLISH", rule: "5.0 2.2.2.2", code: 0x81, bytes: publish5(props("\x11\x00\x00\x00\x01"))},
	{name: "topic too long", at: &packet.Rules{TopicBytes: 4}, code: 0x90, fault: packet.Unacceptable, bytes: frame(0x30, str("a/b/c")+"\x00")},
	{name: "topic too deep", at: &packet.Rules{TopicLevels: 2}, code: 0x90, fault: packet.Unacceptable, bytes: frame(0x30, str("//")+"\x00")},
	{name: "topic of 65,535 levels", at: &packet.Rules{TopicLevels: 8}, code: 0x90, fault: packet.Unacceptable, bytes: frame(0x30, str(strings.Repeat("/", 65534))+"\x00")},
	{name: "will topic too deep", at: &packet.Rules{TopicLevels: 2}, code: 0x90, fault: packet.Unacceptable, bytes: connect5(0x06, "\x00", "\x00"+str("a/b/c")+str(""))},
	{name: "payload is not UTF-8", at: &packet.Rules{CheckPayload: true}, rule: "5.0 3.3.2.3.2", code: 0x99, fault: packet.Unacceptable, bytes: frame(0x30, str("t")+props("\x01\x01")+"\xff")},
	{name: "will payload is not UTF-8", at: &packet.Rules{CheckPayload: true}, rule: "5.0 3.3.2.3.2", code: 0x99, fault: packet.Unacceptable, bytes: connect5(0x06, "\x00", props("\x01\x01")+str("w")+str("\xff"))},
	{name: "control character", at: &packet.Rules{StrictText: true}, rule: "5.0 1.5.4", code: 0x81, bytes: frame(0x30, str("a\u0001")+"\x00")},
	{name: "control character above ASCII", at: &packet.Rules{StrictText: true}, rule: "5.0 1.5.4", code: 0x81, bytes: frame(0x30, str("a\u0085")+"\x00")},
	{name: "non-character", at: &packet.Rules{StrictText: true}, rule: "5.0 1.5.4", code: 0x81, bytes: frame(0x30, str("a\U0010ffff")+"\x00")},

	// Acknowledgements.
	{name: "MQTT-2.2.1-5 puback identifier 0", rule: "MQTT-2.2.1-3", code: 0x82, bytes: "\x40\x02\x00\x00"},
	{name: "puback too short", rule: "5.0 2.1.4", code: 0x81, bytes: "\x40\x01\x00"},
	{name: "MQTT-3.4.2-1 puback reason code unknown", rule: "5.0 2.4", code: 0x82, bytes: "\x40\x03\x00\x01\x05"},
	{name: "MQTT-3.4.2-1 puback reason code of a server", rule: "5.0 2.4", code: 0x82, bytes: "\x40\x03\x00\x01\x10"},
	{name: "MQTT-3.5.2-1 pubrec reason code of another packet", rule: "5.0 2.4", code: 0x82, bytes: "\x50\x03\x00\x01\x92"},
	{name: "MQTT-3.6.2-1 pubrel reason code of another packet", rule: "5.0 2.4", code: 0x82, bytes: "\x62\x03\x00\x01\x80"},
	{name: "MQTT-3.7.2-1 pubcomp reason code of another packet", rule: "5.0 2.4", code: 0x82, bytes: "\x70\x03\x00\x01\xff"},
	{name: "bytes after a puback", rule: "5.0 2.1.4", code: 0x81, bytes: "\x40\x05\x00\x01\x00\x00x"},
	{name: "puback property length above the packet's", rule: "5.0 2.1.4", code: 0x81, bytes: "\x40\x04\x00\x01\x00\x05"},
	{name: "reason string of a puback twice", rule: "5.0 3.4.2.2.2", code: 0x82, bytes: frame(0x40, "\x00\x01\x00"+props("\x1f"+str("a"), "\x1f"+str("a")))},
	{name: "reason string of a pubrec twice", rule: "5.0 3.5.2.2.2", code: 0x82, bytes: frame(0x50, "\x00\x01\x00"+props("\x1f"+str("a"), "\x1f"+str("a")))},
	{name: "reason string of a pubrel twice", rule: "5.0 3.6.2.2.2", code: 0x82, bytes: frame(0x62, "\x00\x01\x00"+props("\x1f"+str("a"), "\x1f"+str("a")))},
	{name: "reason string of a pubcomp twice", rule: "5.0 3.7.2.2.2", code: 0x82, bytes: frame(0x70, "\x00\x01\x00"+props("\x1f"+str("a"), "\x1f"+str("a")))},
	{name: "content type in a puback", rule: "5.0 2.2.2.2", code: 0x81, bytes: frame(0x40, "\x00\x01\x00"+props("\x03"+str("a")))},

	// SUBSCRIBE and UNSUBSCRIBE.
	{name: "subscribe identifier 0", rule: "MQTT-2.2.1-3", code: 0x82, bytes: frame(0x82, "\x00\x00\x00"+str("a")+"\x00")},
	{name: "subscribe without filter", rule: "MQTT-3.8.3-2", code: 0x82, bytes: frame(0x82, "\x00\x01\x00")},
	{name: "subscribe ends after filter", rule: "5.0 2.1.4", code: 0x81, bytes: frame(0x82, "\x00\x01\x00"+str("a"))},
	{name: "second filter cut", rule: "5.0 2.1.4", code: 0x81, bytes: frame(0x82, "\x00\x01\x00"+str("a")+"\x00\x00\x04a")},
	{name: "requested QoS 3", rule: "5.0 3.8.3.1", code: 0x82, bytes: subscribe5("a", 0x03)},
	{name: "retain handling 3", rule: "5.0 3.8.3.1", code: 0x82, bytes: subscribe5("a", 0x30)},
	{name: "reserved option bit 6", rule: "MQTT-3.8.3-5", code: 0x81, bytes: subscribe5("a", 0x40)},
	{name: "reserved option bit 7", rule: "MQTT-3.8.3-5", code: 0x81, bytes: subscribe5("a", 0x80)},
	{name: "no local on a shared subscription", rule: "MQTT-3.8.3-4", code: 0x82, bytes: subscribe5("$share/g/a", 0x04)},
	{name: "share name empty", rule: "MQTT-4.8.2-1", code: 0x81, bytes: subscribe5("$share//a", 0x00)},
	{name: "share name missing", rule: "MQTT-4.8.2-1", code: 0x81, bytes: subscribe5("$share/", 0x00)},
	{name: "share name with +", rule: "MQTT-4.8.2-2", code: 0x81, bytes: subscribe5("$share/g+/a", 0x00)},
	{name: "share name is #", rule: "MQTT-4.8.2-2", code: 0x81, bytes: subscribe5("$share/#", 0x00)},
	{name: "share name without a slash behind it", rule: "MQTT-4.8.2-2", code: 0x81, bytes: subscribe5("$share/g", 0x00)},
	{name: "share name without a filter", rule: "MQTT-4.8.2-2", code: 0x81, bytes: subscribe5("$share/g/", 0x00)},
	{name: "shared filter is bad", rule: "MQTT-4.7.1-1", code: 0x81, bytes: subscribe5("$share/g/a#", 0x00)},
	{name: "filter empty", rule: "MQTT-4.7.3-1", code: 0x81, bytes: subscribe5("", 0x00)},
	{name: "filter with # inside", rule: "MQTT-4.7.1-1", code: 0x81, bytes: subscribe5("a/#/b", 0x00)},
	{name: "filter with # in a level", rule: "MQTT-4.7.1-1", code: 0x81, bytes: subscribe5("a#", 0x00)},
	{name: "filter with + in a level", rule: "MQTT-4.7.1-2", code: 0x81, bytes: subscribe5("a+/b", 0x00)},
	{name: "filter with + before text", rule: "MQTT-4.7.1-2", code: 0x81, bytes: subscribe5("+a", 0x00)},
	{name: "MQTT-3.8.3-1 filter not UTF-8", rule: "MQTT-1.5.4-1", code: 0x81, bytes: subscribe5("\x80", 0x00)},
	{name: "MQTT-4.7.3-2 filter with NUL", rule: "MQTT-1.5.4-2", code: 0x81, bytes: subscribe5("a\x00", 0x00)},
	{name: "subscription identifier of 0", rule: "5.0 3.8.2.1.2", code: 0x82, bytes: frame(0x82, "\x00\x01"+props("\x0b\x00")+str("a")+"\x00")},
	{name: "subscription identifier twice", rule: "5.0 3.8.2.1.2", code: 0x82, bytes: frame(0x82, "\x00\x01"+props("\x0b\x01", "\x0b\x02")+str("a")+"\x00")},
	{name: "subscription identifier not minimal", rule: "MQTT-1.5.5-1", code: 0x81, bytes: frame(0x82, "\x00\x01"+props("\x0b\x81\x00")+str("a")+"\x00")},
	{name: "reason string in a SUBSCRIBE", rule: "5.0 2.2.2.2", code: 0x81, bytes: frame(0x82, "\x00\x01"+props("\x1f"+str("a"))+str("a")+"\x00")},
	{name: "unsubscribe identifier 0", rule: "MQTT-2.2.1-3", code: 0x82, bytes: frame(0xa2, "\x00\x00\x00"+str("a"))},
	{name: "unsubscribe without filter", rule: "MQTT-3.10.3-2", code: 0x82, bytes: frame(0xa2, "\x00\x01\x00")},
	{name: "MQTT-3.10.3-1 unsubscribe filter not UTF-8", rule: "MQTT-1.5.4-1", code: 0x81, bytes: unsubscribe5("\xff")},
	{name: "unsubscribe filter bad", rule: "MQTT-4.7.1-1", code: 0x81, bytes: unsubscribe5("##")},
	{name: "unsubscribe filter cut", rule: "5.0 2.1.4", code: 0x81, bytes: frame(0xa2, "\x00\x01\x00\x00\x04a")},
	{name: "subscription identifier in an UNSUBSCRIBE", rule: "5.0 2.2.2.2", code: 0x81, bytes: frame(0xa2, "\x00\x01"+props("\x0b\x01")+str("a"))},

	// The rest of what clients send.
	{name: "pingreq with body", code: 0x81, bytes: "\xc0\x01x"},
	{name: "MQTT-3.14.2-1 disconnect reason code unknown", rule: "5.0 2.4", code: 0x82, bytes: "\xe0\x01\x03"},
	{name: "MQTT-3.14.2-1 disconnect reason code of a server", rule: "5.0 2.4", code: 0x82, bytes: "\xe0\x01\x8e"},
	{name: "session expiry interval of a DISCONNECT twice", rule: "5.0 3.14.2.2.2", code: 0x82, bytes: frame(0xe0, "\x00"+props("\x11\x00\x00\x00\x01", "\x11\x00\x00\x00\x01"))},
	{name: "reason string of a DISCONNECT twice", rule: "5.0 3.14.2.2.3", code: 0x82, bytes: frame(0xe0, "\x00"+props("\x1f"+str("a"), "\x1f"+str("a")))},
	{name: "receive maximum in a DISCONNECT", rule: "5.0 2.2.2.2", code: 0x81, bytes: frame(0xe0, "\x00"+props("\x21\x00\x01"))},
	{name: "bytes after a disconnect", rule: "5.0 2.1.4", code: 0x81, bytes: "\xe0\x03\x00\x00x"},
	{name: "auth without method", rule: "5.0 3.15.2.2.2", code: 0x82, bytes: "\xf0\x02\x18\x00"},
	{name: "auth without method, with data", rule: "5.0 3.15.2.2.2", code: 0x82, bytes: frame(0xf0, "\x18"+props("\x16"+str("d")))},
	{name: "auth with method twice", rule: "5.0 3.15.2.2.2", code: 0x82, bytes: frame(0xf0, "\x18"+props("\x15"+str("m"), "\x15"+str("m")))},
	{name: "auth with data twice", rule: "5.0 3.15.2.2.3", code: 0x82, bytes: frame(0xf0, "\x18"+props("\x15"+str("m"), "\x16"+str("m"), "\x16"+str("m")))},
	{name: "auth with reason string twice", rule: "5.0 3.15.2.2.4", code: 0x82, bytes: frame(0xf0, "\x18"+props("\x15"+str("m"), "\x1f"+str("m"), "\x1f"+str("m")))},
	{name: "MQTT-3.15.2-1 auth success from a client", rule: "5.0 2.4", code: 0x82, bytes: frame(0xf0, "\x00"+props("\x15"+str("m")))},
	{name: "MQTT-3.15.2-1 re-authentication from a server", at: atClient, rule: "5.0 2.4", code: 0x82, bytes: frame(0xf0, "\x19"+props("\x15"+str("m")))},
	{name: "MQTT-3.15.2-1 auth with nothing said from a client", rule: "5.0 2.4", code: 0x82, bytes: "\xf0\x00"},

	// What servers send.
	{name: "acknowledge flags", at: atClient, rule: "MQTT-3.2.2-1", code: 0x81, bytes: frame(0x20, "\x02\x00\x00")},
	{name: "session present in a refusal", at: atClient, rule: "MQTT-3.2.2-6", code: 0x82, bytes: frame(0x20, "\x01\x87\x00")},
	{name: "MQTT-3.2.2-8 connack reason code of another packet", at: atClient, rule: "5.0 2.4", code: 0x82, bytes: frame(0x20, "\x00\x8e\x00")},
	{name: "maximum QoS 2", at: atClient, rule: "5.0 3.2.2.3.4", code: 0x82, bytes: frame(0x20, "\x00\x00"+props("\x24\x02"))},
	{name: "retain available 2", at: atClient, rule: "5.0 3.2.2.3.5", code: 0x82, bytes: frame(0x20, "\x00\x00"+props("\x25\x02"))},
	{name: "server keep alive twice", at: atClient, rule: "5.0 3.2.2.3.14", code: 0x82, bytes: frame(0x20, "\x00\x00"+props("\x13\x00\x01", "\x13\x00\x01"))},
	{name: "session expiry interval from a server", at: atClient, rule: "MQTT-3.14.2-2", code: 0x82, bytes: frame(0xe0, "\x8e"+props("\x11\x00\x00\x00\x01"))},
	{name: "MQTT-3.14.2-1 disconnect reason code of a client", at: atClient, rule: "5.0 2.4", code: 0x82, bytes: "\xe0\x01\x04"},
	{name: "MQTT-3.9.3-2 suback reason code of another packet", at: atClient, rule: "5.0 2.4", code: 0x82, bytes: frame(0x90, "\x00\x01\x00\x11")},
	{name: "MQTT-3.11.3-2 unsuback reason code of another packet", at: atClient, rule: "5.0 2.4", code: 0x82, bytes: frame(0xb0, "\x00\x01\x00\x01")},
	{name: "MQTT-3.8.4-6 suback without a code", at: atClient, rule: "5.0 2.1.4", code: 0x81, bytes: frame(0x90, "\x00\x01\x00")},
}

// title is a test's name: the statement that is broken, where it has a number, and the rest.
func title(rule, name string) string {
	if strings.HasPrefix(rule, "MQTT-") {
		return rule + " " + name
	}
	return name
}

func TestMQTT5(t *testing.T) {
	t.Parallel()
	for _, tc := range bad5 {
		t.Run(title(tc.rule, tc.name), func(t *testing.T) {
			t.Parallel()
			r := tc.at
			if r == nil {
				r = atServer
			}
			_, err := decode5([]byte(tc.bytes), r)
			var bad *packet.Error
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, want a *packet.Error", err)
			}
			fault, rule := tc.fault, tc.rule
			if fault == 0 {
				fault = packet.Malformed
			}
			if section, ok := strings.CutPrefix(rule, "5.0 "); ok {
				rule = "MQTT 5.0 section " + section
			}
			if bad.Fault != fault || bad.Rule != rule || bad.Code != tc.code {
				t.Errorf("got fault %d, rule %q, code 0x%02x (%v), want fault %d, rule %q, code 0x%02x",
					bad.Fault, bad.Rule, byte(bad.Code), bad, fault, rule, byte(tc.code))
			}
			answer := packet.DISCONNECT
			if tc.bytes[0]>>4 == byte(packet.CONNECT) {
				answer = packet.CONNACK
			}
			if !bad.Code.AllowedIn(answer, !r.FromServer) {
				t.Errorf("code 0x%02x may not be in the %s that answers", byte(bad.Code), answer)
			}
		})
	}
}
