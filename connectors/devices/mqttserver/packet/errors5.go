package packet

import "strconv"

func fault5(code ReasonCode, rule, text string) *Error {
	return &Error{Fault: Malformed, Code: code, Rule: rule, Text: text}
}

// in5 names a place in MQTT 5.0 that has no statement number.
func in5(section string) string { return "MQTT 5.0 section " + section }

// Refusals of MQTT 5, made once as those of MQTT 3.
var (
	err5Flags        = fault5(MalformedPacket, "MQTT-2.1.3-1", "invalid fixed header flags")
	err5Type         = fault5(MalformedPacket, in5("2.1.2"), "packet type 0")
	err5PubrelFlags  = fault5(MalformedPacket, "MQTT-3.6.1-1", "invalid fixed header flags")
	err5SubFlags     = fault5(MalformedPacket, "MQTT-3.8.1-1", "invalid fixed header flags")
	err5UnsubFlags   = fault5(MalformedPacket, "MQTT-3.10.1-1", "invalid fixed header flags")
	err5DiscFlags    = fault5(MalformedPacket, "MQTT-3.14.1-1", "invalid fixed header flags")
	err5AuthFlags    = fault5(MalformedPacket, "MQTT-3.15.1-1", "invalid fixed header flags")
	err5VarintLong   = fault5(MalformedPacket, in5("1.5.5"), "variable byte integer of more than four bytes")
	err5VarintPadded = fault5(MalformedPacket, "MQTT-1.5.5-1", "variable byte integer is longer than it has to be")
	err5TooLarge     = &Error{Fault: TooLarge, Code: PacketTooLarge, Rule: "MQTT-3.2.2-15", Text: "packet is larger than the limit"}

	err5Short     = fault5(MalformedPacket, in5("2.1.4"), "packet ends inside a field")
	err5Trailing  = fault5(MalformedPacket, in5("2.1.4"), "bytes after the last field")
	err5UTF8      = fault5(MalformedPacket, "MQTT-1.5.4-1", "text is not UTF-8")
	err5NUL       = fault5(MalformedPacket, "MQTT-1.5.4-2", "text holds U+0000")
	err5Character = fault5(MalformedPacket, in5("1.5.4"), "text holds a control character or a non-character")
	err5PacketID  = fault5(ProtocolError, "MQTT-2.2.1-3", "packet identifier is zero")
	err5Code      = fault5(ProtocolError, in5("2.4"), "reason code may not be in this packet")

	err5Property               = fault5(MalformedPacket, in5("2.2.2.2"), "property may not be in this packet")
	err5PropertyCut            = fault5(MalformedPacket, in5("2.2.2.1"), "properties end inside a field")
	err5UserProperties         = &Error{Fault: TooLarge, Code: QuotaExceeded, Text: "more user properties than the limit"}
	err5NoMethod               = fault5(ProtocolError, in5("3.15.2.2.2"), "AUTH without an authentication method")
	err5DataAlone              = fault5(ProtocolError, in5("3.1.2.11.10"), "authentication data without a method")
	err5SubscriptionIdentifier = fault5(ProtocolError, "MQTT-3.3.4-6", "subscription identifier from a client")
	err5ServerExpiry           = fault5(ProtocolError, "MQTT-3.14.2-2", "session expiry interval from a server")
	err5AliasZero              = fault5(TopicAliasInvalid, "MQTT-3.3.2-8", "topic alias is 0")
	err5Alias                  = fault5(TopicAliasInvalid, "MQTT-3.3.2-9", "topic alias is above the maximum")
	err5ResponseTopic          = fault5(ProtocolError, "MQTT-3.3.2-14", "wildcard in a response topic")

	err5ConnectFlag = fault5(MalformedPacket, "MQTT-3.1.2-3", "reserved connect flag is set")
	err5WillQoS0    = fault5(MalformedPacket, "MQTT-3.1.2-11", "will QoS without a will")
	err5WillQoS     = fault5(MalformedPacket, "MQTT-3.1.2-12", "will QoS is 3")
	err5WillRetain  = fault5(MalformedPacket, "MQTT-3.1.2-13", "will retain without a will")
	err5NoClientID  = fault5(MalformedPacket, "MQTT-3.1.3-3", "client identifier is missing or cut")
	err5NoWill      = fault5(MalformedPacket, "MQTT-3.1.2-9", "will is missing or cut")
	err5NoUserName  = fault5(MalformedPacket, "MQTT-3.1.2-17", "user name is missing or cut")
	err5NoPassword  = fault5(MalformedPacket, "MQTT-3.1.2-19", "password is missing or cut")
	err5UserName    = fault5(MalformedPacket, "MQTT-3.1.2-16", "bytes after the client identifier and will, without a user name flag")
	err5Password    = fault5(MalformedPacket, "MQTT-3.1.2-18", "bytes after the user name, without a password flag")

	err5NoTopic     = fault5(ProtocolError, in5("3.3.2.1"), "neither topic nor topic alias")
	err5EmptyTopic  = fault5(MalformedPacket, "MQTT-4.7.3-1", "empty topic")
	err5Wildcard    = fault5(MalformedPacket, "MQTT-3.3.2-2", "wildcard in a topic name")
	err5WillTopic   = fault5(MalformedPacket, "MQTT-4.7.0-1", "wildcard in a will topic")
	err5TopicBytes  = &Error{Fault: Unacceptable, Code: TopicNameInvalid, Text: "topic is longer than the limit"}
	err5TopicLevels = &Error{Fault: Unacceptable, Code: TopicNameInvalid, Text: "topic has more levels than the limit"}
	err5Payload     = &Error{
		Fault: Unacceptable, Code: PayloadFormatInvalid, Rule: in5("3.3.2.3.2"), Text: "payload is not the UTF-8 that it claims",
	}

	err5NoFilter       = fault5(ProtocolError, "MQTT-3.8.3-2", "SUBSCRIBE without a filter")
	err5NoUnsubscribe  = fault5(ProtocolError, "MQTT-3.10.3-2", "UNSUBSCRIBE without a filter")
	err5RequestedQoS   = fault5(ProtocolError, in5("3.8.3.1"), "requested QoS is 3")
	err5RetainHandling = fault5(ProtocolError, in5("3.8.3.1"), "retain handling is 3")
	err5NoLocal        = fault5(ProtocolError, "MQTT-3.8.3-4", "no local on a shared subscription")
	err5Options        = fault5(MalformedPacket, "MQTT-3.8.3-5", "reserved bits of the subscription options are set")
	err5FilterEmpty    = fault5(MalformedPacket, "MQTT-4.7.3-1", "empty filter")
	err5FilterHash     = fault5(MalformedPacket, "MQTT-4.7.1-1", "# is not alone at the end of the filter")
	err5FilterPlus     = fault5(MalformedPacket, "MQTT-4.7.1-2", "+ does not fill a level of the filter")
	err5ShareEmpty     = fault5(MalformedPacket, "MQTT-4.8.2-1", "shared subscription without a share name")
	err5Share          = fault5(MalformedPacket, "MQTT-4.8.2-2", "share name with a wildcard, or without a filter behind it")

	err5ConnackFlags   = fault5(MalformedPacket, "MQTT-3.2.2-1", "reserved acknowledge flags are set")
	err5SessionPresent = fault5(ProtocolError, "MQTT-3.2.2-6", "session present in a refusal")
	err5Second         = fault5(ProtocolError, "MQTT-3.1.0-2", "second CONNECT")
	err5Unexpected     = fault5(ProtocolError, "MQTT-4.13.1-1", "packet out of place")
	errSecond          = malformed("MQTT-3.1.0-2", "second CONNECT")
	errUnexpected      = malformed("MQTT-4.8.0-1", "packet out of place")
)

// offence is the refusal of a property, with the section that describes it. It is made when it is needed: the
// connection ends with it.
func offence(in Type, id uint32, code ReasonCode, what string) *Error {
	d := &properties[id]
	return fault5(code, in5(sections[in]+strconv.Itoa(int(d.in[in]))), d.name+" "+what)
}

// Unexpected is the refusal of a sound packet of type t at a time when, or from a side from which, it may not come.
func Unexpected(t Type, v Version) *Error {
	switch {
	case v == V5 && t == CONNECT:
		return err5Second
	case v == V5:
		return err5Unexpected
	case t == CONNECT:
		return errSecond
	}
	return errUnexpected
}
