package packet

// The three kinds of property that have one value; the fourth is the User Property, which has methods of its own. They
// are types of their own so that a property cannot be read or written as what it is not.
type (
	// NumberProperty is a property with a number of one, two or four bytes or a Variable Byte Integer.
	NumberProperty byte
	// TextProperty is a property with a UTF-8 Encoded String.
	TextProperty byte
	// BinaryProperty is a property with Binary Data.
	BinaryProperty byte
)

// The properties of MQTT 5.0 section 2.2.2.2, under the standard's names.
const (
	PayloadFormatIndicator          NumberProperty = 0x01 // 1: the payload is UTF-8
	MessageExpiryInterval           NumberProperty = 0x02 // seconds
	SubscriptionIdentifier          NumberProperty = 0x0b // 1 to 268,435,455
	SessionExpiryInterval           NumberProperty = 0x11 // seconds; 0xffffffff never ends
	ServerKeepAlive                 NumberProperty = 0x13 // seconds
	RequestProblemInformation       NumberProperty = 0x17 // 0 or 1
	WillDelayInterval               NumberProperty = 0x18 // seconds
	RequestResponseInformation      NumberProperty = 0x19 // 0 or 1
	ReceiveMaximum                  NumberProperty = 0x21 // 1 to 65,535
	TopicAliasMaximum               NumberProperty = 0x22 // 0 to 65,535
	TopicAlias                      NumberProperty = 0x23 // 1 to 65,535
	MaximumQoS                      NumberProperty = 0x24 // 0 or 1
	RetainAvailable                 NumberProperty = 0x25 // 0 or 1
	MaximumPacketSize               NumberProperty = 0x27 // bytes, header included, from 1
	WildcardSubscriptionAvailable   NumberProperty = 0x28 // 0 or 1
	SubscriptionIdentifierAvailable NumberProperty = 0x29 // 0 or 1
	SharedSubscriptionAvailable     NumberProperty = 0x2a // 0 or 1

	ContentType              TextProperty = 0x03
	ResponseTopic            TextProperty = 0x08
	AssignedClientIdentifier TextProperty = 0x12
	AuthenticationMethod     TextProperty = 0x15
	ResponseInformation      TextProperty = 0x1a
	ServerReference          TextProperty = 0x1c
	ReasonString             TextProperty = 0x1f

	CorrelationData    BinaryProperty = 0x09
	AuthenticationData BinaryProperty = 0x16

	userProperty = 0x26
)

// form is how a property's value is written.
type form uint8

const (
	formByte form = iota + 1
	formUint16
	formUint32
	formVarint
	formText
	formBinary
	formPair
)

// will stands in for the type of packet where the will's properties of a CONNECT are meant.
const will Type = 0

// homes says which packets may have a property: the last number of the section that describes it there, 0 for none.
type homes [AUTH + 1]byte

// sections is where the properties of each type of packet stand in MQTT 5.0.
var sections = [...]string{
	will: "3.1.3.2.", CONNECT: "3.1.2.11.", CONNACK: "3.2.2.3.", PUBLISH: "3.3.2.3.", PUBACK: "3.4.2.2.",
	PUBREC: "3.5.2.2.", PUBREL: "3.6.2.2.", PUBCOMP: "3.7.2.2.", SUBSCRIBE: "3.8.2.1.", SUBACK: "3.9.2.1.",
	UNSUBSCRIBE: "3.10.2.1.", UNSUBACK: "3.11.2.1.", DISCONNECT: "3.14.2.2.", AUTH: "3.15.2.2.",
}

// property is what the standard says of one.
type property struct {
	name      string
	form      form
	low, high uint32 // bounds of a number, both included
	absent    uint32 // what a number is if the packet does not say
	in        homes
}

const (
	max16 = 1<<16 - 1
	max32 = 1<<32 - 1
)

// properties is table 2-4 of MQTT 5.0, by identifier.
var properties = [...]property{
	PayloadFormatIndicator: {name: "Payload Format Indicator", form: formByte, high: 1, in: homes{PUBLISH: 2, will: 3}},
	MessageExpiryInterval:  {name: "Message Expiry Interval", form: formUint32, high: max32, in: homes{PUBLISH: 3, will: 4}},
	ContentType:            {name: "Content Type", form: formText, in: homes{PUBLISH: 9, will: 5}},
	ResponseTopic:          {name: "Response Topic", form: formText, in: homes{PUBLISH: 5, will: 6}},
	CorrelationData:        {name: "Correlation Data", form: formBinary, in: homes{PUBLISH: 6, will: 7}},
	SubscriptionIdentifier: {
		name: "Subscription Identifier", form: formVarint, low: 1, high: maxRemaining, in: homes{PUBLISH: 8, SUBSCRIBE: 2},
	},
	SessionExpiryInterval: {
		name: "Session Expiry Interval", form: formUint32, high: max32, in: homes{CONNECT: 2, CONNACK: 2, DISCONNECT: 2},
	},
	AssignedClientIdentifier: {name: "Assigned Client Identifier", form: formText, in: homes{CONNACK: 7}},
	ServerKeepAlive:          {name: "Server Keep Alive", form: formUint16, high: max16, in: homes{CONNACK: 14}},
	AuthenticationMethod: {
		name: "Authentication Method", form: formText, in: homes{CONNECT: 9, CONNACK: 17, AUTH: 2},
	},
	AuthenticationData: {
		name: "Authentication Data", form: formBinary, in: homes{CONNECT: 10, CONNACK: 18, AUTH: 3},
	},
	RequestProblemInformation: {
		name: "Request Problem Information", form: formByte, high: 1, absent: 1, in: homes{CONNECT: 7},
	},
	WillDelayInterval: {name: "Will Delay Interval", form: formUint32, high: max32, in: homes{will: 2}},
	RequestResponseInformation: {
		name: "Request Response Information", form: formByte, high: 1, in: homes{CONNECT: 6},
	},
	ResponseInformation: {name: "Response Information", form: formText, in: homes{CONNACK: 15}},
	ServerReference:     {name: "Server Reference", form: formText, in: homes{CONNACK: 16, DISCONNECT: 5}},
	ReasonString: {name: "Reason String", form: formText, in: homes{
		CONNACK: 9, PUBACK: 2, PUBREC: 2, PUBREL: 2, PUBCOMP: 2, SUBACK: 2, UNSUBACK: 2, DISCONNECT: 3, AUTH: 4,
	}},
	ReceiveMaximum: {
		name: "Receive Maximum", form: formUint16, low: 1, high: max16, absent: max16, in: homes{CONNECT: 3, CONNACK: 3},
	},
	TopicAliasMaximum: {name: "Topic Alias Maximum", form: formUint16, high: max16, in: homes{CONNECT: 5, CONNACK: 8}},
	TopicAlias:        {name: "Topic Alias", form: formUint16, low: 1, high: max16, in: homes{PUBLISH: 4}},
	MaximumQoS:        {name: "Maximum QoS", form: formByte, high: 1, absent: 2, in: homes{CONNACK: 4}},
	RetainAvailable:   {name: "Retain Available", form: formByte, high: 1, absent: 1, in: homes{CONNACK: 5}},
	userProperty: {name: "User Property", form: formPair, in: homes{
		will: 8, CONNECT: 8, CONNACK: 10, PUBLISH: 7, PUBACK: 3, PUBREC: 3, PUBREL: 3, PUBCOMP: 3, SUBSCRIBE: 3,
		SUBACK: 3, UNSUBSCRIBE: 2, UNSUBACK: 3, DISCONNECT: 4, AUTH: 5,
	}},
	// Absent, there is no limit but the protocol's: five bytes of header before the longest body.
	MaximumPacketSize: {
		name: "Maximum Packet Size", form: formUint32, low: 1, high: max32, absent: 5 + maxRemaining,
		in: homes{CONNECT: 4, CONNACK: 6},
	},
	WildcardSubscriptionAvailable: {
		name: "Wildcard Subscription Available", form: formByte, high: 1, absent: 1, in: homes{CONNACK: 11},
	},
	SubscriptionIdentifierAvailable: {
		name: "Subscription Identifier Available", form: formByte, high: 1, absent: 1, in: homes{CONNACK: 12},
	},
	SharedSubscriptionAvailable: {
		name: "Shared Subscription Available", form: formByte, high: 1, absent: 1, in: homes{CONNACK: 13},
	},
}
