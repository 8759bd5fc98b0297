// Package message reads and writes CoAP messages as they stand in a datagram (RFC 7252 section 3).
//
// Learn three things: a [Message] is one datagram, [Parse] accepts exactly what the standard allows and [Message.Append]
// writes it; [Options] keeps every option that arrived, also those of numbers that nobody knows, because whether a
// message may be processed depends on them ([Options.Check]); a [Block] is the value of a block-wise option (RFC 7959).
//
// A parsed message points into the datagram: it is valid as long as the datagram's bytes are. No input panics, and none
// makes Parse allocate more than a small multiple of its length.
//
// Libraries were looked at for this and drop options that they do not know while they read, which hides the difference
// between an option that may be ignored and one that must not be (RFC 7252 section 5.4.1).
//
// Values and functions of this package are not safe for concurrent use unless they only read.
package message
