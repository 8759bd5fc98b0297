// Package expression is the one language in which chains ask questions about messages and make values from them:
//
//	present(msg.supplierKey) && present(msg.cups)
//	supplier(msg.supplierKey).outcome
//	msg.power > 100 && meta.unit in ["W", "kW"] ? "high" : "normal"
//
// Learn four types:
//
//   - [Language] holds the functions and compiles sources. [New] makes one; a program adds its own functions there.
//   - [Function] is a function that sources may call; [Func1] and its sisters make one from a Go function.
//   - [Program] is a compiled source. Its methods Bool, String, Number, Object and Any evaluate it, and Explain tells a
//     person how it came to its result.
//   - [Scope] is the message that a program looks at.
//
// Languages and programs are immutable and safe for concurrent use; there is nothing to close.
//
// # The language
//
// It is expr (github.com/expr-lang/expr, version 1.17), checked before it runs, with the names, functions and limits
// below.
//
// What a source can read:
//
//	msg.name  msg["a name"]   a field of the payload, missing or null: nil. msg.a.b reads deeper, and is an error if
//	                          msg.a is missing; msg.a?.b is then nil
//	msg.supplierKey           the supplier key, of which only a keyed hash exists: hand it to supplier() or present(),
//	                          compare it with nil, or give it whole to a node that takes it; everything else is a
//	                          compile error
//	msg.cups                  the supply point, under whatever name the profile declares for it
//	msg  msg[expression]      the whole payload, a field with a computed name (as the payload has it: the names that the
//	                          profile declares are not looked at)
//	meta.name  meta["name"]   an entry of the metadata: text, or nil
//	type                      the message type
//	device                    the originator's name; also origin.name, beside origin.id and origin.type
//	time                      when the server received the message
//
// Values are nil, true and false, numbers, texts ("…", '…' or `…`), lists ([1, 2]), objects ({"a": 1, b: 2}), times and
// durations. Whole numbers are exact up to 64 bits; / and ** give fractions. A number is never equal to a text: 712 is
// not "712", and neither is "000712".
//
// Operators, loosest first; those in one line bind alike:
//
//	? :                       one value or another; also if c { a } else { b }
//	|                         a | f(b) is f(a, b)
//	|| or
//	&& and
//	== != < <= > >= in matches contains startsWith endsWith
//	+ -
//	! not
//	* / %
//	- (sign)
//	** ^                      power
//	??                        the left value, or the right one if the left is nil; in brackets beside other operators
//	.name ?.name [i] [a:b]    a field, an element (from 0; -1 is the last), a part of a list or text
//
// Lists are asked with predicates, in which # is the element and .name a field of it: any(msg.phases, .power > 10). An
// object as predicate is written in two pairs of braces: map(msg.list, {{"value": #}}).
//
// # Nothing is quietly false
//
// A wrong name, function, number of arguments or type is a compile error with its place and, where there is one, a hint.
// What cannot be known before is an error at run time, which a chain sees as Failure: comparing what has no order (a
// missing value, a text with a number), calculating with what is no number, conditions that are neither true nor false,
// elements beyond the end, division by zero, whole numbers that outgrow 64 bits, and any error of a function. Run-time
// errors name the place and kinds of values, never a value.
//
// Four questions do have an answer for missing values: == and != (nil equals nil alone); contains, startsWith, endsWith
// and matches (a missing text contains and matches nothing); in (nothing is in a missing list); and present.
//
// # Limits
//
// Sources come from people, messages from anywhere, and neither may stop the server. A source has at most 4 KiB, 64 open
// brackets, 1,000 parts and 2 predicates inside each other; a regular expression is a constant of at most 256 bytes. An
// evaluation may take 100,000 steps, a list that it walks may have 1,000 elements, a text that it makes 64 KiB and a text
// that it matches 4 KiB. What expr has beyond this is left out: let, several expressions by ;, ranges (1..9), reduce,
// repeat, concat and other ways to make much from little, methods, clocks (now) and time zones.
//
// # How it runs
//
// Sources of the common kind become Go functions over the Scope: no environment is built, and a filter such as the first
// one above allocates nothing. Predicates, slices and what else is rare run on expr's virtual machine. Both use the same
// operators, and tests hold the two ways, and expr itself, against each other.
package expression
