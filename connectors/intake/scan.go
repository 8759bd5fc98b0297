package intake

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// endsUnquoted are the characters that end an unquoted name or value. JsonReader.isLiteral has the same; all others,
// quotes and characters beyond ASCII included, are part of the text.
var endsUnquoted = [256]bool{
	'/': true, '\\': true, ';': true, '#': true, '=': true, '{': true, '}': true, '[': true, ']': true, ':': true,
	',': true, ' ': true, '\t': true, '\f': true, '\r': true, '\n': true,
}

// space skips white space and comments. Anything else that begins with "/" is left to the caller to stumble over.
func (r *reader) space() error {
	for r.pos < len(r.src) {
		switch r.src[r.pos] {
		case ' ', '\t', '\r', '\n':
			r.pos++
		case '#':
			r.line()
		case '/':
			switch rest := r.src[r.pos+1:]; {
			case len(rest) > 0 && rest[0] == '/':
				r.line()
			case len(rest) > 0 && rest[0] == '*':
				end := bytes.Index(rest[1:], []byte("*/"))
				if end < 0 {
					return r.fail(Unterminated, r.pos, "a comment without end", `end it with "*/"`)
				}
				r.pos += len("/*") + end + len("*/")
			default:
				return nil
			}
		default:
			return nil
		}
	}
	return nil
}

// line skips to the end of a line.
func (r *reader) line() {
	end := bytes.IndexAny(r.src[r.pos:], "\r\n")
	if end < 0 {
		r.pos = len(r.src)
		return
	}
	r.pos += end
}

// unquoted reads up to a character that ends it; what it returns may be empty.
func (r *reader) unquoted() []byte {
	start := r.pos
	for r.pos < len(r.src) && !endsUnquoted[r.src[r.pos]] {
		r.pos++
	}
	return r.src[start:r.pos]
}

// quoted reads a string in quotes of the kind that it starts with. Raw control characters, line ends too, are allowed.
func (r *reader) quoted() ([]byte, error) {
	quote := r.src[r.pos]
	r.pos++
	start := r.pos
	for i := start; i < len(r.src); i++ {
		switch r.src[i] {
		case quote:
			r.pos = i + 1
			return r.src[start:i], nil
		case '\\':
			r.pos = start
			return r.escaped(quote)
		}
	}
	return nil, r.fail(Unterminated, start-1, "a string without end", "close the quote")
}

// escaped reads the rest of a string and decodes it into the arena.
func (r *reader) escaped(quote byte) ([]byte, error) {
	begin := len(r.arena)
	open := r.pos - 1
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; c {
		case quote:
			r.pos++
			return r.arena[begin:len(r.arena):len(r.arena)], nil
		case '\\':
			if err := r.escape(); err != nil {
				return nil, err
			}
		default:
			r.arena = append(r.arena, c)
			r.pos++
		}
	}
	return nil, r.fail(Unterminated, open, "a string without end", "close the quote")
}

// escape decodes one escape. Besides those of JSON, JsonReader.readEscapeCharacter takes \' and an escaped line end.
func (r *reader) escape() error {
	start := r.pos
	if start+1 == len(r.src) {
		return r.unterminated()
	}
	c := r.src[start+1]
	r.pos += 2
	switch c {
	case '"', '\'', '\\', '/', '\n':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return r.unicode(start)
	default:
		return r.fail(BadEscape, start, "an escape that JSON does not know", `write a backslash as "\\"`)
	}
	r.arena = append(r.arena, c)
	return nil
}

// unicode decodes \uXXXX, or two of them that make one character.
func (r *reader) unicode(start int) error {
	unit, ok := hex4(r.src[start+2:])
	if !ok {
		return r.fail(BadEscape, start, `"\u" without four hexadecimal digits`, `write the escape as "\u00e9"`)
	}
	r.pos = start + 6
	c := rune(unit)
	if utf16.IsSurrogate(c) {
		second, ok := rune(0), false
		if rest := r.src[r.pos:]; bytes.HasPrefix(rest, []byte(`\u`)) {
			var low uint16
			low, ok = hex4(rest[2:])
			second = rune(low)
		}
		if c = utf16.DecodeRune(c, second); !ok || c == utf8.RuneError {
			return r.fail(NotUTF8, start, "half of a surrogate pair", "escape both halves, or write the character itself")
		}
		r.pos += 6
	}
	r.arena = utf8.AppendRune(r.arena, c)
	return nil
}

func hex4(s []byte) (uint16, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var v uint16
	for _, c := range s[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint16(c)
	}
	return v, true
}

// kindOf tells what an unquoted value is. What is neither a keyword nor a number as JSON writes them is a string.
func kindOf(text []byte) Kind {
	switch c := text[0]; {
	case c == '-' || c >= '0' && c <= '9':
		if isNumber(text) {
			return Number
		}
	case equalKeyword(text, "true"), equalKeyword(text, "false"):
		return Boolean
	case equalKeyword(text, "null"):
		return Null
	}
	return String
}

// equalKeyword compares without case, letter by letter, as JsonReader.peekKeyword does.
func equalKeyword(text []byte, keyword string) bool {
	if len(text) != len(keyword) {
		return false
	}
	for i, c := range text {
		if c|0x20 != keyword[i] {
			return false
		}
	}
	return true
}

// isNumber holds text against the grammar of numbers in RFC 8259.
func isNumber(text []byte) bool {
	if text[0] == '-' {
		text = text[1:]
	}
	whole := digits(text)
	if whole == 0 || whole > 1 && text[0] == '0' {
		return false
	}
	text = text[whole:]
	if len(text) > 0 && text[0] == '.' {
		fraction := digits(text[1:])
		if fraction == 0 {
			return false
		}
		text = text[1+fraction:]
	}
	if len(text) > 0 && text[0]|0x20 == 'e' {
		text = text[1:]
		if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
			text = text[1:]
		}
		exponent := digits(text)
		if exponent == 0 {
			return false
		}
		text = text[exponent:]
	}
	return len(text) == 0
}

// digits counts the ASCII digits that text begins with.
func digits(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}
