package thingsboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/registry"
)

const (
	notFound = `{"errorMsg":"Provision data was not found!","status":"NOT_FOUND"}`
	failure  = `{"errorMsg":"Failed to provision device!","status":"FAILURE"}`
)

// ask sends a provisioning request for the profile with key K and returns the answer. members are further members.
func (c *client) ask(members string) string {
	c.t.Helper()
	return c.request(`{"provisionDeviceKey":"K","provisionDeviceSecret":"S"` + members + `}`)
}

// request sends a body and returns the answer, which comes after the acknowledgement.
func (c *client) request(body string) string {
	c.t.Helper()
	c.post("/provision/request", body)
	p := c.receive()
	if p.Topic != "/provision/response" {
		c.t.Fatalf("topic: got %q, want %q", p.Topic, "/provision/response")
	}
	return string(p.Payload)
}

func value(t *testing.T, answer string) string {
	t.Helper()
	m := regexp.MustCompile(`^\{"credentialsValue":"([^"]*)","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"\}$`).
		FindStringSubmatch(answer)
	if m == nil {
		t.Fatalf("answer: got %s, want a token", answer)
	}
	return m[1]
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

func (h *house) named(name string) (registry.Device, bool) {
	h.t.Helper()
	d, err := h.registry.DeviceByName(context.Background(), name)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		h.t.Fatal(err)
	}
	return d, err == nil
}

func TestP01_NewDeviceGetsToken(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.provisioning()
	if got := c.subscribe("/provision/response", 0); got != 0 {
		t.Fatalf("SUBACK: got %#x, want 0", got)
	}
	given := value(t, c.ask(`,"deviceName":"meter-1"`))
	if !regexp.MustCompile(`^[0-9A-Za-z]{20}$`).MatchString(given) {
		t.Errorf("token: got %q, want 20 letters and digits", given)
	}
	d, ok := h.named("meter-1")
	if !ok || d.Profile != "meters" {
		t.Errorf("device: got %+v, want meter-1 of meters", d)
	}
	h.connect(login{client: "any", user: given}).ping()
}

func TestP02_OwnToken(t *testing.T) {
	t.Parallel()
	h := build(t)
	got := h.provisioning().ask(`,"deviceName":"m","credentialsType":"ACCESS_TOKEN","token":"test_token"`)
	same(t, "answer", got, `{"credentialsValue":"test_token","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`)
	h.connect(login{client: "any", user: "test_token"}).ping()
}

func TestP03_OwnBasicCredentials(t *testing.T) {
	t.Parallel()
	h := build(t)
	got := h.provisioning().ask(`,"deviceName":"m","credentialsType":"MQTT_BASIC","clientId":"c","username":"u","password":"p"`)
	same(t, "answer", got,
		`{"credentialsValue":{"clientId":"c","userName":"u","password":"p"},"credentialsType":"MQTT_BASIC","status":"SUCCESS"}`)
	h.connect(login{client: "c", user: "u", password: "p"}).ping()
}

func TestP04_OwnCertificate(t *testing.T) {
	t.Parallel()
	h := build(t)
	got := h.provisioning().ask(`,"deviceName":"m","credentialsType":"X509_CERTIFICATE","hash":"testHash"`)
	same(t, "answer", got, `{"credentialsValue":"testHash","credentialsType":"X509_CERTIFICATE","status":"SUCCESS"}`)
}

func TestP05_Gateway(t *testing.T) {
	t.Parallel()
	h := build(t)
	value(t, h.provisioning().ask(`,"deviceName":"g","gateway":true`))
	if d, _ := h.named("g"); !d.Gateway {
		t.Error("device is no gateway")
	}
}

func TestP06_Disabled(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("off", "Koff", func(p *registry.Profile) { p.Strategy = registry.ProvisionDisabled })
	got := h.provisioning().request(`{"provisionDeviceKey":"Koff","provisionDeviceSecret":"S","deviceName":"m"}`)
	same(t, "answer", got, notFound)
}

func TestP07_OtherKey(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.provisioning()
	for _, body := range []string{
		`{"provisionDeviceKey":"other","provisionDeviceSecret":"S","deviceName":"m"}`,
		`{"provisionDeviceKey":"K","provisionDeviceSecret":"s","deviceName":"m"}`,
		`{"provisionDeviceKey":"","provisionDeviceSecret":"S","deviceName":"m"}`,
		`{"provisionDeviceKey":"K","provisionDeviceSecret":"","deviceName":"m"}`,
	} {
		same(t, "answer to "+body, c.request(body), notFound)
	}
}

// checking adds a profile of the strategy CHECK_PRE_PROVISIONED_DEVICES with key Kcheck, and a device in it.
func checking(h *house) (registry.Device, string) {
	h.profile("checked", "Kcheck", func(p *registry.Profile) { p.Strategy = registry.CheckPreProvisioned })
	d := h.device("checked", "known", token("stored"))
	return d, `{"provisionDeviceKey":"Kcheck","provisionDeviceSecret":"S","deviceName":"known","token":"ignored"}`
}

func TestP08_PreProvisioned(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, body := checking(h)
	same(t, "token", value(t, h.provisioning().request(body)), "stored")
}

func TestP09_PreProvisionedIsNoted(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, body := checking(h)
	h.provisioning().request(body)
	same(t, "server attributes", h.attributes(d, registry.ServerScope), `{"provisionState":"provisioned"}`)
}

func TestP10_ForeignProvisionState(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, body := checking(h)
	h.save(d, registry.ServerScope, "provisionState", `"non-valid"`)
	same(t, "answer", h.provisioning().request(body), failure)
}

func TestP11_PreProvisionedElsewhere(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, body := checking(h)
	h.device("meters", "m", token("T"))
	same(t, "answer", h.provisioning().request(strings.Replace(body, "known", "m", 1)), failure)
	same(t, "answer to no name", h.provisioning().request(`{"provisionDeviceKey":"Kcheck","provisionDeviceSecret":"S"}`), failure)
}

func TestP12_NameIsTaken(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.device("meters", "m", token("T"))
	h.connect(login{client: "any", user: "T"}) // has been used: no repeating of the answer
	c := h.provisioning()
	same(t, "answer", c.ask(`,"deviceName":"m"`), failure)
	same(t, "answer to other credentials", c.ask(`,"deviceName":"m","token":"mine"`), failure)
	h.connect(login{client: "any", user: "T"}).ping()
	if code := h.code(login{client: "any", user: "mine"}); code != 5 {
		t.Errorf("CONNACK for the refused token: got %d, want 5", code)
	}
	told := 0
	for _, m := range h.seen.want(t, 4) {
		if m.Type() == "PROVISION_FAILURE" && m.Origin().ID == d.ID {
			told++
		}
	}
	if told != 2 {
		t.Errorf("PROVISION_FAILURE about the device: got %d, want 2", told)
	}
}

func TestP13_GeneratedNames(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.provisioning()
	value(t, c.ask(""))
	value(t, c.ask(`,"deviceName":""`))
	ds, _, err := h.registry.Devices(context.Background(), registry.Page{})
	must(t, err)
	if len(ds) != 2 || ds[0].Name == ds[1].Name {
		t.Fatalf("devices: got %+v, want two with different names", ds)
	}
	for _, d := range ds {
		if len(d.Name) != 20 {
			t.Errorf("name: got %q, want 20 characters", d.Name)
		}
	}
}

func TestP14_BlankName(t *testing.T) {
	t.Parallel()
	h := build(t)
	same(t, "answer", h.provisioning().ask(`,"deviceName":"   "`), failure)
	if ds, _, err := h.registry.Devices(context.Background(), registry.Page{}); err != nil || len(ds) != 0 {
		t.Errorf("devices: got %v %v, want none", ds, err)
	}
}

func TestP15_TrimmedName(t *testing.T) {
	t.Parallel()
	h := build(t)
	value(t, h.provisioning().ask(`,"deviceName":"  meter-1 "`))
	if _, ok := h.named("meter-1"); !ok {
		t.Error("there is no device meter-1")
	}
}

func TestP16_TypeWithoutCredentials(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.provisioning()
	value(t, c.ask(`,"deviceName":"a","credentialsType":"MQTT_BASIC"`))
	value(t, c.ask(`,"deviceName":"b","credentialsType":"LWM2M_CREDENTIALS","token":""`))
}

func TestP17_TokenIsTaken(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "first", token("T"))
	same(t, "answer", h.provisioning().ask(`,"deviceName":"second","token":"T"`), failure)
	if _, ok := h.named("second"); ok {
		t.Error("a device without credentials remains")
	}
}

func TestP18_PasswordWithoutUserName(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.provisioning()
	same(t, "answer", c.ask(`,"deviceName":"m","credentialsType":"MQTT_BASIC","clientId":"c","password":"p"`), failure)
	same(t, "token missing", c.ask(`,"deviceName":"m","credentialsType":"ACCESS_TOKEN","username":"u"`), failure)
	same(t, "LWM2M", c.ask(`,"deviceName":"m","credentialsType":"LWM2M_CREDENTIALS","token":"t"`), failure)
}

func TestP19_UserNameOnly(t *testing.T) {
	t.Parallel()
	h := build(t)
	got := h.provisioning().ask(`,"deviceName":"m","credentialsType":"MQTT_BASIC","username":"u"`)
	same(t, "answer", got,
		`{"credentialsValue":{"clientId":"","userName":"u","password":""},"credentialsType":"MQTT_BASIC","status":"SUCCESS"}`)
}

func TestP20_MissingSecret(t *testing.T) {
	t.Parallel()
	h := build(t)
	for name, body := range map[string]string{
		"no secret":     `{"deviceName":"m","provisionDeviceKey":"K"}`,
		"no key":        `{"deviceName":"m","provisionDeviceSecret":"S"}`,
		"null secret":   `{"provisionDeviceKey":"K","provisionDeviceSecret":null}`,
		"null name":     `{"provisionDeviceKey":"K","provisionDeviceSecret":"S","deviceName":null}`,
		"object token":  `{"provisionDeviceKey":"K","provisionDeviceSecret":"S","token":{}}`,
		"null gateway":  `{"provisionDeviceKey":"K","provisionDeviceSecret":"S","gateway":null}`,
		"empty request": `{}`,
	} {
		c := h.provisioning()
		c.subscribe("/provision/response", 1)
		c.post("/provision/request", body)
		c.wantClosed()
		_ = name
	}
}

func TestP21_UnknownType(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, typ := range []string{`"TOKEN"`, `"access_token"`, `""`, `null`, `1`} {
		c := h.provisioning()
		c.post("/provision/request", `{"provisionDeviceKey":"K","provisionDeviceSecret":"S","credentialsType":`+typ+`}`)
		c.wantClosed()
	}
}

func TestP22_UnknownMembers(t *testing.T) {
	t.Parallel()
	h := build(t)
	value(t, h.provisioning().ask(`,"deviceName":"m","firmware":null,"site":{"a":[1]}`))
}

func TestP23_AnswerWithoutSubscription(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.provisioning()
	c.post("/provision/request", `{"provisionDeviceKey":"x","provisionDeviceSecret":"S"}`)
	c.wantMessage("/provision/response", notFound, 1)
	for _, qos := range []byte{0, 1, 2} {
		if got := c.subscribe("/provision/response", qos); got != min(qos, 1) {
			t.Errorf("SUBACK for QoS %d: got %d", qos, got)
		}
		c.publish("/provision/request", `{"provisionDeviceKey":"x","provisionDeviceSecret":"S"}`, 0)
		c.wantMessage("/provision/response", notFound, min(qos, 1))
	}
}

func TestP24_OtherSubscriptions(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.connect(login{client: "provision", user: "whoever"})
	for _, filter := range []string{"v1/devices/me/attributes", "#", "provision/response"} {
		if got := c.subscribe(filter, 1); got != 0x80 {
			t.Errorf("SUBACK for %q: got %#x, want 0x80", filter, got)
		}
	}
	value(t, c.ask(""))
}

func TestP26_OtherTopics(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, topic := range []string{"/provision", "provision/request", "v1/devices/me/telemetry"} {
		c := h.provisioning()
		c.publish(topic, `{"provisionDeviceKey":"K","provisionDeviceSecret":"S"}`, 0)
		c.wantClosed()
		c = h.provisioning()
		c.post(topic, `{}`)
		c.wantClosed()
	}
}

func TestP27_SecondRequest(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.provisioning()
	same(t, "first answer", c.ask(`,"deviceName":" "`), failure)
	value(t, c.ask(`,"deviceName":"m"`))
}

func TestP38_Events(t *testing.T) {
	t.Parallel()
	h := build(t)
	value(t, h.provisioning().ask(`,"deviceName":"m","token":"mine"`))
	all := h.seen.want(t, 3)
	d, _ := h.named("m")
	same(t, "types", strings.Join(h.seen.types(), " "), "PROVISION_REQUEST ENTITY_CREATED PROVISION_SUCCESS")
	same(t, "request", all[0].Data().Text(), `{"deviceName":"m","credentialsType":"ACCESS_TOKEN","gateway":false}`)
	same(t, "lane", all[0].Lane(), "PROVISION/meters/m")
	for _, m := range all[1:] {
		same(t, m.Type()+": originator", m.Origin().ID, d.ID)
	}
	for _, m := range all {
		for _, text := range []string{`"mine"`, `"S"`, `"K"`} {
			if strings.Contains(m.Data().Text(), text) {
				t.Errorf("%s holds a secret: %s", m.Type(), m.Data().Text())
			}
		}
	}
}

func TestP39_NotFoundIsNoMessage(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.provisioning()
	same(t, "answer", c.request(`{"provisionDeviceKey":"K","provisionDeviceSecret":"x","deviceName":"m"}`), notFound)
	value(t, c.ask(`,"deviceName":"m"`))
	if all := h.seen.types(); slices.Contains(all[1:], "PROVISION_REQUEST") {
		t.Errorf("messages: got %v, want one request", all)
	}
}

func TestProvisioningIsRepeatable(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.provisioning()
	first := value(t, c.ask(`,"deviceName":"m"`))
	same(t, "second token", value(t, c.ask(`,"deviceName":"m"`)), first)
	h.connect(login{client: "any", user: first})
	same(t, "answer after use", c.ask(`,"deviceName":"m"`), failure)
	same(t, "answer with the token", value(t, c.ask(`,"deviceName":"m","token":"`+first+`"`)), first)
}

// TestLenientRequest is what arrives when a shell has eaten the quotes.
func TestLenientRequest(t *testing.T) {
	t.Parallel()
	h := build(t)
	value(t, h.provisioning().request(`{provisionDeviceKey: K, provisionDeviceSecret: S, deviceName: 17}`))
	if _, ok := h.named("17"); !ok {
		t.Error("there is no device 17")
	}
}

func TestBodiesThatAreNoObjects(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, body := range []string{"", " ", "null", "[]", `"x"`, "5", "{", `{"a":}`, "\x0a\x03abc", `{"a":1,"a":2}`} {
		c := h.provisioning()
		c.publish("/provision/request", body, 1)
		c.wantClosed()
	}
}

// TestDecisionsOfChains shows what a device is told when a chain decides otherwise than the shipped one.
func TestDecisionsOfChains(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, chain := range []string{"undecided", "twice", "refusing", "failing"} {
		h.profile(chain, "K"+chain, func(p *registry.Profile) { p.ProvisionChain = chain })
		got := h.provisioning().request(`{"provisionDeviceKey":"K` + chain + `","provisionDeviceSecret":"S","deviceName":"` + chain + `"}`)
		same(t, chain, got, failure)
		if _, ok := h.named(chain); ok {
			t.Errorf("%s: the device was made all the same", chain)
		}
	}
}

func TestAnswersQuoteWhatTheyRepeat(t *testing.T) {
	t.Parallel()
	h := build(t)
	got := h.provisioning().ask(`,"deviceName":"m","token":"a\"b\\c<é"`)
	var answer struct {
		Value string `json:"credentialsValue"`
	}
	if err := json.Unmarshal([]byte(got), &answer); err != nil || answer.Value != `a"b\c<é` {
		t.Errorf("answer: got %s (%v)", got, err)
	}
	same(t, "text", got, `{"credentialsValue":"a\"b\\c<é","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`)
}
