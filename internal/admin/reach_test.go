package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/rs/zerolog"
)

// reached is a device that answers as its test wants.
type reached struct {
	answer admin.CallAnswer
	err    error
	calls  []admin.NewCall
	set    []registry.Attribute
}

func (r *reached) Call(_ context.Context, _ registry.Device, c admin.NewCall) (admin.CallAnswer, error) {
	r.calls = append(r.calls, c)
	return r.answer, r.err
}

func (r *reached) Created(context.Context, registry.Device) error { return r.err }

func (r *reached) SetAttributes(_ context.Context, _ registry.Device, _ registry.AttributeScope, as []registry.Attribute) error {
	r.set = append(r.set, as...)
	return r.err
}

func (r *reached) DeleteAttributes(context.Context, registry.Device, registry.AttributeScope, ...string) ([]string, error) {
	return nil, r.err
}

// oneMeter is the API over a registry with one device, meter-1.
func oneMeter(t *testing.T, d admin.Devices, log *bytes.Buffer) http.Handler {
	t.Helper()
	st, err := pebble.Open("memory", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Open(t.Context(), st, registry.Options{ServerKey: secret.NewKey()})
	if err == nil {
		_, err = r.AddProfile(t.Context(), registry.NewProfile("meters"), secret.Text{})
	}
	if err == nil {
		_, _, err = r.AddDevice(t.Context(), registry.Device{Name: "meter-1", Profile: "meters"}, registry.Credentials{})
	}
	if err == nil {
		_, _, err = r.AddDevice(t.Context(), registry.Device{Name: "meter-2", Profile: "meters"},
			registry.Credentials{Type: registry.AccessToken, Token: secret.NewText("taken")})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	return admin.Handler(admin.Options{Registry: r, Version: "test", Data: "data", Logger: zerolog.New(log), Devices: d})
}

func TestCallDevice(t *testing.T) {
	t.Parallel()
	d := &reached{}
	h := oneMeter(t, d, &bytes.Buffer{})
	for _, c := range []struct {
		name, body string
		answer     string
		err        error
		status     int
		want       string
	}{
		{"an answer", `{"method":"get"}`, `{"a": 1}`, nil, 200, `{"response":{"a":1}}`},
		{"an answer with a supply point", `{"method":"get"}`, `{"cups": "ES0021000000000001RK"}`, nil, 200, `ES0021•`},
		{"silence", `{"method":"get","timeout":2.5}`, ``, admin.ErrNoAnswer, 504, `no-answer`},
		{"nobody", `{"method":"get"}`, ``, admin.ErrNotConnected, 504, `not-connected`},
		{"too many", `{"method":"get"}`, ``, registry.ErrInUse, 409, `in-use`},
		{"no method", `{"method":""}`, ``, registry.ErrInvalid, 400, `invalid`},
		{"no time", `{"method":"get","timeout":-1}`, ``, nil, 400, `timeout`},
		{"far too often", `{"method":"get","retries":1000}`, ``, nil, 400, `retries`},
		{"a misspelling", `{"metod":"get"}`, ``, nil, 400, `metod`},
	} {
		d.answer, d.err = admin.CallAnswer{Response: json.RawMessage(c.answer)}, c.err
		code, text := ask(h, "POST", "/v1/devices/meter-1/rpc", c.body)
		if code != c.status || !strings.Contains(text, c.want) || strings.Contains(text, "000000001RK") {
			t.Errorf("%s: got %d %s, want %d with %s", c.name, code, text, c.status, c.want)
		}
	}
	if got := d.calls[2].Lasts().Seconds(); got != 2.5 {
		t.Errorf("timeout: got %g s, want 2.5", got)
	}
	if code, _ := ask(h, "POST", "/v1/devices/nobody/rpc", `{"method":"get"}`); code != 404 {
		t.Errorf("unknown device: got %d, want 404", code)
	}
}

func TestCallWithoutServer(t *testing.T) {
	t.Parallel()
	h := oneMeter(t, nil, &bytes.Buffer{})
	if code, text := ask(h, "POST", "/v1/devices/meter-1/rpc", `{"method":"get"}`); code != 503 {
		t.Errorf("not kept: got %d %s, want 503", code, text)
	}
	code, text := ask(h, "POST", "/v1/devices/meter-1/rpc", `{"method":"get","persistent":true,"retries":0,"timeout":60}`)
	var answer admin.CallAnswer
	if err := json.Unmarshal([]byte(text), &answer); code != 200 || err != nil || answer.ID == "" {
		t.Fatalf("kept: got %d %s", code, text)
	}
	if code, text := ask(h, "GET", "/v1/devices/meter-1/rpc/"+answer.ID, ""); code != 200 || !strings.Contains(text, `"QUEUED"`) {
		t.Errorf("one: got %d %s", code, text)
	}
	if code, text := ask(h, "GET", "/v1/devices/meter-1/rpc?limit=1", ""); code != 200 || !strings.Contains(text, answer.ID) {
		t.Errorf("all: got %d %s", code, text)
	}
	if code, _ := ask(h, "GET", "/v1/devices/meter-1/rpc/none", ""); code != 404 {
		t.Errorf("none: got %d, want 404", code)
	}
}

func TestAttributesOfADevice(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]*reached{"with a server": {}, "without": nil} {
		var devices admin.Devices
		if d != nil {
			devices = d
		}
		h := oneMeter(t, devices, &bytes.Buffer{})
		code, text := ask(h, "POST", "/v1/devices/meter-1/attributes", `{"values":{"b":1,"a":{"c":2}},"delete":["x"]}`)
		switch {
		case code != 200:
			t.Errorf("%s: got %d %s", name, code, text)
		case d != nil && (len(d.set) != 2 || d.set[0].Key != "a"):
			t.Errorf("%s: set %v, want a and b", name, d.set)
		case d == nil && !strings.Contains(text, `"key":"a","value":{"c":2}`):
			t.Errorf("%s: got %s", name, text)
		}
		for _, bad := range []string{`{"scope":"CLIENT_SCOPE","values":{"a":1}}`, `{"scope":"MY_SCOPE","values":{"a":1}}`} {
			if d != nil {
				d.err = registry.ErrInvalid
			}
			if code, text := ask(h, "POST", "/v1/devices/meter-1/attributes", bad); code != 400 {
				t.Errorf("%s: %s: got %d %s, want 400", name, bad, code, text)
			}
		}
	}
}

func TestChangeCredentialsOfADevice(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := oneMeter(t, nil, &log)
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"a token of its own making", `{}`, 200, `"type":"ACCESS_TOKEN","token":"`},
		{"a token", `{"token":"s3cret-token"}`, 200, `"token":"s3cret-token"`},
		{"basic", `{"type":"MQTT_BASIC","userName":"u","password":"s3cret-word"}`, 200, `"userName":"u"`},
		{"taken", `{"token":"taken"}`, 409, `exists`},
		{"impossible", `{"type":"MQTT_BASIC","clientId":"c","password":"p"}`, 400, `cannot be`},
	} {
		code, text := ask(h, "POST", "/v1/devices/meter-1/credentials", c.body)
		if code != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: got %d %s, want %d with %s", c.name, code, text, c.status, c.want)
		}
	}
	if strings.Contains(log.String(), "s3cret") || !strings.Contains(log.String(), "credentials_changed") {
		t.Errorf("the log holds a secret, or not what happened: %s", log.String())
	}
}

func TestChangeProfile(t *testing.T) {
	t.Parallel()
	h := oneMeter(t, nil, &bytes.Buffer{})
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"filters", `{"transportType":"MQTT","deviceTelemetryTopic":"a/+","castStrings":false}`, 200, `"deviceTelemetryTopic":"a/+"`},
		{"the rest stays", `{"chain":"x"}`, 200, `"castStrings":false`},
		{"back to the default", `{"deviceTelemetryTopic":"","transportType":""}`, 200, `"transportType":"DEFAULT"`},
		{"filter without MQTT", `{"deviceTelemetryTopic":"a"}`, 400, `needs transport type MQTT`},
		{"unknown strategy", `{"strategy":"NEVER"}`, 400, `NEVER`},
		{"misspelt", `{"chian":"x"}`, 400, `chian`},
	} {
		code, text := ask(h, "PATCH", "/v1/profiles/meters", c.body)
		if code != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: got %d %s, want %d with %s", c.name, code, text, c.status, c.want)
		}
	}
	if code, _ := ask(h, "PATCH", "/v1/profiles/none", `{}`); code != 404 {
		t.Errorf("unknown profile: got %d, want 404", code)
	}
}
