package admin

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// identifier finds what could be a supply point in the flat form of a free text: a country and many digits, with the
// separators and the letters that people put around them; or without the country, if digits and letters are as many as
// they should be. It rather takes too much; only the end of a word before a number ("values 123") is no country.
var identifier = regexp.MustCompile(
	`(?:\b(?:ES|PT) *|(?:ES|PT))[0-9](?: *[0-9]){7,}(?: *[A-Z0-9]){0,4}|\b[0-9](?: ?[0-9]){15} ?[A-Z] ?[A-Z]\b`)

// MaskText hides every supply point in a text, however it is written.
func MaskText(text string) string {
	shape, at := flat(text)
	var b strings.Builder
	end := 0
	for _, found := range identifier.FindAllIndex(shape, -1) {
		b.WriteString(text[end:at[found[0]]])
		end = at[found[1]]
		b.WriteString(supplypoint.Mask(text[at[found[0]]:end]))
	}
	return b.String() + text[end:]
}

// escaped is white space as JSON and quoted Go text spell it.
var escaped = regexp.MustCompile(`^\\(?:[fnrtv]|u[0-9a-fA-F]{4})`)

// flat is a text with one byte for each character: a digit or a capital letter in place of those that package
// supplypoint reads so, a blank for what may stand between them, and '|' for everything else. Character i begins at
// at[i] of the text; at has one entry more than shape.
func flat(text string) (shape []byte, at []int) {
	shape, at = make([]byte, 0, len(text)), make([]int, 0, len(text)+1)
	for i := 0; i < len(text); {
		width, b := 1, byte('|')
		switch c := text[i]; {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z':
			b = c
		case 'a' <= c && c <= 'z':
			b = c - 'a' + 'A'
		case c == '_', c == '\\' && escaped.MatchString(text[i:]):
			width, b = max(len(escaped.FindString(text[i:])), 1), ' '
		default:
			_, width = utf8.DecodeRuneInString(text[i:])
			switch folded := supplypoint.Canonical(text[i : i+width]); {
			case folded == "":
				b = ' '
			case width > 1 && len(folded) == 1: // a full-width letter, a mathematical digit
				b = folded[0]
			}
		}
		shape, at = append(shape, b), append(at, i)
		i += width
	}
	return shape, append(at, len(text))
}

// maskLetter hides supply points in a dead letter, which keeps the payload as the device sent it.
func maskLetter(l registry.DeadLetter) registry.DeadLetter {
	l.Data, l.Cause = MaskText(l.Data), MaskText(l.Cause)
	meta := make(map[string]string, len(l.Meta))
	for k, v := range l.Meta {
		meta[k] = MaskText(v)
		if strings.EqualFold(k, "cups") {
			meta[k] = supplypoint.Mask(v)
		}
	}
	l.Meta = meta
	return l
}
