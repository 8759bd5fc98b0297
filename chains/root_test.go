package chains_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

func synthetic(distributor string) string { return supplypoint.Synthetic(distributor, 1).ID() }

func TestRoot(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, typ, payload string
		way                string
		client, series     string // what is kept, by name
	}{
		{
			name: "attributes of its own", typ: "POST_ATTRIBUTES_REQUEST", payload: `{firmware: v1.4, phases: 3}`,
			way: "root/by-type Post attributes, root/save-attributes Success, root/wants-attachment False", client: `firmware="v1.4" phases=3`,
		},
		{
			name: "key and CUPS", typ: "POST_ATTRIBUTES_REQUEST", payload: `{supplierKey: no-such-key, CUPS: ` + one + `}`,
			way: "root/by-type Post attributes, root/save-attributes Success, root/wants-attachment True, attach/match-supplier Unknown, " +
				"attach/report-refused Success, attach/refused Refused, root/attach Refused, root/log-attachment Success",
			client: `CUPS="` + one + `"`,
		},
		{
			name: "readings", typ: "POST_TELEMETRY_REQUEST", payload: `{power: 730.5, energy: 10422}`,
			way: "root/by-type Post telemetry, root/save-timeseries Success", series: `energy=10422 power=730.5`,
		},
		{name: "a connect event", typ: "CONNECT_EVENT", payload: `{}`, way: "root/by-type Connect Event"},
		{name: "something else", typ: "PROVISION_SUCCESS", payload: `{}`, way: "root/by-type Other, root/log-other Success"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			d := b.device("meter-1")
			fate := b.send(d, tt.typ, tt.payload)
			if fate.State != engine.Done {
				t.Fatalf("got %v (%v), want done", fate.State, fate.Cause)
			}
			if got := way(fate); got != tt.way {
				t.Errorf("got way %s\nwant    %s", got, tt.way)
			}
			as, err := b.Attributes(t.Context(), d.ID, registry.ClientScope)
			b.ok(err)
			var client []string
			for _, a := range as {
				client = append(client, a.Key+"="+string(a.Value))
			}
			if got := strings.Join(client, " "); got != tt.client {
				t.Errorf("got client attributes %s, want %s", got, tt.client)
			}
			rs, err := b.LatestTimeseries(t.Context(), d.ID)
			b.ok(err)
			var series []string
			for _, r := range rs {
				series = append(series, r.Key+"="+string(r.Value))
			}
			if got := strings.Join(series, " "); got != tt.series {
				t.Errorf("got series %s, want %s", got, tt.series)
			}
		})
	}
}

func TestProvision(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		twice   bool // ask twice
		other   bool // with other credentials the second time
		want    registry.Code
		way     string
		emitted []string
	}{
		{
			name: "a new device", want: registry.DeviceProvisioned, way: "provision/accept True, provision/provision Success",
			emitted: []string{"ENTITY_CREATED", "PROVISION_SUCCESS"},
		},
		{
			name: "the same request again", twice: true, want: registry.DeviceProvisioned,
			way: "provision/accept True, provision/provision Success", emitted: []string{"PROVISION_SUCCESS"},
		},
		{
			name: "the name of another", twice: true, other: true, want: registry.ProvisionRefused,
			way: "provision/accept True, provision/provision Refused, provision/log-refused Success", emitted: []string{"PROVISION_FAILURE"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			ask := func(token string) engine.Fate {
				ctx := context.WithValue(t.Context(), requestKey{}, registry.ProvisionRequest{
					Profile: "meters", Credentials: registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(token)},
				})
				return b.submit(ctx, engine.Header{
					Type: "PROVISION_REQUEST", Chain: chains.Provision,
					Origin: engine.Origin{Type: "PROVISION", ID: "meters/meter-1", Name: "meter-1", Profile: "meters"},
				}, engine.NewData(`{"deviceName":"meter-1"}`))
			}
			fate := ask("token-of-the-meter")
			if tt.twice {
				token := "token-of-the-meter"
				if tt.other {
					token = "token-of-another"
				}
				fate = ask(token)
			}
			if fate.State != engine.Done || fate.Outcome != string(tt.want) || way(fate) != tt.way {
				t.Fatalf("got %v with %q by %s (%v), want done with %q by %s", fate.State, fate.Outcome, way(fate), fate.Cause, tt.want, tt.way)
			}
			d, err := b.DeviceByName(t.Context(), "meter-1")
			b.ok(err)
			var emitted []string
			for _, row := range fate.Emitted {
				for _, s := range row.Steps {
					emitted = append(emitted, s.Message.Type())
					if o := s.Message.Origin(); o.ID != d.ID || o.Name != "meter-1" || o.Profile != "meters" || o.Type != "DEVICE" || s.Chain != "" {
						t.Errorf("%s is about %+v in chain %q, want the device in the root chain", s.Message.Type(), o, s.Chain)
					}
					text, err := json.Marshal(s)
					b.ok(err)
					if strings.Contains(string(text), "token-of") {
						t.Errorf("%s holds a credential: %s", s.Message.Type(), text)
					}
				}
			}
			if strings.Join(emitted, " ") != strings.Join(tt.emitted, " ") {
				t.Errorf("got events %v, want %v", emitted, tt.emitted)
			}
		})
	}
}

// Every node says in one line why it is there.
func TestEveryNodeHasAReason(t *testing.T) {
	t.Parallel()
	for _, f := range chains.Files() {
		var file struct {
			Schema   string `json:"$schema"`
			Metadata struct {
				Nodes []struct{ ID, Name string }
			}
		}
		if err := json.Unmarshal(f.Text, &file); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if file.Schema == "" || len(file.Metadata.Nodes) == 0 {
			t.Errorf("%s: got schema %q and %d nodes, want both", f.Name, file.Schema, len(file.Metadata.Nodes))
		}
		for _, n := range file.Metadata.Nodes {
			if n.Name == "" || strings.Contains(n.Name, "\n") {
				t.Errorf("%s: node %s: got name %q, want one line", f.Name, n.ID, n.Name)
			}
		}
	}
}
