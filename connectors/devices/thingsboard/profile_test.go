package thingsboard_test

import (
	"context"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/thingsboard"
	"github.com/gridtie/gridtie/registry"
)

// filtered is a meter whose profile has topic filters of its own.
func (h *house) filtered(telemetry, attributes, subscribe string) (registry.Device, *client) {
	h.t.Helper()
	h.profile("filtered", "Kfiltered", func(p *registry.Profile) {
		p.Transport = registry.Transport{
			TransportType: registry.TransportMQTT, TelemetryTopic: telemetry, AttributesTopic: attributes,
			AttributesSubscribeTopic: subscribe,
		}
	})
	d := h.device("filtered", "meter-1", token("T"))
	return d, h.connect(login{client: "any", user: "T"})
}

func TestC13_ChangedCredentialsCutOff(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	_, err := h.registry.ChangeCredentials(context.Background(), d.ID, token("T2"))
	must(t, err)
	c.wantClosed()
	if got := h.code(login{client: "any", user: "T"}); got != 5 {
		t.Errorf("CONNACK with the old token: got %d, want 5", got)
	}
	now := h.connect(login{client: "any", user: "T2"})
	now.ping()
}

func TestC15_OtherTransport(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("coap", "Kcoap", func(p *registry.Profile) { p.TransportType = registry.TransportCoAP })
	h.profile("mqtt", "Kmqtt", func(p *registry.Profile) { p.TransportType = registry.TransportMQTT })
	h.device("coap", "c", token("C"))
	h.device("mqtt", "m", token("M"))
	if got := h.code(login{client: "any", user: "C"}); got != 3 {
		t.Errorf("CONNACK for a CoAP profile: got %d, want 3", got)
	}
	h.connect(login{client: "any", user: "M"}).ping()
}

func TestD04_TelemetryFilter(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.filtered("data/telemetry", "", "")
	c.post("data/telemetry", standard)
	values, _ := h.readings(d)
	same(t, "values", values, standard)
	// The filter replaces the topic of the fixed list, and no other.
	c.post(telemetry, `{"key4":5}`)
	values, _ = h.readings(d)
	same(t, "values after the fixed topic", values, standard)
	c.post("v2/t", `{"key4":6}`)
	c.post(attributes, `{"a":1}`)
	same(t, "attributes", h.attributes(d, registry.ClientScope), `{"a":1}`)
	if got := h.seen.types(); len(got) != 3 {
		t.Errorf("messages: got %v, want three", got)
	}
}

func TestD04_AttributesComeFirst(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.filtered("data/#", "#", "")
	c.post("data/telemetry", `{"a":1}`)
	c.post("v1/devices/me/attributes/request/1", `{"b":2}`) // "#" swallows requests, too
	same(t, "attributes", h.attributes(d, registry.ClientScope), `{"a":1,"b":2}`)
	c.post("v1/gateway/telemetry", `{"c":3}`) // but nothing of gateways
	if got := h.seen.types(); len(got) != 2 {
		t.Errorf("messages: got %v, want two", got)
	}
}

// The topics are those of ThingsBoard's MqttTopicFilterFactoryTest.
func TestD24_FilterTable(t *testing.T) {
	t.Parallel()
	topics := []string{
		"Sensor/Temperature/House/48", "Sensor/Temperature", "Sensor/Temperature2/House/48",
		"/Sensor/Temperature2/House/48", "Sensor/ Temperature", "/",
	}
	for _, c := range []struct {
		filter string
		want   string // for each topic
	}{
		{"Sensor/Temperature/House/+", "y....."},
		{"Sensor/+/House/#", "y.y..."},
		{"Sensor/#", "yyy.y."},
		{"Sensor/Temperature/#", "yy...."},
		{"#", "yyyyyy"},
		{"Sensor/Temperature#", "......"},
		{"Sensor/Temperature", ".y...."},
		{"Sensor/+", ".y..y."},
		{"+/+/+/+", "y.y..."},
		{"Sensor.Temperature", "......"}, // ThingsBoard's would match the second
		{"", "......"},
	} {
		got := ""
		for _, topic := range topics {
			if thingsboard.Matches(c.filter, topic) {
				got += "y"
			} else {
				got += "."
			}
		}
		same(t, "filter "+c.filter, got, c.want)
	}
}

func TestD25_TopicInMetadata(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.filtered("data/+", "", "")
	h.device("meters", "plain", token("P"))
	c.post("data/one", `[{"a":1},{"a":2}]`)
	c.post("v2/a", `{"a":1}`)
	h.connect(login{client: "any", user: "P"}).post(telemetry, `{"a":1}`)
	for i, want := range []string{"data/one", "data/one", "v2/a", ""} {
		m := h.seen.want(t, 4)[i]
		got, there := m.Meta("mqttTopic")
		if got != want || there != (want != "") {
			t.Errorf("mqttTopic of message %d: got %q %v, want %q", i, got, there, want)
		}
	}
}

func TestD32_SubscribeFilter(t *testing.T) {
	t.Parallel()
	h := build(t)
	const filter = "v1/devices/me/subscribeattributes"
	d, c := h.filtered("", "", filter)
	if got := c.subscribe(filter, 0); got != 0 {
		t.Fatalf("SUBACK: got %#x, want 0", got)
	}
	h.save(d, registry.SharedScope, "a", `1`)
	c.wantMessage(attributes, `{"a":1}`, 0)
	c.unsubscribe(filter)
	h.save(d, registry.SharedScope, "a", `2`)
	c.ping()
	h.device("meters", "plain", token("P"))
	if got := h.connect(login{client: "any", user: "P"}).subscribe(filter, 0); got != 0x80 {
		t.Errorf("SUBACK for another profile: got %#x, want 0x80", got)
	}
}

func TestProfileThatChangesIsFollowed(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.filtered("one", "", "")
	c.post("one", `{"a":1}`)
	p, err := h.registry.Profile(context.Background(), "filtered")
	must(t, err)
	p.TelemetryTopic = "two"
	_, err = h.registry.UpdateProfile(context.Background(), p)
	must(t, err)
	h.age()
	c.post("one", `{"a":2}`)
	c.post("two", `{"b":3}`)
	values, _ := h.readings(d)
	same(t, "values", values, `{"a":1,"b":3}`)
}

func FuzzTopicFilter(f *testing.F) {
	for _, filter := range []string{"Sensor/+/House/#", "#", "a+b", "a/#/b", "/#", "+", "a#", `\E.*(`, "", "a/\n/#"} {
		f.Add(filter, "Sensor/x/House/1")
	}
	f.Fuzz(func(t *testing.T, filter, topic string) {
		got := thingsboard.Matches(filter, topic)
		if filter == "#" && !got {
			t.Errorf("# does not match %q", topic)
		}
		if filter == topic && filter != "" && !got && !hasWildcard(filter) {
			t.Errorf("%q does not match itself", filter)
		}
	})
}

func hasWildcard(s string) bool {
	for _, c := range s {
		if c == '+' || c == '#' {
			return true
		}
	}
	return false
}
