package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what every value of this package shows of itself.
const Redacted = "***"

// redacted gives the types that embed it one face towards everything that prints or marshals. Being embedded, its
// methods are promoted; it is a zero-size type, so that it costs nothing.
type redacted struct{}

// String returns "***".
func (redacted) String() string { return Redacted }

// GoString returns "***".
func (redacted) GoString() string { return Redacted }

// Format writes "***" for every verb and flag; without it %x and %d would reach the bytes.
func (redacted) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, Redacted) }

// MarshalText returns "***"; encoding/json, encoding/xml and YAML libraries take this way for values and map keys.
func (redacted) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON returns "***" as a JSON string. zerolog's Interface and Any end here.
func (redacted) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalBinary returns "***".
func (redacted) MarshalBinary() ([]byte, error) { return []byte(Redacted), nil }

// GobEncode returns "***". There is no way back: decoding is refused by gob.
func (redacted) GobEncode() ([]byte, error) { return []byte(Redacted), nil }

// LogValue returns "***" to log/slog.
func (redacted) LogValue() slog.Value { return slog.StringValue(Redacted) }
