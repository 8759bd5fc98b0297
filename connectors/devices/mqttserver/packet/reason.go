package packet

import "strconv"

// ReasonCode says how a request ended, in the packets of MQTT 5. From 0x80 on it is a failure.
type ReasonCode byte

// The reason codes of MQTT 5.0 section 2.4, under the standard's names. Three names share 0.
const (
	Success             ReasonCode = 0x00
	NormalDisconnection ReasonCode = 0x00
	GrantedQoS0         ReasonCode = 0x00

	GrantedQoS1                         ReasonCode = 0x01
	GrantedQoS2                         ReasonCode = 0x02
	DisconnectWithWillMessage           ReasonCode = 0x04
	NoMatchingSubscribers               ReasonCode = 0x10
	NoSubscriptionExisted               ReasonCode = 0x11
	ContinueAuthentication              ReasonCode = 0x18
	ReAuthenticate                      ReasonCode = 0x19
	UnspecifiedError                    ReasonCode = 0x80
	MalformedPacket                     ReasonCode = 0x81
	ProtocolError                       ReasonCode = 0x82
	ImplementationSpecificError         ReasonCode = 0x83
	UnsupportedProtocolVersion          ReasonCode = 0x84
	ClientIdentifierNotValid            ReasonCode = 0x85
	BadUserNameOrPassword               ReasonCode = 0x86
	NotAuthorized                       ReasonCode = 0x87
	ServerUnavailable                   ReasonCode = 0x88
	ServerBusy                          ReasonCode = 0x89
	Banned                              ReasonCode = 0x8a
	ServerShuttingDown                  ReasonCode = 0x8b
	BadAuthenticationMethod             ReasonCode = 0x8c
	KeepAliveTimeout                    ReasonCode = 0x8d
	SessionTakenOver                    ReasonCode = 0x8e
	TopicFilterInvalid                  ReasonCode = 0x8f
	TopicNameInvalid                    ReasonCode = 0x90
	PacketIdentifierInUse               ReasonCode = 0x91
	PacketIdentifierNotFound            ReasonCode = 0x92
	ReceiveMaximumExceeded              ReasonCode = 0x93
	TopicAliasInvalid                   ReasonCode = 0x94
	PacketTooLarge                      ReasonCode = 0x95
	MessageRateTooHigh                  ReasonCode = 0x96
	QuotaExceeded                       ReasonCode = 0x97
	AdministrativeAction                ReasonCode = 0x98
	PayloadFormatInvalid                ReasonCode = 0x99
	RetainNotSupported                  ReasonCode = 0x9a
	QoSNotSupported                     ReasonCode = 0x9b
	UseAnotherServer                    ReasonCode = 0x9c
	ServerMoved                         ReasonCode = 0x9d
	SharedSubscriptionsNotSupported     ReasonCode = 0x9e
	ConnectionRateExceeded              ReasonCode = 0x9f
	MaximumConnectTime                  ReasonCode = 0xa0
	SubscriptionIdentifiersNotSupported ReasonCode = 0xa1
	WildcardSubscriptionsNotSupported   ReasonCode = 0xa2
)

// reason is what the standard says of a reason code: its name, and in packets of which types either side may send it,
// a bit for each.
type reason struct {
	name           string
	client, server uint16
}

func types(all ...Type) (set uint16) {
	for _, t := range all {
		set |= 1 << t
	}
	return set
}

// both is a reason that either side may send; CONNACK, SUBACK and UNSUBACK come from servers only.
func both(name string, all ...Type) reason {
	set := types(all...)
	return reason{name: name, client: set &^ types(CONNACK, SUBACK, UNSUBACK), server: set}
}

func server(name string, all ...Type) reason { return reason{name: name, server: types(all...)} }
func client(name string, all ...Type) reason { return reason{name: name, client: types(all...)} }

// reasons is table 2-6 of MQTT 5.0, with who sends what from tables 3-4, 3-10 and 3-11.
var reasons = [...]reason{
	Success: {
		name:   "Success",
		client: types(PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT),
		server: types(CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH),
	},
	GrantedQoS1:                 server("Granted QoS 1", SUBACK),
	GrantedQoS2:                 server("Granted QoS 2", SUBACK),
	DisconnectWithWillMessage:   client("Disconnect with Will Message", DISCONNECT),
	NoMatchingSubscribers:       server("No matching subscribers", PUBACK, PUBREC),
	NoSubscriptionExisted:       server("No subscription existed", UNSUBACK),
	ContinueAuthentication:      both("Continue authentication", AUTH),
	ReAuthenticate:              client("Re-authenticate", AUTH),
	UnspecifiedError:            both("Unspecified error", CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT),
	MalformedPacket:             both("Malformed Packet", CONNACK, DISCONNECT),
	ProtocolError:               both("Protocol Error", CONNACK, DISCONNECT),
	ImplementationSpecificError: both("Implementation specific error", CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT),
	UnsupportedProtocolVersion:  server("Unsupported Protocol Version", CONNACK),
	ClientIdentifierNotValid:    server("Client Identifier not valid", CONNACK),
	BadUserNameOrPassword:       server("Bad User Name or Password", CONNACK),
	NotAuthorized: {
		name:   "Not authorized",
		client: types(PUBACK, PUBREC),
		server: types(CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT),
	},
	ServerUnavailable:                   server("Server unavailable", CONNACK),
	ServerBusy:                          server("Server busy", CONNACK, DISCONNECT),
	Banned:                              server("Banned", CONNACK),
	ServerShuttingDown:                  server("Server shutting down", DISCONNECT),
	BadAuthenticationMethod:             server("Bad authentication method", CONNACK, DISCONNECT),
	KeepAliveTimeout:                    server("Keep Alive timeout", DISCONNECT),
	SessionTakenOver:                    server("Session taken over", DISCONNECT),
	TopicFilterInvalid:                  server("Topic Filter invalid", SUBACK, UNSUBACK, DISCONNECT),
	TopicNameInvalid:                    both("Topic Name invalid", CONNACK, PUBACK, PUBREC, DISCONNECT),
	PacketIdentifierInUse:               both("Packet Identifier in use", PUBACK, PUBREC, SUBACK, UNSUBACK),
	PacketIdentifierNotFound:            both("Packet Identifier not found", PUBREL, PUBCOMP),
	ReceiveMaximumExceeded:              both("Receive Maximum exceeded", DISCONNECT),
	TopicAliasInvalid:                   both("Topic Alias invalid", DISCONNECT),
	PacketTooLarge:                      both("Packet too large", CONNACK, DISCONNECT),
	MessageRateTooHigh:                  both("Message rate too high", DISCONNECT),
	QuotaExceeded:                       both("Quota exceeded", CONNACK, PUBACK, PUBREC, SUBACK, DISCONNECT),
	AdministrativeAction:                both("Administrative action", DISCONNECT),
	PayloadFormatInvalid:                both("Payload format invalid", CONNACK, PUBACK, PUBREC, DISCONNECT),
	RetainNotSupported:                  server("Retain not supported", CONNACK, DISCONNECT),
	QoSNotSupported:                     server("QoS not supported", CONNACK, DISCONNECT),
	UseAnotherServer:                    server("Use another server", CONNACK, DISCONNECT),
	ServerMoved:                         server("Server moved", CONNACK, DISCONNECT),
	SharedSubscriptionsNotSupported:     server("Shared Subscriptions not supported", SUBACK, DISCONNECT),
	ConnectionRateExceeded:              server("Connection rate exceeded", CONNACK, DISCONNECT),
	MaximumConnectTime:                  server("Maximum connect time", DISCONNECT),
	SubscriptionIdentifiersNotSupported: server("Subscription Identifiers not supported", SUBACK, DISCONNECT),
	WildcardSubscriptionsNotSupported:   server("Wildcard Subscriptions not supported", SUBACK, DISCONNECT),
}

// String gives the standard's name.
func (c ReasonCode) String() string {
	if int(c) < len(reasons) && reasons[c].name != "" {
		return reasons[c].name
	}
	return "reason code 0x" + strconv.FormatUint(uint64(c), 16)
}

// Failed reports whether c is 0x80 or greater.
func (c ReasonCode) Failed() bool { return c >= 0x80 }

// AllowedIn reports whether a client, or else a server, may send a packet of type t with this code.
func (c ReasonCode) AllowedIn(t Type, fromServer bool) bool {
	if int(c) >= len(reasons) || t > AUTH {
		return false
	}
	set := reasons[c].client
	if fromServer {
		set = reasons[c].server
	}
	return set&(1<<t) != 0
}
