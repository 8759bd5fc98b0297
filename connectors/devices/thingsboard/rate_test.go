package thingsboard_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/rate"
)

// limit gives the profile of meters limits, which are in force when it returns.
func (h *house) limit(change func(*registry.ProfileLimits)) {
	h.t.Helper()
	_, err := h.registry.ChangeProfile(context.Background(), "meters", func(p *registry.Profile) { change(&p.Limits) })
	must(h.t, err)
	h.service.ForgetProfiles()
}

// twoAMinute limits what one device posts.
func twoAMinute(l *registry.ProfileLimits) { l.Rates.TelemetryMessages = "2:60" }

func TestR08_MQTTRateLimit(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	h.limit(twoAMinute)
	_, c := h.meter()
	other := h.device("meters", "meter-2", token("T2"))
	c.post(telemetry, `{"a":1}`)
	c.post(attributes, `{"a":1}`)
	c.publish(telemetry, `{"a":3}`, 1)
	c.wantClosed() // without an acknowledgement
	c = h.connect(login{client: "any", user: "T"})
	c.post(telemetry, `{}`) // no value: another limit, which is not set
	c.publish(telemetry, `{"a":3}`, 0)
	c.wantClosed()
	neighbour := h.connect(login{client: "any", user: "T2"})
	neighbour.post(telemetry, `{"a":1}`)
	clock.pass(30 * time.Second)
	c = h.connect(login{client: "any", user: "T"})
	c.post(telemetry, `{"a":4}`)
	c.publish(telemetry, `{"a":5}`, 1)
	c.wantClosed()
	d, _ := h.named("meter-1")
	latest, err := h.registry.LatestTimeseries(context.Background(), d.ID)
	must(t, err)
	if len(latest) != 1 || string(latest[0].Value) != "4" {
		t.Errorf("stored: got %+v, want what was acknowledged last", latest)
	}
	if !h.log.holds(`"rate_limited"`) || !h.log.holds(`"of":"telemetryMessages"`) || h.log.holds(other.ID+`","profile":"meters","event":"rate_limited`) {
		t.Error("the log does not tell who was limited")
	}
}

func TestR08_HTTPRateLimit(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.limit(twoAMinute)
	w := openSite(h)
	w.device("meters", "meter-1", token("T"))
	for range 2 {
		w.want("POST", "/api/v1/T/telemetry", `{"a":1}`, http.StatusOK, "")
	}
	r, err := http.Post(w.url+"/api/v1/T/telemetry", "application/json", strings.NewReader(`{"a":1}`))
	must(t, err)
	must(t, r.Body.Close())
	if after := r.Header.Get("Retry-After"); r.StatusCode != http.StatusTooManyRequests || after != "30" {
		t.Errorf("the third: got %d, Retry-After %q, want 429 and 30", r.StatusCode, after)
	}
	w.want("POST", "/api/v1/T/attributes", `{"a":1}`, http.StatusTooManyRequests,
		`{"status":429,"message":"more messages came than the limit allows: device"}`+"\n")
	w.want("GET", "/api/v1/T/attributes", "", http.StatusOK, "{}") // no value: another limit
}

func TestR08_CoAPRateLimit(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.limit(twoAMinute)
	p.device("meters", "meter-1", token("T"))
	m := p.meter()
	for range 2 {
		m.want(message.POST, "/api/v1/T/telemetry", `{"a":1}`, created, "")
	}
	a := m.ask(message.POST, "/api/v1/T/telemetry", `{"a":1}`)
	if age, _ := a.Options.Uint(message.MaxAge); a.Code != message.InternalServerError || age < 29 || age > 30 {
		t.Errorf("the third: got %v, Max-Age %d, want 5.00 and 30", a.Code, age)
	}
}

// TestMQTT5_R08_RateLimit: a client of MQTT 5 is told by the DISCONNECT.
func TestMQTT5_R08_RateLimit(t *testing.T) {
	t.Parallel()
	for _, qos := range []byte{0, 1} {
		h := build(t)
		h.limit(twoAMinute)
		_, c := h.meter5(packet.Properties{})
		c.post(telemetry, `{"a":1}`, packet.Success)
		c.post(telemetry, `{"a":2}`, packet.Success)
		c.publish(telemetry, `{"a":3}`, qos)
		c.wantGone(packet.ImplementationSpecificError)
	}
}

// TestR08_WhatMessagesCost: one limit is for what has values, another for all else.
func TestR08_WhatMessagesCost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits registry.RateLimits
		does   func(c *client) // takes all that there is
		then   func(c *client) // and this is too much
	}{
		"data points": {
			registry.RateLimits{TelemetryDataPoints: "6:60"},
			func(c *client) {
				c.post(telemetry, `[{"a":1,"b":{"c":1,"d":2}},{"ts":1,"values":{"a":1}}]`)
				c.post(attributes, `{"a":1,"b":2,"c":null}`)
			},
			func(c *client) { c.publish(telemetry, `{"a":1,"b":2}`, 1) },
		},
		"several items are one message": {
			registry.RateLimits{TelemetryMessages: "2:60"},
			func(c *client) {
				c.post(telemetry, `[{"a":1},{"a":2},{"a":3}]`)
				c.post(telemetry, `{"a":1}`)
			},
			func(c *client) { c.publish(attributes, `{"a":1}`, 1) },
		},
		"opening, subscribing, reading, answering": {
			registry.RateLimits{Messages: "4:60"},
			func(c *client) { // opening was the first
				c.subscribe(attributes, 1)
				c.post("v1/devices/me/attributes/request/1", `{}`)
				c.receive()
				c.post("v1/devices/me/rpc/response/5", `{}`)
				c.post(telemetry, `{"a":1}`)
			},
			func(c *client) { c.publish("v1/devices/me/rpc/response/5", `{}`, 1) },
		},
		"asking": {
			registry.RateLimits{Messages: "3:60"},
			func(c *client) {
				c.post("v1/devices/me/rpc/request/1", `{"method":"m"}`)
				c.post("v1/devices/me/rpc/request/1", `{"method":"getSessionLimits"}`)
				c.receive()
			},
			func(c *client) { c.publish("v1/devices/me/rpc/request/1", `{"method":"getSessionLimits"}`, 1) },
		},
		"what is not served, or cannot be read": {
			registry.RateLimits{Messages: "4:60"},
			func(c *client) {
				c.post("wrong/topic", `{}`)
				c.post("v1/gateway/telemetry", `{}`)
				c.post("v1/devices/me/claim", `{}`)
			},
			func(c *client) { c.publish("wrong/topic", ``, 1) },
		},
		"telemetry without a value": {
			registry.RateLimits{Messages: "3:60"},
			func(c *client) {
				c.post(telemetry, `{}`)
				c.post(telemetry, `[{"a":null},{}]`)
			},
			func(c *client) { c.publish(telemetry, `[]`, 1) },
		},
		"a subscription too many": {
			registry.RateLimits{Messages: "2:60"},
			func(c *client) { c.subscribe("v1/devices/me/attributes/response/+", 1); c.subscribe(attributes, 1) },
			func(c *client) {
				p := packet.Subscribe{ID: 9, Subscriptions: []packet.Subscription{{Filter: "v1/devices/me/rpc/request/+", QoS: 1}}}
				c.send(p.Append(nil))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &hand{}
			h := build(t, clock.use)
			h.limit(func(l *registry.ProfileLimits) { l.Rates = c.limits })
			h.device("meters", "meter-1", token("T"))
			m := h.connect(login{client: "any", user: "T"})
			c.does(m)
			c.then(m)
			m.wantClosed()
		})
	}
}

// TestR08_BadPayloadsCost: who sends what cannot be read is limited, too.
func TestR08_BadPayloadsCost(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	h.limit(func(l *registry.ProfileLimits) { l.Rates.Messages = "3:60" })
	_, c := h.meter5(packet.Properties{})
	c.post(telemetry, `{"a":`, packet.PayloadFormatInvalid)
	c.post("v1/devices/me/attributes/request/1", `5`, packet.PayloadFormatInvalid)
	c.publish("v1/devices/me/rpc/request/1", `[`, 1)
	c.wantGone(packet.ImplementationSpecificError)
}

// TestR08_Connect: who has no message left is told so at CONNECT.
func TestR08_Connect(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	h.limit(func(l *registry.ProfileLimits) { l.Rates.Messages = "2:60" })
	h.device("meters", "meter-1", token("T"))
	first := h.connect(login{client: "any", user: "T"})
	first.post("v1/devices/me/rpc/response/5", `{}`)
	same(t, "CONNACK", fmt.Sprint(h.code(login{client: "any", user: "T"})), "3")
	first.ping() // it was not taken over
	_, code := h.code5(login{client: "any", user: "T"}, packet.Properties{})
	if code != packet.ConnectionRateExceeded {
		t.Errorf("CONNACK of MQTT 5: got %v, want %v", code, packet.ConnectionRateExceeded)
	}
	clock.pass(30 * time.Second)
	h.connect(login{client: "any", user: "T"})
}

// TestR08_Profile: all devices of a profile share its rate.
func TestR08_Profile(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	h.profile("others", "Kothers", nil)
	h.limit(func(l *registry.ProfileLimits) { l.ProfileRates.TelemetryMessages = "3:60" })
	var all []*client
	for i, profile := range []string{"meters", "meters", "others"} {
		name := fmt.Sprint("T", i)
		h.device(profile, name, token(name))
		all = append(all, h.connect(login{client: "any", user: name}))
	}
	all[0].post(telemetry, `{"a":1}`)
	all[1].post(telemetry, `{"a":1}`)
	all[0].post(telemetry, `{"a":1}`)
	all[1].publish(telemetry, `{"a":1}`, 1)
	all[1].wantClosed()
	all[2].post(telemetry, `{"a":1}`)
	if !h.log.holds(`"limit":"profile"`) {
		t.Error("the log does not tell that it was the profile's")
	}
}

// TestR08_Changed: other limits hold from the next message on, for sessions that are open, too.
func TestR08_Changed(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	_, c := h.meter()
	c.post(telemetry, `{"a":1}`)
	h.limit(func(l *registry.ProfileLimits) { l.Rates.TelemetryMessages = "1:60" })
	c.post(telemetry, `{"a":1}`)
	h.service.ForgetProfiles() // the same limits, read again, are no new tokens
	h.limit(func(l *registry.ProfileLimits) { l.Rates.TelemetryDataPoints, l.Rates.TelemetryMessages = "2:60", "" })
	c.post(telemetry, `{"a":1,"b":2}`)
	h.service.ForgetProfiles()
	c.publish(telemetry, `{"a":1}`, 1)
	c.wantClosed()
	h.limit(func(l *registry.ProfileLimits) { l.Rates = registry.RateLimits{} })
	c = h.connect(login{client: "any", user: "T"})
	for range 5 {
		c.post(telemetry, `{"a":1}`)
	}
}

// addressRate limits what may come from one address.
func addressRate(limit rate.Limit) func(*devices.Options) {
	return func(o *devices.Options) { o.Limits.AddressRate = limit }
}

// TestR08_MQTTAddress: everything from an address counts, whoever sends it, and nobody elsewhere is bothered.
func TestR08_MQTTAddress(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use, addressRate("4:60"))
	h.device("meters", "meter-1", token("T"))
	h.device("meters", "meter-2", token("T2"))
	c := h.connect(login{client: "any", user: "T"})
	c.post(telemetry, `{"a":1}`)
	h.code(login{client: "any", user: "wrong"})
	c.post(telemetry, `{}`)
	same(t, "CONNACK", fmt.Sprint(h.code(login{client: "any", user: "T2"})), "3")
	same(t, "CONNACK elsewhere", fmt.Sprint(h.codeFrom("127.0.0.2", login{client: "any", user: "T2"})), "0")
	p := h.provisioning()
	p.publish("/provision/request", provisionText(profileSecret), 1)
	p.wantClosed()
	c.publish(telemetry, `{"a":1}`, 1)
	c.wantClosed()
	clock.pass(15 * time.Second)
	same(t, "CONNACK later", fmt.Sprint(h.code(login{client: "any", user: "T2"})), "0")
	if !h.log.holds(`"source":"127.0.0.1/32"`) {
		t.Error("the log does not name the address")
	}
}

func TestR08_HTTPAddress(t *testing.T) {
	t.Parallel()
	h := build(t, addressRate("2:3600"))
	w := openSite(h)
	w.device("meters", "meter-1", token("T"))
	w.want("POST", "/api/v1/T/telemetry", `{"a":1}`, http.StatusOK, "") // costs one, although it is a login and a post
	w.want("GET", "/api/v1/T/attributes", "", http.StatusOK, "{}")
	for _, path := range []string{"/api/v1/T/telemetry", "/api/v1/wrong/telemetry", "/api/v1/provision"} {
		if status, _ := w.do("POST", path, request("")); status != http.StatusTooManyRequests {
			t.Errorf("%s: got %d, want 429", path, status)
		}
	}
}

func TestR08_CoAPAddress(t *testing.T) {
	t.Parallel()
	p := openPort(build(t, addressRate("1:3600")))
	p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.want(message.POST, "/api/v1/T/telemetry", `{"a":1}`, created, "") // as one that is not proved
	m.want(message.POST, "/api/v1/T/telemetry", `{"a":1}`, created, "") // at its address, which it has proved
	for _, path := range []string{"/api/v1/T/telemetry", "/api/v1/provision"} {
		if a := m.ask(message.POST, path, request("")); a.Code != message.InternalServerError {
			t.Errorf("%s: got %v, want 5.00", path, a.Code)
		}
	}
}

func TestD42_SessionLimitsInForce(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.limit(func(l *registry.ProfileLimits) {
		l.PayloadBytes = 1000
		l.Rates = registry.RateLimits{Messages: "20:1,600:60", TelemetryDataPoints: "500:60"}
		l.GatewayRates = registry.RateLimits{TelemetryMessages: "900:60"}
		l.GatewayDeviceRates = registry.RateLimits{Messages: "30:1"}
	})
	_, c := h.meter()
	_, g := h.gateway("G")
	const ask, answer = "v1/devices/me/rpc/request/1", "v1/devices/me/rpc/response/1"
	c.post(ask, `{"method":"getSessionLimits"}`)
	c.wantMessage(answer, `{"maxPayloadSize":1000,"maxInflightMessages":100,"rateLimits":`+
		`{"messages":"20:1,600:60","telemetryMessages":null,"telemetryDataPoints":"500:60"}}`, 1)
	g.post(ask, `{"method":"getSessionLimits"}`)
	g.wantMessage(answer, `{"maxPayloadSize":1000,"maxInflightMessages":100,"rateLimits":`+
		`{"messages":"30:1","telemetryMessages":null,"telemetryDataPoints":null},"gatewayRateLimits":`+
		`{"messages":null,"telemetryMessages":"900:60","telemetryDataPoints":null}}`, 1)
}

// TestPayloadLimitsOfAProfile: lower ones than everybody's hold for its devices.
func TestPayloadLimitsOfAProfile(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.limit(func(l *registry.ProfileLimits) { l.PayloadBytes, l.Depth, l.Values = 21, 2, 3 })
	_, c := h.meter5(packet.Properties{})
	c.post(telemetry, `{"a":"0123456789abc"}`, packet.Success)
	for _, payload := range []string{`{"a":"0123456789abcd"}`, `{"a":[[1]]}`, `{"a":1,"b":1,"c":1}`} {
		c.post(telemetry, payload, packet.PayloadFormatInvalid)
	}
}
