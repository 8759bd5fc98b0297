package body_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/registry"
)

func TestReadParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		arrays bool
		want   string
		err    error
	}{
		{`{"A":[{"k":1}], B:[], C:{"k":2}}`, true, `A=[{"k":1}] B=[] `, nil},
		{`{"A":{"k":"000712"},"é\"":5,"n":null}`, false, `A={"k":"000712"} é"=5 n=null `, nil},
		{`{"A":{}}`, true, ``, body.ErrNoRequest},
		{`{}`, false, ``, body.ErrNoRequest},
		{`[]`, false, ``, body.ErrNoObject},
		{``, false, ``, body.ErrNoObject},
	} {
		v, err := intake.Parse([]byte(c.text), intake.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		parts, err := body.ReadParts(v, c.arrays)
		var got string
		for _, p := range parts {
			got += fmt.Sprintf("%s=%s ", p.Device.Name, p.Body)
		}
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %q, %v, want %q, %v", c.text, got, err, c.want, c.err)
		}
	}
}

// FuzzGateway: what a gateway sends is read or refused, what is read is what was sent, and answers are JSON.
func FuzzGateway(f *testing.F) {
	for _, text := range []string{
		`{"A":[{"ts":1,"values":{"k":1}}],"B":[{"k":2}]}`, `{"device":"A","type":"meters"}`, `{"id":1,"device":"A","client":true,"key":"k"}`,
		`{"id":1,"device":"A","client":false,"keys":["k",1,true]}`, `{"device":"A","id":0,"data":{"success":true}}`, `{device: é"\, ]`, `[]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := intake.Parse(text, intake.Limits{})
		if err != nil {
			return
		}
		valid := func(written []byte, device string) {
			var back struct{ Device string }
			if err := json.Unmarshal(written, &back); err != nil || back.Device != device {
				t.Errorf("%s: %v, device %q, want %q", written, err, back.Device, device)
			}
		}
		if parts, err := body.ReadParts(v, false); err == nil {
			var all map[string]json.RawMessage
			if err := json.Unmarshal([]byte(v.JSON()), &all); err != nil || len(all) != len(parts) {
				t.Errorf("%s: got %d parts, want %d, %v", text, len(parts), len(all), err)
			}
			for _, p := range parts {
				if string(all[p.Device.Name]) != string(p.Body) {
					t.Errorf("%q: got %s, want %s", p.Device.Name, p.Body, all[p.Device.Name])
				}
				valid(body.Behind(p.Device.Name, p.Body), p.Device.Name)
			}
		}
		if n, err := body.ReadNamed(v); err == nil && n.Name == "" {
			t.Error("a device without a name was read")
		}
		if p, _, err := body.ReadAnswer(v); err == nil {
			valid(body.Behind(p.Device.Name, p.Body), p.Device.Name)
		}
		if a, err := body.ReadAttributesAsked(v); err == nil {
			for _, found := range [][]registry.Attribute{nil, {{Key: "k", Value: json.RawMessage(`1`)}}} {
				valid(body.AttributesTold(a, a.Device.Name, found), a.Device.Name)
			}
		}
	})
}
