package supplypoint

import "math/rand/v2"

// Point is a checked supply point, with its suffix if it had one. It is immutable, comparable and 16 bytes long.
// The zero Point is none.
//
// Two points with the same scheme and ID are the same supply point even if == says otherwise, because == compares the
// suffix too; for keys of maps use [Point.WithoutSuffix].
type Point struct {
	sealed uint64 // the scheme's number, XOR seal
	suffix [2]byte
	code   uint8 // position in formats plus one
}

// seal hides the digits from what looks at fields instead of calling methods: fmt does for an unexported field of
// another struct and for %p and %w, and so do debug printers. It is no encryption, and no other process can read it;
// what leaves the process goes through ID, Mask or Fingerprint.
var seal = rand.Uint64()

// IsZero tells whether p is the zero Point.
func (p Point) IsZero() bool { return p.code == 0 }

// Scheme returns the scheme, empty for the zero Point.
func (p Point) Scheme() Scheme {
	if p.code == 0 {
		return ""
	}
	return p.format().scheme
}

// ID returns the canonical identifier without suffix, 20 characters for CUPS and CPE, in clear: it is personal data.
// It is for the store, and for readers who have the right to see it; never for logs, errors, metrics or traces.
func (p Point) ID() string {
	if p.code == 0 {
		return ""
	}
	c := p.canonical()
	return string(c.text[:c.n])
}

// Suffix returns the border point as it was given, such as "0F", or "".
func (p Point) Suffix() string {
	if p.suffix == [2]byte{} {
		return ""
	}
	return string(p.suffix[:])
}

// WithoutSuffix returns the supply point that p is a measuring point of. Points of the same supply point become equal.
func (p Point) WithoutSuffix() Point {
	p.suffix = [2]byte{}
	return p
}

// Distributor returns the four digits of the company that issued the identifier. That company may have merged since:
// the code is a key for a directory, not a name.
func (p Point) Distributor() string {
	if p.code == 0 {
		return ""
	}
	c, at := p.canonical(), p.format().distributor
	return string(c.text[at[0]:at[1]])
}

// Level returns what the text alone has proved: LevelChecksum for CUPS and CPE, LevelNone for the zero Point.
func (p Point) Level() Level {
	if p.code == 0 {
		return LevelNone
	}
	return p.format().level
}

// format must not be called for the zero Point.
func (p Point) format() *format { return &formats[p.code-1] }

func (p Point) canonical() canonical { return p.format().write(p.sealed ^ seal) }
