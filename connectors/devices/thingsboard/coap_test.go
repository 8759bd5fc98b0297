package thingsboard_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/registry"
)

const (
	created     = message.Created
	contentCode = message.Content
	badRequest  = message.BadRequest
)

func TestP34_CoAPProvisions(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	m := p.meter()
	a := m.ask(message.POST, "/api/v1/provision", request(`,"deviceName":"meter-1"`))
	if _, has := a.Options.Get(message.ContentFormat); a.Code != created || has {
		t.Fatalf("got %v %s, format %t, want 2.01 without a format", a.Code, a.Payload, has)
	}
	m.want(message.POST, "/api/v1/"+value(t, string(a.Payload))+"/attributes", `{"a":1}`, created, "")
	p.log.wantNone(t, "provisionDeviceSecret", value(t, string(a.Payload)))
	m.want(message.POST, "/api/v1/whatever/provision", request(`,"deviceName":"meter-2","token":"T2"`), created,
		`{"credentialsValue":"T2","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`)
}

func TestP35_CoAPDisabled(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.profile("closed", "Kclosed", func(p *registry.Profile) { p.Strategy = registry.ProvisionDisabled })
	m := p.meter()
	m.want(message.POST, "/api/v1/provision", `{"deviceName":"x","provisionDeviceKey":"Kclosed","provisionDeviceSecret":"S"}`,
		badRequest, notFound)
	m.want(message.POST, "/api/v1/provision", request(`,"deviceName":"  "`), badRequest, failure)
}

func TestP36_CoAPIncompleteRequest(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	m := p.meter()
	for _, body := range []string{
		`{"provisionDeviceSecret":"planted-secret"}`, `{"provisionDeviceKey":"K"}`, `["planted-secret"]`, "planted-secret", "",
		`{"provisionDeviceKey":"K","provisionDeviceSecret":"planted-secret","credentialsType":"NONE"}`,
		`{"provisionDeviceKey":"K","provisionDeviceSecret":null}`,
	} {
		m.want(message.POST, "/api/v1/provision", body, badRequest, "")
	}
	m.want(message.GET, "/api/v1/provision", "", badRequest, "")
	if p.log.holds("planted-secret") {
		t.Error("the log holds the secret")
	}
}

func TestP37_CoAPGivenToken(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	m := p.meter()
	m.want(message.POST, "/api/v1/provision", request(`,"deviceName":"meter-1","credentialsType":"ACCESS_TOKEN","token":"given"`),
		created, `{"credentialsValue":"given","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`)
	m.want(message.POST, "/api/v1/given/telemetry", `{"a":{"b":[1,2]}}`, created, "")
}

func TestK01_CoAPPosts(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	d := p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.want(message.POST, "/api/v1/T/telemetry", `{"p":1.5}`, created, "")
	m.want(message.POST, "/api/v1/T/telemetry", `{"ts":99000000000000,"values":{"p":2.5}}`, created, "")
	latest, err := p.registry.LatestTimeseries(context.Background(), d.ID)
	must(t, err)
	if len(latest) != 1 || string(latest[0].Value) != "2.5" || latest[0].Time.UnixMilli() != 99000000000000 {
		t.Errorf("stored: got %+v, want p = 2.5", latest)
	}
	m.want(message.POST, "/api/v1/T/attributes", `{attribute1: value1, attribute2: true}`, created, "")
	same(t, "saved before the answer", p.attributes(d, registry.ClientScope), `{"attribute1":"value1","attribute2":true}`)
}

func TestK02_CoAPReadsAttributes(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	d := p.device("meters", "meter-1", token("T"))
	p.save(d, registry.ClientScope, "a", "1", "b", "2")
	p.save(d, registry.SharedScope, "c", "3")
	p.save(d, registry.ServerScope, "d", "4")
	m := p.meter()
	for _, c := range []struct{ query, want string }{
		{"?clientKeys=a,b&sharedKeys=c", `{"client":{"a":1,"b":2},"shared":{"c":3}}`},
		{"", `{"client":{"a":1,"b":2},"shared":{"c":3}}`},
		{"?sharedKeys=c,d", `{"shared":{"c":3}}`},
		{"?clientKeys=b", `{"client":{"b":2}}`},
	} {
		m.want(message.GET, "/api/v1/T/attributes"+c.query, "", contentCode, c.want)
	}
	for given, want := range map[string]uint32{"": 50, "\x3c": 60} {
		var options []message.Option
		if given != "" {
			options = []message.Option{{Number: message.ContentFormat, Value: []byte(given)}}
		}
		if f, _ := m.ask(message.GET, "/api/v1/T/attributes", "", options...).Options.Uint(message.ContentFormat); f != want {
			t.Errorf("format of the answer to %q: got %d, want %d", given, f, want)
		}
	}
}

func TestK03_CoAPNoAttributes(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.device("meters", "meter-1", token("T"))
	p.meter().want(message.GET, "/api/v1/T/attributes?clientKeys=a", "", message.NotFound, "")
}

func TestK04_CoAPWrongToken(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	m := p.meter()
	m.want(message.POST, "/api/v1/nobody/telemetry", "{}", message.Unauthorized, "")
	m.want(message.POST, "/api/v1/telemetry", "{}", message.Unauthorized, "") // no token, and no DTLS
	m.want(message.GET, "/fw/nobody", "", message.Unauthorized, "")
}

// TestCoAPWrongTokensAreThrottled: who answers a ping is blamed at his address, who does not is not looked at any more once
// such peers together have guessed too often. Nobody else is kept out.
func TestCoAPWrongTokensAreThrottled(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.device("meters", "meter-1", token("T"))
	guess := func(m *coapMeter, n int) (refused, throttled int) {
		for i := range n {
			switch m.ask(message.POST, "/api/v1/wrong-"+strconv.Itoa(i)+"/telemetry", "{}").Code {
			case message.Unauthorized:
				refused++
			case message.TooManyRequests:
				throttled++
			}
		}
		return refused, throttled
	}
	deaf := p.meter()
	deaf.deaf = true
	if refused, throttled := guess(deaf, 11); refused != 10 || throttled != 1 {
		t.Errorf("nobody there: got %d refused, %d throttled, want 10 and 1", refused, throttled)
	}
	p.meter().want(message.POST, "/api/v1/T/telemetry", "{}", created, "")
	if refused, throttled := guess(p.meter(), 12); refused != 10 || throttled != 2 {
		t.Errorf("somebody there: got %d refused, %d throttled, want 10 and 2", refused, throttled)
	}
}

func TestCoAPWrongProvisioningSecretsAreThrottled(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	m := p.meter()
	var codes []string
	for i := range 12 {
		a := m.ask(message.POST, "/api/v1/provision", `{"provisionDeviceKey":"K`+strconv.Itoa(i)+`","provisionDeviceSecret":"wrong"}`)
		codes = append(codes, a.Code.String())
	}
	if last := m.pings; last == 0 {
		t.Errorf("nobody looked who it is; answers: %v", codes)
	}
	m.want(message.POST, "/api/v1/provision", request(`,"deviceName":"meter-1","token":"T"`), created,
		`{"credentialsValue":"T","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`)
}

func TestK05_CoAPUnknownFeature(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.want(message.POST, "/api/v1/T/foo", "{}", badRequest, "")
	m.want(message.POST, "/api/v1/T/claim", "{}", badRequest, "") // there are no customers who could claim
	m.want(message.POST, "/api/v1", "{}", badRequest, "")
	m.want(message.POST, "/api/v2/T/telemetry", "{}", message.NotFound, "")
	m.want(message.GET, "/.well-known/core", "", message.NotFound, "")
	m.want(message.PUT, "/api/v1/T/telemetry", "{}", message.MethodNotAllowed, "")
	m.want(message.POST, "/fw/T", "", message.MethodNotAllowed, "")
	m.want(message.GET, "/fw/T?title=a&version=1", "", message.NotFound, "")
}

func TestK06_CoAPReadsWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.want(message.GET, "/api/v1/T/telemetry", "", badRequest, "")
	m.want(message.GET, "/api/v1/T/rpc", "", badRequest, "") // without Observe
}

func TestK07_CoAPObservesAttributes(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	d := p.device("meters", "meter-1", token("T"))
	p.save(d, registry.ClientScope, "not", "1")
	m := p.meter()
	m.wantNotification(m.ask(message.GET, "/api/v1/T/attributes", "", observing("")), contentCode, 0, "{}")
	p.save(d, registry.SharedScope, "tariff", "2")
	m.wantNotification(m.next(), contentCode, 1, `{"tariff":2}`)
	_, err := p.registry.DeleteAttributes(context.Background(), d.ID, registry.SharedScope, "tariff")
	must(t, err)
	m.wantNotification(m.next(), contentCode, 2, `{"deleted":["tariff"]}`)
	p.save(d, registry.SharedScope, "tariff", "3")
	m.wantNotification(m.next(), contentCode, 3, `{"tariff":3}`)

	other := p.meter()
	other.wantNotification(other.ask(message.GET, "/api/v1/T/attributes", "", observing("")), contentCode, 0, `{"tariff":3}`)
	if a := m.next(); a.Code != message.Deleted {
		t.Errorf("the first observation: got %v, want 2.02: a device has one of each kind", a.Code)
	}
	if a := other.ask(message.GET, "/api/v1/T/attributes", "", observing("\x01")); a.Code != message.Deleted {
		t.Errorf("ending: got %v, want 2.02", a.Code)
	}
}

func TestK08_CoAPObservesCalls(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	d := p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.wantNotification(m.ask(message.GET, "/api/v1/T/rpc", "", observing("")), message.Valid, 0, "")
	for i, method := range []string{"first", "second"} {
		made := p.call(d, devices.Call{Method: method, Params: []byte(`{"pin":7}`), OneWay: true, Timeout: never})
		m.wantNotification(m.next(), contentCode, uint32(i+1),
			`{"id":`+strconv.Itoa(i)+`,"method":"`+method+`","params":{"pin":7}}`)
		p.wantAnswer(made, "") // it is delivered when it is acknowledged
	}
}

func TestK09_CoAPAnswersCalls(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	d := p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.ask(message.GET, "/api/v1/T/rpc", "", observing(""))
	made := p.call(d, devices.Call{Method: "read", Timeout: never})
	m.next()
	m.want(message.POST, "/api/v1/T/rpc/0", `[1]`, message.InternalServerError, "")
	m.want(message.POST, "/api/v1/T/rpc/0", `{`, message.InternalServerError, "")
	m.want(message.POST, "/api/v1/T/rpc/99999999999", `{}`, badRequest, "")
	m.want(message.POST, "/api/v1/T/rpc/0", `{"value":5}`, created, "")
	p.wantAnswer(made, `{"value":5}`)
}

func TestCoAPAsksTheServer(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.profile("asking", "Kasking", func(p *registry.Profile) { p.Chain = "replying" })
	p.device("asking", "meter-1", token("T"))
	m := p.meter()
	m.want(message.POST, "/api/v1/T/rpc", `{"method":"getTime","params":{"a":1}}`, contentCode, `{"asked":"getTime","with":{"a":1}}`)
	m.want(message.POST, "/api/v1/T/rpc", `{"params":{}}`, message.InternalServerError, "")
	if n := p.service.Waiting(); n != 0 {
		t.Errorf("%d sessions are still there, want none", n)
	}
}

func TestCoAPAsksAndNobodyReplies(t *testing.T) {
	t.Parallel()
	p := openPort(build(t, func(o *devices.Options) { o.Limits.ReplyTimeout = 1 }))
	p.device("meters", "meter-1", token("T"))
	p.meter().want(message.POST, "/api/v1/T/rpc", `{"method":"getTime"}`, message.GatewayTimeout, "")
}

func TestK10_CoAPMessageTypes(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	d := p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.write(m.asking(message.NonConfirmable, message.POST, "/api/v1/T/telemetry", "{}"))
	if a := m.next(); a.Type != message.NonConfirmable || a.Code != created {
		t.Errorf("to a non-confirmable request: got type %d, %v, want type 1, 2.01", a.Type, a.Code)
	}
	if a := m.ask(message.POST, "/api/v1/T/telemetry", "{}"); a.Type == message.NonConfirmable || a.Code != created {
		t.Errorf("to a confirmable request: got type %d, %v, want another type, 2.01", a.Type, a.Code)
	}
	m.write(m.asking(message.NonConfirmable, message.GET, "/api/v1/T/attributes", "", observing("")))
	m.wantNotification(m.next(), contentCode, 0, "{}")
	for i := range 3 {
		p.save(d, registry.SharedScope, "n", strconv.Itoa(i))
		a := m.next()
		m.wantNotification(a, contentCode, uint32(i+1), `{"n":`+strconv.Itoa(i)+`}`)
		// The first shows whether somebody is there.
		if want := message.NonConfirmable; i > 0 && a.Type != want {
			t.Errorf("notification %d: got type %d, want %d", i, a.Type, want)
		}
	}
}

func TestK11_CoAPPaths(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.device("meters", "meter-1", token("T"))
	m := p.meter()
	for address, want := range map[string]message.Code{
		"/api/v1/T/telemetry":      created,
		"/api/v1/T/TELEMETRY":      created,
		"/api/v1/T/attributes":     created,
		"/api/v1/T/rpc/7":          created, // nobody waits for that answer any more
		"/api/v1/T/telemetry/7":    created, // what follows the feature is only looked at for answers to calls
		"/api/v1/attributes":       message.Unauthorized,
		"/api/v1/rpc/7":            message.Unauthorized,
		"/api/v1/provision":        badRequest, // no key
		"/api/v1/T/provision":      badRequest,
		"/API/v1/T/telemetry":      message.NotFound,
		"/api/v1/T/attributes/a/b": created,
		"/api/v1/T/rpc/x":          badRequest,
	} {
		m.want(message.POST, address, `{"a":1}`, want, "")
	}
}

func TestK13_CoAPBadTelemetry(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.device("meters", "meter-1", token("T"))
	m := p.meter()
	for _, body := range []string{`{"a":}`, `[1,2]`, `5`, ``, `{"a":1} {}`} {
		m.want(message.POST, "/api/v1/T/telemetry", body, badRequest, "")
		m.want(message.POST, "/api/v1/T/attributes", body, badRequest, "")
	}
	if got := p.seen.types(); len(got) != 0 {
		t.Errorf("messages: got %v, want none", got)
	}
}

func TestK14_CoAPNoContentFormat(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	d := p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.want(message.POST, "/api/v1/T/attributes", `{"a":1}`, created, "")
	a := m.ask(message.POST, "/api/v1/T/attributes", `{"b":2}`, message.Option{Number: message.ContentFormat, Value: []byte{0}})
	if a.Code != created {
		t.Errorf("as text/plain: got %v, want 2.01", a.Code)
	}
	same(t, "saved", p.attributes(d, registry.ClientScope), `{"a":1,"b":2}`)
}

func TestK15_CoAPPathInOneOption(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.device("meters", "meter-1", token("T"))
	m := p.meter()
	for _, path := range []string{"/api/v1/T/telemetry", "api/v1/T/telemetry"} {
		d := m.asking(message.Confirmable, message.POST, "x", "{}")
		d.Options = message.Options{{Number: message.URIPath, Value: []byte(path)}}
		m.write(d)
		if a := m.next(); a.Code != created {
			t.Errorf("%s: got %v, want 2.01", path, a.Code)
		}
	}
}

func TestCoAPProfileForAnotherTransport(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.profile("mqtt-only", "Kmqtt", func(p *registry.Profile) { p.TransportType = registry.TransportMQTT })
	p.device("mqtt-only", "meter-1", token("T"))
	p.meter().want(message.POST, "/api/v1/T/telemetry", "{}", message.InternalServerError, "")
}

func TestCoAPDeviceIsDeletedOrGetsOtherCredentials(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *port, d registry.Device) error{
		"deleted": func(p *port, d registry.Device) error { return p.registry.DeleteDevice(context.Background(), d.ID) },
		"other credentials": func(p *port, d registry.Device) error {
			_, err := p.registry.ChangeCredentials(context.Background(), d.ID, token("other"))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := buildPort(t)
			d := p.device("meters", "meter-1", token("T"))
			m := p.meter()
			m.ask(message.GET, "/api/v1/T/attributes", "", observing(""))
			must(t, end(p, d))
			if a := m.next(); a.Code != message.Unauthorized {
				t.Errorf("the observation: got %v, want 4.01", a.Code)
			}
			m.want(message.POST, "/api/v1/T/telemetry", "{}", message.Unauthorized, "")
		})
	}
}

func TestCoAPLargePost(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	d := p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.want(message.POST, "/api/v1/T/attributes", `{"a":"`+strings.Repeat("x", 3000)+`"}`, created, "")
	a := m.ask(message.GET, "/api/v1/T/attributes", "")
	if b, _, _ := a.Options.Block(message.Block2); a.Code != contentCode || !b.More || len(a.Payload) != 1024 {
		t.Errorf("got %v with %d bytes, want the first of several blocks", a.Code, len(a.Payload))
	}
	if n := len(p.attributes(d, registry.ClientScope)); n != 3008 {
		t.Errorf("saved %d bytes, want 3008", n)
	}
}
