package thingsboard_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/web"
	"github.com/gridtie/gridtie/registry"
)

// site is a house with its HTTP side on a port of its own.
type site struct {
	*house
	url     string
	answers *answers
}

func buildSite(t *testing.T, change ...func(*web.Options)) *site {
	t.Helper()
	return openSite(build(t), change...)
}

func openSite(h *house, change ...func(*web.Options)) *site {
	w := &site{house: h, answers: &answers{by: map[string]int{}}}
	o := web.Options{Logger: zerolog.New(h.log), Observer: w.answers}
	for _, f := range change {
		f(&o)
	}
	srv := httptest.NewServer(web.New(h.service, o))
	h.t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

// answers counts what the observer is told.
type answers struct {
	mu sync.Mutex
	by map[string]int
}

func (a *answers) Answered(route string, status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[route+" "+strconv.Itoa(status)]++
}

// do sends a request and returns status and body.
func (w *site) do(method, path, body string) (int, string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), never)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	must(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // what curl -d says; the type is not looked at
	res, err := http.DefaultTransport.RoundTrip(r)
	must(w.t, err)
	defer func() { must(w.t, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	must(w.t, err)
	return res.StatusCode, string(text)
}

// want sends a request and needs this answer.
func (w *site) want(method, path, body string, status int, answer string) {
	w.t.Helper()
	gotStatus, got := w.do(method, path, body)
	if gotStatus != status || got != answer {
		w.t.Errorf("%s %s: got %d %s, want %d %s", method, path, gotStatus, got, status, answer)
	}
}

func request(members string) string {
	return `{"provisionDeviceKey":"K","provisionDeviceSecret":"S"` + members + `}`
}

func TestP30_HTTPProvisions(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	status, body := w.do("POST", "/api/v1/provision", request(`,"deviceName":"meter-1"`))
	if status != http.StatusOK {
		t.Fatalf("status: got %d %s, want 200", status, body)
	}
	w.want("POST", "/api/v1/"+value(t, body)+"/attributes", `{"a":1}`, http.StatusOK, "")
	w.log.wantNone(t, "provisionDeviceSecret", value(t, body))
}

func TestP31_HTTPPreProvisioned(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.profile("known", "Korig", func(p *registry.Profile) { p.Strategy = registry.CheckPreProvisioned })
	w.device("known", "meter-1", token("T"))
	w.want("POST", "/api/v1/provision", `{"deviceName":"meter-1","provisionDeviceKey":"Korig","provisionDeviceSecret":"S"}`,
		http.StatusOK, `{"credentialsValue":"T","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`)
}

func TestP32_HTTPDisabled(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.profile("closed", "Kclosed", func(p *registry.Profile) { p.Strategy = registry.ProvisionDisabled })
	w.want("POST", "/api/v1/provision", `{"deviceName":"x","provisionDeviceKey":"Kclosed","provisionDeviceSecret":"S"}`,
		http.StatusOK, notFound)
	w.want("POST", "/api/v1/provision", `{"deviceName":"  ","provisionDeviceKey":"K","provisionDeviceSecret":"S"}`,
		http.StatusOK, failure)
}

func TestP33_HTTPIncompleteRequestRepeatsNoSecret(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	for _, body := range []string{
		`{"deviceName":"x"}`, `{"provisionDeviceSecret":"planted-secret"}`, `{"provisionDeviceSecret":"planted-secret"`,
		`["planted-secret"]`, `planted-secret`, "",
		`{"provisionDeviceKey":"K","provisionDeviceSecret":"planted-secret","credentialsType":"NONE"}`,
		`{"provisionDeviceKey":"K","provisionDeviceSecret":null}`,
	} {
		status, answer := w.do("POST", "/api/v1/provision", body)
		if status != http.StatusBadRequest || !strings.Contains(answer, `"message":"`) {
			t.Errorf("%s: got %d %s, want 400 with a reason", body, status, answer)
		}
		if strings.Contains(answer, "planted-secret") {
			t.Errorf("%s: the answer repeats it: %s", body, answer)
		}
	}
	if w.log.holds("planted-secret") {
		t.Error("the log holds the secret")
	}
}

func TestH01_HTTPWrongToken(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.want("GET", "/api/v1/nobody/attributes", "", http.StatusUnauthorized, "")
	w.want("POST", "/api/v1/nobody/telemetry", "{}", http.StatusUnauthorized, "")
}

func TestHTTPWrongTokensAreThrottled(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.device("meters", "meter-1", token("T"))
	throttled := 0
	for i := range 50 {
		if status, _ := w.do("POST", "/api/v1/wrong-"+strconv.Itoa(i)+"/telemetry", "{}"); status == http.StatusTooManyRequests {
			throttled++
		}
	}
	if throttled != 40 {
		t.Errorf("of 50 wrong tokens: got %d throttled, want those after the tenth", throttled)
	}
}

func TestH02_HTTPAttributes(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	d := w.device("meters", "meter-1", token("T"))
	w.want("GET", "/api/v1/T/attributes", "", http.StatusOK, "{}")
	w.want("POST", "/api/v1/T/attributes", `{attribute1: value1, attribute2: true}`, http.StatusOK, "")
	same(t, "saved before the answer", w.attributes(d, registry.ClientScope), `{"attribute1":"value1","attribute2":true}`)
	w.want("GET", "/api/v1/T/attributes?unknown=1", "", http.StatusOK, `{"client":{"attribute1":"value1","attribute2":true}}`)
}

func TestH03_HTTPAttributesByName(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	d := w.device("meters", "meter-1", token("T"))
	w.save(d, registry.ClientScope, "a", "1", "b", "2")
	w.save(d, registry.SharedScope, "c", "3")
	w.save(d, registry.ServerScope, "d", "4")
	for _, c := range []struct{ query, want string }{
		{"", `{"client":{"a":1,"b":2},"shared":{"c":3}}`},
		{"?sharedKeys=c,d", `{"shared":{"c":3}}`},
		{"?clientKeys=b", `{"client":{"b":2}}`},
		{"?clientKeys=a&sharedKeys=c", `{"client":{"a":1},"shared":{"c":3}}`},
		{"?clientKeys=zzz", `{}`},
	} {
		w.want("GET", "/api/v1/T/attributes"+c.query, "", http.StatusOK, c.want)
	}
}

func TestH04_HTTPTelemetry(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	d := w.device("meters", "meter-1", token("T"))
	w.want("POST", "/api/v1/T/telemetry", `{"ts":10000,"values":{"p":1.5}}`, http.StatusOK, "")
	latest, err := w.registry.LatestTimeseries(context.Background(), d.ID)
	must(t, err)
	if len(latest) != 1 || string(latest[0].Value) != "1.5" || latest[0].Time.UnixMilli() != 10000 {
		t.Errorf("stored: got %+v, want p = 1.5 at 10000", latest)
	}
}

func TestH05_HTTPEmptyTelemetry(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.device("meters", "meter-1", token("T"))
	w.want("POST", "/api/v1/T/telemetry", "{}", http.StatusOK, "")
	w.want("POST", "/api/v1/T/telemetry", "[]", http.StatusOK, "") // ThingsBoard never answers this one
}

func TestH06_HTTPBadTelemetry(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.device("meters", "meter-1", token("T"))
	for _, body := range []string{`{"a":}`, `[1,2]`, `5`, `{"a":1,"a":2}`, ``} {
		if status, answer := w.do("POST", "/api/v1/T/telemetry", body); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want 400", body, status, answer)
		}
	}
	if got := w.seen.types(); len(got) != 0 {
		t.Errorf("messages: got %v, want none", got)
	}
}

func TestH07_HTTPBodyLimit(t *testing.T) {
	t.Parallel()
	w := buildSite(t, func(o *web.Options) { o.Body = 100 })
	w.device("meters", "meter-1", token("T"))
	filled := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	w.want("POST", "/api/v1/T/attributes", filled(101), http.StatusRequestEntityTooLarge,
		`"Payload size exceeds the limit of 100 bytes"`+"\n")
	w.want("POST", "/api/v1/T/attributes", filled(100), http.StatusOK, "")
}

func TestH08_HTTPPollsEndInTime(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.device("meters", "meter-1", token("T"))
	w.want("GET", "/api/v1/T/rpc?timeout=20", "", http.StatusRequestTimeout, "")
	w.want("GET", "/api/v1/T/attributes/updates?timeout=20", "", http.StatusRequestTimeout, "")
	for _, timeout := range []string{"x", "-1", "1.5"} {
		if status, _ := w.do("GET", "/api/v1/T/rpc?timeout="+timeout, ""); status != http.StatusBadRequest {
			t.Errorf("timeout %q: got %d, want 400", timeout, status)
		}
	}
}

func TestH10_HTTPWaitsForSharedAttributes(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	d := w.device("meters", "meter-1", token("T"))
	w.save(d, registry.SharedScope, "old", "1")
	for _, c := range []struct {
		name   string
		change func()
		want   string
	}{
		{"changed", func() { w.save(d, registry.SharedScope, "tariff", "2") }, `{"tariff":2}`},
		{"deleted", func() {
			_, err := w.registry.DeleteAttributes(context.Background(), d.ID, registry.SharedScope, "old")
			must(t, err)
		}, `{"deleted":["old"]}`},
	} {
		answer := w.poll("/api/v1/T/attributes/updates?timeout=20000")
		w.waiting()
		c.change()
		if got := <-answer; got != "200 "+c.want {
			t.Errorf("%s: got %s, want 200 %s", c.name, got, c.want)
		}
	}
}

// poll sends a request in the background.
func (w *site) poll(path string) <-chan string {
	answer := make(chan string, 1)
	go func() {
		status, body := w.do("GET", path, "")
		answer <- strconv.Itoa(status) + " " + body
	}()
	return answer
}

// waiting waits until the service knows somebody who waits for news.
func (w *site) waiting() {
	w.t.Helper()
	for end := time.Now().Add(never); w.service.Waiting() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("no poll came")
		}
	}
}

func TestH09_HTTPCalls(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	d := w.device("meters", "meter-1", token("T"))
	polled := w.poll("/api/v1/T/rpc?timeout=20000")
	w.waiting()
	called := make(chan string, 1)
	go func() {
		a, err := w.service.Call(context.Background(), d.ID, devices.Call{Method: "setGpio", Params: []byte(`{"pin":7}`), Timeout: never})
		called <- fmt.Sprintf("%s %v", a.Body, err)
	}()
	if got, want := <-polled, `200 {"id":0,"method":"setGpio","params":{"pin":7}}`; got != want {
		t.Fatalf("poll: got %s, want %s", got, want)
	}
	w.want("POST", "/api/v1/T/rpc/x", "{}", http.StatusBadRequest,
		`{"status":400,"message":"the call's id is not a 32-bit number"}`+"\n")
	w.want("POST", "/api/v1/T/rpc/99", `{"stale":true}`, http.StatusOK, "")
	w.want("POST", "/api/v1/T/rpc/0", `{"value":"A"}`, http.StatusOK, "")
	if got, want := <-called, `{"value":"A"} <nil>`; got != want {
		t.Errorf("call: got %s, want %s", got, want)
	}
}

func TestHTTPAsksAndNobodyReplies(t *testing.T) {
	t.Parallel()
	w := openSite(build(t, func(o *devices.Options) { o.Limits.ReplyTimeout = 20 * time.Millisecond }))
	w.device("meters", "meter-1", token("T"))
	w.want("POST", "/api/v1/T/rpc", `{"method":"getTime"}`, http.StatusBadRequest,
		`{"status":400,"message":"not a request: params is missing"}`+"\n")
	w.want("POST", "/api/v1/T/rpc", `{"params":{}}`, http.StatusBadRequest,
		`{"status":400,"message":"not a request: method is missing"}`+"\n")
	w.want("POST", "/api/v1/T/rpc", `{"method":"getTime","params":{}}`, http.StatusRequestTimeout, "")
}

func TestHTTPPollsOfADeviceAreLimited(t *testing.T) {
	t.Parallel()
	w := buildSite(t, func(o *web.Options) { o.Polls = 1 })
	d := w.device("meters", "meter-1", token("T"))
	first := w.poll("/api/v1/T/attributes/updates?timeout=20000")
	w.waiting()
	if status, _ := w.do("GET", "/api/v1/T/attributes/updates?timeout=20000", ""); status != http.StatusTooManyRequests {
		t.Errorf("second poll: got %d, want 429", status)
	}
	w.save(d, registry.SharedScope, "tariff", "2")
	if got := <-first; got != `200 {"tariff":2}` {
		t.Errorf("first poll: got %s", got)
	}
}

func TestHTTPPollOfADeletedDevice(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	d := w.device("meters", "meter-1", token("T"))
	answer := w.poll("/api/v1/T/attributes/updates?timeout=20000")
	w.waiting()
	must(t, w.registry.DeleteDevice(context.Background(), d.ID))
	if got := <-answer; !strings.HasPrefix(got, "403 ") {
		t.Errorf("got %s, want 403", got)
	}
}

func TestH12_HTTPClientIDIsNoToken(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.device("meters", "meter-1", basic("ClientId", "", ""))
	w.device("meters", "meter-2", basic("", "UserName", ""))
	w.want("POST", "/api/v1/ClientId/telemetry", "{}", http.StatusUnauthorized, "")
	w.want("POST", "/api/v1/UserName/telemetry", "{}", http.StatusUnauthorized, "")
}

func TestH13_HTTPWhateverTheTransport(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.profile("coap", "Kcoap", func(p *registry.Profile) { p.TransportType = registry.TransportCoAP })
	w.device("coap", "meter-1", token("T"))
	w.want("POST", "/api/v1/T/telemetry", `{"p":1}`, http.StatusOK, "")
}

func TestR05_HTTPOpensNoSession(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.device("meters", "meter-1", token("T"))
	w.want("POST", "/api/v1/T/attributes", `{"a":1}`, http.StatusOK, "")
	w.want("GET", "/api/v1/T/rpc?timeout=20", "", http.StatusRequestTimeout, "")
	if types := w.seen.types(); slices.Contains(types, "CONNECT_EVENT") || slices.Contains(types, "DISCONNECT_EVENT") {
		t.Errorf("messages: got %v, want no word of a connection", types)
	}
}

func TestHTTPUnknownPaths(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	for path, want := range map[string]int{
		"/":                       http.StatusNotFound,
		"/api/v1/T/claim":         http.StatusNotFound,
		"/api/v2/T/telemetry":     http.StatusNotFound,
		"/api/v1/T/telemetry/":    http.StatusNotFound,
		"/api/v1/a%2Fb/telemetry": http.StatusUnauthorized, // a token may hold anything
	} {
		if status, _ := w.do("POST", path, "{}"); status != want {
			t.Errorf("%s: got %d, want %d", path, status, want)
		}
	}
	if status, _ := w.do("DELETE", "/api/v1/T/telemetry", ""); status != http.StatusMethodNotAllowed && status != http.StatusNotFound {
		t.Errorf("DELETE: got %d, want 404 or 405", status)
	}
	w.answers.mu.Lock()
	defer w.answers.mu.Unlock()
	for answered := range w.answers.by {
		route, text, _ := strings.Cut(answered, " ")
		if status, _ := strconv.Atoi(text); !slices.Contains(web.Routes(), route) || !slices.Contains(web.Statuses(), status) {
			t.Errorf("counted as %s, which is not one of Routes and Statuses", answered)
		}
	}
	if w.answers.by["unknown 404"] == 0 || w.answers.by["telemetry 401"] != 1 {
		t.Errorf("counted: got %v", w.answers.by)
	}
}
