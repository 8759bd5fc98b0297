package supplypoint

import "fmt"

// Level says how much is known about an identifier. Levels are ordered: each includes those before it.
//
// A text alone reaches LevelChecksum at most (LevelFormat where a scheme has no check rule). The two levels above need
// a directory of distributors and a register of points, which this package does not have.
type Level uint8

const (
	LevelNone        Level = iota // not even the shape fits
	LevelFormat                   // length, country, digits and letters are where they belong
	LevelChecksum                 // the check characters belong to the digits
	LevelKnownPrefix              // the distributor's code is in a directory
	LevelExists                   // somebody who knows says that the point exists
)

// String returns the published name: none, format, checksum, known-prefix or exists.
func (l Level) String() string {
	switch l {
	case LevelNone:
		return "none"
	case LevelFormat:
		return "format"
	case LevelChecksum:
		return "checksum"
	case LevelKnownPrefix:
		return "known-prefix"
	case LevelExists:
		return "exists"
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// MarshalText returns the name, so that a Level is a word in JSON.
func (l Level) MarshalText() ([]byte, error) {
	if l > LevelExists {
		return nil, fmt.Errorf("marshalling level: unknown level %d", uint8(l))
	}
	return []byte(l.String()), nil
}

// UnmarshalText accepts exactly what MarshalText gives.
func (l *Level) UnmarshalText(text []byte) error {
	for known := LevelNone; known <= LevelExists; known++ {
		if string(text) == known.String() {
			*l = known
			return nil
		}
	}
	return fmt.Errorf("unmarshalling level: unknown level %q", text)
}
