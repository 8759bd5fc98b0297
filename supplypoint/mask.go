package supplypoint

import (
	"encoding/json"
	"fmt"
	"io"
)

// hidden stands for what a mask does not show. Its length is always the same and that of nothing, so that a mask does
// not tell how long the text was or whether it had a suffix.
const hidden = "•••••••••••••"

// Mask returns the form for people: the distributor's code and the last three characters, as in ES0021•••••••••••••1RK.
// Points that differ in the hidden digits may have the same mask: it is no key; see [Fingerprint]. The zero Point
// gives "".
func (p Point) Mask() string {
	if p.code == 0 {
		return ""
	}
	c := p.canonical()
	return c.mask(p.format().shown)
}

// Mask returns the mask of any text that may be a supply point, for logs. A text that at least looks like one
// ([LevelFormat]) is shown as [Point.Mask] would, its check letters as they stand; of all others nothing is shown. Only
// the empty text gives "".
func Mask(text string) string {
	if text == "" {
		return ""
	}
	c, reason := scan(text)
	code := codeByCountry(&c)
	if _, result := decide(&c, reason, code); result.Level < LevelFormat {
		return hidden
	}
	f := &formats[code-1]
	c.n = f.length
	return c.mask(f.shown)
}

func (c *canonical) mask(shown [2]int) string {
	return string(c.text[:shown[0]]) + hidden + string(c.text[int(c.n)-shown[1]:c.n])
}

// String returns the mask.
func (p Point) String() string { return p.Mask() }

// GoString returns the mask.
func (p Point) GoString() string { return p.Mask() }

// Format writes the mask for every verb, quoted for %q. Width and - work as for a string.
func (p Point) Format(s fmt.State, verb rune) {
	if verb != 'q' {
		verb = 's'
	}
	if _, padded := s.Width(); verb == 's' && !padded {
		_, _ = io.WriteString(s, p.Mask())
		return
	}
	_, _ = fmt.Fprintf(s, fmt.FormatString(s, verb), p.Mask())
}

// MarshalText returns the mask. There is no way back from it: store Scheme, ID and Suffix, and read with [FromID].
func (p Point) MarshalText() ([]byte, error) { return []byte(p.Mask()), nil }

// MarshalJSON returns the mask as a JSON string, null for the zero Point.
func (p Point) MarshalJSON() ([]byte, error) {
	if p.code == 0 {
		return []byte("null"), nil
	}
	return json.Marshal(p.Mask())
}
