package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Value is a body that belongs to a protocol, not to chains: a provisioning request, an attribute request. It may hold
// secrets, so printing it shows its kind only. It is immutable and safe for concurrent use; the zero value is null.
type Value struct {
	kind Kind
	text string // strict minimal JSON
}

// Parse reads any value in the grammar of this package. An empty payload is null, as in Gson's JsonParser. Errors are of
// type *BadPayload.
func Parse(payload []byte, limits Limits) (Value, error) {
	w := &writer{reader: reader{src: payload, limits: limits.orDefault()}}
	top, err := w.begin()
	if err != nil {
		if bad := (*BadPayload)(nil); errors.As(err, &bad) && bad.Reason == Empty {
			return Value{}, nil
		}
		return Value{}, err
	}
	if err := w.copy(top); err != nil {
		return Value{}, err
	}
	if err := w.end(); err != nil {
		return Value{}, err
	}
	return Value{top.kind, string(w.out)}, nil
}

// Kind of the value.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.kind == Null }

// JSON is the value as strict minimal JSON.
func (v Value) JSON() string {
	if v.kind == Null {
		return "null"
	}
	return v.text
}

// Text is the value read as a string: a string's text, a number as it was written, "true" or "false". Null, objects and
// arrays have none.
func (v Value) Text() (string, bool) {
	switch v.kind {
	case String:
		return unquote(v.text), true
	case Number, Boolean:
		return v.text, true
	default:
		return "", false
	}
}

// Member is the member of an object under exactly that name. A value that is no object has none.
func (v Value) Member(name string) (Value, bool) {
	for key, member := range v.Members() {
		if key == name {
			return member, true
		}
	}
	return Value{}, false
}

// Members are the members of an object with their names, in their order. A value that is no object has none.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.kind != Object {
			return
		}
		for rest := v.text[1:]; rest[0] != '}'; {
			end := valueEnd(rest)
			name := unquote(rest[:end])
			rest = rest[end+len(":"):]
			end = valueEnd(rest)
			if !yield(name, Value{kindOfJSON(rest[0]), rest[:end]}) {
				return
			}
			rest = strings.TrimPrefix(rest[end:], ",")
		}
	}
}

// Elements are the elements of an array. A value that is no array has none.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.kind != Array {
			return
		}
		for rest := v.text[1:]; rest[0] != ']'; {
			end := valueEnd(rest)
			if !yield(Value{kindOfJSON(rest[0]), rest[:end]}) {
				return
			}
			rest = strings.TrimPrefix(rest[end:], ",")
		}
	}
}

// Format writes the kind, for every verb and flag.
func (v Value) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, v.kind.String()) }

// valueEnd is the length of the value that a rest of minimal JSON begins with.
func valueEnd(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

func kindOfJSON(first byte) Kind {
	switch first {
	case 'n':
		return Null
	case 't', 'f':
		return Boolean
	case '"':
		return String
	case '{':
		return Object
	case '[':
		return Array
	}
	return Number
}

// unquote decodes a JSON string that this package wrote.
func unquote(text string) string {
	inner := text[1 : len(text)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	_ = json.Unmarshal([]byte(text), &s) // cannot err: appendString wrote it
	return s
}
