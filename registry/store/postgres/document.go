package postgres

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"
)

// What jsonb takes of JSON: numbers up to 131,072 digits and strings without U+0000. The bounds for numbers and depth
// are far below the database's; nobody asks for more in SQL.
const (
	maxDepth  = 256
	maxNumber = 100 // characters
	maxPower  = 3   // digits of an exponent
)

// document tells whether jsonb can hold value. It is rather too strict: one value that the database refuses would undo
// the transaction of all.
func document(value []byte) bool {
	if !utf8.Valid(value) || !json.Valid(value) {
		return false
	}
	depth := 0
	for i := 0; i < len(value); {
		switch b := value[i]; {
		case b == '"':
			end, ok := textEnd(value, i+1)
			if !ok {
				return false
			}
			i = end
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return false
			}
			i++
		case b == '}' || b == ']':
			depth--
			i++
		case b == '-' || b >= '0' && b <= '9':
			end, ok := numberEnd(value, i)
			if !ok {
				return false
			}
			i = end
		default:
			i++
		}
	}
	return true
}

// textEnd returns where the string ends whose first character is at i. It must be valid JSON.
func textEnd(value []byte, i int) (end int, ok bool) {
	for value[i] != '"' {
		if value[i] != '\\' {
			i++
			continue
		}
		if value[i+1] != 'u' {
			i += 2
			continue
		}
		unit := escaped(value[i:])
		i += 6
		switch {
		case unit == 0, unit >= 0xdc00 && unit <= 0xdfff:
			return 0, false
		case unit >= 0xd800 && unit <= 0xdbff: // wants its other half
			if low := escaped(value[i:]); low < 0xdc00 || low > 0xdfff {
				return 0, false
			}
			i += 6
		}
	}
	return i + 1, true
}

// escaped reads \uXXXX; 0 if there is none.
func escaped(text []byte) uint16 {
	var unit [2]byte
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	if _, err := hex.Decode(unit[:], text[2:6]); err != nil {
		return 0
	}
	return binary.BigEndian.Uint16(unit[:])
}

// numberEnd returns where the number ends that begins at i. It must be valid JSON.
func numberEnd(value []byte, i int) (end int, ok bool) {
	begin, power := i, -1
	for ; i < len(value); i++ {
		switch b := value[i]; {
		case b == 'e' || b == 'E':
			power = 0
		case b >= '0' && b <= '9':
			if power >= 0 {
				power++
			}
		case b == '.' || b == '-' || b == '+':
		default:
			return i, i-begin <= maxNumber && power <= maxPower
		}
	}
	return i, i-begin <= maxNumber && power <= maxPower
}
