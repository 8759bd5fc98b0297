package thingsboard_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/registry"
)

// client5 speaks MQTT 5, packet by packet.
type client5 struct{ *client }

func fromServer() *packet.Rules { return &packet.Rules{FromServer: true} }

// code5 sends a CONNECT and gives the reason code of the CONNACK.
func (h *house) code5(l login, p packet.Properties) (client5, packet.ReasonCode) {
	h.t.Helper()
	c := client5{h.dial()}
	c.reader.Accept(packet.V5, 1<<20)
	k := packet.Connect{
		Version: packet.V5, CleanSession: true, KeepAlive: 60, ClientID: l.client, UserName: l.user,
		HasUserName: !l.noUser, HasPassword: l.password != "", Password: []byte(l.password), Properties: p,
	}
	c.send(k.Append(nil))
	_, body := c.want(packet.CONNACK)
	var a packet.Connack
	must(h.t, a.Decode(body, packet.V5, fromServer()))
	if a.Code.Failed() {
		c.wantClosed()
	}
	return c, a.Code
}

// connect5 opens a session that must be accepted.
func (h *house) connect5(l login, p packet.Properties) client5 {
	h.t.Helper()
	c, code := h.code5(l, p)
	if code != packet.Success {
		h.t.Fatalf("CONNACK: got %v, want %v", code, packet.Success)
	}
	return c
}

// meter5 is a device with the token T, and its connection.
func (h *house) meter5(p packet.Properties) (registry.Device, client5) {
	h.t.Helper()
	d := h.device("meters", "meter-1", token("T"))
	return d, h.connect5(login{client: "any", user: "T"}, p)
}

func (c client5) publish(topic, payload string, qos byte) {
	c.t.Helper()
	p := packet.Publish{Topic: topic, Payload: []byte(payload), QoS: qos}
	if qos > 0 {
		c.id++
		p.ID = c.id
	}
	c.send(p.Append5(nil))
}

// post publishes with QoS 1, and needs this acknowledgement.
func (c client5) post(topic, payload string, want packet.ReasonCode) {
	c.t.Helper()
	c.publish(topic, payload, 1)
	_, body := c.want(packet.PUBACK)
	var a packet.Ack5
	must(c.t, a.Decode(packet.PUBACK, body, fromServer()))
	if a.ID != c.id || a.Code != want {
		c.t.Errorf("PUBACK for %q on %q: got %d %v, want %d %v", payload, topic, a.ID, a.Code, c.id, want)
	}
}

func (c client5) subscribe(filter string, qos byte) packet.ReasonCode {
	c.t.Helper()
	c.id++
	p := packet.Subscribe{ID: c.id, Subscriptions: []packet.Subscription{{Filter: filter, QoS: qos}}}
	c.send(p.Append5(nil))
	return c.code(packet.SUBACK)
}

func (c client5) unsubscribe(filter string) packet.ReasonCode {
	c.t.Helper()
	c.id++
	p := packet.Unsubscribe{ID: c.id, Filters: []string{filter}}
	c.send(p.Append5(nil))
	return c.code(packet.UNSUBACK)
}

func (c client5) code(t packet.Type) packet.ReasonCode {
	c.t.Helper()
	_, body := c.want(t)
	var a packet.Suback5
	must(c.t, a.Decode(t, body, fromServer()))
	return a.Codes[0]
}

func (c client5) wantCode(what string, got, want packet.ReasonCode) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wantMessage needs the next packet to be this message.
func (c client5) wantMessage(topic, payload string, qos byte) {
	c.t.Helper()
	h, body := c.want(packet.PUBLISH)
	var p packet.Publish
	must(c.t, p.Decode5(h.Flags, body, fromServer()))
	if p.Topic != topic || string(p.Payload) != payload || p.QoS != qos {
		c.t.Errorf("message: got %q %s QoS %d, want %q %s QoS %d", p.Topic, p.Payload, p.QoS, topic, payload, qos)
	}
	if qos > 0 {
		a := packet.Ack5{ID: p.ID}
		c.send(a.Append(nil, packet.PUBACK, 0))
	}
}

// wantGone needs a DISCONNECT with that code, and the end.
func (c client5) wantGone(want packet.ReasonCode) {
	c.t.Helper()
	_, body := c.want(packet.DISCONNECT)
	var d packet.Disconnect
	must(c.t, d.Decode(body, fromServer()))
	c.wantCode("DISCONNECT", d.Code, want)
	c.wantClosed()
}

func TestMQTT5_P24_OtherSubscriptions(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.connect5(login{client: "any", user: "provision"}, nil)
	c.wantCode("SUBACK", c.subscribe("/provision/response", 1), packet.GrantedQoS1)
	c.wantCode("SUBACK", c.subscribe(attributes, 1), packet.TopicFilterInvalid)
	c.wantCode("UNSUBACK", c.unsubscribe(attributes), packet.TopicFilterInvalid)
	c.wantCode("UNSUBACK", c.unsubscribe("/provision/response"), packet.Success)
	c.wantCode("UNSUBACK", c.unsubscribe("/provision/response"), packet.NoSubscriptionExisted)
	c.post("/provision/request", `{"provisionDeviceKey":"x","provisionDeviceSecret":"S"}`, packet.Success)
	c.wantMessage("/provision/response", notFound, 1)
}

func TestMQTT5_P25_OtherTopics(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.connect5(login{client: "any", user: "provision"}, nil)
	c.post(telemetry, `{}`, packet.TopicNameInvalid)
	c.wantGone(packet.TopicNameInvalid)
}

// TestMQTT5_P20: what is no request, and what is no JSON.
func TestMQTT5_P20_BadRequests(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.connect5(login{client: "provision", noUser: true}, nil)
	c.post("/provision/request", `{"provisionDeviceKey`, packet.PayloadFormatInvalid)
	c.post("/provision/request", `{"provisionDeviceKey":"K"}`, packet.ImplementationSpecificError)
	c.wantGone(packet.ImplementationSpecificError)
	c = h.connect5(login{client: "provision", noUser: true}, nil)
	c.publish("/provision/request", `{"provisionDeviceKey`, 0)
	c.wantGone(packet.PayloadFormatInvalid)
}

func TestMQTT5_P29_Provisioning(t *testing.T) {
	t.Parallel()
	h := build(t)
	c := h.connect5(login{client: "any", user: "provision"}, nil)
	c.subscribe("/provision/response", 1)
	c.post("/provision/request",
		`{"deviceName":"m","provisionDeviceKey":"K","provisionDeviceSecret":"S","token":"given"}`, packet.Success)
	c.wantMessage("/provision/response", `{"credentialsValue":"given","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`, 1)
	h.connect5(login{client: "any", user: "given"}, nil).ping()
}

func TestMQTT5_C01_C03_C04_C05_Connect(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "m", token("T"))
	h.device("meters", "b", basic("c", "u", "p"))
	h.profile("coap", "Kcoap", func(p *registry.Profile) { p.TransportType = registry.TransportCoAP })
	h.device("coap", "c", token("C"))
	for _, tc := range []struct {
		name  string
		login login
		want  packet.ReasonCode
	}{
		{"C01 token", login{client: "any", user: "T"}, packet.Success},
		{"C01 no client id", login{user: "T"}, packet.Success},
		{"C03 wrong token", login{client: "any", user: "X"}, packet.BadUserNameOrPassword},
		{"C03 wrong password", login{client: "c", user: "u", password: "x"}, packet.BadUserNameOrPassword},
		{"C03 a password alone", login{client: "any", noUser: true, password: "x"}, packet.BadUserNameOrPassword},
		{"C04 unknown client id", login{client: "any", noUser: true}, packet.ClientIdentifierNotValid},
		{"C05 nothing", login{noUser: true}, packet.NotAuthorized},
		{"C15 other transport", login{client: "any", user: "C"}, packet.ServerUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, got := h.code5(tc.login, nil); got != tc.want {
				t.Errorf("CONNACK: got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestMQTT5_ThrottledConnect(t *testing.T) {
	t.Parallel()
	h := build(t, func(o *devices.Options) { o.Limits.NameFailures = 1 })
	var got packet.ReasonCode
	for _, password := range []string{"1", "2", "3"} {
		_, got = h.code5(login{client: "c", user: "u", password: password}, nil)
	}
	if got != packet.ConnectionRateExceeded {
		t.Errorf("CONNACK: got %v, want %v", got, packet.ConnectionRateExceeded)
	}
}

func TestMQTT5_D06_BadPayload(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter5(nil)
	for _, topic := range []string{
		attributes, telemetry, "v2/t/p", "v1/devices/me/attributes/request/x", "v2/a/req/1", "v2/r/res/x", "v2/r/req/1",
	} {
		c.post(topic, `"key1":"value1", "key3": 3.0`, packet.PayloadFormatInvalid)
		c.ping()
	}
	c.publish(attributes, `"key1":"value1"`, 0)
	c.wantGone(packet.PayloadFormatInvalid)
	if got := h.seen.types(); len(got) != 0 {
		t.Errorf("messages: got %v, want none", got)
	}
}

func TestMQTT5_D07_UnknownTopic(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter5(nil)
	c.post("wrong/topic/", `{"a":1}`, packet.TopicNameInvalid)
	c.publish("wrong/topic/", `{"a":1}`, 0)
	c.ping()
}

func TestMQTT5_D09_D11_Subscriptions(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter5(nil)
	for _, filter := range []string{"wrong/topic/+", "#", "v2/a/p"} {
		c.wantCode("D09 SUBACK for "+filter, c.subscribe(filter, 1), packet.TopicFilterInvalid)
	}
	c.wantCode("D11 SUBACK", c.subscribe(attributes, 0), packet.GrantedQoS0)
	c.wantCode("D11 UNSUBACK", c.unsubscribe(attributes), packet.Success)
	c.wantCode("D11 UNSUBACK again", c.unsubscribe(attributes), packet.NoSubscriptionExisted)
	c.wantCode("UNSUBACK for an unknown filter", c.unsubscribe("wrong"), packet.TopicFilterInvalid)
	c.wantCode("D13 SUBACK for QoS 2", c.subscribe(attributes, 2), packet.GrantedQoS1)
}

func TestMQTT5_D12_Attributes(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter5(nil)
	c.post(attributes, standard, packet.Success)
	same(t, "attributes", h.attributes(d, registry.ClientScope), standard)
}

func TestMQTT5_D34_MaximumPacketSize(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter5(packet.Properties(nil).AppendNumber(packet.MaximumPacketSize, 99))
	c.subscribe(attributes, 1)
	h.save(d, registry.SharedScope, "large", `"`+strings.Repeat("x", 99)+`"`)
	h.save(d, registry.SharedScope, "small", `"`+strings.Repeat("x", 36)+`"`)
	c.wantMessage(attributes, `{"small":"`+strings.Repeat("x", 36)+`"}`, 1)
	c.ping()
}

func TestMQTT5_D43_UndeliveredCall(t *testing.T) {
	t.Parallel()
	h := build(t, func(o *devices.Options) {
		o.Limits.DeliveryTimeout, o.Limits.CloseUndelivered = time.Second, true
	})
	d, c := h.meter5(nil)
	c.subscribe(callFilter, 1)
	a, err := h.service.Call(context.Background(), d.ID, devices.Call{Method: "get", Persistent: true, OneWay: true})
	must(t, err)
	c.want(packet.PUBLISH) // not acknowledged
	c.wantGone(packet.AdministrativeAction)
	h.wantStatus(d, a.ID, registry.CallQueued)
}

func TestMQTT5_Endings(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter5(nil)
	second := h.connect5(login{client: "other", user: "T"}, nil)
	c.wantGone(packet.SessionTakenOver)
	must(t, h.registry.DeleteDevice(context.Background(), d.ID))
	second.wantGone(packet.AdministrativeAction)
	h.device("meters", "m", token("T2"))
	c = h.connect5(login{client: "any", user: "T2"}, nil)
	c.publish("v1/devices/me/rpc/request/1", `{"params":{}}`, 1)
	c.wantGone(packet.ImplementationSpecificError)
}
