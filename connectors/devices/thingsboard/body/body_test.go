package body_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/connectors/intake"
)

func TestReadRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text           string
		method, params string
		err            error
	}{
		{`{"method":"getTime","params":{"a":[1, 2]}}`, "getTime", `{"a":[1,2]}`, nil},
		{`{method: getTime}`, "getTime", ``, nil},
		{`{"method":"m","params":null}`, "m", `null`, nil},
		{`{"method":5,"params":"x"}`, "5", `"x"`, nil},
		{`{"params":{}}`, "", ``, body.ErrNoRequest},
		{`{"method":null}`, "", ``, body.ErrNoRequest},
		{`{"method":{}}`, "", ``, body.ErrNoRequest},
		{`[]`, "", ``, body.ErrNoObject},
		{``, "", ``, body.ErrNoObject},
	} {
		v, err := intake.Parse([]byte(c.text), intake.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := body.ReadRequest(v)
		if !errors.Is(err, c.err) || r.Method != c.method || string(r.Params) != c.params {
			t.Errorf("%s: got %q %s %v, want %q %s %v", c.text, r.Method, r.Params, err, c.method, c.params, c.err)
		}
	}
}

// FuzzRequest: what is read can be written, and is JSON.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{`{"method":"m","params":{}}`, `{method: "a\"b", params: [1,,2]}`, `{"method":"é\u0000"}`, `{`, `[]`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := intake.Parse(text, intake.Limits{})
		if err != nil {
			return
		}
		r, err := body.ReadRequest(v)
		if err != nil {
			return
		}
		call := devices.CallRequest{ID: 1, Method: r.Method, Params: r.Params}
		if len(call.Params) == 0 {
			call.Params = json.RawMessage(`{}`)
		}
		for _, written := range [][]byte{body.Call(call), body.NumberedCall(call)} {
			var back struct{ Method string }
			if err := json.Unmarshal(written, &back); err != nil || back.Method != r.Method {
				t.Errorf("%s: %v, method %q", written, err, back.Method)
			}
		}
	})
}
