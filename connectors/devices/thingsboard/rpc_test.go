package thingsboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/registry"
)

// replying replies to what devices ask; calling calls back whoever posts attributes.
const (
	replying = `{"ruleChain": {"id": "replying", "name": "Replies"}, "metadata": {"firstNode": "asked", "nodes": [
	{"id": "asked", "type": "filter.type", "name": "Asked?", "configuration": {"types": ["TO_SERVER_RPC_REQUEST"]}},
	{"id": "make", "type": "transform.expr", "name": "Make", "configuration": {"data": "{\"asked\": msg.method, \"with\": msg.params}"}},
	{"id": "reply", "type": "action.rpc-reply", "name": "Reply"}], "connections": [
	{"from": "asked", "to": "make", "type": "True"}, {"from": "make", "to": "reply", "type": "Success"}]}}`
	calling = `{"ruleChain": {"id": "calling", "name": "Calls"}, "metadata": {"firstNode": "posted", "nodes": [
	{"id": "posted", "type": "filter.type", "name": "Posted?", "configuration": {"types": ["POST_ATTRIBUTES_REQUEST"]}},
	{"id": "call", "type": "action.rpc", "name": "Call", "configuration": {"method": "\"echo\""}}], "connections": [
	{"from": "posted", "to": "call", "type": "True"}]}}`
)

const (
	callFilter  = "v1/devices/me/rpc/request/+"
	callTopic   = "v1/devices/me/rpc/request/"
	answerTopic = "v1/devices/me/rpc/response/"
)

// verdict is what came of a call.
type verdict struct {
	answer devices.Answer
	err    error
}

// call makes a call, and says later what came of it.
func (h *house) call(d registry.Device, c devices.Call) <-chan verdict {
	made := make(chan verdict, 1)
	go func() {
		a, err := h.service.Call(context.Background(), d.ID, c)
		made <- verdict{a, err}
	}()
	return made
}

func (h *house) wantAnswer(made <-chan verdict, want string) {
	h.t.Helper()
	select {
	case v := <-made:
		if v.err != nil || string(v.answer.Body) != want {
			h.t.Errorf("answer: got %q, %v, want %q", v.answer.Body, v.err, want)
		}
	case <-time.After(never):
		h.t.Fatal("the call did not end")
	}
}

// wantStatus waits until a kept call stands so.
func (h *house) wantStatus(d registry.Device, id string, want registry.CallStatus) registry.Call {
	h.t.Helper()
	for end := time.Now().Add(never); ; time.Sleep(time.Millisecond) {
		c, err := h.registry.Call(context.Background(), d.ID, id)
		must(h.t, err)
		if c.Status == want {
			return c
		}
		if time.Now().After(end) {
			h.t.Fatalf("call %s: got %s, want %s", id, c.Status, want)
		}
	}
}

// subscribeCalls subscribes, also if the first call comes before the SUBACK, which MQTT allows.
func (c *client) subscribeCalls(filter string, qos byte) {
	c.t.Helper()
	if got := c.subscribe(filter, qos); got != qos {
		c.t.Fatalf("SUBACK: got %#x, want %d", got, qos)
	}
}

func TestD35_OneWayCall(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	for i, filter := range []string{callFilter, "v2/r/req/+", "v2/r/req/j/+"} {
		c.subscribeCalls(filter, 0)
		made := h.call(d, devices.Call{Method: "setGpio", Params: json.RawMessage(`{"pin":"23","value":1}`), OneWay: true})
		c.wantMessage(fmt.Sprint(filter[:len(filter)-1], i), `{"method":"setGpio","params":{"pin":"23","value":1}}`, 0)
		h.wantAnswer(made, "")
	}
	c.unsubscribe("v2/r/req/j/+")
	made := h.call(d, devices.Call{Method: "setGpio", OneWay: true, Timeout: 50 * time.Millisecond})
	if v := <-made; !errors.Is(v.err, devices.ErrNotConnected) {
		t.Errorf("without a subscription: got %v, want %v", v.err, devices.ErrNotConnected)
	}
	c.ping()
}

func TestD36_TwoWayCall(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	const answer = `{"value1":"A","value2":"B"}`
	for i, topics := range [][2]string{{callTopic, answerTopic}, {"v2/r/req/", "v2/r/res/"}, {"v2/r/req/j/", "v2/r/res/j/"}} {
		c.subscribeCalls(topics[0]+"+", 1)
		made := h.call(d, devices.Call{Method: "get"})
		c.wantMessage(fmt.Sprint(topics[0], i), `{"method":"get","params":{}}`, 1)
		c.post(topics[1]+"99", `{}`)             // of a call that nobody made
		c.post(fmt.Sprint(topics[1], i), answer) // verbatim
		h.wantAnswer(made, answer)
		c.post(fmt.Sprint(topics[1], i), `{"late":true}`)
	}
}

func TestD36_AnswerThatIsNoJSON(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	c.subscribeCalls(callFilter, 1)
	made := h.call(d, devices.Call{Method: "get"})
	c.receive()
	c.post(answerTopic+"0", "on\xff")
	h.wantAnswer(made, "on\xff")
}

func TestD37_OfflineDevice(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.device("meters", "m", token("T"))
	if v := <-h.call(d, devices.Call{Method: "get", Timeout: 50 * time.Millisecond}); !errors.Is(v.err, devices.ErrNotConnected) {
		t.Errorf("never there: got %v, want %v", v.err, devices.ErrNotConnected)
	}
	c := h.connect(login{client: "any", user: "T"})
	c.subscribeCalls(callFilter, 0)
	made := h.call(d, devices.Call{Method: "get", Timeout: time.Second})
	c.receive()
	if v := <-made; !errors.Is(v.err, devices.ErrNoAnswer) {
		t.Errorf("silent: got %v, want %v", v.err, devices.ErrNoAnswer)
	}
	// One that comes in time is sent what waits.
	must(t, c.conn.Close())
	made = h.call(d, devices.Call{Method: "get", OneWay: true, Timeout: never})
	c = h.connect(login{client: "any", user: "T"})
	c.id++
	p := packet.Subscribe{ID: c.id, Subscriptions: []packet.Subscription{{Filter: callFilter, QoS: 0}}}
	c.send(p.Append(nil))
	h.wantAnswer(made, "")
}

func TestD38_UnknownDevice(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, kept := range []bool{false, true} {
		_, err := h.service.Call(context.Background(), "nobody", devices.Call{Method: "get", Persistent: kept})
		if !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("persistent %v: got %v, want %v", kept, err, registry.ErrNotFound)
		}
	}
}

// collect reads messages and answers them, in whatever order SUBACK and messages come.
func (c *client) collect(n int, answer func(p packet.Publish)) {
	c.t.Helper()
	for n > 0 {
		h, body, err := c.next()
		must(c.t, err)
		if h.Type != packet.PUBLISH {
			continue
		}
		var p packet.Publish
		must(c.t, p.Decode(h.Flags, body))
		p.Payload = slices.Clone(p.Payload)
		if p.QoS > 0 {
			c.send(packet.Ack{ID: p.ID}.Append(nil, packet.PUBACK))
		}
		n--
		answer(p)
	}
}

func TestD39_PersistentCallsGoOutInOrder(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.device("meters", "m", token("T"))
	var ids []string
	for i := range 10 {
		a, err := h.service.Call(context.Background(), d.ID, devices.Call{
			Method: "step", Params: json.RawMessage(fmt.Sprint(i)), Persistent: true, OneWay: i%2 == 0, Retries: -1,
		})
		must(t, err)
		ids = append(ids, a.ID)
	}
	c := h.connect(login{client: "any", user: "T"})
	c.id++
	p := packet.Subscribe{ID: c.id, Subscriptions: []packet.Subscription{{Filter: callFilter, QoS: 1}}}
	c.send(p.Append(nil))
	i := 0
	c.collect(10, func(p packet.Publish) {
		same(t, "call", string(p.Payload), fmt.Sprintf(`{"method":"step","params":%d}`, i))
		same(t, "topic", p.Topic, fmt.Sprint(callTopic, i))
		if i%2 == 1 {
			c.publish(fmt.Sprint(answerTopic, i), fmt.Sprintf(`{"done":%d}`, i), 0)
		}
		i++
	})
	for i, id := range ids {
		if i%2 == 0 {
			h.wantStatus(d, id, registry.CallDelivered)
			continue
		}
		same(t, "response", string(h.wantStatus(d, id, registry.CallSuccessful).Response), fmt.Sprintf(`{"done":%d}`, i))
	}
	if open, err := h.registry.OpenCalls(context.Background(), d.ID); err != nil || len(open) != 0 {
		t.Errorf("open calls: got %v, %v", open, err)
	}
}

func TestD40_RequestIsRepliedTo(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("replying", "Kreplying", func(p *registry.Profile) { p.Chain = "replying" })
	d := h.device("replying", "m", token("T"))
	c := h.connect(login{client: "any", user: "T"})
	for _, topics := range [][2]string{
		{"v1/devices/me/rpc/request/", answerTopic}, {"v2/r/req/", "v2/r/res/"}, {"v2/r/req/j/", "v2/r/res/j/"},
	} {
		id := c.publish(topics[0]+"42", `{"method":"getTime","params":{"zone":"UTC"}}`, 1)
		acked, replied := false, false
		for !acked || !replied { // in any order
			switch head, body, err := c.next(); {
			case err != nil:
				t.Fatal(err)
			case head.Type == packet.PUBACK:
				acked = true
			default:
				var p packet.Publish
				must(t, p.Decode(head.Flags, body))
				c.send(packet.Ack{ID: p.ID}.Append(nil, packet.PUBACK))
				same(t, "topic", p.Topic, topics[1]+"42")
				same(t, "reply", string(p.Payload), `{"asked":"getTime","with":{"zone":"UTC"}}`)
				replied = true
			}
		}
		_ = id
	}
	m := h.seen.want(t, 3)[0]
	same(t, "type", m.Type(), "TO_SERVER_RPC_REQUEST")
	same(t, "data", m.Data().Text(), `{"method":"getTime","params":{"zone":"UTC"}}`)
	same(t, "originator", m.Origin().ID, d.ID)
	for _, key := range []string{"deviceName", "deviceType", "requestId", "serviceId", "sessionId"} {
		if v, _ := m.Meta(key); v == "" {
			t.Errorf("metadata entry %s is missing", key)
		}
	}
}

func TestD41_NobodyReplies(t *testing.T) {
	t.Parallel()
	h := build(t, func(o *devices.Options) { o.Limits.ReplyTimeout = 20 * time.Millisecond })
	_, c := h.meter()
	c.post("v1/devices/me/rpc/request/7", `{"method":"getTime"}`)
	c.wantMessage(answerTopic+"7", `{"error":"timeout"}`, 1)
	same(t, "data without params", h.seen.want(t, 1)[0].Data().Text(), `{"method":"getTime"}`)
}

func TestD41_BadRequests(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("patient", "Kpatient", func(p *registry.Profile) { p.AckOnValidationFailure = true })
	h.device("patient", "m", token("T"))
	c := h.connect(login{client: "any", user: "T"})
	c.post("v1/devices/me/rpc/request/1", `[]`) // a bad payload, which this profile wants acknowledged
	for topic, payload := range map[string]string{
		"v1/devices/me/rpc/request/1":   `{"params":{}}`,
		"v1/devices/me/rpc/request/one": `{"method":"m"}`,
		"v2/r/req/":                     `{"method":"m"}`,
	} {
		c := h.connect(login{client: "any", user: "T"})
		c.publish(topic, payload, 1)
		c.wantClosed()
	}
	if got := h.seen.types(); len(got) != 0 {
		t.Errorf("messages: got %v, want none", got)
	}
}

func TestD42_SessionLimits(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	const none = `{"messages":null,"telemetryMessages":null,"telemetryDataPoints":null}`
	c.post("v1/devices/me/rpc/request/3", `{"method":"getSessionLimits","params":{}}`)
	c.wantMessage(answerTopic+"3", `{"maxPayloadSize":65536,"maxInflightMessages":100,"rateLimits":`+none+`}`, 1)
	d, _, err := h.registry.AddDevice(context.Background(), registry.Device{Name: "gw", Profile: "meters", Gateway: true}, token("G"))
	must(t, err)
	g := h.connect(login{client: "any", user: "G"})
	g.post("v1/devices/me/rpc/request/3", `{"method":"getSessionLimits"}`)
	g.wantMessage(answerTopic+"3", `{"maxPayloadSize":65536,"maxInflightMessages":100,"rateLimits":`+none+
		`,"gatewayRateLimits":`+none+`}`, 1)
	if got := h.seen.types(); len(got) != 0 {
		t.Errorf("messages about %s: got %v, want none", d.Name, got)
	}
}

// TestD43 in its MQTT 3.1.1 form, in which a connection closes without a reason.
func TestD43_UndeliveredCall(t *testing.T) {
	t.Parallel()
	h := build(t, func(o *devices.Options) {
		o.Limits.DeliveryTimeout, o.Limits.CloseUndelivered = time.Second, true
	})
	d, c := h.meter()
	c.subscribeCalls(callFilter, 1)
	a, err := h.service.Call(context.Background(), d.ID, devices.Call{Method: "get", Persistent: true, OneWay: true})
	must(t, err)
	c.want(packet.PUBLISH) // not acknowledged
	c.wantClosed()
	h.wantStatus(d, a.ID, registry.CallQueued)
	c = h.connect(login{client: "any", user: "T"})
	c.id++
	p := packet.Subscribe{ID: c.id, Subscriptions: []packet.Subscription{{Filter: callFilter, QoS: 1}}}
	c.send(p.Append(nil))
	c.collect(1, func(p packet.Publish) { same(t, "topic", p.Topic, callTopic+"0") })
	h.wantStatus(d, a.ID, registry.CallDelivered)
}

func TestUndeliveredCallFails(t *testing.T) {
	t.Parallel()
	h := build(t, func(o *devices.Options) { o.Limits.DeliveryTimeout = 20 * time.Millisecond })
	d, c := h.meter()
	c.subscribeCalls(callFilter, 1)
	a, err := h.service.Call(context.Background(), d.ID, devices.Call{Method: "get", Persistent: true, Retries: 2})
	must(t, err)
	for range 3 {
		c.want(packet.PUBLISH)
	}
	h.wantStatus(d, a.ID, registry.CallFailed)
	c.ping()
}

// TestCallFromAChain: what a chain calls, and what comes of it, as messages.
func TestCallFromAChain(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.profile("calling", "Kcalling", func(p *registry.Profile) { p.Chain = "calling" })
	h.device("calling", "m", token("T"))
	c := h.connect(login{client: "any", user: "T"})
	c.subscribeCalls(callFilter, 0)
	c.publish(attributes, `{"a":1}`, 0)
	c.wantMessage(callTopic+"0", `{"method":"echo","params":{"a":1}}`, 0)
	c.post(answerTopic+"0", `{"b":2}`)
	events := h.seen.wantEvents(t, 3)
	last := events[len(events)-1]
	same(t, "type", last.Type(), "RPC_SUCCESSFUL")
	var told struct {
		Status   string
		Request  struct{ Method string }
		Response json.RawMessage
	}
	must(t, json.Unmarshal([]byte(last.Data().Text()), &told))
	same(t, "told", told.Status+" "+told.Request.Method+" "+string(told.Response), `SUCCESSFUL echo {"b":2}`)
}

// TestKeptCallSurvives a service that ends between delivery and answer: the id stays, and so does the call.
func TestKeptCallSurvives(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	c.subscribeCalls(callFilter, 0)
	a, err := h.service.Call(context.Background(), d.ID, devices.Call{Method: "get", Persistent: true})
	must(t, err)
	c.receive()
	h.wantStatus(d, a.ID, registry.CallDelivered)
	waits, err := h.service.Call(context.Background(), d.ID, devices.Call{Method: "later", Persistent: true, OneWay: true})
	must(t, err)
	c.receive()
	h.wantStatus(d, waits.ID, registry.CallDelivered)
	h.service.Close()

	h.again()
	c = h.connect(login{client: "any", user: "T"})
	c.post(answerTopic+"0", `{"x":1}`)
	same(t, "response", string(h.wantStatus(d, a.ID, registry.CallSuccessful).Response), `{"x":1}`)
	c.subscribeCalls(callFilter, 0)
	h.call(d, devices.Call{Method: "next", OneWay: true})
	c.wantMessage(callTopic+"2", `{"method":"next","params":{}}`, 0) // not that of a call which has come to its end
}
