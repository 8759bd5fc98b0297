package supplypoint

import (
	"strings"
	"unicode/utf8"
)

// maxLength is that of the longest canonical text of any scheme.
const maxLength = 22

// canonical is a text of A-Z and 0-9 by value. n is maxLength+1 if there was more.
type canonical struct {
	text [maxLength]byte
	n    uint8
}

func (c *canonical) hasPrefix(prefix string) bool {
	return int(c.n) >= len(prefix) && string(c.text[:len(prefix)]) == prefix
}

// scan brings text into canonical form, without allocating. It stops at the first character that does not belong and at
// the first one too many, so that an endless text costs no more than a long one.
func scan(text string) (c canonical, reason Reason) {
	for _, r := range text {
		b, ok := fold(r)
		switch {
		case !ok:
			return c, ReasonCharacter
		case b == 0:
		case c.n == maxLength:
			c.n++
			return c, ""
		default:
			c.text[c.n] = b
			c.n++
		}
	}
	if c.n == 0 {
		return c, ReasonEmpty
	}
	return c, ""
}

// Canonical returns text without white space and separators, full-width and mathematical characters folded, in upper
// case. It checks nothing: characters that cannot belong to a supply point stay as they are, and the result of a
// valid text still has its suffix. The result is clear text.
func Canonical(text string) string {
	if isCanonical(text) {
		return text
	}
	var b strings.Builder
	b.Grow(min(len(text), 64))
	for _, r := range text {
		folded, ok := fold(r)
		switch {
		case !ok:
			b.WriteRune(r)
		case folded != 0:
			b.WriteByte(folded)
		}
	}
	return b.String()
}

func isCanonical(text string) bool {
	for i := range len(text) {
		if !isDigit(text[i]) && !isLetter(text[i]) {
			return false
		}
	}
	return true
}

// fold returns the canonical character of r, 0 if r is to be dropped, and false if r cannot be part of an identifier.
//
// It does what Unicode's NFKC would do, for the characters that keyboards, PDF bills and spreadsheets put there. Letters
// outside ASCII are refused and not folded, even where upper-casing (dotless i, long s) or NFKC (the Kelvin sign) gives
// an ASCII letter, and look-alikes from other scripts always: what looks right but is not should be seen.
func fold(r rune) (b byte, ok bool) {
	if 0xFF01 <= r && r <= 0xFF5E { // full-width forms of ! to ~
		r -= 0xFF01 - '!'
	}
	if r < utf8.RuneSelf {
		switch {
		case '0' <= r && r <= '9', 'A' <= r && r <= 'Z':
			return byte(r), true
		case 'a' <= r && r <= 'z':
			return byte(r - 'a' + 'A'), true
		case r == ' ', '\t' <= r && r <= '\r', '-' <= r && r <= '/': // the last three are - . /
			return 0, true
		}
		return 0, false
	}
	switch {
	case r == 0x00A0, 0x2000 <= r && r <= 0x200A, r == 0x202F, r == 0x205F, r == 0x3000: // spaces
		return 0, true
	case r == 0x0085, r == 0x2028, r == 0x2029: // ends of lines
		return 0, true
	case 0x200B <= r && r <= 0x200F, 0x202A <= r && r <= 0x202C, // zero width and direction marks; not the two
		r == 0x2060, 0x2066 <= r && r <= 0x2069, r == 0xFEFF: // overrides, which show another order than there is
		return 0, true
	case r == 0x00AD, 0x2010 <= r && r <= 0x2015, r == 0x2212, r == 0xFE58, r == 0xFE63: // hyphens and dashes
		return 0, true
	case r == 0x2024, r == 0xFE52: // full stops
		return 0, true
	case r == 0x00B9, r == 0x2070, 0x2074 <= r && r <= 0x2079, 0x2080 <= r && r <= 0x2089: // raised and lowered digits
		if r == 0x00B9 {
			return '1', true
		}
		return byte('0' + r&0xF), true
	case r == 0x00B2, r == 0x00B3: // raised 2 and 3
		return byte('0' + r&0xF), true
	case 0x1D7CE <= r && r <= 0x1D7FF: // mathematical digits, five alphabets of ten
		return byte('0' + (r-0x1D7CE)%10), true
	}
	return 0, false
}
