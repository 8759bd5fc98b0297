package thingsboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// state is the payload of an event about a device's comings and goings.
type state struct {
	Active                                                *bool
	LastConnectTime, LastActivityTime, LastDisconnectTime int64
	LastInactivityAlarmTime, InactivityTimeout            int64
}

func stateOf(t *testing.T, m *engine.Message) (s state) {
	t.Helper()
	must(t, json.Unmarshal([]byte(m.Data().Text()), &s))
	return s
}

func metadata(m *engine.Message) (text string) {
	for _, p := range m.AllMeta() {
		text += p.Key + "=" + p.Value + " "
	}
	return text
}

func TestR04_ConnectAndDisconnect(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	c.ping()
	connect := h.seen.wantEvents(t, 2)
	for i, want := range []string{"CONNECT_EVENT", "ACTIVITY_EVENT"} {
		same(t, "type", connect[i].Type(), want)
		same(t, "metadata", metadata(connect[i]), "deviceName=meter-1 deviceType=meters scope=SERVER_SCOPE ")
		same(t, "originator", connect[i].Origin().ID, d.ID)
	}
	first, active := stateOf(t, connect[0]), stateOf(t, connect[1])
	if first.LastConnectTime == 0 || first.Active != nil || first.LastDisconnectTime != 0 || first.InactivityTimeout != 600_000 {
		t.Errorf("connect: got %s", connect[0].Data().Text())
	}
	if active.Active == nil || !*active.Active || active.LastActivityTime == 0 {
		t.Errorf("activity: got %s", connect[1].Data().Text())
	}
	must(t, c.conn.Close())
	gone := h.seen.wantEvents(t, 3)[2]
	same(t, "type", gone.Type(), "DISCONNECT_EVENT")
	if s := stateOf(t, gone); s.LastDisconnectTime == 0 || s.Active == nil || !*s.Active {
		t.Errorf("disconnect: got %s", gone.Data().Text())
	}
	// It is active still, so that only its connection is news; and a take-over is no disconnection.
	second := h.connect(login{client: "any", user: "T"})
	h.connect(login{client: "any", user: "T"})
	second.wantClosed()
	for i, want := range []string{"CONNECT_EVENT", "CONNECT_EVENT"} {
		same(t, "type", h.seen.wantEvents(t, 5)[3+i].Type(), want)
	}
}

// TestR05 as it is for every protocol without connections.
func TestR05_ActivityWithoutConnection(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "m", token("T"))
	s, err := h.service.AuthenticateToken(context.Background(), netip.Addr{}, secret.NewText("T"))
	must(t, err)
	for range 2 {
		must(t, s.PostTelemetry(context.Background(), []byte(`{"a":1}`), func(engine.Fate) {}))
	}
	h.seen.want(t, 2)
	events := h.seen.wantEvents(t, 1)
	if len(events) != 1 || events[0].Type() != "ACTIVITY_EVENT" {
		t.Errorf("events: got %d, the first %s; want ACTIVITY_EVENT alone", len(events), events[0].Type())
	}
}

func TestR06_OwnChain(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("replying", "Kreplying", func(p *registry.Profile) { p.Chain = "replying" })
	p := h.provisioning()
	p.request(`{"provisionDeviceKey":"Kreplying","provisionDeviceSecret":"S","deviceName":"m","token":"T"}`)
	c := h.connect(login{client: "any", user: "T"})
	c.post(telemetry, `{"a":1}`)
	for _, m := range h.seen.want(t, 4) {
		want := "replying"
		switch m.Type() {
		case "PROVISION_REQUEST":
			continue
		case "ENTITY_CREATED", "PROVISION_SUCCESS":
			want = "" // the root chain
		}
		same(t, "chain of "+m.Type(), m.Chain(), want)
	}
	for _, m := range h.seen.wantEvents(t, 2) {
		same(t, "chain of "+m.Type(), m.Chain(), "replying")
	}
}

// TestDeviceOfAnOperator: the chain of its profile hears of it.
func TestDeviceOfAnOperator(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("replying", "Kreplying", func(p *registry.Profile) { p.Chain = "replying" })
	d, _, err := h.registry.AddDevice(context.Background(), registry.Device{Name: "added", Profile: "replying", Gateway: true}, registry.Credentials{})
	must(t, err)
	must(t, h.service.Created(context.Background(), d))
	m := h.seen.want(t, 1)[0]
	same(t, "message", m.Type()+" "+metadata(m)+m.Data().Text(), fmt.Sprintf(`ENTITY_CREATED deviceName=added deviceType=replying `+
		`{"id":{"entityType":"DEVICE","id":%q},"createdTime":%d,"name":"added","type":"replying","additionalInfo":{"gateway":true}}`,
		d.ID, d.Created.UnixMilli()))
	same(t, "chain", m.Chain(), "replying")
	same(t, "origin", m.Origin().ID, d.ID)
}

// TestAttributesOfAnOperator: the device hears of shared ones, and the chains of all.
func TestAttributesOfAnOperator(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	c.subscribe(attributes, 0)
	ctx := context.Background()
	must(t, h.service.SetAttributes(ctx, d, registry.SharedScope, []registry.Attribute{{Key: "a", Value: json.RawMessage(`1`)}}))
	c.wantMessage(attributes, `{"a":1}`, 0)
	must(t, h.service.SetAttributes(ctx, d, registry.ServerScope, []registry.Attribute{{Key: "b", Value: json.RawMessage(`2`)}}))
	_, err := h.service.DeleteAttributes(ctx, d, registry.SharedScope, "a", "none")
	must(t, err)
	c.wantMessage(attributes, `{"deleted":["a"]}`, 0)
	for i, want := range []string{
		`ATTRIBUTES_UPDATED deviceName=meter-1 deviceType=meters scope=SHARED_SCOPE {"a":1}`,
		`ATTRIBUTES_UPDATED deviceName=meter-1 deviceType=meters scope=SERVER_SCOPE {"b":2}`,
		`ATTRIBUTES_DELETED deviceName=meter-1 deviceType=meters scope=SHARED_SCOPE {"attributes":["a"]}`,
	} {
		m := h.seen.want(t, 3)[i]
		same(t, "message", m.Type()+" "+metadata(m)+m.Data().Text(), want)
	}
}
