package thingsboard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/registry"
)

const (
	gatewayConnect    = "v1/gateway/connect"
	gatewayDisconnect = "v1/gateway/disconnect"
	gatewayTelemetry  = "v1/gateway/telemetry"
	gatewayAttributes = "v1/gateway/attributes"
	gatewayAsk        = "v1/gateway/attributes/request"
	gatewayAnswer     = "v1/gateway/attributes/response"
	gatewayCalls      = "v1/gateway/rpc"
)

// gateway adds a gateway, whose token is its name, and connects it.
func (h *house) gateway(name string) (registry.Device, *client) {
	h.t.Helper()
	d, _, err := h.registry.AddDevice(context.Background(),
		registry.Device{Name: "gateway " + name, Profile: "meters", Gateway: true}, token(name))
	must(h.t, err)
	return d, h.connect(login{client: "any", user: name})
}

// behind is a device that must be there, and behind a gateway.
func (h *house) behind(name string) registry.Device {
	h.t.Helper()
	d, ok := h.named(name)
	if !ok || !d.IsBehind() {
		h.t.Fatalf("device %q: there %t, behind a gateway %t", name, ok, d.IsBehind())
	}
	return d
}

func TestG01_Connect(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("others", "Kothers", func(p *registry.Profile) { p.Chain, p.Strategy = "replying", registry.ProvisionDisabled })
	g, c := h.gateway("G")
	c.post(gatewayConnect, `{"device":"Device A"}`)
	c.post(gatewayConnect, `{"device":"Device B","type":"others"}`)
	a, b := h.behind("Device A"), h.behind("Device B")
	same(t, "profile", a.Profile+" "+b.Profile, "meters others")
	same(t, "via", a.Via, g.ID)
	all := h.seen.want(t, 4)
	for i, want := range []string{
		`PROVISION_REQUEST provision deviceName=Device A deviceType=meters gatewayId=` + g.ID + ` `,
		`ENTITY_CREATED  deviceName=Device A deviceType=meters gatewayId=` + g.ID + ` `,
		`PROVISION_REQUEST provision deviceName=Device B deviceType=others gatewayId=` + g.ID + ` `,
		`ENTITY_CREATED replying deviceName=Device B deviceType=others gatewayId=` + g.ID + ` `,
	} {
		same(t, "message", all[i].Type()+" "+all[i].Chain()+" "+metadata(all[i]), want)
	}
	if len(all) != 4 {
		t.Errorf("messages: got %v", h.seen.types())
	}
	c.post(gatewayConnect, `{"device":"Device A"}`) // connected already
	c.post(gatewayDisconnect, `{"device":"Device A"}`)
	c.post(gatewayDisconnect, `{"device":"nobody"}`)
	must(t, c.conn.Close())
	count := map[string]int{}
	for _, m := range h.seen.wantEvents(t, 9) {
		count[m.Type()+" "+m.Origin().Name]++
	}
	for _, name := range []string{"Device A", "Device B", "gateway G"} {
		for _, typ := range []string{"CONNECT_EVENT", "ACTIVITY_EVENT", "DISCONNECT_EVENT"} {
			if got := count[typ+" "+name]; got != 1 {
				t.Errorf("%s of %s: got %d, want 1", typ, name, got)
			}
		}
	}
	if _, there := h.named("nobody"); there {
		t.Error("a device was made to be disconnected")
	}
}

func TestG02_Telemetry(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.gateway("G")
	c.post(gatewayTelemetry, `{"A":[{"ts":1000,"values":{"k":1},"metadata":{"connector":"c"}},{"ts":2000,"values":{"k":2}}],"B":[{"k":3}],"skipped":{"k":4}}`)
	// Acknowledged, so that all of it is there.
	for name, want := range map[string]string{"A": "2", "B": "3"} {
		d := h.behind(name)
		readings, err := h.registry.LatestTimeseries(context.Background(), d.ID)
		must(t, err)
		if len(readings) != 1 || string(readings[0].Value) != want {
			t.Errorf("%s: got %v, want k=%s", name, readings, want)
		}
	}
	if _, there := h.named("skipped"); there {
		t.Error("an entry that is no array made a device")
	}
	var posted []string
	for _, m := range h.seen.want(t, 7) {
		if m.Type() == devices.TypeTelemetry {
			ts, _ := m.Meta("ts")
			if m.Origin().Name == "B" {
				ts = "now"
			}
			posted = append(posted, fmt.Sprint(m.Origin().Name, " ", ts, " ", m.Data().Text()))
		}
	}
	for _, want := range []string{`A 1000 {"k":1}`, `A 2000 {"k":2}`, `B now {"k":3}`} {
		if !strings.Contains(strings.Join(posted, "\n"), want) {
			t.Errorf("messages: got %q, want %s among them", posted, want)
		}
	}
}

func TestG03_Attributes(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.gateway("G")
	c.post(gatewayAttributes, `{"A":{"k":1},"B":{"k":"v"}}`)
	same(t, "A", h.attributes(h.behind("A"), registry.ClientScope), `{"k":1}`)
	same(t, "B", h.attributes(h.behind("B"), registry.ClientScope), `{"k":"v"}`)
}

func TestG04_SharedAttributes(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.gateway("G")
	c.post(gatewayConnect, `{"device":"A"}`)
	d := h.behind("A")
	h.save(d, registry.SharedScope, "k", `1`) // told without a subscription
	c.wantMessage(gatewayAttributes, `{"device":"A","data":{"k":1}}`, 1)
	c.subscribe(gatewayAttributes, 0)
	_, err := h.registry.DeleteAttributes(context.Background(), d.ID, registry.SharedScope, "k")
	must(t, err)
	c.wantMessage(gatewayAttributes, `{"device":"A","data":{"deleted":["k"]}}`, 0)
	c.post(gatewayDisconnect, `{"device":"A"}`)
	h.save(d, registry.SharedScope, "k", `2`)
	c.ping()
}

func TestG05_AttributeRequests(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.gateway("G")
	c.post(gatewayAttributes, `{"A":{"a":"v","b":true,"c":42.0,"d":73,"e":{"n":1}}}`)
	h.save(h.behind("A"), registry.SharedScope, "s", `5`)
	c.wantMessage(gatewayAttributes, `{"device":"A","data":{"s":5}}`, 1)
	for _, tt := range []struct{ ask, want string }{
		{`"client":true,"keys":["a","b","c","d","e"]`, `"values":{"a":"v","b":true,"c":42.0,"d":73,"e":{"n":1}}`},
		{`"client":true,"keys":["a","none"]`, `"values":{"a":"v"}`},
		{`"client":true,"key":"a"`, `"value":"v"`},
		{`"client":false,"key":"s"`, `"value":5`},
		{`"client":false,"key":"a"`, ``},
		{`"client":false`, `"values":{"s":5}`},
	} {
		want := `{"id":1,"device":"A"`
		if tt.want != "" {
			want += "," + tt.want
		}
		c.post(gatewayAsk, `{"id":1,"device":"A",`+tt.ask+`}`)
		c.wantMessage(gatewayAnswer, want+"}", 1)
	}
}

func TestG07_OneWayCall(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.gateway("G")
	c.subscribe(gatewayCalls, 0)
	c.post(gatewayConnect, `{"device":"A"}`)
	made := h.call(h.behind("A"), devices.Call{Method: "toggle", Params: []byte(`{"p":1}`), OneWay: true})
	c.wantMessage(gatewayCalls, `{"device":"A","data":{"id":0,"method":"toggle","params":{"p":1}}}`, 0)
	h.wantAnswer(made, "")
}

func TestG08_TwoWayCall(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.gateway("G")
	c.post(gatewayConnect, `{"device":"A"}`)
	made := h.call(h.behind("A"), devices.Call{Method: "toggle", Params: []byte(`1`)})
	c.wantMessage(gatewayCalls, `{"device":"A","data":{"id":0,"method":"toggle","params":1}}`, 1)
	c.post(gatewayCalls, `{"device":"A","id":0,"data":{"success":true}}`)
	h.wantAnswer(made, `{"success":true}`)
	c.post(gatewayCalls, `{"device":"A","id":7,"data":1}`) // nobody waits for it
}

func TestG09_TooManyDevices(t *testing.T) {
	t.Parallel()
	h := build(t, func(o *devices.Options) { o.Limits.GatewayDevices = 3 })
	_, c := h.gateway("G")
	c.post(gatewayTelemetry, `{"A":[{"k":1}],"B":[{"k":1}],"C":[{"k":1}]}`)
	c.post(gatewayTelemetry, `{"D":[{"k":1}]}`)
	c.ping()
	if _, there := h.named("D"); there {
		t.Error("the fourth device was made")
	}
	if !h.log.holds(`"reason":"limit"`) {
		t.Error("the refusal was not logged")
	}
	c.post(gatewayDisconnect, `{"device":"A"}`) // makes room
	c.post(gatewayTelemetry, `{"D":[{"k":1}]}`)
	h.behind("D")
}

func TestG11_DeletedDevice(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.gateway("G")
	c.post(gatewayConnect, `{"device":"A"}`)
	first := h.behind("A")
	must(t, h.registry.DeleteDevice(context.Background(), first.ID))
	c.post(gatewayConnect, `{"device":"A"}`)
	for end := time.Now().Add(never); ; time.Sleep(time.Millisecond) { // it is told of the deletion a little later
		if second, there := h.named("A"); there && second.ID != first.ID {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the device was not made again")
		}
		c.post(gatewayConnect, `{"device":"A"}`)
	}
	c.ping()
}

func TestG12_NoGateway(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	for _, topic := range []string{gatewayTelemetry, gatewayConnect, gatewayAttributes} {
		c.post(topic, `{"device":"A","A":[{"k":1}]}`)
	}
	c.ping()
	if _, there := h.named("A"); there || len(h.seen.types()) > 0 {
		t.Errorf("a device that is no gateway was listened to: %v", h.seen.types())
	}
}

// TestG13 as it is here: a device is active as long as it is connected, and it is while its gateway is.
func TestG13_Connected(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.gateway("G")
	c.post(gatewayConnect, `{"device":"A"}`)
	c.ping()
	same(t, "connected", fmt.Sprint(h.service.Connected()), "2")
	must(t, c.conn.Close())
	for end := time.Now().Add(never); h.service.Connected() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the gateway's connection ended, and the device's session did not")
		}
	}
}

// TestGatewaysBadMessages: what a gateway cannot be told about ends its connection.
func TestGatewaysBadMessages(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.gateway("G")
	for _, tt := range []struct {
		topic, payload string
		acked          bool
	}{
		{gatewayTelemetry, `[]`, true},
		{gatewayTelemetry, `{}`, true},
		{gatewayTelemetry, `{"A":{"k":1}}`, true},
		{gatewayTelemetry, `{"A":[`, false},
		{gatewayTelemetry, `{"A":[{"k":1}],"B":[5]}`, false},
		{gatewayAttributes, `{"A":5}`, false},
		{gatewayConnect, `{"type":"x"}`, true},
		{gatewayConnect, ``, true},
		{gatewayDisconnect, `{}`, true},
		{gatewayAsk, `{"id":1,"device":"A","key":"k"}`, true},
		{gatewayAsk, `{"device":"A","client":true,"key":"k"}`, true},
		{gatewayAsk, `{"id":1,"device":"A","client":true,"keys":[{}]}`, true},
		{gatewayCalls, `{"device":"A","id":0}`, true},
		{gatewayCalls, `{"id":0,"data":{}}`, true},
	} {
		c := h.connect(login{client: "any", user: "G"})
		id := c.publish(tt.topic, tt.payload, 1)
		if tt.acked {
			c.wantPuback(id)
		}
		c.wantClosed()
	}
	same(t, "the good part of a bad message", fmt.Sprint(len(h.seen.types()) > 0), "true")
	c := h.connect(login{client: "any", user: "G"})
	c.post("v1/gateway/claim", `{"A":{}}`) // not served
	c.ping()
}

// TestGatewayMayNot: devices that speak for themselves are their own.
func TestGatewayMayNot(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("closed", "Kclosed", func(p *registry.Profile) { p.ProvisionChain = "refusing" })
	d, meter := h.meter()
	own, c := h.gateway("G")
	c.post(gatewayAttributes, `{"meter-1":{"k":1},"gateway G":{"k":1},"A":{"k":1}}`)
	c.post(gatewayConnect, `{"device":"B","type":"closed"}`)
	c.post(gatewayConnect, `{"device":"B","type":"nowhere"}`)
	c.post(gatewayConnect, `{"device":"<b>"}`)
	c.post(gatewayAsk, `{"id":1,"device":"meter-1","client":true,"key":"k"}`)
	c.post(gatewayCalls, `{"device":"meter-1","id":0,"data":1}`)
	c.ping()
	meter.ping() // was not taken over
	same(t, "the meter", h.attributes(d, registry.ClientScope), `{}`)
	same(t, "the gateway", h.attributes(own, registry.ClientScope), `{}`)
	same(t, "its own device", h.attributes(h.behind("A"), registry.ClientScope), `{"k":1}`)
	if _, there := h.named("B"); there {
		t.Error("a device was made that its chain refuses")
	}
	for _, reason := range []string{"direct", "chain", "profile", "name"} {
		if !h.log.holds(`"reason":"` + reason + `"`) {
			t.Errorf("no refusal was logged with the reason %s", reason)
		}
	}
}

// TestGatewayTakeOver: the last gateway that names a device speaks for it, until the device logs in by itself.
func TestGatewayTakeOver(t *testing.T) {
	t.Parallel()
	h := build(t)
	added := h.device("meters", "A", token("TA")) // that nobody has heard of yet
	_, first := h.gateway("G1")
	_, second := h.gateway("G2")
	first.post(gatewayConnect, `{"device":"A"}`)
	same(t, "the device", h.behind("A").ID, added.ID)
	second.post(gatewayConnect, `{"device":" A "}`)
	h.save(added, registry.SharedScope, "k", `1`)
	second.wantMessage(gatewayAttributes, `{"device":"A","data":{"k":1}}`, 1)
	first.ping()
	own := h.connect(login{client: "any", user: "TA"})
	own.subscribe(attributes, 0)
	second.post(gatewayAttributes, `{"A":{"x":1}}`)
	h.save(added, registry.SharedScope, "k", `2`)
	own.wantMessage(attributes, `{"k":2}`, 0)
	second.ping()
	same(t, "client attributes", h.attributes(added, registry.ClientScope), `{}`)
}

// TestGatewayUndecided: what could not be decided is not acknowledged.
func TestGatewayUndecided(t *testing.T) {
	t.Parallel()
	broken := &brokenNames{}
	h := build(t, func(o *devices.Options) { broken.Registry, o.Registry = o.Registry, broken })
	_, c := h.gateway("G")
	c.publish(gatewayTelemetry, `{"A":[{"k":1}]}`, 1)
	c.wantClosed()
}

// brokenNames is a registry that cannot be asked for a name.
type brokenNames struct{ devices.Registry }

func (*brokenNames) DeviceByName(context.Context, string) (registry.Device, error) {
	return registry.Device{}, errors.New("the store is away")
}
