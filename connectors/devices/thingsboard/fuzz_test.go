package thingsboard_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// FuzzProvisionRequest: no body makes it panic, and no error repeats a secret.
func FuzzProvisionRequest(f *testing.F) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"provisionDeviceKey":"K","provisionDeviceSecret":"S","deviceName":"m"}`,
		`{provisionDeviceKey: K, provisionDeviceSecret: 5, gateway: true}`, `{"provisionDeviceKey":"K","token":null}`,
		`{"provisionDeviceSecret":{"a":1}}`, `{"credentialsType":"LWM2M_CREDENTIALS"}`, "\x0a\x03abc",
	} {
		f.Add([]byte(body))
	}
	d := thingsboard.New(devices.New(devices.Options{Registry: directory{}}), thingsboard.Options{})
	f.Fuzz(func(t *testing.T, body []byte) {
		_ = d.ProvisionRequest(body)
		const hidden = "seventy-seven"
		err := d.ProvisionRequest([]byte(`{"provisionDeviceSecret":"` + hidden + `",` + string(body)))
		if err != nil && strings.Contains(err.Error(), hidden) && !strings.Contains(string(body), hidden) {
			t.Errorf("the error holds the secret: %v", err)
		}
	})
}

// FuzzProvisionBody: whatever a device chose for credentials, it gets valid JSON with these in it.
func FuzzProvisionBody(f *testing.F) {
	f.Add("token", "user", "p\"\\\u2028<é")
	f.Fuzz(func(t *testing.T, client, user, password string) {
		if !utf8.ValidString(client) || !utf8.ValidString(user) || !utf8.ValidString(password) {
			t.Skip() // intake lets no such text in
		}
		body := thingsboard.ProvisionBody(devices.ProvisionReply{Status: devices.StatusSuccess, Credentials: basic(client, user, password)})
		var got struct {
			Value map[string]string `json:"credentialsValue"`
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if got.Value["clientId"] != client || got.Value["userName"] != user || got.Value["password"] != password {
			t.Errorf("credentials: got %q, want %q %q %q", got.Value, client, user, password)
		}
		body = thingsboard.ProvisionBody(devices.ProvisionReply{
			Status: devices.StatusSuccess, Credentials: registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(client)},
		})
		if !json.Valid(body) {
			t.Errorf("no JSON: %s", body)
		}
	})
}

// FuzzAttributeRequest: every topic and body has a fate, and every answer is valid.
func FuzzAttributeRequest(f *testing.F) {
	for _, topic := range []string{
		"v1/devices/me/attributes/request/1", "v2/a/req/7", "v2/a/req/j/-7", "v2/a/req/p/1", "v2/a/req/", "v2/a/req/+1",
		"v2/a/req/2147483648", "x",
	} {
		f.Add(topic, []byte(`{"clientKeys":"a,b","sharedKeys":"c"}`))
	}
	f.Add("", []byte(`{"clientKeys":null}`))
	d := thingsboard.New(devices.New(devices.Options{Registry: directory{}}), thingsboard.Options{})
	f.Fuzz(func(t *testing.T, topic string, body []byte) {
		answer, id := thingsboard.AnswerTo(topic)
		if answer != "" && !packet.ValidTopic(answer+strconv.Itoa(int(id))) {
			t.Errorf("topic %q is answered on %q", topic, answer)
		}
		client, shared, ok := d.AttributeKeys(body)
		if !ok {
			return
		}
		var as []registry.Attribute
		for _, key := range client {
			as = append(as, registry.Attribute{Key: key, Value: json.RawMessage(`1`)})
		}
		for _, text := range [][]byte{thingsboard.AttributesBody(as, as), thingsboard.DeletedBody(shared)} {
			if !json.Valid(text) {
				t.Errorf("no JSON: %s", text)
			}
		}
	})
}
