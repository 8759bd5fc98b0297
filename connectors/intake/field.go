package intake

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gridtie/gridtie/engine/secret"
)

// found is what a payload says of one declared field.
type found struct {
	present    bool
	at         string        // where it was found first: name of a member, or JSON pointer
	start, end int           // in the text; of a secret the text says nothing
	digest     secret.Digest // of a secret
}

// field writes the value of a declared field: as text, exactly as the device wrote it but for white space around it.
// Neither an absent nor a blank one counts as present.
func (w *writer) field(i int, at string, t token) error {
	declared, f := &w.shape.Fields[i], &w.found[i]
	if t.kind != String && t.kind != Number {
		return w.fail(BadField, t.start, fmt.Sprintf("%s where the %s is needed", t.kind, declared.Name),
			"write it as a string")
	}
	text := bytes.TrimSpace(t.text)
	if len(text) == 0 {
		w.out = append(w.out, `""`...)
		return nil
	}
	now := found{present: true, at: at, start: len(w.out)}
	same := false
	if declared.Secret {
		now.digest = w.digest(string(text))
		w.out = append(w.out, `"`+secret.Redacted+`"`...)
		same = now.digest.Equal(f.digest)
	} else {
		w.out = appendString(w.out, text)
		same = bytes.Equal(w.out[now.start:], w.out[f.start:f.end])
	}
	now.end = len(w.out)
	if !f.present {
		*f = now
	} else if !same {
		return w.fail(FieldConflict, t.start, fmt.Sprintf("another value than %q has, and both are the %s",
			cut(f.at, maxNameShown), declared.Name), "give it once")
	}
	return nil
}

// fieldNamed finds the field that a top-level member of that name is, and the place to remember for it, or -1. The
// canonical name counts, listed or not: a chain that asks for it must not get an uncast stranger, nor a key in clear.
func (w *writer) fieldNamed(member []byte, kind Kind) (index int, at string) {
	index = -1
	for i := range w.shape.Fields {
		f := &w.shape.Fields[i]
		if index >= 0 && !f.Secret {
			continue // where two fields claim a name, the secret one gets it
		}
		match := kind != Object && kind != Array && equalFold(member, f.Name)
		for j := 0; j < len(f.Aliases) && !match; j++ {
			match = equalFold(member, f.Aliases[j]) && !strings.HasPrefix(f.Aliases[j], "/")
		}
		if match {
			index = i
		}
	}
	if index < 0 {
		return index, ""
	}
	return index, w.spelling(index, member)
}

// spelling is the member's name, without an allocation where the device wrote it as the shape does.
func (w *writer) spelling(i int, member []byte) string {
	f := &w.shape.Fields[i]
	if string(member) == f.Name {
		return f.Name
	}
	for _, alias := range f.Aliases {
		if string(member) == alias {
			return alias
		}
	}
	return string(member)
}

// fieldAt finds the field that has a JSON pointer to where the reader stands, or -1.
func (w *writer) fieldAt() (index int, at string) {
	index = -1
	if !w.pointers {
		return index, ""
	}
	for i := range w.shape.Fields {
		f := &w.shape.Fields[i]
		if index >= 0 && !f.Secret {
			continue
		}
		for _, alias := range f.Aliases {
			if strings.HasPrefix(alias, "/") && pointsTo(alias, w.stack[w.base-1:]) {
				index, at = i, alias
				break
			}
		}
	}
	return index, at
}

// pointsTo reports whether a JSON pointer leads to the present member or item of the last frame.
func pointsTo(pointer string, frames []frame) bool {
	for i := range frames {
		if pointer == "" {
			return false
		}
		step, rest := pointer[1:], ""
		if slash := strings.IndexByte(step, '/'); slash >= 0 {
			step, rest = step[:slash], step[slash:]
		}
		f := &frames[i]
		switch {
		case f.kind == Array && !equalIndex(step, f.items-1):
			return false
		case f.kind == Object && !equalStep(step, f.name):
			return false
		}
		pointer = rest
	}
	return pointer == ""
}

func equalIndex(step string, index int) bool {
	var digits [20]byte
	return step == string(strconv.AppendInt(digits[:0], int64(index), 10))
}

// equalStep compares a step of a JSON pointer, where "~0" is "~" and "~1" is "/", with a name.
func equalStep(step string, name []byte) bool {
	if strings.IndexByte(step, '~') < 0 {
		return step == string(name)
	}
	return strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~") == string(name)
}

// equalFold compares without case, by simple Unicode folding as strings.EqualFold, which it spares where it can.
func equalFold(name []byte, alias string) bool {
	for i, c := range name {
		if i == len(alias) {
			return false
		}
		a := alias[i]
		if c >= utf8.RuneSelf || a >= utf8.RuneSelf {
			return strings.EqualFold(string(name), alias)
		}
		if c == a {
			continue
		}
		if lower := c | 0x20; lower != a|0x20 || lower < 'a' || lower > 'z' {
			return false
		}
	}
	return len(name) == len(alias)
}
