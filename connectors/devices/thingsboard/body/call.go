package body

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
)

// Call is a call to a device where topic or path carry its id.
func Call(c devices.CallRequest) []byte { return appendCall([]byte{'{'}, c) }

// NumberedCall is a call to a device with its id in the body.
func NumberedCall(c devices.CallRequest) []byte {
	b := strconv.AppendInt([]byte(`{"id":`), int64(c.ID), 10)
	return appendCall(append(b, ','), c)
}

func appendCall(b []byte, c devices.CallRequest) []byte {
	b = Quote(append(b, `"method":`...), c.Method)
	b = append(append(b, `,"params":`...), c.Params...)
	return append(b, '}')
}

// ReadRequest reads what a device asks the server: {"method":"m","params":…}. The method must be there, as text; without
// params there are none. Errors are ErrNoObject or ErrNoRequest.
func ReadRequest(v intake.Value) (devices.Request, error) {
	if v.Kind() != intake.Object {
		return devices.Request{}, ErrNoObject
	}
	m := members{body: v}
	method, present := m.text("method")
	switch {
	case m.err != nil:
		return devices.Request{}, m.err
	case !present:
		return devices.Request{}, fmt.Errorf("%w: method is missing", ErrNoRequest)
	}
	r := devices.Request{Method: method}
	if params, ok := v.Member("params"); ok {
		r.Params = json.RawMessage(params.JSON())
	}
	return r, nil
}
