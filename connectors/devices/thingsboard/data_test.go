package thingsboard_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry"
)

// standard is the payload of ThingsBoard's own tests.
const standard = `{"key1":"value1","key2":true,"key3":3.0,"key4":4,` +
	`"key5":{"someNumber":42,"someArray":[1,2,3],"someNestedObject":{"key":"value"}}}`

const (
	telemetry  = "v1/devices/me/telemetry"
	attributes = "v1/devices/me/attributes"
)

// readings spells the latest time series out as one object.
func (h *house) readings(d registry.Device) (values string, at time.Time) {
	h.t.Helper()
	latest, err := h.registry.LatestTimeseries(context.Background(), d.ID)
	must(h.t, err)
	var as []registry.Attribute
	for _, r := range latest {
		as = append(as, registry.Attribute{Key: r.Key, Value: r.Value})
		at = r.Time
	}
	return object(as), at
}

func TestD01_Telemetry(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	for i, topic := range []string{telemetry, "v2/t", "v2/t/j"} {
		body := strings.Replace(standard, `"key4":4`, `"key4":`+string(rune('4'+i)), 1)
		c.post(topic, body)
		values, _ := h.readings(d)
		same(t, topic, values, body)
	}
}

func TestD02_TelemetryWithTime(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	c.post(telemetry, `{"ts":10000,"values":`+standard+`}`)
	values, at := h.readings(d)
	same(t, "values", values, standard)
	if at.UnixMilli() != 10000 {
		t.Errorf("time: got %v, want 10000 ms", at)
	}
}

func TestD03_Attributes(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	for i, topic := range []string{attributes, "v2/a", "v2/a/j"} {
		body := strings.Replace(standard, `"key4":4`, `"key4":`+string(rune('4'+i)), 1)
		c.post(topic, body)
		same(t, topic, h.attributes(d, registry.ClientScope), body)
	}
}

func TestD05_BadPayloadCloses(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "m", token("T"))
	for _, qos := range []byte{0, 1} {
		c := h.connect(login{client: "any", user: "T"})
		c.publish(telemetry, `{"key1":, "key2":true}`, qos)
		c.wantClosed()
	}
	if got := h.seen.types(); len(got) != 0 {
		t.Errorf("messages: got %v, want none", got)
	}
}

// TestD06 in its MQTT 3.1.1 form, for a profile that wants bad payloads acknowledged.
func TestD06_BadPayloadIsAcknowledgedIfTheProfileSaysSo(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("patient", "Kpatient", func(p *registry.Profile) { p.AckOnValidationFailure = true })
	h.device("patient", "m", token("T"))
	c := h.connect(login{client: "any", user: "T"})
	for _, topic := range []string{
		attributes, telemetry, "v2/a", "v2/t/p", "v1/devices/me/attributes/request/x", "v2/a/req/1", "v2/r/res/x",
	} {
		c.post(topic, `"key1":"value1", "key3": 3.0`)
		c.ping()
	}
	if got := h.seen.types(); len(got) != 0 {
		t.Errorf("messages: got %v, want none", got)
	}
}

func TestD08_UnknownTopicIsAcknowledged(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	for _, topic := range []string{
		"wrong/topic/", "v1/devices/me", "v1/devices/me/attributes/", "v1/devices/me/telemetry/x", "/provision/request",
		"v1/gateway/telemetry", "v1/gateway/connect", "v1/devices/me/claim",
		"v1/devices/me/rpc/response/1", "v2/r/res/1", "v2/r/res/j/1", "v2/fw/response/1/chunk/0", "v2/x",
	} {
		c.post(topic, `{"a":1}`)
		c.ping()
	}
	if got := h.seen.types(); len(got) != 0 {
		t.Errorf("messages: got %v, want none", got)
	}
}

func TestD10_FiltersAreCompared(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	for _, filter := range []string{
		"#", "+", "v1/devices/me/+", "v1/devices/me/#", "v2/fw/response/+", "wrong/topic/+", "/provision/response",
		"v1/devices/me/telemetry", "v2/a/p", "v2/a/res/p/+", "v2/r/req/p/+", "v1/devices/you/attributes",
	} {
		if got := c.subscribe(filter, 1); got != 0x80 {
			t.Errorf("SUBACK for %q: got %#x, want 0x80", filter, got)
		}
		c.unsubscribe(filter)
	}
	c.ping()
}

func TestD13_GrantedQoS(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	for _, filter := range []string{
		attributes, "v2/a", "v2/a/j", "v1/devices/me/rpc/request/+", "v2/r/req/+", "v2/r/req/j/+",
		"v1/devices/me/attributes/response/+", "v2/a/res/+", "v2/a/res/j/+", "v1/devices/me/rpc/response/+",
		"v2/r/res/+", "v2/r/res/j/+", "v2/fw/response/+/chunk/+", "v2/sw/response/+/chunk/+", "v2/fw/error",
		"v2/sw/error", "v1/gateway/attributes", "v1/gateway/rpc", "v1/gateway/attributes/response",
	} {
		for _, qos := range []byte{0, 1, 2} {
			if got := c.subscribe(filter, qos); got != min(qos, 1) {
				t.Errorf("SUBACK for %q QoS %d: got %#x, want %d", filter, qos, got, min(qos, 1))
			}
		}
	}
}

func TestD14_FlagDoesNotSaveQoS0(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("patient", "Kpatient", func(p *registry.Profile) { p.AckOnValidationFailure = true })
	h.device("patient", "m", token("T"))
	c := h.connect(login{client: "any", user: "T"})
	c.publish(attributes, `{`, 0)
	c.wantClosed()
}

// TestBadPayloads are the cases D15, D16, D20 and what else is none.
func TestBadPayloads(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "m", token("T"))
	for _, c := range []struct{ name, topic, body string }{
		{"D15 array of numbers", telemetry, `[1,2]`},
		{"D15 string", telemetry, `"x"`},
		{"D15 number", telemetry, `5`},
		{"D16 array of objects", attributes, `[{"a":1}]`},
		{"D20 trailing comma", attributes, `{"a":1,}`},
		{"D20 text after the document", attributes, `{"a":1} x`},
		{"empty", attributes, ``},
		{"name given twice", attributes, `{"a":1,"a":2}`},
		{"no time", telemetry, `{"ts":"yesterday","values":{"a":1}}`},
		{"Protobuf telemetry", "v2/t/p", "\x0a\x01a"},
		{"Protobuf attributes", "v2/a/p", ""},
		{"attribute request without object", attributes + "/request/1", ``},
		{"attribute request with array", attributes + "/request/1", `[]`},
		{"attribute request with key list", attributes + "/request/1", `{"clientKeys":["a"]}`},
		{"attribute request with null", attributes + "/request/1", `{"sharedKeys":null}`},
		{"attribute request without id", attributes + "/request/", `{}`},
		{"attribute request with word", attributes + "/request/one", `{}`},
		{"attribute request with large id", attributes + "/request/2147483648", `{}`},
		{"answer to a call without id", "v1/devices/me/rpc/response/x", `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := h.connect(login{client: "any", user: "T"})
			m.publish(c.topic, c.body, 1)
			m.wantClosed()
		})
	}
	if got := h.seen.types(); len(got) != 0 {
		t.Errorf("messages: got %v, want none", got)
	}
}

// TestPayloads are the cases D17 to D23: what a chain gets of what a device sends.
func TestPayloads(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	for _, p := range []struct{ name, topic, body, want, ts string }{
		{"D17 ts without values", telemetry, `{"ts":5,"k":1}`, `{"ts":5,"k":1}`, ""},
		{"D18 ts as a string", telemetry, `{"ts":"10000","values":{"a":1}}`, `{"a":1}`, "10000"},
		{"D19 as a shell sends it", attributes, `{attribute1: value1, attribute2: true}`, `{"attribute1":"value1","attribute2":true}`, ""},
		{"D20 single quotes", attributes, `{'a':'b'}`, `{"a":"b"}`, ""},
		{"D21 null", attributes, `{"a":null,"b":1}`, `{"b":1}`, ""},
		{"D22 exponent", attributes, `{"a":1E+1}`, `{"a":10}`, ""},
		{"D22 negative exponent", attributes, `{"a":101E-1}`, `{"a":10.1}`, ""},
		{"D22 point", attributes, `{"a":42.0,"b":11}`, `{"a":42.0,"b":11}`, ""},
		{"D22 beyond 64 bits", attributes, `{"a":9.9701010061400066E19}`, `{"a":"99701010061400066000"}`, ""},
		{"D23 cast", attributes, `{"a":"12.50","b":"1e5","c":"+5"}`, `{"a":12.5,"b":"1e5","c":"+5"}`, ""},
		{"nothing", telemetry, `{}`, `{}`, ""},
	} {
		t.Run(p.name, func(t *testing.T) {
			before := len(h.seen.types())
			c.post(p.topic, p.body)
			m := h.seen.want(t, before+1)[before]
			same(t, "data", m.Data().Text(), p.want)
			if ts, _ := m.Meta("ts"); p.ts != "" && ts != p.ts {
				t.Errorf("ts: got %q, want %q", ts, p.ts)
			}
		})
	}
}

func TestD26_LargestPacket(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	body := `{"a":"` + strings.Repeat("x", 60000) + `"}`
	c.post(attributes, body)
	same(t, "attributes", h.attributes(d, registry.ClientScope), body)
	c.publish(attributes, `{"a":"`+strings.Repeat("x", 65537)+`"}`, 1)
	c.wantClosed()
}

func TestD27_AttributeRequest(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	h.save(d, registry.SharedScope, "s1", `"v"`, "s2", `2`, "s3", `[1,{"x":null}]`)
	c.post(attributes, standard)
	const keys = `{"clientKeys":"key1,key2,key3,key4,key5","sharedKeys":"s1,s2,s3,s1"}`
	const want = `{"client":` + standard + `,"shared":{"s1":"v","s2":2,"s3":[1,{"x":null}]}}`
	for request, answer := range map[string]string{
		attributes + "/request/1": attributes + "/response/1", "v2/a/req/1": "v2/a/res/1", "v2/a/req/j/1": "v2/a/res/j/1",
		attributes + "/request/-7": attributes + "/response/-7",
	} {
		c.post(request, keys)
		c.wantMessage(answer, want, 1)
	}
}

func TestD28_AttributeRequestForAll(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	h.save(d, registry.SharedScope, "s", `1`)
	h.save(d, registry.ServerScope, "hidden", `1`)
	h.save(d, registry.ClientScope, "c", `1`, "d", `2`)
	for _, r := range []struct{ body, want string }{
		{`{}`, `{"client":{"c":1,"d":2},"shared":{"s":1}}`},
		{`{"clientKeys":"c"}`, `{"client":{"c":1}}`},
		{`{"sharedKeys":"s"}`, `{"shared":{"s":1}}`},
		{`{"clientKeys":"hidden","sharedKeys":"hidden"}`, `{}`},
		{`{clientKeys: d}`, `{"client":{"d":2}}`},
	} {
		c.post(attributes+"/request/2", r.body)
		c.wantMessage(attributes+"/response/2", r.want, 1)
	}
}

func TestD29_UnknownAttributes(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	c.post(attributes+"/request/3", `{"clientKeys":"x","sharedKeys":"y"}`)
	c.wantMessage(attributes+"/response/3", `{}`, 1)
}

func TestD30_AnswerQoS(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	ask := func(qos byte) {
		c.publish("v2/a/req/4", `{}`, 0)
		c.wantMessage("v2/a/res/4", `{}`, qos)
	}
	ask(1)
	c.subscribe("v1/devices/me/attributes/response/+", 0) // of the other style
	ask(1)
	c.subscribe("v2/a/res/+", 0)
	ask(0)
	c.subscribe("v2/a/res/+", 1)
	ask(1)
	c.subscribe("v2/a/res/+", 0)
	c.unsubscribe("v2/a/res/+")
	ask(1)
}

func TestD31_SharedAttributesArePushed(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	for _, topic := range []string{attributes, "v2/a", "v2/a/j"} { // the last subscription decides
		c.subscribe(topic, 0)
		h.save(d, registry.SharedScope, "sharedJson", `{"a":[1.0]}`, "sharedStr", `"v"`)
		c.wantMessage(topic, `{"sharedJson":{"a":[1.0]},"sharedStr":"v"}`, 0)
		_, err := h.registry.DeleteAttributes(context.Background(), d.ID, registry.SharedScope, "sharedJson", "sharedStr")
		must(t, err)
		c.wantMessage(topic, `{"deleted":["sharedJson","sharedStr"]}`, 0)
	}
	c.unsubscribe("v2/a/j")
	c.subscribe("v2/a", 1)
	h.save(d, registry.SharedScope, "a", `1`)
	c.wantMessage("v2/a", `{"a":1}`, 1)
	c.unsubscribe("v2/a")
	h.save(d, registry.SharedScope, "a", `2`)
	c.wantMessage(attributes, `{"a":2}`, 0)
}

func TestD33_OtherScopesAreNotPushed(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	other := h.device("meters", "other", token("T2"))
	deaf := h.connect(login{client: "any", user: "T2"})
	c.subscribe(attributes, 1)
	h.save(d, registry.ClientScope, "a", `1`)
	h.save(d, registry.ServerScope, "a", `1`)
	h.save(other, registry.SharedScope, "a", `1`)
	h.save(d, registry.SharedScope, "a", `2`)
	c.wantMessage(attributes, `{"a":2}`, 1)
	deaf.ping() // it did not subscribe
}

// TestD11 in its MQTT 3.1.1 form, in which an UNSUBACK has no codes.
func TestD11_SubscribeAndUnsubscribe(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	if got := c.subscribe(attributes, 0); got != 0 {
		t.Errorf("SUBACK: got %#x, want 0", got)
	}
	c.unsubscribe(attributes)
	c.unsubscribe(attributes)
	h.save(d, registry.SharedScope, "a", `1`)
	c.ping()
}

func TestD12_Puback(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	c.wantPuback(c.publish(attributes, `{"a":1}`, 1))
}
