package intake

import (
	"strings"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
)

// writer reads a payload and writes strict JSON in the same pass.
type writer struct {
	reader
	out      []byte
	shape    Shape
	digest   func(string) secret.Digest
	found    []found // of shape.Fields, in their order
	pointers bool    // whether any alias is a JSON pointer
	base     int     // how many frames are open down to the data object
}

// data writes the object that was just opened, with its fields and its top-level values typed, and finishes it.
func (w *writer) data() (*engine.Data, error) {
	w.out = w.out[:0]
	w.base = len(w.stack)
	w.found, w.pointers = w.found[:0], false
	for i := range w.shape.Fields {
		w.found = append(w.found, found{})
		for _, alias := range w.shape.Fields[i].Aliases {
			w.pointers = w.pointers || strings.HasPrefix(alias, "/")
		}
	}
	if err := w.members(); err != nil {
		return nil, err
	}
	data := engine.NewData(string(w.out))
	for i := range w.found {
		f, name := &w.found[i], w.shape.Fields[i].Name
		switch {
		case !f.present:
		case w.shape.Fields[i].Secret:
			data = data.WithDigest(name, f.digest)
		case f.at != name:
			data = data.WithAlias(engine.Alias{Name: name, At: f.at})
		}
	}
	return data, nil
}

// members writes the top-level members.
func (w *writer) members() error {
	w.out = append(w.out, '{')
	for {
		begin := len(w.out)
		more, err := w.more()
		if err != nil {
			return err
		}
		if !more {
			w.out = append(w.out, '}')
			return nil
		}
		member := w.stack[len(w.stack)-1].name
		i, at := w.fieldAt()
		t, err := w.value()
		if err != nil {
			return err
		}
		if t.kind == Null {
			continue // not even its name goes on, as in ThingsBoard
		}
		if begin > len("{") {
			w.out = append(w.out, ',')
		}
		w.out = append(appendString(w.out, member), ':')
		if named, spelling := w.fieldNamed(member, t.kind); named >= 0 {
			i, at = named, spelling
		}
		if i >= 0 {
			err = w.field(i, at, t)
		} else {
			err = w.typed(t)
		}
		if err != nil {
			return err
		}
	}
}

// typed writes a top-level value.
func (w *writer) typed(t token) error {
	if t.kind != Number && (t.kind != String || !w.shape.CastStrings || !looksLikeNumber(t.text)) {
		return w.copy(t)
	}
	begin := len(w.out)
	out, f := appendNumber(append(w.out, '"'), t.text)
	switch {
	case f == formNone || f == formText && !w.shape.CastStrings:
		return w.fail(NumberRange, t.start, "a number beyond 64 bits or with too many decimals", "put it in quotes")
	case f == formText:
		w.out = append(out, '"')
	default:
		w.out = append(out[:begin], out[begin+1:]...) // a number after all: without the quote
	}
	return nil
}

// copy writes a value as it is.
func (w *writer) copy(t token) error {
	switch t.kind {
	case Null:
		w.out = append(w.out, "null"...)
	case Boolean:
		for _, c := range t.text {
			w.out = append(w.out, c|0x20)
		}
	case Number:
		w.out = append(w.out, t.text...)
	case String:
		w.out = appendString(w.out, t.text)
	case Object:
		return w.nested('{', '}')
	case Array:
		return w.nested('[', ']')
	}
	return nil
}

// nested writes the object or array that was just opened.
func (w *writer) nested(open, end byte) error {
	w.out = append(w.out, open)
	for n := 0; ; n++ {
		more, err := w.more()
		if err != nil {
			return err
		}
		if !more {
			w.out = append(w.out, end)
			return nil
		}
		if n > 0 {
			w.out = append(w.out, ',')
		}
		if open == '{' {
			w.out = append(appendString(w.out, w.stack[len(w.stack)-1].name), ':')
		}
		i, at := w.fieldAt()
		t, err := w.value()
		if err != nil {
			return err
		}
		if i >= 0 && t.kind != Null {
			err = w.field(i, at, t)
		} else {
			err = w.copy(t)
		}
		if err != nil {
			return err
		}
	}
}

// appendString writes a JSON string with as few escapes as can be.
func appendString(out, text []byte) []byte {
	out = append(out, '"')
	clean := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		out = append(out, text[clean:i]...)
		clean = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\b':
			out = append(out, `\b`...)
		case '\f':
			out = append(out, `\f`...)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			const hex = "0123456789abcdef"
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(out, text[clean:]...), '"')
}
