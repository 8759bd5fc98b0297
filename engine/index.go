package engine

import (
	"encoding/json"
	"errors"
	"math/bits"
	"strconv"
	"strings"
)

var errEmpty = errors.New("empty text")

// index is where the top-level members of a payload lie in its text. A full decode into a map costs as much as a whole
// chain; most nodes read two members.
type index struct {
	first   [8]entry // most payloads fit, so that an index is one allocation
	more    []entry
	n       int32 // of first
	escaped bool  // there is a backslash in the text: names cannot be compared as they stand
}

// entry is one member: places in the text, which are a quarter of the size of strings and nothing for the garbage
// collector to follow. Where a value ends is found again when it is read, and values are not kept: texts, which most
// are, need no decoding.
type entry struct{ name, value uint32 } // of the quote that opens the name; of the value's first byte

// found is the text of a member's value.
type found struct {
	raw     string
	escaped bool // there may be a backslash in it
}

func (d *Data) find(name string) (f found, ok bool) {
	ix := d.index.Load()
	if ix == nil {
		ix = d.newIndex()
	}
	if f, ok = ix.find(ix.first[:ix.n], d.text, name); ok || ix.more == nil {
		return f, ok
	}
	return ix.find(ix.more, d.text, name)
}

// newIndex makes the payload's index. Whoever comes while another does so makes one for himself: it is not worth waiting.
func (d *Data) newIndex() *index {
	if !d.begun.CompareAndSwap(false, true) {
		ix := &index{}
		ix.fill(d.text)
		return ix
	}
	d.own.fill(d.text)
	d.index.Store(&d.own)
	return &d.own
}

// text is the value if it is a string.
func (f found) text() (string, bool) {
	switch {
	case len(f.raw) < 2 || f.raw[0] != '"':
		return "", false
	case f.escaped:
		return unquote(f.raw), true
	}
	return f.raw[1 : len(f.raw)-1], true
}

func (f found) value() any {
	v, err := decodeJSON(f.raw)
	if err != nil {
		return nil // the text was checked when the payload was made
	}
	return v
}

func (ix *index) find(in []entry, text, name string) (found, bool) {
	for _, e := range in {
		if ix.named(e, text, name) {
			return found{text[e.value:skipValue(text, int(e.value), ix.escaped)], ix.escaped}, true
		}
	}
	return found{}, false
}

func (ix *index) named(e entry, text, name string) bool {
	if ix.escaped {
		return unquote(text[e.name:skipString(text, int(e.name), true)]) == name
	}
	end := int(e.name) + 1 + len(name) // the only quote between the first one and the value ends the name
	return end < int(e.value) && text[end] == '"' && text[e.name+1:end] == name
}

// fill scans a text that is known to be valid JSON. Anything but an object has no members.
func (ix *index) fill(text string) {
	ix.escaped = strings.IndexByte(text, '\\') >= 0
	i := skipSpace(text, 0)
	if i >= len(text) || text[i] != '{' {
		return
	}
	i++
	for {
		i = skipSpace(text, i)
		if i >= len(text) || text[i] != '"' {
			return
		}
		end := skipString(text, i, ix.escaped)
		e := entry{name: uint32(i)}
		i = skipSpace(text, end)
		if i >= len(text) || text[i] != ':' {
			return
		}
		i = skipSpace(text, i+1)
		e.value = uint32(i)
		i = skipValue(text, i, ix.escaped)
		ix.add(e)
		i = skipSpace(text, i)
		if i >= len(text) || text[i] != ',' {
			return
		}
		i++
	}
}

func (ix *index) add(e entry) {
	if int(ix.n) < len(ix.first) {
		ix.first[ix.n] = e
		ix.n++
		return
	}
	ix.more = append(ix.more, e)
}

// skipSpace returns the place of the next byte that is no white space, the only bytes below "!" between JSON's tokens.
func skipSpace(s string, i int) int {
	for i < len(s) && s[i] <= ' ' {
		i++
	}
	return i
}

// skipString returns the place after the string that starts at i. Without a backslash in the whole text, the next quote
// is its end, which the processor finds many bytes at a time.
func skipString(s string, i int, escaped bool) int {
	i++
	if !escaped {
		return nextQuote(s, i) + 1
	}
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// nextQuote returns the place of the first quote from i on, or the last byte's if there is none. Names and values are
// short: looking at eight bytes at a time here is faster than the call of strings.IndexByte.
func nextQuote(s string, i int) int {
	const quotes, ones, tops = 0x2222222222222222, 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		v := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		v ^= quotes // a quote becomes a zero byte
		if at := (v - ones) &^ v & tops; at != 0 {
			return i + bits.TrailingZeros64(at)/8
		}
	}
	for ; i < len(s); i++ {
		if s[i] == '"' {
			return i
		}
	}
	return len(s) - 1
}

func skipValue(s string, i int, escaped bool) int {
	if i >= len(s) {
		return i
	}
	switch s[i] {
	case '"':
		return skipString(s, i, escaped)
	case '{', '[':
		return skipNested(s, i, escaped)
	}
	for i < len(s) && s[i] > ' ' && s[i] != ',' && s[i] != ']' && s[i] != '}' {
		i++
	}
	return i
}

// skipNested returns the place after the object or list that starts at i.
func skipNested(s string, i int, escaped bool) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			i = skipString(s, i, escaped)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return i
}

// unquote decodes a JSON string; one without escapes stays a part of the text it stands in.
func unquote(quoted string) string {
	if len(quoted) < 2 {
		return ""
	}
	inner := quoted[1 : len(quoted)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if json.Unmarshal([]byte(quoted), &s) != nil {
		return ""
	}
	return s
}

// decodeJSON keeps integers exact: int64 where it fits, else json.Number. A float64 would round the 16 digits of a
// CUPS.
func decodeJSON(text string) (any, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, errEmpty
	}
	switch text[0] {
	case '"':
		if strings.IndexByte(text, '\\') < 0 && len(text) >= 2 {
			return text[1 : len(text)-1], nil
		}
	case '{', '[':
	case 't':
		return true, nil
	case 'f':
		return false, nil
	case 'n':
		return nil, nil
	default:
		return number(text), nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return settle(v), nil
}

// settle turns the numbers of a decoded value into what expressions work with.
func settle(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(string(v))
	case []any:
		for i := range v {
			v[i] = settle(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = settle(v[k])
		}
	}
	return v
}

func number(text string) any {
	if !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
		return json.Number(text)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return json.Number(text)
	}
	return f
}
