package registry

import "encoding/binary"

// tuple is a key under construction. Tuples of one shape order as their parts do, part by part, and no tuple is the
// beginning of another of the same shape. Each key begins with the name of its table.
type tuple []byte

// keyOf begins a key of a table.
func keyOf(table string) tuple { return make(tuple, 0, 64).text(table) }

// text adds a string: a zero byte in it becomes 00 FF, and 00 01 ends it, so that "a" sorts before "ab" and both before
// "b", whatever bytes follow.
func (k tuple) text(s string) tuple {
	for i := range len(s) {
		k = append(k, s[i])
		if s[i] == 0 {
			k = append(k, 0xff)
		}
	}
	return append(k, 0x00, 0x01)
}

// number adds an integer of eight bytes.
func (k tuple) number(n uint64) tuple { return binary.BigEndian.AppendUint64(k, n) }

// raw adds bytes whose number is always the same, such as a digest.
func (k tuple) raw(b []byte) tuple { return append(k, b...) }

// lastText reads the last part of a key whose last part is a text without zero bytes, such as an id.
func lastText(key []byte) string {
	end := len(key) - 2
	if end < 0 {
		return ""
	}
	from := end
	for from > 0 && key[from-1] > 0x01 {
		from--
	}
	return string(key[from:end])
}

// cutText takes off the last part of such a key and returns what is before it, and the part.
func cutText(key []byte) (before []byte, last string) {
	last = lastText(key)
	return key[:max(0, len(key)-len(last)-2)], last
}

// firstText reads the table's name.
func firstText(key []byte) string {
	for i, b := range key {
		if b == 0 {
			return string(key[:i])
		}
	}
	return string(key)
}

// unescape reads a text that ends a key, whatever bytes it has.
func unescape(part []byte) string {
	s := make([]byte, 0, len(part))
	for i := 0; i < len(part); i++ {
		if part[i] == 0 {
			i++
			if i < len(part) && part[i] == 0x01 {
				break
			}
			s = append(s, 0)
			continue
		}
		s = append(s, part[i])
	}
	return string(s)
}
