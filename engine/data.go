package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gridtie/gridtie/engine/secret"
)

// Data is a JSON payload: the text as it came, indexed at most once, and only when somebody looks. It is immutable and
// safe for concurrent use.
//
// Beside the text travel what must not or need not stand in it: digests (the supplier key, whose place in the text
// holds "***") and aliases, which reach a member under the name that chains use, whatever the device called it.
type Data struct {
	text   string
	beside *beside // nil for many
	index  atomic.Pointer[index]
	begun  atomic.Bool // whether somebody has begun to fill own
	own    index       // what the pointer leads to: an allocation less for each message
}

type beside struct {
	digests []namedDigest
	aliases []Alias
}

type namedDigest struct {
	name  string
	value secret.Digest
}

// Alias lets chains reach a member of the payload under another name.
type Alias struct {
	Name string `json:"name"` // what chains say, for example "cups"
	At   string `json:"at"`   // name of a top-level member, or a JSON pointer (RFC 6901) that starts with "/"
}

// NewData takes a text that is known to be valid JSON, for example because intake wrote it.
func NewData(text string) *Data { return &Data{text: text} }

// ParseData takes a text from anywhere: strict JSON (RFC 8259) without duplicate names, any value at the top.
func ParseData(text string) (*Data, error) {
	if err := checkJSON([]byte(text)); err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	return &Data{text: text}, nil
}

func checkJSON(text []byte) error {
	d := jsontext.NewDecoder(strings.NewReader(string(text)))
	if err := d.SkipValue(); err != nil {
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("text after the document at offset %d", d.InputOffset())
	}
	return nil
}

// EncodeData makes a payload of a Go value as an expression gives it. Digests in it become "***".
func EncodeData(value any) (*Data, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return NewData(string(text)), nil
}

// WithDigest is the payload with a digest travelling beside it under that name.
func (d *Data) WithDigest(name string, value secret.Digest) *Data {
	return &Data{text: d.text, beside: &beside{append(slices.Clip(d.digests()), namedDigest{name, value}), d.aliases()}}
}

// WithAlias is the payload with one more alias.
func (d *Data) WithAlias(a Alias) *Data {
	return &Data{text: d.text, beside: &beside{d.digests(), append(slices.Clip(d.aliases()), a)}}
}

// inherit keeps what travelled beside the former payload; what this one brings itself comes first.
func (d *Data) inherit(former *Data) *Data {
	if former.beside == nil || former.beside == d.beside {
		return d
	}
	// A payload made of the former one has brought most of it along: twice would be without end in a cycle.
	digests, aliases := slices.Clip(d.digests()), slices.Clip(d.aliases())
	for _, x := range former.digests() {
		if !slices.ContainsFunc(digests, func(own namedDigest) bool { return own.name == x.name }) {
			digests = append(digests, x)
		}
	}
	for _, a := range former.aliases() {
		if !slices.Contains(aliases, a) {
			aliases = append(aliases, a)
		}
	}
	return &Data{text: d.text, beside: &beside{digests: digests, aliases: aliases}}
}

func (d *Data) digests() []namedDigest {
	if d.beside == nil {
		return nil
	}
	return d.beside.digests
}

func (d *Data) aliases() []Alias {
	if d.beside == nil {
		return nil
	}
	return d.beside.aliases
}

// Text is the JSON text.
func (d *Data) Text() string { return d.text }

// Digest is the digest that travels under that name.
func (d *Data) Digest(name string) (secret.Digest, bool) {
	for _, x := range d.digests() {
		if x.name == name {
			return x.value, true
		}
	}
	return secret.Digest{}, false
}

// Aliases are the names under which members can be reached besides their own.
func (d *Data) Aliases() []Alias { return slices.Clone(d.aliases()) }

// Digests are the names that digests travel under.
func (d *Data) Digests() []string {
	names := make([]string, len(d.digests()))
	for i, x := range d.digests() {
		names[i] = x.name
	}
	return names
}

// Field is a top-level member of the payload, or what an alias or a digest of that name reaches: nil, bool, int64,
// float64, string, []any, map[string]any, json.Number for integers beyond 64 bits, or secret.Digest. An alias goes
// before a member of the same name: the profile said where the field is.
func (d *Data) Field(name string) (any, bool) {
	if v, ok := d.Digest(name); ok {
		return v, true
	}
	for _, a := range d.aliases() {
		if a.Name != name {
			continue
		}
		if v, ok := d.at(a.At); ok {
			return v, true
		}
	}
	if f, ok := d.find(name); ok {
		return f.value(), true
	}
	return nil, false
}

// FieldText is the same field if it is a string.
func (d *Data) FieldText(name string) (string, bool) {
	if _, ok := d.Digest(name); ok {
		return "", false
	}
	for _, a := range d.aliases() {
		switch {
		case a.Name != name:
		case strings.HasPrefix(a.At, "/"):
			v, _ := d.Field(name)
			s, ok := v.(string)
			return s, ok
		default:
			if f, ok := d.find(a.At); ok {
				return f.text()
			}
		}
	}
	if f, ok := d.find(name); ok {
		return f.text()
	}
	return "", false
}

// Value is the whole payload decoded. It allocates what the payload holds.
func (d *Data) Value() (any, error) { return decodeJSON(d.text) }

func (d *Data) at(place string) (any, bool) {
	if !strings.HasPrefix(place, "/") {
		if f, ok := d.find(place); ok {
			return f.value(), true
		}
		return nil, false
	}
	names := strings.Split(place[1:], "/")
	for i := range names {
		names[i] = strings.ReplaceAll(strings.ReplaceAll(names[i], "~1", "/"), "~0", "~")
	}
	f, ok := d.find(names[0])
	if !ok {
		return nil, false
	}
	v := f.value()
	for _, name := range names[1:] {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[name]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}
