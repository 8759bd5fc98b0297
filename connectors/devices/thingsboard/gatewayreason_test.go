package thingsboard_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/registry"
)

// gateway5 adds a gateway, whose token is its name, and connects it with MQTT 5.
func (h *house) gateway5(name string) client5 {
	h.t.Helper()
	_, _, err := h.registry.AddDevice(context.Background(),
		registry.Device{Name: "gateway " + name, Profile: "meters", Gateway: true}, token(name))
	must(h.t, err)
	return h.connect5(login{client: "any", user: name}, packet.Properties{})
}

func (h *house) wantNone(names ...string) {
	h.t.Helper()
	for _, name := range names {
		if _, there := h.named(name); there {
			h.t.Errorf("device %q was made", name)
		}
	}
}

// TestG06_OneAttribute: who asks for one key gets three members.
func TestG06_OneAttribute(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.gateway("G")
	c.post(gatewayAttributes, `{"A":{"k":42}}`)
	c.post(gatewayAsk, `{"id":7,"device":"A","client":true,"key":"k"}`)
	c.wantMessage(gatewayAnswer, `{"id":7,"device":"A","value":42}`, 1)
}

// TestG09_ProfileIsFull: a profile with three devices at most takes no fourth from a gateway, which is told so and stays.
func TestG09_ProfileIsFull(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.limit(func(l *registry.ProfileLimits) { l.Devices = 4 }) // the gateway is one
	_, c := h.gateway("G")
	c.post(gatewayTelemetry, `{"A":[{"k":1}],"B":[{"k":1}],"C":[{"k":1}]}`)
	c.post(gatewayTelemetry, `{"A":[{"k":2}],"D":[{"k":1}]}`)
	c.publish(gatewayTelemetry, `{"D":[{"k":1}]}`, 0)
	c.ping()
	h.wantNone("D")
	if !h.log.holds(`"reason":"quota"`) || !h.log.holds(`"quota":"profile"`) {
		t.Error("the refusal was not logged")
	}
	must(t, h.registry.DeleteDevice(context.Background(), h.behind("B").ID))
	c.post(gatewayConnect, `{"device":"D"}`)
	h.behind("D")
}

// TestMQTT5_G09_Quotas: there are three of them, each of which is told as 0x97.
func TestMQTT5_G09_Quotas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit  func(*registry.ProfileLimits)
		option func(*devices.Options)
	}{
		"of the profile":             {limit: func(l *registry.ProfileLimits) { l.Devices = 2 }},
		"of the gateway":             {limit: func(l *registry.ProfileLimits) { l.GatewayDevices = 1 }},
		"of its sessions, as before": {option: func(o *devices.Options) { o.Limits.GatewayDevices = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t, func(o *devices.Options) {
				if c.option != nil {
					c.option(o)
				}
			})
			if c.limit != nil {
				h.limit(c.limit)
			}
			g := h.gateway5("G")
			g.post(gatewayTelemetry, `{"A":[{"k":1}]}`, packet.Success)
			g.post(gatewayTelemetry, `{"A":[{"k":2}],"B":[{"k":1}]}`, packet.QuotaExceeded)
			g.post(gatewayConnect, `{"device":"B"}`, packet.QuotaExceeded)
			g.post(gatewayAttributes, `{"B":{"k":1}}`, packet.QuotaExceeded)
			g.post(gatewayAsk, `{"id":1,"device":"B","client":true,"key":"k"}`, packet.QuotaExceeded)
			g.post(gatewayCalls, `{"device":"B","id":0,"data":1}`, packet.QuotaExceeded)
			g.publish(gatewayTelemetry, `{"B":[{"k":1}]}`, 0)
			g.post(gatewayTelemetry, `{"A":[{"k":3}]}`, packet.Success) // the connection is alive
			latest, err := h.registry.LatestTimeseries(context.Background(), h.behind("A").ID)
			must(t, err)
			same(t, "the device that there is", string(latest[0].Value), "3")
			h.wantNone("B")
		})
	}
}

// TestMQTT5_GatewayReasons are the reason codes of ThingsBoard's gateway API.
func TestMQTT5_GatewayReasons(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.gateway5("G")
	for _, c := range []struct {
		topic, payload string
		want           packet.ReasonCode
		closed         bool
	}{
		{gatewayTelemetry, `{"A":[{"k":1}],"B":[{"k":1}]}`, packet.Success, false},
		{gatewayConnect, `{"device":"A"}`, packet.Success, false},
		{gatewayTelemetry, `{"A":[{"k":1}],"B":[5]}`, packet.PayloadFormatInvalid, false},
		{gatewayTelemetry, `{"A":[{"ts":"now","values":{"k":1}}]}`, packet.PayloadFormatInvalid, false},
		{gatewayAttributes, `{"A":5}`, packet.PayloadFormatInvalid, false},
		{gatewayTelemetry, `{"A":[`, packet.PayloadFormatInvalid, false}, // not JSON: as with any device
		{gatewayTelemetry, `[]`, packet.ImplementationSpecificError, true},
		{gatewayTelemetry, `5`, packet.ImplementationSpecificError, true},
		{gatewayTelemetry, `{}`, packet.ImplementationSpecificError, true},
		{gatewayTelemetry, `{"A":{"k":1}}`, packet.ImplementationSpecificError, true},
		{gatewayConnect, `{"type":"x"}`, packet.ImplementationSpecificError, true},
		{gatewayDisconnect, `{}`, packet.ImplementationSpecificError, true},
		{gatewayAsk, `{"device":"A","client":true,"key":"k"}`, packet.ImplementationSpecificError, true},
		{gatewayAsk, `{"id":1,"client":true,"key":"k"}`, packet.ImplementationSpecificError, true},
		{gatewayAsk, `{"id":1,"device":"A","key":"k"}`, packet.ImplementationSpecificError, true},
		{gatewayCalls, `{"device":"A","data":{}}`, packet.ImplementationSpecificError, true},
		{"v1/gateway/x", `{}`, packet.TopicNameInvalid, false},
		{"v1/gateway/claim", `{"A":{}}`, packet.Success, false},
	} {
		for _, qos := range []byte{1, 0} {
			g := h.connect5(login{client: "any", user: "G"}, packet.Properties{})
			last := packet.ImplementationSpecificError
			closed := c.closed
			if qos == 1 {
				g.post(c.topic, c.payload, c.want)
			} else {
				g.publish(c.topic, c.payload, 0)
				if c.want == packet.PayloadFormatInvalid { // nothing to acknowledge it with
					closed, last = true, c.want
				}
			}
			if closed {
				g.wantGone(last)
			} else {
				g.post(gatewayConnect, `{"device":"A"}`, packet.Success)
			}
		}
	}
}

// TestR08_GatewayRateLimit: what is too much closes a gateway's connection: MQTT 5 acknowledges it as such, and what cannot
// be told so is not acknowledged, since that would mean that it was processed.
func TestR08_GatewayRateLimit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit func(*registry.ProfileLimits)
		by    devices.Limited
	}{
		"of the device behind it": {func(l *registry.ProfileLimits) { l.Rates.TelemetryMessages = "2:60" }, devices.LimitedDevice},
		"of the gateway":          {func(l *registry.ProfileLimits) { l.GatewayRates.TelemetryMessages = "3:60" }, devices.LimitedGateway},
		"of its data points":      {func(l *registry.ProfileLimits) { l.GatewayRates.TelemetryDataPoints = "5:60" }, devices.LimitedGateway},
		"of the profile":          {func(l *registry.ProfileLimits) { l.ProfileRates.TelemetryDataPoints = "5:60" }, devices.LimitedProfile},
	} {
		for _, version := range []packet.Version{packet.V311, packet.V5} {
			for _, qos := range []byte{0, 1} {
				t.Run(fmt.Sprint(name, " MQTT ", version, " QoS ", qos), func(t *testing.T) {
					t.Parallel()
					clock := &hand{}
					h := build(t, clock.use)
					h.limit(c.limit)
					first, then := `{"A":[{"k":1,"l":1}],"B":[{"k":1}]}`, `{"A":[{"k":1},{"l":1}]}`
					if version == packet.V311 {
						_, g := h.gateway("G")
						g.post(gatewayTelemetry, first)
						g.post(gatewayAttributes, `{"A":{"k":1,"l":1}}`)
						g.publish(gatewayTelemetry, then, qos)
						g.wantClosed()
					} else {
						g := h.gateway5("G")
						g.post(gatewayTelemetry, first, packet.Success)
						g.post(gatewayAttributes, `{"A":{"k":1,"l":1}}`, packet.Success)
						if qos == 1 {
							g.post(gatewayTelemetry, then, packet.QuotaExceeded)
						} else {
							g.publish(gatewayTelemetry, then, 0)
						}
						g.wantGone(packet.QuotaExceeded)
					}
					if !h.log.holds(`"limit":"` + string(c.by) + `"`) {
						t.Errorf("the log does not name the limit %s", c.by)
					}
				})
			}
		}
	}
}

// TestR08_GatewayItself: what a gateway sends for itself has limits of its own, and those of other devices do not hold for it.
func TestR08_GatewayItself(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	h.limit(func(l *registry.ProfileLimits) {
		l.Rates.TelemetryMessages, l.GatewayDeviceRates.TelemetryMessages = "1:60", "2:60"
	})
	_, g := h.gateway("G")
	g.post(gatewayTelemetry, `{"A":[{"k":1}]}`)
	g.post(telemetry, `{"k":1}`)
	g.post(telemetry, `{"k":1}`)
	g.publish(telemetry, `{"k":1}`, 1)
	g.wantClosed()
	if !h.log.holds(`"limit":"gateway-device"`) {
		t.Error("the log does not name the limit")
	}
}

// TestR08_GatewaysNonsense: for what is about no device the gateway pays itself.
func TestR08_GatewaysNonsense(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	h.limit(func(l *registry.ProfileLimits) { l.GatewayDeviceRates.Messages = "4:60" }) // one for its session
	g := h.gateway5("G")
	g.post(gatewayTelemetry, `{"A":[`, packet.PayloadFormatInvalid)
	g.post("v1/gateway/x", ``, packet.TopicNameInvalid)
	g.post("v1/gateway/claim", ``, packet.Success)
	g.post(gatewayTelemetry, `{"A":[`, packet.QuotaExceeded)
	g.wantGone(packet.QuotaExceeded)
}

// TestR08_GatewaysOtherMessages: a device behind a gateway that connects, reads and answers costs both of them messages.
func TestR08_GatewaysOtherMessages(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	h.limit(func(l *registry.ProfileLimits) { l.GatewayRates.Messages = "4:60" })
	g := h.gateway5("G")
	g.post(gatewayConnect, `{"device":"A"}`, packet.Success)
	g.post(gatewayConnect, `{"device":"A"}`, packet.Success) // it is
	g.post(gatewayAsk, `{"id":1,"device":"A","client":true,"key":"k"}`, packet.Success)
	g.wantMessage(gatewayAnswer, `{"id":1,"device":"A"}`, 1)
	g.post(gatewayCalls, `{"device":"A","id":9,"data":1}`, packet.Success)
	g.post(gatewayTelemetry, `{"A":[{"k":1}]}`, packet.Success)
	g.post(gatewayConnect, `{"device":"B"}`, packet.Success)
	g.post(gatewayConnect, `{"device":"C"}`, packet.QuotaExceeded)
	g.wantGone(packet.QuotaExceeded)
}

// TestMQTT5_GatewayIsToldOfDroppedDevices: a gateway hears that a device behind it has lost its session, and why.
func TestMQTT5_GatewayIsToldOfDroppedDevices(t *testing.T) {
	t.Parallel()
	h := build(t)
	g := h.gateway5("G")
	_, old := h.gateway("old") // speaks MQTT 3.1.1: nothing is told
	other := h.gateway5("other")
	for _, name := range []string{"A", "B", "C", "D"} {
		g.post(gatewayConnect, `{"device":"`+name+`"}`, packet.Success)
	}
	must(t, h.registry.DeleteDevice(context.Background(), h.behind("A").ID))
	g.wantMessage(gatewayDisconnect, `{"device":"A","reason":152}`, 1)
	_, err := h.registry.ChangeCredentials(context.Background(), h.behind("B").ID, token("TB"))
	must(t, err)
	g.wantMessage(gatewayDisconnect, `{"device":"B","reason":152}`, 1)
	other.post(gatewayConnect, `{"device":"C"}`, packet.Success)
	g.wantMessage(gatewayDisconnect, `{"device":"C","reason":142}`, 1)
	h.connect(login{client: "any", user: "TB"}) // speaks for itself
	g.post(gatewayDisconnect, `{"device":"D"}`, packet.Success)
	g.post(gatewayTelemetry, `{"A":[{"k":1}]}`, packet.Success) // made again, and nothing more is told
	old.post(gatewayConnect, `{"device":"A"}`)
	g.wantMessage(gatewayDisconnect, `{"device":"A","reason":142}`, 1)
	must(t, h.registry.DeleteDevice(context.Background(), h.behind("A").ID))
	old.ping()
}
