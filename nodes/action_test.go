package nodes_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// What nodes write.
func TestSave(t *testing.T) {
	t.Parallel()
	ts := func(v string) []engine.Pair { return []engine.Pair{{Key: "ts", Value: v}} }
	tests := []struct {
		routed
		saved []string
	}{
		{
			routed: routed{name: "attributes, typed", kind: "action.save-attributes", config: `{}`, payload: `{s: x, n: 42.0, i: 7, b: true, o: {a: [1]}}`, want: "Success"},
			saved:  []string{`d-1 CLIENT_SCOPE b=true`, `d-1 CLIENT_SCOPE i=7`, `d-1 CLIENT_SCOPE n=42.0`, `d-1 CLIENT_SCOPE o={"a":[1]}`, `d-1 CLIENT_SCOPE s="x"`},
		},
		{
			routed: routed{name: "attributes without the key", kind: "action.save-attributes", config: `{}`, payload: `{Power_suppier_secret_key: alba-key-1, a: 1}`, want: "Success"},
			saved:  []string{`d-1 CLIENT_SCOPE a=1`},
		},
		{
			routed: routed{name: "three stars without a key", kind: "action.save-attributes", config: `{}`, payload: `{a: "***"}`, want: "Success"},
			saved:  []string{`d-1 CLIENT_SCOPE a="***"`},
		},
		{
			routed: routed{name: "another scope", kind: "action.save-attributes", config: `{"scope": "SERVER_SCOPE"}`, payload: `{a: 1}`, want: "Success"},
			saved:  []string{`d-1 SERVER_SCOPE a=1`},
		},
		{
			routed: routed{
				name: "the scope of the metadata wins", kind: "action.save-attributes", config: `{"scope": "SERVER_SCOPE"}`, payload: `{a: 1}`, want: "Success",
				meta: []engine.Pair{{Key: "scope", Value: "SHARED_SCOPE"}},
			},
			saved: []string{`d-1 SHARED_SCOPE a=1`},
		},
		{routed: routed{
			name: "no scope", kind: "action.save-attributes", config: `{}`, payload: `{a: 1}`, want: "Failure", failure: "no scope",
			meta: []engine.Pair{{Key: "scope", Value: "MY_SCOPE"}},
		}},
		{routed: routed{name: "attributes: nothing", kind: "action.save-attributes", config: `{}`, want: "Success"}},
		{routed: routed{name: "attributes of no device", kind: "action.save-attributes", config: `{}`, typ: "PROVISION_REQUEST", payload: `{deviceName: x}`, want: "Failure", failure: "not about a device"}},
		{
			routed: routed{name: "readings at the time of receipt", kind: "action.save-timeseries", config: `{}`, payload: `{p: 730.5, e: 1}`, want: "Success"},
			saved:  []string{`d-1 2026-11-21T09:14:03Z e=1`, `d-1 2026-11-21T09:14:03Z p=730.5`},
		},
		{
			routed: routed{name: "readings at the time of the device", kind: "action.save-timeseries", config: `{}`, payload: `{p: 1}`, meta: ts("1000000000000"), want: "Success"},
			saved:  []string{`d-1 2001-09-09T01:46:40Z p=1`},
		},
		{
			routed: routed{name: "readings, never mind the time of the device", kind: "action.save-timeseries", config: `{"serverTime": true}`, payload: `{p: 1}`, meta: ts("soon"), want: "Success"},
			saved:  []string{`d-1 2026-11-21T09:14:03Z p=1`},
		},
		{routed: routed{name: "readings at no time", kind: "action.save-timeseries", config: `{}`, payload: `{p: 1}`, meta: ts("soon"), want: "Failure", failure: "no time"}},
		{
			routed: routed{name: "readings without the key", kind: "action.save-timeseries", config: `{}`, payload: `{supplierKey: alba-key-1, p: 1}`, want: "Success"},
			saved:  []string{`d-1 2026-11-21T09:14:03Z p=1`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if w, _ := tt.run(t); !slices.Equal(w.saved, tt.saved) {
				t.Errorf("got saved %q, want %q", w.saved, tt.saved)
			}
		})
	}
}

func TestReportOutcome(t *testing.T) {
	t.Parallel()
	found := []engine.Pair{{Key: "supplierName", Value: "Alba"}, {Key: "gridName", Value: "i-DE"}, {Key: "attachedSince", Value: "2026-11-21T09:14:03Z"}}
	for outcome, want := range map[string]string{
		"ATTACHED":          `{"outcome":"ATTACHED","supplier":"Alba","grid":"i-DE","since":"2026-11-21T09:14:03Z","message":"0199-1"}`,
		"KEY_EXPIRED":       `{"outcome":"KEY_REFUSED","message":"0199-1"}`,
		"KEY_UNKNOWN":       `{"outcome":"KEY_REFUSED","message":"0199-1"}`,
		"HELD":              `{"outcome":"CUPS_REFUSED","message":"0199-1"}`,
		"CUPS_CHECK_FAILED": `{"outcome":"CUPS_CHECK_FAILED","message":"0199-1"}`,
		"A_CODE_OF_MY_OWN":  `{"outcome":"A_CODE_OF_MY_OWN","message":"0199-1"}`,
	} {
		w := newWorld()
		p := w.run(t, "action.report-outcome", `{"attribute": "a"}`, w.message(t, attributes, `{}`, found...).WithOutcome(outcome))
		if p.relation != "Success" || !slices.Equal(w.saved, []string{"d-1 SHARED_SCOPE a=" + want}) {
			t.Errorf("%s: got %s, saved %q, want %s", outcome, p.relation, w.saved, want)
		}
	}
	w := newWorld()
	if p := w.run(t, "action.report-outcome", `{}`, w.message(t, attributes, `{}`)); p.relation != "Failure" || len(w.saved) > 0 {
		t.Errorf("without an outcome: got %s, saved %q, want Failure", p.relation, w.saved)
	}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	found := []engine.Pair{
		{Key: "supplierId", Value: "alba"},
		{Key: "keyId", Value: "k-1"},
		{Key: "gridId", Value: "dso-0021"},
		{Key: "gridBy", Value: "membership"},
		{Key: "ts", Value: "1000000000000"},
	}
	tests := []struct {
		routed
		asked int
		since string
		held  string
	}{
		{routed: routed{name: "attached", payload: `{cups: ` + pointOne + `}`, want: "Success", outcome: "ATTACHED"}, asked: 1, since: "2026-11-21T09:14:03Z"},
		{routed: routed{name: "already attached", payload: `{cups: ` + synthetic("0026") + `}`, want: "Success", outcome: "ALREADY_ATTACHED"}, asked: 1, since: "2026-11-21T09:14:03Z"},
		{routed: routed{name: "held", payload: `{cups: ` + pointTaken + `}`, want: "Held", outcome: "HELD"}, asked: 1, held: "CUPS_TAKEN"},
		{routed: routed{name: "refused", payload: `{cups: ` + pointFar + `}`, want: "Refused", outcome: "KEY_OUT_OF_SCOPE"}, asked: 1},
		{routed: routed{name: "a point that is none", payload: `{cups: ES0021000000000001XX}`, want: "Refused", outcome: "CUPS_CHECK_FAILED"}},
		{routed: routed{name: "no point", want: "Refused", outcome: "CUPS_MISSING"}},
		{routed: routed{name: "a point of another name", config: `{"cups": "msg.point"}`, payload: `{point: ` + pointOne + `}`, want: "Success", outcome: "ATTACHED"}, asked: 1, since: "2026-11-21T09:14:03Z"},
		{routed: routed{name: "no supplier found", meta: found[1:], payload: `{cups: ` + pointOne + `}`, want: "Failure", failure: "put match.supplier before"}},
		{routed: routed{name: "no grid found", meta: found[:2], payload: `{cups: ` + pointOne + `}`, want: "Failure", failure: "put match.grid before"}},
		{routed: routed{name: "no device", typ: "PROVISION_REQUEST", payload: `{deviceName: x, cups: ` + pointOne + `}`, want: "Failure", failure: "not about a device"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.kind = "action.attach"
			if tt.config == "" {
				tt.config = `{}`
			}
			if tt.meta == nil {
				tt.meta = found
			}
			w, p := tt.run(t)
			if len(w.requests) != tt.asked {
				t.Fatalf("the registry was asked %d times, want %d", len(w.requests), tt.asked)
			}
			if p.meta("attachedSince") != tt.since || p.meta("heldReason") != tt.held {
				t.Errorf("got since %q, held for %q, want %q and %q", p.meta("attachedSince"), p.meta("heldReason"), tt.since, tt.held)
			}
			if tt.asked == 0 {
				return
			}
			got := w.requests[0]
			want := registry.Evidence{
				Message: "0199-1", Chain: "main", Node: "x", Revision: p.fate.Revision, MessageTime: time.UnixMilli(1000000000000).UTC(), ReceivedAt: received,
			}
			if got.Evidence != want || want.Revision == "" {
				t.Errorf("got evidence %+v, want %+v", got.Evidence, want)
			}
			if got.Device != "d-1" || got.Supplier != "alba" || got.Key != "k-1" || got.Grid != "dso-0021" || got.GridBy != "membership" {
				t.Errorf("got request %+v, want what the metadata says", got)
			}
		})
	}
}

func TestProvision(t *testing.T) {
	t.Parallel()
	const success = `{"deviceName":"%","credentialsType":"ACCESS_TOKEN","credentialsData":{"token":"","clientId":"","username":"","password":"","x509CertHash":""},` +
		`"credentials":{"provisionDeviceKey":"***","provisionDeviceSecret":"***"},"gateway":false}`
	failure := strings.Replace(success, "ACCESS_TOKEN", "MQTT_BASIC", 1)
	created := `{"id":{"entityType":"DEVICE","id":"d-%"},"createdTime":1795252443000,"name":"%","type":"meters","additionalInfo":{"gateway":false}}`
	tests := []struct {
		name, device, want, outcome, reason string
		events                              []string
	}{
		{"created", "new", "Success", "PROVISIONED", "", []string{"ENTITY_CREATED " + created, "PROVISION_SUCCESS " + success}},
		{"repeated", "again", "Success", "PROVISIONED", "", []string{"PROVISION_SUCCESS " + success}},
		{"taken", "taken", "Refused", "PROVISION_REFUSED", "name is taken", []string{"PROVISION_FAILURE " + failure}},
		{"made behind a gateway", "behind", "Success", "PROVISIONED", "", []string{"ENTITY_CREATED " + created}},
		{"found behind a gateway", "behind-again", "Success", "PROVISIONED", "", nil},
		{"refused for no device", "unwanted", "Refused", "PROVISION_REFUSED", "provisioning is disabled", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, p := routed{
				kind: "action.provision", config: `{}`, typ: "PROVISION_REQUEST", payload: `{"deviceName": "` + tt.device + `"}`, want: tt.want, outcome: tt.outcome,
			}.run(t)
			if got := p.meta("reason"); got != tt.reason {
				t.Errorf("got reason %q, want %q", got, tt.reason)
			}
			var got, want []string
			for _, row := range p.fate.Emitted {
				for _, s := range row.Steps {
					got = append(got, s.Message.Type()+" "+s.Message.Data().Text())
					via, _ := s.Message.Meta("gatewayId")
					if where := via + " " + s.Message.Chain(); (where == "g-1 own") != (tt.device == "behind") {
						t.Errorf("%s: got gatewayId and chain %q", s.Message.Type(), where)
					}
					if s.Message.Origin() != (engine.Origin{Type: "DEVICE", ID: "d-" + tt.device, Name: tt.device, Profile: "meters"}) {
						t.Errorf("%s: got origin %+v, want the device", s.Message.Type(), s.Message.Origin())
					}
				}
			}
			for _, e := range tt.events {
				want = append(want, strings.ReplaceAll(e, "%", tt.device))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
	w := newWorld()
	w.broken = errors.New("the disk is gone")
	p := w.run(t, "action.provision", `{}`, w.message(t, "PROVISION_REQUEST", `{deviceName: x}`))
	if p.relation != "Failure" || p.message.Outcome() != "" || len(p.fate.Emitted) > 0 {
		t.Errorf("a registry that cannot be asked: got %s with %q, want Failure", p.relation, p.message.Outcome())
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for _, want := range []string{"Success", "Failure"} { // a second decision is a Failure
		p := w.run(t, "action.refuse", `{"reason": "'not ' + msg.deviceName"}`, w.message(t, "PROVISION_REQUEST", `{deviceName: x}`))
		if p.relation != want {
			t.Errorf("got %s (%s), want %s", p.relation, p.failure(), want)
		}
		if want == "Success" && (p.message.Outcome() != "PROVISION_REFUSED" || p.meta("reason") != "not x") {
			t.Errorf("got outcome %q for %q, want PROVISION_REFUSED for not x", p.message.Outcome(), p.meta("reason"))
		}
	}
	if want := []string{"refused: not x"}; !slices.Equal(w.saved, want) {
		t.Errorf("got %q, want %q", w.saved, want)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, payload, text, want string }{
		{"plain", `{}`, `'hello ' + device`, "hello meter-1"},
		{"the supply point of the message", `{cups: "es 0021 0000 0000 0001 rk"}`, `'got ' + msg.cups + '!'`, "got ES0021•••••••••••••1RK!"},
		{"however it is written", `{cups: "ES0021_0000_0000_0001_RK"}`, `'got ' + msg.cups`, "got •••••••••••••"},
		{"in other letters", `{cups: "0021000000000001RK"}`, `lower(msg.cups)`, "•••••••••••••"},
		{"a spelling that is seldom", `{other: "it is ES0021\u00a00000\u00a00000\u00a00001\u00a0RK"}`, `msg.other`, "it is ES0021•••••••••••••1RK"},
		{"any other", `{other: "es ES0022000000000001FB, pt0014-4839-2019-4837-dw"}`, `msg.other`, "es ES0022•••••••••••••1FB, PT0014•••••••••••••7DW"},
		{"a short one is none", `{cups: e}`, `'hello ' + msg.cups`, "hello e"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			config, err := json.Marshal(map[string]string{"level": "warn", "text": tt.text})
			if err != nil {
				t.Fatal(err)
			}
			p := w.run(t, "action.log", string(config), w.message(t, attributes, tt.payload).WithOutcome("X"))
			if p.relation != "Success" {
				t.Fatalf("got %s (%s), want Success", p.relation, p.failure())
			}
			var got map[string]string
			if err := json.Unmarshal([]byte(w.log.String()), &got); err != nil {
				t.Fatalf("%v: %s", err, w.log.String())
			}
			for field, want := range map[string]string{
				"level": "warn", "event": "chain_log", "chain": "main", "node": "x", "device": "meter-1", "message": "0199-1",
				"type": attributes, "outcome": "X", "text": tt.want,
			} {
				if got[field] != want {
					t.Errorf("field %s: got %q, want %q", field, got[field], want)
				}
			}
		})
	}
}

// One device cannot fill the log.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld()
	catalog := w.standard(t, func(*engine.Message) {})
	// The message goes round and round until the chain does not let it any more.
	file := engine.File{Name: "main.json", Text: []byte(`{"ruleChain": {"id": "main"}, "metadata": {"firstNode": "log", "maxVisits": 12,
		"nodes": [{"id": "log", "type": "action.log"}, {"id": "fork", "type": "filter.expr", "configuration": {"expr": "true"}}],
		"connections": [{"from": "log", "to": "fork", "type": "Success"}, {"from": "fork", "to": "log", "type": "True"}]}}`)}
	w.send(t, catalog, w.message(t, attributes, `{}`), file)
	if got := strings.Count(w.log.String(), "chain_log"); got != 10 {
		t.Errorf("got %d lines of one device in a minute, want 10", got)
	}
}
