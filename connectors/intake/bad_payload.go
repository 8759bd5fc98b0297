package intake

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Reason says in one word what is wrong with a payload. The set is closed, so that it may be a metric label.
type Reason string

// What can be wrong with a payload.
const (
	TooLarge      Reason = "too_large"       // more bytes than Limits.Size
	TooDeep       Reason = "too_deep"        // more objects and arrays within each other than Limits.Depth
	TooManyValues Reason = "too_many_values" // more values than Limits.Values
	NotUTF8       Reason = "not_utf8"        // bytes that are no UTF-8, or an escaped half of a surrogate pair
	Empty         Reason = "empty"           // nothing but white space and comments
	WrongType     Reason = "wrong_type"      // not an object (or array) where one is needed
	Unterminated  Reason = "unterminated"    // the text ends in the middle
	Unexpected    Reason = "unexpected"      // a character that cannot stand where it stands
	MissingName   Reason = "missing_name"    // no name before ":", or nothing after the last ","
	MissingColon  Reason = "missing_colon"   // a name without ":"
	MissingValue  Reason = "missing_value"   // a name without a value
	MissingComma  Reason = "missing_comma"   // two values with nothing between them
	BadEscape     Reason = "bad_escape"      // an escape that JSON does not know
	TrailingText  Reason = "trailing_text"   // text after the end of the document
	DuplicateName Reason = "duplicate_name"  // a name given twice in one object
	NumberRange   Reason = "number_range"    // a number that cannot be kept
	BadTime       Reason = "bad_time"        // "ts" is not a time in milliseconds
	BadField      Reason = "bad_field"       // a declared field that is an object, an array or a boolean
	FieldConflict Reason = "field_conflict"  // a declared field given twice with different values
)

// Reasons lists all of them.
func Reasons() []Reason {
	return []Reason{
		TooLarge, TooDeep, TooManyValues, NotUTF8, Empty, WrongType, Unterminated, Unexpected, MissingName, MissingColon,
		MissingValue, MissingComma, BadEscape, TrailingText, DuplicateName, NumberRange, BadTime, BadField, FieldConflict,
	}
}

// BadPayload says why a payload was refused. It holds names of members, never values, so it may be logged.
type BadPayload struct {
	Reason  Reason
	Offset  int    // in bytes from the start of the payload
	Line    int    // from 1
	Column  int    // from 1, in characters
	Pointer string // JSON pointer (RFC 6901) to the value or container at fault, "" at the top; long names are cut
	Problem string // what is wrong
	Hint    string // how to mend it
}

// Error says what is wrong, where, and how to mend it.
func (e *BadPayload) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "reading payload: line %d, column %d", e.Line, e.Column)
	if e.Pointer != "" {
		fmt.Fprintf(&b, " (%q)", e.Pointer)
	}
	b.WriteString(": " + e.Problem)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

const (
	maxNameShown    = 64  // a hostile name is not repeated at length
	maxPointerShown = 256 // nor are many of them
)

// cut shortens text to at most limit bytes, at the boundary of a character.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}

// position counts lines and characters up to an offset.
func position(src []byte, offset int) (line, column int) {
	line, start := 1, 0
	for i := range src[:offset] {
		if src[i] == '\n' {
			line, start = line+1, i+1
		}
	}
	return line, 1 + utf8.RuneCount(src[start:offset])
}
