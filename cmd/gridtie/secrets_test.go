package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/logs"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// What must not be found. The supply points have the digits 0021987654321098, well written or not.
const (
	plantedKey      = "kEy-canary-supplier-5c1f"
	plantedNumber   = "90071992547409917"
	plantedSecret   = "sEcret-canary-provisioning-77aa"
	wrongSecret     = "sEcret-canary-wrong-11bb"
	plantedToken    = "tOken-canary-0d93"
	plantedPassword = "pAss-canary-6e42"
	wrongPassword   = "pAss-canary-wrong-90ce"
	undeclaredKey   = "kEy-canary-undeclared-33dd" // a chain cannot know that this is one: it is kept as an attribute
)

// failures are conditions that fail for a message with a supply point and a note, each in its own way.
var failures = []string{
	`int(msg.cups) > 0`, `float(msg.cups) > 0`, `date(msg.cups) > time`, `duration(msg.cups) > duration('1s')`, `int(msg.note) == 1`,
	`msg.cups.distributor == '0021'`, `cups.distributor(msg.note) == '0021' || date(upper(msg.note)) > time`, `msg[msg.cups].a > 1`, `[1][int(msg.volts)] > 1`,
}

// lines is a log that several goroutines write.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// planted is a server that has been given secrets, and what was seen of it.
type planted struct {
	t          *testing.T
	data, mqtt string
	server     *server.Server
	seen       map[string]string // by where
	points     []string
}

// TestSecretsAreSeenNowhere plants supplier keys, a provisioning secret, a token, passwords and supply points, lets
// devices use and misuse them, and looks for them in all that the server and the commands say, and in the store.
func TestSecretsAreSeenNowhere(t *testing.T) {
	t.Parallel()
	p, log, stop := plant(t)
	p.devices()
	p.listings()
	p.refusals()
	p.tries()
	stop()
	for _, words := range []string{"devices list", "devices show meter", "outcomes list", "dead-letters list"} { // without a server
		p.command(false, append(strings.Fields(words), "--json")...)
	}
	p.seen["log"] = log.String()
	for _, event := range []string{"chain_log", "mqtt_refused"} {
		if !strings.Contains(p.seen["log"], event) {
			t.Errorf("the log has no %s: too little was driven", event)
		}
	}
	secrets := []string{plantedKey, plantedNumber, plantedSecret, wrongSecret, plantedToken, plantedPassword, wrongPassword, undeclaredKey}
	for where, text := range p.seen {
		for _, s := range append(secrets, "987654321098") {
			text, s := folded(text), folded(s)
			for at := strings.Index(text, s); at >= 0; at = strings.Index(text, s) {
				t.Errorf("%s: %q is in it: %s", where, s, text[max(0, at-60):min(len(text), at+40)])
				text = text[at+len(s):]
			}
		}
	}
	stored := p.stored()
	for _, s := range []string{plantedKey, plantedNumber, plantedSecret, wrongSecret, plantedToken, plantedPassword, wrongPassword} {
		for _, form := range written(s) {
			if bytes.Contains(stored, []byte(form)) {
				t.Errorf("the store holds %q, as %q", s, form)
			}
		}
	}
	if !bytes.Contains(stored, []byte(p.points[0])) {
		t.Error("the store does not hold the supply point: the search finds nothing")
	}
}

// written is a secret in the forms that it may have in a row: as it is, and inside a base64 text, which begins anew with
// every three bytes.
func written(s string) []string {
	forms := []string{s}
	for skip := range 3 {
		forms = append(forms, base64.RawStdEncoding.EncodeToString([]byte(s)[skip:skip+(len(s)-skip)/3*3]))
	}
	return forms
}

// folded is text without whatever may stand inside a supply point, so that no spelling hides one.
func folded(text string) string {
	text = strings.NewReplacer(`\\t`, "", `\t`, "").Replace(text)
	return strings.ToLower(supplypoint.Canonical(text))
}

func plant(t *testing.T) (p *planted, log *lines, stop func()) {
	p = &planted{t: t, data: filepath.Join(t.TempDir(), "data"), seen: map[string]string{}}
	log = &lines{}
	set := t.TempDir()
	for _, f := range chains.Files() {
		p.must(os.WriteFile(filepath.Join(set, filepath.Base(f.Name)), f.Text, 0o600))
	}
	p.must(os.WriteFile(filepath.Join(set, "told.json"), chainOf("told", `[
      { "id": "a", "type": "action.log", "configuration": { "level": "warn", "text": "'got ' + (msg.note ?? '') + ' ' + upper(msg.note ?? '') + lower(msg.note ?? '') + join(keys(msg), ' ')" } },
      { "id": "b", "type": "action.log", "configuration": { "level": "warn", "text": "msg.cups ?? 'none'" } },
      { "id": "c", "type": "flow.chain", "configuration": { "chain": "root" } }]`,
		`[{ "from": "a", "to": "b", "type": "Success" }, { "from": "b", "to": "c", "type": "Success" }]`), 0o600))
	for i, expr := range failures {
		id := fmt.Sprint("failing-", i)
		p.must(os.WriteFile(filepath.Join(set, id+".json"), chainOf(id, fmt.Sprintf(
			`[{ "id": "fail", "type": "filter.expr", "configuration": { "expr": %q } }]`, expr), "[]"), 0o600))
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := server.Open(ctx, server.Options{
		Data: p.data, MQTT: "127.0.0.1:0", Admin: "127.0.0.1:0", Chains: set,
		Logger: logs.New(logs.Options{Out: log, Level: zerolog.TraceLevel}),
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	p.server, p.mqtt = s, "tcp://"+s.Addresses()["mqtt"]

	r := s.Registry()
	profile := registry.NewProfile("planted")
	profile.Chain, profile.ProvisionKey = "told", "profile-key"
	_, err = r.AddProfile(ctx, profile, secret.NewText(plantedSecret))
	p.must(err)
	for i := range failures {
		profile = registry.NewProfile(fmt.Sprint("failing-", i))
		profile.Chain, profile.ProvisionKey = profile.Name, fmt.Sprint("key-", i)
		_, err = r.AddProfile(ctx, profile, secret.NewText(plantedSecret))
		p.must(err)
	}
	_, err = r.AddSupplier(ctx, registry.Supplier{ID: "alba", Name: "Alba"})
	p.must(err)
	for _, text := range []string{plantedKey, plantedNumber} {
		_, _, err = r.AddKey(ctx, registry.SupplierKey{Supplier: "alba"}, secret.NewText(text))
		p.must(err)
	}
	p.points = spellings()
	return p, log, stop
}

func chainOf(id, nodes, connections string) []byte {
	return fmt.Appendf(nil, `{ "ruleChain": { "id": %q, "name": %q }, "metadata": { "firstNode": %s, "nodes": %s, "connections": %s } }`,
		id, id, nodes[strings.Index(nodes, `"id": `)+6:strings.Index(nodes, ",")], nodes, connections)
}

// spellings are a supply point as devices write it, the right way first.
func spellings() []string {
	right := supplypoint.Synthetic("0021", 987654321098).ID()
	letters := right[18:]
	return []string{
		right, "ES0021987654321098ZZ", strings.ToLower(right), "ES 0021 9876 5432 1098 " + letters, "ES0021\t9876\t5432\t1098" + letters,
		"ES0021\u00a09876\u00a05432\u00a01098\u00a0" + letters, "ES0021–9876–5432–1098–" + letters, "ＥＳ００２１９８７６５４３２１０９８" + letters,
		"0021987654321098" + letters, right + "0F", "ES0021987654321098", "es.0021.987654321098." + letters + ".0F", "meter at " + right + " (old)",
	}
}

func (p *planted) devices() {
	const attributes, telemetry = "v1/devices/me/attributes", "v1/devices/me/telemetry"
	request := func(more ...string) map[string]string {
		r := map[string]string{"provisionDeviceKey": "profile-key", "provisionDeviceSecret": plantedSecret}
		for i := 0; i < len(more); i += 2 {
			r[more[i]] = more[i+1]
		}
		return r
	}
	p.provision(request("deviceName", "meter", "token", plantedToken))
	p.provision(request("deviceName", "other", "token", plantedToken)) // somebody's token: refused
	p.provision(request("deviceName", "wrong", "provisionDeviceSecret", wrongSecret))
	p.provision(request("deviceName", p.points[0], "token", plantedToken+"-named")) // a fleet named by its supply points
	p.provision(request("deviceName", p.points[0], "token", "again"))               // refused: there is one
	p.provision(request("deviceName", "basic", "credentialsType", "MQTT_BASIC", "username", "u", "password", plantedPassword))
	if _, err := p.connect("c", "u", wrongPassword); err == nil {
		p.t.Error("a wrong password was let in")
	}
	c, err := p.connect("c", "u", plantedPassword)
	p.must(err)
	c.Disconnect(0)

	for _, cups := range p.points {
		p.post(plantedToken, attributes, fmt.Sprintf(`{"Power_supplier_secret_key": %q, "CUPS": "%s", "note": "at %s"}`, plantedKey, cups, cups))
	}
	p.post(plantedToken+"-named", attributes, `{"supplierKey": "`+plantedKey+`", "cups": "`+p.points[0]+`", "note": "of a named one"}`)
	for _, payload := range []string{
		`{"supplierKey": "` + plantedKey, `{"supplierKey": "` + plantedKey + `" "CUPS"}`, `{"` + plantedKey + `": }`, `[` + plantedKey + `]`,
		plantedKey, `{supplierKey: ` + plantedKey + `, supplier_key: other}`, `{"supplierKey": "` + plantedKey + `", "supplierKey": "` + plantedKey + `"}`,
		`{"supplierKey": {"a": "` + plantedKey + `"}}`, `{"supplierKey": ["` + plantedKey + `"]}`, `{"supplierKey": ` + plantedNumber + `}`,
		`{"supplierKey": "  ` + plantedKey + `  "}`, `{"cups": "` + p.points[0] + `", "CUPS": "x"}`, `{"cups": {"a": "` + p.points[0] + `"}}`,
		`{"cups": 21987654321098}`, `{"` + p.points[0] + `": }`,
		`{"PowerSupplierKey": "` + undeclaredKey + `", "firmware": "1.4"}`, "{\"supplierKey\": \"" + plantedKey + "\xff\"}",
	} {
		p.post(plantedToken, attributes, payload)
	}
	for _, payload := range []string{
		`{"supplierKey": "` + plantedKey + `", "power": 7}`, `[{"ts": 1, "values": {"SUPPLIERKEY": "` + plantedKey + `", "cups": "` + p.points[0] + `"}}]`,
		`[{"ts": "` + plantedKey + `", "values": {}}]`, `{"ts": {"` + plantedKey + `": 1}, "values": 7}`,
	} {
		p.post(plantedToken, telemetry, payload)
	}
	p.attributes()
	p.post(plantedToken, "v1/devices/me/attributes/request/1", `{"clientKeys": "`+undeclaredKey+`"}`)
	p.post(plantedToken, "v1/devices/me/attributes/request/"+plantedKey, `{}`)
	p.post(plantedToken, "nowhere/"+plantedKey, plantedKey)

	for i := range failures {
		token := fmt.Sprint("failing-token-", i)
		_, _, err := p.server.Registry().AddDevice(p.t.Context(), registry.Device{Name: fmt.Sprint("failing-", i), Profile: fmt.Sprint("failing-", i)},
			registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(token)})
		p.must(err)
		for _, cups := range p.points {
			p.post(token, attributes, fmt.Sprintf(`{"supplierKey": %q, "cups": "%s", "note": "at %s", "volts": 230}`, plantedKey, cups, cups))
		}
	}
	token := "named-and-failing" // its dead letter names it
	_, _, err = p.server.Registry().AddDevice(p.t.Context(), registry.Device{Name: "meter at " + p.points[0], Profile: "failing-0"},
		registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(token)})
	p.must(err)
	p.post(token, attributes, `{"cups": "x"}`)
}

// attributes lets a device ask for all that is known of it. The supply point is its own, and comes back.
func (p *planted) attributes() {
	p.t.Helper()
	c, err := p.connect("c", plantedToken, "")
	p.must(err)
	defer c.Disconnect(0)
	answered := make(chan string, 1)
	c.Subscribe("v1/devices/me/attributes/response/+", 1, func(_ mqtt.Client, m mqtt.Message) { answered <- string(m.Payload()) }).WaitTimeout(limit)
	c.Publish("v1/devices/me/attributes/request/7", 1, false, "{}").WaitTimeout(limit)
	select {
	case answer := <-answered:
		if !strings.Contains(answer, "firmware") || strings.Contains(answer, plantedKey) || strings.Contains(answer, plantedNumber) {
			p.t.Errorf("attributes: got %s", answer)
		}
	case <-time.After(limit):
		p.t.Fatal("attributes: no answer")
	}
}

// listings asks for all that can be asked for, by the API and by the commands.
func (p *planted) listings() {
	letters, _, err := p.server.Registry().DeadLetters(p.t.Context(), registry.DeadLetterFilter{}, registry.Page{Limit: 1000})
	p.must(err)
	if want := len(failures) * len(p.points); len(letters) < want/2 {
		p.t.Errorf("%d dead letters, want about %d: too little failed", len(letters), want)
	}
	outcomes, _, err := p.server.Registry().Outcomes(p.t.Context(), registry.OutcomeFilter{}, registry.Page{Limit: 1000})
	p.must(err)
	var codes []registry.Code
	for _, o := range outcomes {
		codes = append(codes, o.Code)
	}
	for _, want := range []registry.Code{registry.Attached, registry.CUPSCheckFailed, registry.CUPSMalformed, registry.DeviceProvisioned} {
		if !slices.Contains(codes, want) {
			p.t.Errorf("no outcome %s: too little was driven", want)
		}
	}
	for _, path := range []string{
		"/v1/status", "/v1/profiles", "/v1/profiles/planted", "/v1/suppliers", "/v1/suppliers/alba", "/v1/grids", "/v1/devices?limit=1000",
		"/v1/devices/meter", "/v1/devices/basic", "/v1/outcomes?limit=1000", "/v1/dead-letters?limit=1000", "/v1/dead-letters/" + letters[0].ID,
		"/v1/devices/" + p.points[0], "/v1/outcomes?device=" + p.points[0], "/v1/devices/no-" + p.points[0], "/v1/outcomes?device=no-" + p.points[0],
		"/openapi.json", "/metrics", "/readyz", "/livez",
	} {
		p.ask("GET", path, "")
	}
	p.ask("GET", "metrics", "")
	if !strings.Contains(p.seen["metrics"], "gridtie_bad_payloads_total") {
		p.t.Errorf("metrics: got %q", p.seen["metrics"])
	}
	for _, words := range []string{
		"status", "profiles list", "profiles show planted", "suppliers list", "suppliers show alba", "grids list", "devices list --limit 1000",
		"devices show meter", "devices show basic", "devices show failing-0", "devices show " + p.points[0], "outcomes list --device " + p.points[0], "outcomes list --limit 1000", "dead-letters list --limit 1000",
		"dead-letters show " + letters[0].ID, "config", "devices show nothing", "profiles show nothing",
	} {
		p.command(false, strings.Fields(words)...)
		p.command(true, strings.Fields(words)...)
		p.command(false, append(strings.Fields(words), "--json")...)
	}
}

// refusals sends the API what it has to refuse, secret included.
func (p *planted) refusals() {
	for _, r := range [][2]string{
		{"/v1/suppliers/alba/keys", `{"key": "` + plantedKey + `"}`},
		{"/v1/suppliers/nobody/keys", `{"key": "` + plantedKey + `"}`},
		{"/v1/suppliers/alba/keys", `{"key": ` + plantedNumber + `}`},
		{"/v1/suppliers/alba/keys", `{"key": "` + plantedKey + `"`},
		{"/v1/suppliers/alba/keys", `{"key": "` + plantedKey + `", "notBefore": "x"}`},
		{"/v1/suppliers/alba/keys", `{"key": "` + plantedKey + `", "maxAttachments": -1}`},
		{"/v1/suppliers/alba/keys", `{"key": "` + plantedKey + "\\u0000" + `"}`},
		{"/v1/profiles", `{"name": "planted", "provisionDeviceSecret": "` + plantedSecret + `"}`},
		{"/v1/profiles", `{"name": "", "provisionDeviceSecret": "` + plantedSecret + `"}`},
		{"/v1/profiles", `{"name": "again", "provisionDeviceKey": "profile-key", "provisionDeviceSecret": "` + plantedSecret + `"}`},
		{"/v1/profiles", `{"name": "more", "provisionDeviceSecret": ` + plantedNumber + `}`},
	} {
		p.ask("POST", r[0], r[1])
	}
}

// tries runs messages that hold secrets through chains, good and failing.
func (p *planted) tries() {
	for _, cups := range p.points {
		for _, chain := range []string{"root", "told", "failing-0", "failing-2", "failing-9"} {
			text := fmt.Sprintf(`{"supplierKey": %q, "CUPS": "%s", "note": "at %s", "volts": 230}`, plantedKey, cups, cups)
			request, err := json.Marshal(admin.TryRequest{Chain: chain, Message: admin.TryMessage{
				Device: "meter", Text: text, Metadata: map[string]string{"cups": cups},
			}})
			p.must(err)
			p.ask("POST", "/v1/try", string(request))
		}
	}
	request, err := json.Marshal(admin.TryRequest{Message: admin.TryMessage{Text: `{"supplierKey": "` + plantedKey + `" "` + plantedKey}})
	p.must(err)
	p.ask("POST", "/v1/try", string(request))

	dir := p.t.TempDir()
	message, chain := filepath.Join(dir, "message.json"), filepath.Join(dir, "chain.json")
	p.must(os.WriteFile(chain, chainOf("own", `[{ "id": "fail", "type": "filter.expr", "configuration": { "expr": "msg.cups == 'x' || int(msg.cups) > 1" } }]`, "[]"), 0o600))
	for _, cups := range p.points {
		p.must(os.WriteFile(message, fmt.Appendf(nil, `{"supplierKey": %q, "CUPS": "%s"}`, plantedKey, cups), 0o600))
		p.command(false, "try", "--chain", chain, "--message", message)
		p.command(true, "try", "--chain", chain, "--message", message)
		p.command(false, "try", "--chain", chain, "--message", message, "--json")
	}
}
