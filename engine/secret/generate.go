package secret

import (
	"crypto/rand"
	"math"
)

const (
	// readable leaves out 0, O, 1, I and l, which people mistake for each other.
	readable     = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	minBits   = 160
	groupSize = 4
	tokenSize = 20
)

// Generate returns a random secret with at least the given number of bits (never fewer than 160), in groups of four
// characters that people can read out and type: "7Qm4-Zr2x-…".
func Generate(bits int) Text {
	perGroup := groupSize * math.Log2(float64(len(readable)))
	groups := int(math.Ceil(float64(max(bits, minBits)) / perGroup))
	out := make([]byte, 0, groups*(groupSize+1))
	for i := range groups {
		if i > 0 {
			out = append(out, '-')
		}
		out = pick(out, readable, groupSize)
	}
	return NewText(string(out))
}

// Token returns a random device token: 20 letters and digits (119 bits), the shape that ThingsBoard gives its own.
func Token() Text { return NewText(string(pick(nil, alphanumeric, tokenSize))) }

// pick appends n characters of the alphabet, each equally likely.
func pick(out []byte, alphabet string, n int) []byte {
	// Bytes at or above the largest multiple of the alphabet's length would favour its first characters.
	limit := 256 - 256%len(alphabet)
	var b [1]byte
	for n > 0 {
		_, _ = rand.Read(b[:])
		if int(b[0]) < limit {
			out = append(out, alphabet[int(b[0])%len(alphabet)])
			n--
		}
	}
	return out
}
