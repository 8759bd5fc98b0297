package packet

// Fault says what is to become of a connection on which a bad packet arrived.
type Fault uint8

const (
	// Malformed bytes or a packet out of place: the connection is closed and nothing is answered [MQTT-4.8.0-1].
	Malformed Fault = iota + 1
	// TooLarge is a packet above the reader's limit: the connection is closed.
	TooLarge
	// BadVersion is a CONNECT whose protocol level is not spoken here: CONNACK says so [MQTT-3.1.2-2].
	BadVersion
	// BadIdentifier is a sound CONNECT with a client identifier that may not be: CONNACK 2 [MQTT-3.1.3-8].
	BadIdentifier
	// Unacceptable is a sound PUBLISH or CONNECT of MQTT 5 that Rules do not take, for its topic or its payload: the
	// decoded packet is complete, and its refusal may be said in its acknowledgement.
	Unacceptable
)

// Error is the reason why a packet was refused. Its text holds nothing that came from the peer.
type Error struct {
	Fault Fault
	// Code is the reason code that belongs to it in MQTT 5, for a CONNACK or DISCONNECT.
	Code ReasonCode
	// Rule is the number of the statement that was broken, empty where the standard has none.
	Rule string
	// Text says in a few words what is wrong.
	Text string
}

// Error gives the text and the statement number.
func (e *Error) Error() string {
	if e.Rule == "" {
		return e.Text
	}
	return e.Text + " [" + e.Rule + "]"
}

func malformed(rule, text string) *Error {
	return &Error{Fault: Malformed, Code: MalformedPacket, Rule: rule, Text: text}
}

// Every refusal is a value made once, so that a flood of bad packets costs no garbage.
var (
	errType         = malformed("MQTT-2.2.2-2", "reserved packet type")
	errFlags        = malformed("MQTT-2.2.2-2", "invalid fixed header flags")
	errLength       = malformed("", "remaining length is longer than four bytes")
	errTooLarge     = &Error{Fault: TooLarge, Code: PacketTooLarge, Text: "packet is larger than the limit"}
	errShort        = malformed("", "packet ends inside a field")
	errTrailing     = malformed("", "bytes after the last field")
	errUTF8         = malformed("MQTT-1.5.3-1", "text is not UTF-8")
	errNUL          = malformed("MQTT-1.5.3-2", "text holds U+0000")
	errEmptyTopic   = malformed("MQTT-4.7.3-1", "empty topic")
	errWildcard     = malformed("MQTT-3.3.2-2", "wildcard in a topic name")
	errFilterHash   = malformed("MQTT-4.7.1-2", "# is not alone at the end of the filter")
	errFilterPlus   = malformed("MQTT-4.7.1-3", "+ does not fill a level of the filter")
	errPacketID     = malformed("MQTT-2.3.1-1", "packet identifier is zero")
	errProtocolName = malformed("MQTT-3.1.2-1", "unknown protocol name")
	errVersion      = &Error{
		Fault: BadVersion, Code: UnsupportedProtocolVersion, Rule: "MQTT-3.1.2-2", Text: "unsupported protocol level",
	}
	errConnectFlag   = malformed("MQTT-3.1.2-3", "reserved connect flag is set")
	errWillQoSUnset  = malformed("MQTT-3.1.2-13", "will QoS without a will")
	errWillQoS       = malformed("MQTT-3.1.2-14", "will QoS is 3")
	errWillRetain    = malformed("MQTT-3.1.2-15", "will retain without a will")
	errPasswordAlone = malformed("MQTT-3.1.2-22", "password without a user name")
	errIdentifier    = &Error{
		Fault: BadIdentifier, Code: ClientIdentifierNotValid, Rule: "MQTT-3.1.3-8", Text: "client identifier is not acceptable",
	}
	errDup           = malformed("MQTT-3.3.1-2", "DUP is set on a QoS 0 message")
	errQoS           = malformed("MQTT-3.3.1-4", "QoS is 3")
	errNoFilter      = malformed("MQTT-3.8.3-3", "SUBSCRIBE without a filter")
	errRequestedQoS  = malformed("MQTT-3-8.3-4", "requested QoS is not 0, 1 or 2")
	errNoUnsubscribe = malformed("MQTT-3.10.3-2", "UNSUBSCRIBE without a filter")
)
