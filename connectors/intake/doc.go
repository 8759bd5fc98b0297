// Package intake is what every message from outside passes before it becomes a message: the grammar, the limits, the
// fields that a source declares, and the hashing of the supplier key. Device protocols, chain tests and dry runs all
// come through here, so that a payload means the same thing everywhere.
//
// Learn three types:
//
//   - [Intake] reads payloads: [Intake.Object] one object (attributes), [Intake.Telemetry] readings with their times.
//   - [Shape] says what a source's payloads mean: which members are the supplier key and the supply point, under which
//     names, and whether strings that look like numbers become numbers.
//   - [BadPayload] is the one error: a [Reason] from a closed set, the place, and how to mend it. It never shows a value.
//
// [Parse] and [Value] read bodies that belong to a protocol (a provisioning request) with the same grammar.
//
// # Grammar
//
// The grammar is the lenient mode of Gson's JsonReader, which ThingsBoard's JsonConverter uses and devices in the field
// rely on: names and strings unquoted or in single quotes, "=" or "=>" for ":", ";" for ",", comments (// # and /* */),
// TRUE, and missing items of an array read as null. Numbers with leading zeros, NaN and the like are strings. What comes
// out is always strict, minimal JSON (RFC 8259), members in their order.
//
// Three differences are on purpose. A name given twice in an object is a bad payload: Gson keeps the last one, other
// readers the first, and a chain that checks one while a store keeps the other is a hole. Text that is not UTF-8, or
// escapes half a surrogate pair, is refused, because no two libraries agree on it. And [Limits] hold.
//
// # Values
//
// Top-level values are typed as ThingsBoard's JsonConverter types them: members that are null vanish, 1E+1 is the
// integer 10, 42.0 stays a float, integers beyond 64 bits and numbers with more than 16 decimals become strings of plain
// digits, and a string that looks like a number becomes one if Shape.CastStrings says so ("looks like" counts ASCII
// digits only). Nested objects and arrays stay as they were written.
//
// A declared field is exempt from all of this: it is the text that the device wrote, without the white space around it.
// The key 000712 is not the number 712.
//
// # Concurrency and lifetime
//
// An Intake is safe for concurrent use, holds no resources and needs no closing. Nothing that it returns refers to the
// payload it was given.
package intake
