package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
)

// Text is a secret in clear that cannot be printed, marshalled or compared with ==. The zero value is the empty secret.
type Text struct {
	redacted
	text func() string // nil for the empty secret; a function, see the package's caveats
}

// NewText wraps a clear text.
func NewText(text string) Text {
	if text == "" {
		return Text{}
	}
	return Text{text: func() string { return text }}
}

// Reveal returns the clear text. Call it where the value leaves for the one place that needs it, nowhere else.
func (t Text) Reveal() string {
	if t.text == nil {
		return ""
	}
	return t.text()
}

// IsZero reports whether the secret is empty. (Also the meaning of JSON's omitzero.)
func (t Text) IsZero() bool { return t.text == nil }

// Equal compares in a time that depends on the length of the two values only.
func (t Text) Equal(other Text) bool {
	// Hashing first makes the lengths equal, so that not even a difference in length shows.
	a, b := sha256.Sum256([]byte(t.Reveal())), sha256.Sum256([]byte(other.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// errRedacted is returned when a value that was printed before comes back as input.
var errRedacted = errors.New(`reading a secret: "***" stands for a value that was hidden when it was written`)

// UnmarshalText takes a secret from a configuration or a request. It refuses "***": writing a secret and reading it back
// must not quietly replace it.
func (t *Text) UnmarshalText(text []byte) error {
	if string(text) == Redacted {
		return errRedacted
	}
	*t = NewText(string(text))
	return nil
}
