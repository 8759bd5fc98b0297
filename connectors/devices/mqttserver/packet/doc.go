// Package packet reads and writes the control packets of MQTT 3.1, 3.1.1 and 5, from the point of view of a server; what
// a client needs for tests and load is there, too.
//
// Learn five things. A [Reader] cuts a byte stream into packets and lets no peer make it hold more than the bytes that
// really arrived. Every kind of packet has a Decode that accepts exactly what the standard allows and an Append that
// writes it. [Properties] are those of a packet of MQTT 5, checked but left as they came. [Rules] say what MQTT 5 leaves
// to the receiver, limits above all. An [Error] says which statement of the standard a packet broke, and which
// [ReasonCode] goes back.
//
// A CONNECT says its own version: [Connect.DecodeAny] reads all three, [Connect.Decode] refuses 5. From then on the
// caller chooses by version:
//
//	packet                  3.1 and 3.1.1             5
//	CONNACK                 Connack                   Connack
//	PUBLISH                 Publish.Decode, Append    Publish.Decode5, Append5
//	PUBACK … PUBCOMP        Ack                       Ack5
//	SUBSCRIBE               Subscribe.Decode, Append  Subscribe.Decode5, Append5
//	SUBACK                  AppendSuback              Suback5
//	UNSUBSCRIBE             Unsubscribe.Decode, …     Unsubscribe.Decode5, …
//	UNSUBACK                Ack                       Suback5
//	PINGREQ, PINGRESP       Empty                     Empty
//	DISCONNECT              Empty                     Disconnect
//	AUTH                    none                      Auth
//
// What a packet alone cannot show is for the session: what a topic alias stands for, which packet identifiers are in
// use, how many messages are on their way, whether the authentication method stays the same, whether a DISCONNECT may
// raise the session expiry. [Unexpected] is the refusal of a packet that is sound and out of place.
//
// No input panics and none makes a Decode allocate more than a small multiple of its length. What a Decode keeps, it
// copies, except for payloads and properties, where it says so; [Publish.Decode5] allocates nothing while the topic
// stays the same. Where MQTT 3.1 is more lenient than 3.1.1 (reserved bits, missing user name, DUP on SUBSCRIBE), the
// rule of the version that the client speaks applies.
//
// The statement numbers, such as [MQTT-3.1.2-3], are those of the OASIS standards MQTT Version 3.1.1 and, in what is
// named after 5 or decoded for it, MQTT Version 5.0. docs/mqtt-conformance.md leads to all of them, with their tests.
//
// Values and functions of this package are not safe for concurrent use unless they say so; a Reader belongs to one
// goroutine.
package packet
