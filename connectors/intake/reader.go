package intake

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind of a JSON value.
type Kind uint8

// The kinds of JSON values.
const (
	Null Kind = iota
	Boolean
	Number
	String
	Object
	Array
)

// String names the kind with its article, as errors need it.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an object", "an array"}[k]
}

// token is a scalar value, or the begin of an object or array.
type token struct {
	kind  Kind
	start int    // offset in the payload
	text  []byte // of a string its decoded text, of a number and a boolean its characters
}

// reader walks through a payload in one direction and holds it against the grammar and the limits. Like Gson's
// JsonReader it is pulled: value opens an object or array, more goes from member to member and closes it.
type reader struct {
	src    []byte
	pos    int
	limits Limits
	values int
	stack  []frame // what is open
	names  []name  // of all members of all open objects
	arena  []byte  // decoded text of strings with escapes; grows until the end of the payload
}

// frame is an object or array that is open.
type frame struct {
	kind  Kind
	items int    // how many were begun
	names int    // where its names begin in reader.names
	name  []byte // of the present member, once its ":" is read
}

type name struct {
	hash uint64
	text []byte
}

// seed makes hashes of names unpredictable, so that nobody can send a thousand that collide.
var seed = maphash.MakeSeed()

// begin checks what needs no parsing and reads the first token.
func (r *reader) begin() (token, error) {
	if len(r.src) > r.limits.Size {
		return token{}, r.fail(TooLarge, 0, fmt.Sprintf("%d bytes, more than the %d allowed", len(r.src), r.limits.Size),
			"send it in parts")
	}
	if !utf8.Valid(r.src) {
		return token{}, r.fail(NotUTF8, invalidAt(r.src), "bytes that are not UTF-8", "encode the payload as UTF-8")
	}
	if mark := []byte("\uFEFF"); bytes.HasPrefix(r.src, mark) { // Gson swallows a byte order mark, too
		r.pos = len(mark)
	}
	if err := r.space(); err != nil {
		return token{}, err
	}
	if r.pos == len(r.src) {
		return token{}, r.fail(Empty, r.pos, "nothing in it", "send at least {}")
	}
	return r.value()
}

// end makes sure that nothing follows the document.
func (r *reader) end() error {
	if err := r.space(); err != nil {
		return err
	}
	if r.pos < len(r.src) {
		return r.fail(TrailingText, r.pos, "text after the end of the document", "send one document and nothing after it")
	}
	return nil
}

// value reads a scalar, or opens an object or array that more then walks through.
func (r *reader) value() (token, error) {
	if err := r.space(); err != nil {
		return token{}, err
	}
	if r.values++; r.values > r.limits.Values {
		return token{}, r.fail(TooManyValues, r.pos, fmt.Sprintf("more than %d values", r.limits.Values), "send it in parts")
	}
	start := r.pos
	if start == len(r.src) {
		return token{}, r.unterminated()
	}
	switch c := r.src[start]; c {
	case '{':
		return r.open(Object)
	case '[':
		return r.open(Array)
	case '"', '\'':
		text, err := r.quoted()
		return token{String, start, text}, err
	case ',', ';', ']', '}':
		if c != '}' && r.within(Array) {
			return token{Null, start, nil}, nil // a missing item is null; more takes the separator
		}
		return token{}, r.fail(MissingValue, start, "value missing", `write a value after the ":", or null`)
	}
	text := r.unquoted()
	if len(text) == 0 {
		return token{}, r.fail(Unexpected, start, "a character that no value can start with", "put text in quotes")
	}
	return token{kindOf(text), start, text}, nil
}

func (r *reader) open(kind Kind) (token, error) {
	if len(r.stack) >= r.limits.Depth {
		return token{}, r.fail(TooDeep, r.pos, fmt.Sprintf("more than %d objects and arrays within each other",
			r.limits.Depth), "send it flatter")
	}
	r.stack = append(r.stack, frame{kind: kind, names: len(r.names)})
	r.pos++
	return token{kind, r.pos - 1, nil}, nil
}

func (r *reader) within(kind Kind) bool {
	return len(r.stack) > 0 && r.stack[len(r.stack)-1].kind == kind
}

// more goes to the next member or item of what is open, or closes it and returns false. Of a member it reads the name.
func (r *reader) more() (bool, error) {
	if err := r.space(); err != nil {
		return false, err
	}
	if r.pos == len(r.src) {
		return false, r.unterminated()
	}
	f := &r.stack[len(r.stack)-1]
	c := r.src[r.pos]
	if f.kind == Object && c == '}' || f.kind == Array && c == ']' {
		r.pos++
		r.names = r.names[:f.names]
		r.stack = r.stack[:len(r.stack)-1]
		return false, nil
	}
	if f.items > 0 {
		if c != ',' && c != ';' {
			return false, r.fail(MissingComma, r.pos, "neither a comma nor the end after a value",
				"put text with a space or a special character in quotes")
		}
		r.pos++
	}
	f.items++
	f.name = nil // errors from here on are no longer about the former member
	if f.kind == Array {
		return true, nil
	}
	return true, r.member(f)
}

// member reads a name and its ":".
func (r *reader) member(f *frame) error {
	if err := r.space(); err != nil {
		return err
	}
	start := r.pos
	if start == len(r.src) {
		return r.unterminated()
	}
	var text []byte
	switch r.src[start] {
	case '"', '\'':
		var err error
		if text, err = r.quoted(); err != nil {
			return err
		}
	case '}':
		return r.fail(MissingName, start, "a comma before the end of the object", "take the last comma away")
	default:
		if text = r.unquoted(); len(text) == 0 {
			return r.fail(MissingName, start, "name missing", `write members as "name": value`)
		}
	}
	if err := r.space(); err != nil {
		return err
	}
	switch {
	case r.pos == len(r.src):
		return r.unterminated()
	case r.src[r.pos] == ':':
		r.pos++
	case r.src[r.pos] == '=':
		r.pos++
		if r.pos < len(r.src) && r.src[r.pos] == '>' {
			r.pos++
		}
	default:
		// The text is not shown: it may be a value whose name was forgotten.
		return r.fail(MissingColon, r.pos, `no ":" after a name`, `write members as "name": value`)
	}
	f.name = text
	hash := maphash.Bytes(seed, text)
	for _, other := range r.names[f.names:] {
		if other.hash == hash && bytes.Equal(other.text, text) {
			return r.fail(DuplicateName, start, fmt.Sprintf("the name %q is given twice", cut(string(text), maxNameShown)),
				"give it once")
		}
	}
	r.names = append(r.names, name{hash, text})
	return nil
}

func (r *reader) unterminated() error {
	return r.fail(Unterminated, len(r.src), "the text ends in the middle", "close every brace, bracket and quote")
}

func (r *reader) fail(reason Reason, at int, problem, hint string) error {
	line, column := position(r.src, at)
	return &BadPayload{
		Reason: reason, Offset: at, Line: line, Column: column,
		Pointer: r.pointer(), Problem: problem, Hint: hint,
	}
}

func (r *reader) wrongType(t token, want, hint string) error {
	return r.fail(WrongType, t.start, fmt.Sprintf("%s where %s is needed", t.kind, want), hint)
}

// pointer is where the reader stands, for people: names and the whole are cut.
func (r *reader) pointer() string {
	var b strings.Builder
	for i := range r.stack {
		switch f := &r.stack[i]; {
		case f.kind == Array && f.items > 0:
			b.WriteString("/" + strconv.Itoa(f.items-1))
		case f.kind == Object && f.name != nil:
			b.WriteString("/" + pointerEscapes.Replace(cut(string(f.name), maxNameShown)))
		}
	}
	return cut(b.String(), maxPointerShown)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func invalidAt(src []byte) int {
	for i := 0; i < len(src); {
		c, size := utf8.DecodeRune(src[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(src)
}
