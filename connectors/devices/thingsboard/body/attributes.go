package body

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/registry"
)

// ReadAttributeKeys reads an attribute request: {"clientKeys":"a,b","sharedKeys":"c"}, each of them optional. As in
// ThingsBoard's JsonMqttAdaptor the names are separated by commas and not trimmed.
func ReadAttributeKeys(v intake.Value) (client, shared []string, ok bool) {
	if v.Kind() != intake.Object {
		return nil, nil, false
	}
	client, ok = keyList(v, "clientKeys")
	if !ok {
		return nil, nil, false
	}
	shared, ok = keyList(v, "sharedKeys")
	return client, shared, ok
}

func keyList(v intake.Value, name string) (keys []string, ok bool) {
	member, present := v.Member(name)
	if !present {
		return nil, true
	}
	text, ok := member.Text()
	if !ok {
		return nil, false
	}
	return strings.Split(text, ","), true
}

// Attributes answers an attribute request. A part without values is left out.
func Attributes(client, shared []registry.Attribute) []byte {
	b := []byte{'{'}
	if len(client) > 0 {
		b = append(b, `"client":`...)
		b = appendAttributes(b, client)
	}
	if len(shared) > 0 {
		if len(client) > 0 {
			b = append(b, ',')
		}
		b = append(b, `"shared":`...)
		b = appendAttributes(b, shared)
	}
	return append(b, '}')
}

// Updated tells of shared attributes that have new values.
func Updated(updated []registry.Attribute) []byte { return appendAttributes(nil, updated) }

// Deleted tells of shared attributes that are no more.
func Deleted(keys []string) []byte {
	b := []byte(`{"deleted":[`)
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = Quote(b, key)
	}
	return append(b, "]}"...)
}

func appendAttributes(b []byte, attributes []registry.Attribute) []byte {
	b = append(b, '{')
	for i, a := range attributes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(Quote(b, a.Key), ':')
		b = append(b, a.Value...)
	}
	return append(b, '}')
}

// Quote appends text as a JSON string. It cannot err: what is no UTF-8 becomes U+FFFD.
func Quote(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}
