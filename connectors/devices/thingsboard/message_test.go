package thingsboard_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/registry"
)

func TestR01_AttributesMessage(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	c.post(attributes, `{"a":1}`)
	all := h.seen.want(t, 1)
	m := all[0]
	same(t, "type", m.Type(), "POST_ATTRIBUTES_REQUEST")
	same(t, "originator", m.Origin().Lane(), "DEVICE/"+d.ID)
	same(t, "profile", m.Origin().Profile, "meters")
	got := ""
	for _, p := range m.AllMeta() {
		got += p.Key + "=" + p.Value + " "
	}
	same(t, "metadata", got, "deviceName=meter-1 deviceType=meters notifyDevice=false ")
	if m.ID() == "" || m.Time().IsZero() {
		t.Errorf("message has id %q and time %v", m.ID(), m.Time())
	}
}

func TestR02_TelemetryMessages(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	begin := time.Now().UnixMilli()
	c.post(telemetry, `[{"ts":1000,"values":{"a":1}},{"b":2},{"c":3}]`)
	all := h.seen.want(t, 3)
	var data, times []string
	for _, m := range all {
		same(t, "type", m.Type(), "POST_TELEMETRY_REQUEST")
		ts, _ := m.Meta("ts")
		data, times = append(data, m.Data().Text()), append(times, ts)
		if len(m.AllMeta()) != 3 {
			t.Errorf("metadata: got %v, want deviceName, deviceType and ts", m.AllMeta())
		}
	}
	if want := []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}; !slices.Equal(data, want) {
		t.Errorf("data: got %v, want %v", data, want)
	}
	if times[0] != "1000" || times[1] != times[2] {
		t.Errorf("times: got %v, want 1000 and twice the server's", times)
	}
	if got := all[1].Time().UnixMilli(); got < begin || got > time.Now().UnixMilli() {
		t.Errorf("received: got %d", got)
	}
	c.post(telemetry, `[]`)
	if got := h.seen.types(); len(got) != 3 {
		t.Errorf("messages after an empty array: got %v", got)
	}
}

func TestR03_DeadLetterIsAcknowledged(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("broken", "Kbroken", func(p *registry.Profile) { p.Chain = "failing" })
	h.device("broken", "m", token("T"))
	c := h.connect(login{client: "any", user: "T"})
	c.post(attributes, `{"a":1}`)
	c.post(telemetry, `[{"a":1},{"a":2}]`)
	letters, _, err := h.registry.DeadLetters(context.Background(), registry.DeadLetterFilter{}, registry.Page{})
	letters = slices.DeleteFunc(letters, func(l registry.DeadLetter) bool { return strings.HasSuffix(l.Type, "_EVENT") })
	if err != nil || len(letters) != 3 {
		t.Errorf("dead letters: got %d (%v), want 3", len(letters), err)
	}
}

func TestR07_ClientAttributesAreReadable(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	c.post(attributes, `{"a":1}`)
	c.post("v2/a/req/1", `{"clientKeys":"a"}`)
	c.wantMessage("v2/a/res/1", `{"client":{"a":1}}`, 1)
	if got := h.seen.types(); len(got) != 1 {
		t.Errorf("messages: got %v, want one", got)
	}
}

// TestAbandonedIsNotAcknowledged: what an engine that stops does not take, the device has to send again.
func TestAbandonedIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "m", token("T"))
	must(t, h.stop(context.Background()))
	for _, body := range []string{`{"a":1}`, `[{"a":1},{"a":2}]`} {
		c := h.connect(login{client: "any", user: "T"})
		c.publish(telemetry, body, 1)
		c.wantClosed()
	}
	c := h.provisioning()
	c.publish("/provision/request", `{"provisionDeviceKey":"K","provisionDeviceSecret":"S"}`, 1)
	c.wantClosed()
}

// TestChainThatIsGone: a profile that names a chain which is not there loses nothing, and the log says so.
func TestChainThatIsGone(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("astray", "Kastray", func(p *registry.Profile) { p.Chain, p.ProvisionChain = "nowhere", "nowhere" })
	h.device("astray", "m", token("T"))
	c := h.connect(login{client: "any", user: "T"})
	c.publish(attributes, `{"a":1}`, 1)
	c.wantClosed()
	if !h.log.holds(`"chain":"nowhere"`) {
		t.Error("the log does not name the chain")
	}
	same(t, "answer", h.provisioning().request(`{"provisionDeviceKey":"Kastray","provisionDeviceSecret":"S","deviceName":"n"}`), failure)
}

func TestManyInFlight(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	var burst []byte
	const n = 300
	for i := range n {
		p := packet.Publish{Topic: attributes, QoS: 1, ID: uint16(i + 1), Payload: []byte(`{"a":1}`)}
		burst = p.Append(burst)
	}
	go func() { _, _ = c.conn.Write(burst) }()
	for i := range n {
		c.wantPuback(uint16(i + 1))
	}
}
