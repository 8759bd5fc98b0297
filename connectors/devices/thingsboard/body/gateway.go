package body

import (
	"fmt"
	"strconv"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/registry"
)

// Part is what a gateway sends for one device behind it.
type Part struct {
	Device devices.Named
	Body   []byte
}

// ReadParts reads what a gateway sends for several devices: {"A": …, "B": …}. arrays leaves out, as ThingsBoard does, what is
// not an array. Errors are ErrNoObject, or ErrNoRequest for one that has nothing in it.
func ReadParts(v intake.Value, arrays bool) ([]Part, error) {
	if v.Kind() != intake.Object {
		return nil, ErrNoObject
	}
	var parts []Part
	for name, member := range v.Members() {
		if arrays && member.Kind() != intake.Array {
			continue
		}
		parts = append(parts, Part{devices.Named{Name: name}, []byte(member.JSON())})
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: there is no device in it", ErrNoRequest)
	}
	return parts, nil
}

// ReadNamed reads which device a gateway connects or disconnects: {"device":"A","type":"profile"}, the type being optional.
// Errors are ErrNoObject or ErrNoRequest.
func ReadNamed(v intake.Value) (devices.Named, error) {
	if v.Kind() != intake.Object {
		return devices.Named{}, ErrNoObject
	}
	m := members{body: v}
	n := devices.Named{Name: m.device()}
	n.Profile, _ = m.text("type")
	return n, m.err
}

// AttributesAsked is a gateway's question for attributes of a device. Without keys it asks for all of the scope.
type AttributesAsked struct {
	ID     int32
	Device devices.Named
	Client bool // else shared
	Keys   []string
}

// ReadAttributesAsked reads {"id":1,"device":"A","client":true,"key":"k"}, or "keys":["k","l"]. Errors are ErrNoObject or
// ErrNoRequest.
func ReadAttributesAsked(v intake.Value) (AttributesAsked, error) {
	if v.Kind() != intake.Object {
		return AttributesAsked{}, ErrNoObject
	}
	m := members{body: v}
	a := AttributesAsked{ID: m.id(), Device: devices.Named{Name: m.device()}}
	client := m.required("client")
	a.Client = client.Reveal() == "true"
	if key, one := m.text("key"); one {
		a.Keys = []string{key}
	} else if keys, several := v.Member("keys"); several {
		for element := range keys.Elements() {
			key, ok := element.Text()
			if !ok {
				return AttributesAsked{}, fmt.Errorf("%w: a key is %s", ErrNoRequest, element.Kind())
			}
			a.Keys = append(a.Keys, key)
		}
	}
	return a, m.err
}

// ReadAnswer reads a gateway's answer to a call: {"device":"A","id":0,"data":…}. Errors are ErrNoObject or ErrNoRequest.
func ReadAnswer(v intake.Value) (part Part, id int32, err error) {
	if v.Kind() != intake.Object {
		return Part{}, 0, ErrNoObject
	}
	m := members{body: v}
	part, id = Part{Device: devices.Named{Name: m.device()}}, m.id()
	data, present := v.Member("data")
	if !present && m.err == nil {
		m.err = fmt.Errorf("%w: data is missing", ErrNoRequest)
	}
	part.Body = []byte(data.JSON())
	return part, id, m.err
}

func (m *members) device() string {
	name, _ := m.text("device")
	if name == "" && m.err == nil {
		m.err = fmt.Errorf("%w: device is missing", ErrNoRequest)
	}
	return name
}

func (m *members) id() int32 {
	text, _ := m.text("id")
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil && m.err == nil {
		m.err = fmt.Errorf("%w: id is no integer of 32 bits", ErrNoRequest)
	}
	return int32(n)
}

// Behind tells a gateway something about a device behind it. data is JSON.
func Behind(device string, data []byte) []byte {
	b := append(Quote([]byte(`{"device":`), device), `,"data":`...)
	return append(append(b, data...), '}')
}

// Dropped tells a gateway that the session of a device behind it has ended, with a reason code of MQTT 5.
func Dropped(device string, code int) []byte {
	b := append(Quote([]byte(`{"device":`), device), `,"reason":`...)
	return append(strconv.AppendInt(b, int64(code), 10), '}')
}

// AttributesTold answers a gateway's question. Whoever asks for one key gets its value, or none.
func AttributesTold(a AttributesAsked, device string, found []registry.Attribute) []byte {
	b := strconv.AppendInt([]byte(`{"id":`), int64(a.ID), 10)
	b = Quote(append(b, `,"device":`...), device)
	switch {
	case len(a.Keys) != 1:
		b = appendAttributes(append(b, `,"values":`...), found)
	case len(found) == 1:
		b = append(append(b, `,"value":`...), found[0].Value...)
	}
	return append(b, '}')
}
