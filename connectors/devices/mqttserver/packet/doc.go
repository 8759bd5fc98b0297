// Package packet reads and writes the control packets of MQTT 3.1 and 3.1.1, from the point of view of a server.
//
// Learn three things: a [Reader] cuts a byte stream into packets and lets no peer make it hold more than the bytes
// that really arrived; every kind of packet ([Connect], [Publish], [Subscribe], [Unsubscribe], [Ack], [Empty]) has a
// Decode that accepts exactly what the standard allows and an Append that writes it; an [Error] says which statement
// of the standard a packet broke.
//
// No input panics and none makes Decode allocate more than a small multiple of its length. What a Decode keeps, it
// copies, except for [Publish.Payload], which says so. Where MQTT 3.1 is more lenient than 3.1.1 (reserved bits,
// missing user name, DUP on SUBSCRIBE), the rule of the version that the client speaks applies. A CONNECT of another
// version is recognised as such and goes no further.
//
// The statement numbers, such as [MQTT-3.1.2-3], are those of the OASIS standard MQTT Version 3.1.1.
//
// Values and functions of this package are not safe for concurrent use unless they say so; a Reader belongs to one
// goroutine.
package packet
