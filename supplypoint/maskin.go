package supplypoint

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaskIn returns text with every supply point in it masked as [Mask] does, and otherwise as it was. It is for texts that
// people wrote or that quote what a device sent: it finds a point in every spelling that [Canonical] reads, inside JSON
// and quoted text too, without its country, and badly written. It rather hides too much: a country and eight digits
// are enough. Time and memory are linear; a text with nothing in it is not copied.
func MaskIn(text string) string {
	var b strings.Builder
	kept := 0       // text[:kept] is in b
	last := other   // the character before
	masked := false // whether only blanks stand between here and the end of the last point
	for i := 0; i < len(text); {
		c, width := shape(text[i:])
		if end := pointAt(text, i, c, last, masked); end > 0 {
			b.WriteString(text[kept:i])
			b.WriteString(Mask(text[i:end]))
			kept, i, last, masked = end, end, other, true
			continue
		}
		masked = masked && c == blank
		last, i = c, i+width
	}
	if kept == 0 {
		return text
	}
	b.WriteString(text[kept:])
	return b.String()
}

// What shape returns besides digits and capital letters.
const (
	blank = byte(' ') // what may stand between the characters of an identifier
	other = byte('|')
)

// shape reads the first character of text as [fold] would, and tells its width. JSON's and Go's escapes are read as
// what they stand for, and an underscore and a doubled backslash as a separator.
func shape(text string) (c byte, width int) {
	switch c = text[0]; {
	case isDigit(c), isLetter(c):
		return c, 1
	case 'a' <= c && c <= 'z':
		return c - 'a' + 'A', 1
	case c == '_':
		return blank, 1
	case c == '\\':
		return shapeOfEscape(text)
	}
	r, width := utf8.DecodeRuneInString(text)
	return shapeOfRune(r), width
}

func shapeOfRune(r rune) byte {
	switch c, ok := fold(r); {
	case !ok:
		return other
	case c == 0:
		return blank
	default:
		return c
	}
}

func shapeOfEscape(text string) (c byte, width int) {
	if len(text) < 2 {
		return other, 1
	}
	switch text[1] {
	case '\\':
		return blank, 1
	case 'f', 'n', 'r', 't', 'v':
		return blank, 2
	}
	r, ok := unicodeEscape(text)
	if !ok {
		return other, 1
	}
	if utf16.IsSurrogate(r) {
		if low, ok := unicodeEscape(text[6:]); ok {
			return shapeOfRune(utf16.DecodeRune(r, low)), 12
		}
	}
	return shapeOfRune(r), 6
}

func unicodeEscape(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(n), err == nil
}

// least is how many digits must follow a country for it to be somebody's supply point, badly written.
const least = 8

// pointAt is where the supply point ends that begins at text[i], 0 if none does. The character there is c, the one
// before it last; masked says that there was only a point before.
func pointAt(text string, i int, c, last byte, masked bool) (end int) {
	word := !isDigit(last) && !isLetter(last)
	switch {
	case c == 'E' || c == 'P':
		return countryAt(text, i, c, word)
	case isDigit(c) && word:
		return numberAt(text, i, masked)
	}
	return 0
}

// countryAt reads an identifier from its country on. If the country does not look like one, because it is the end of a
// word ("values 123") or in pieces, everything after it must be there.
func countryAt(text string, i int, c byte, word bool) (end int) {
	r := reader{text: text, at: i}
	r.next()
	gap := r.blanks()
	if second := r.peek(); c == 'E' && second != 'S' || c == 'P' && second != 'T' {
		return 0
	}
	r.next()
	country := !gap && (word || isDigit(r.peek()))
	digits := r.digits(r.at, len(text))
	if digits.n < least || !country && (digits.n != iberianDigits || !r.letters()) {
		return 0
	}
	r.at = digits.end
	r.rest(2+digits.n, digits.n)
	return r.at
}

// numberAt reads an identifier whose country was left out: sixteen digits and two letters that end a word, with or
// without a suffix. Looser, it would take parts of a UUID. Behind another point, whose last letters may be the
// country, it need not be the end of a word.
func numberAt(text string, i int, masked bool) (end int) {
	r := reader{text: text}
	digits := r.digits(i, iberianDigits+1) // of a long list of numbers every one may begin an identifier
	if digits.n != iberianDigits {
		return 0
	}
	r.at = digits.end
	joined := isLetter(r.peek())
	if !r.letters() {
		return 0
	}
	end = r.at
	if joined && isDigit(r.peek()) {
		if r.next(); isLetter(r.peek()) {
			r.next()
			if c := r.peek(); !isDigit(c) && !isLetter(c) {
				return r.at
			}
		}
		r.at = end
	}
	if c := r.peek(); masked || !isDigit(c) && !isLetter(c) {
		return end
	}
	return 0
}

// reader goes through a text by shape.
type reader struct {
	text string
	at   int
}

func (r *reader) peek() byte {
	if r.at >= len(r.text) {
		return other
	}
	c, _ := shape(r.text[r.at:])
	return c
}

func (r *reader) next() {
	_, width := shape(r.text[r.at:])
	r.at += width
}

func (r *reader) blanks() (any bool) {
	for r.peek() == blank {
		r.next()
		any = true
	}
	return any
}

type run struct{ n, end int }

// digits counts up to most digits from at on, whatever blanks are between; the run ends behind the last.
func (r *reader) digits(at, most int) (d run) {
	r.at, d.end = at, at
	for {
		if d.n == most {
			return d
		}
		r.blanks()
		if !isDigit(r.peek()) {
			return d
		}
		r.next()
		d.n++
		d.end = r.at
	}
}

// letters reads two letters, whatever blanks are before and between.
func (r *reader) letters() bool {
	for range 2 {
		r.blanks()
		if !isLetter(r.peek()) {
			return false
		}
		r.next()
	}
	return true
}

// rest reads what belongs to an identifier of which n characters have been read, digits of them digits: the rest of the
// word, and words behind it as long as the identifier is not complete and they look like parts of it.
func (r *reader) rest(n, digits int) {
	n += r.word().n
	for {
		before := r.at
		r.blanks()
		w := r.word()
		switch {
		case n < iberianLength && (w.digits > 0 || w.n > 0 && w.n <= 2 && digits >= iberianDigits-2):
		case n == iberianLength && w.n == 2 && w.digits == 1 && isLetter(w.last):
		default:
			r.at = before
			return
		}
		n, digits = n+w.n, digits+w.digits
	}
}

type word struct {
	n, digits int
	last      byte
}

func (r *reader) word() (w word) {
	for c := r.peek(); isDigit(c) || isLetter(c); c = r.peek() {
		r.next()
		w.n++
		w.last = c
		if isDigit(c) {
			w.digits++
		}
	}
	return w
}
