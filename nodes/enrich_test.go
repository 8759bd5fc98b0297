package nodes_test

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/supplypoint"
)

func synthetic(distributor string) string { return supplypoint.Synthetic(distributor, 1).ID() }

// What nodes add to a message or make of it.
func TestTransformAndEnrich(t *testing.T) {
	t.Parallel()
	tests := []struct {
		routed
		data   string            // payload behind the node; empty: as before
		after  map[string]string // metadata behind the node
		become string            // type behind the node
	}{
		{routed: routed{name: "data", kind: "transform.expr", config: `{"data": "{\"w\": msg.kw * 1000}"}`, payload: `{kw: 1.5}`, want: "Success"}, data: `{"w":1500}`},
		{
			routed: routed{
				name: "metadata", kind: "transform.expr", payload: `{n: 1.50, s: x, l: [1, a]}`, want: "Success", meta: []engine.Pair{{Key: "kept", Value: "old"}},
				config: `{"metadata": {"n": "msg.n", "s": "msg.s", "l": "msg.l", "b": "true", "t": "time", "kept": "msg.none"}}`,
			},
			after: map[string]string{"n": "1.5", "s": "x", "l": `[1,"a"]`, "b": "true", "t": "2026-11-21T09:14:03Z", "kept": "old"},
		},
		{routed: routed{name: "type", kind: "transform.expr", config: `{"type": "\"METER_\" + msg.s"}`, payload: `{s: OPENED}`, want: "Success"}, become: "METER_OPENED"},
		{routed: routed{name: "empty type", kind: "transform.expr", config: `{"type": "msg.s"}`, payload: `{s: ""}`, want: "Failure", failure: "empty"}},
		{
			routed: routed{name: "all see the message as it came", kind: "transform.expr", config: `{"data": "{}", "metadata": {"was": "msg.s"}}`, payload: `{s: x}`, want: "Success"},
			data:   "{}", after: map[string]string{"was": "x"},
		},
		{
			routed: routed{name: "the key does not come out", kind: "transform.expr", config: `{"data": "{\"all\": msg}"}`, payload: `{supplier_key: alba-key-1}`, want: "Success"},
			data:   `{"all":{"supplier_key":"***"}}`,
		},
		{routed: routed{name: "nor as metadata", kind: "transform.expr", config: `{"metadata": {"k": "msg.supplierKey"}}`, payload: `{supplier_key: alba-key-1}`, want: "Failure", failure: "cannot be written"}},
		{
			routed: routed{name: "attributes", kind: "enrich.attributes", config: `{"server": ["limit"], "client": ["firmware"], "telemetry": ["energy"]}`, want: "Success"},
			after:  map[string]string{"ss_limit": "4600", "cs_firmware": "1.4", "energy": "10422.50"},
		},
		{
			routed: routed{name: "attributes into the payload", kind: "enrich.attributes", config: `{"server": ["limit"], "client": ["firmware"], "to": "data"}`, payload: `{p: 7.0}`, want: "Success"},
			data:   `{"cs_firmware":"1.4","p":7.0,"ss_limit":4600}`,
		},
		{routed: routed{name: "an attribute that must be there", kind: "enrich.attributes", config: `{"shared": ["none"]}`, want: "Failure", failure: "1 of 1 attributes"}},
		{routed: routed{name: "a series that must be there", kind: "enrich.attributes", config: `{"telemetry": ["none"]}`, want: "Failure", failure: "1 of 1 time series"}},
		{routed: routed{name: "one that may be missing", kind: "enrich.attributes", config: `{"shared": ["none"], "required": false}`, want: "Success"}},
		{routed: routed{name: "attributes of no device", kind: "enrich.attributes", config: `{"server": ["limit"]}`, typ: "PROVISION_REQUEST", payload: `{deviceName: x}`, want: "Failure", failure: "not about a device"}},
		{
			routed: routed{name: "device", kind: "enrich.device", config: `{}`, want: "Success"},
			after:  map[string]string{"deviceName": "meter-1", "deviceType": "meters"},
		},
		{
			routed: routed{
				name: "all of the device", kind: "enrich.device", want: "Success",
				config: `{"fields": {"id": "a", "gateway": "b", "created": "c", "credentialsType": "d"}}`,
			},
			after: map[string]string{"a": "d-1", "b": "false", "c": "1795252443000", "d": "ACCESS_TOKEN"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, p := tt.run(t)
			if tt.data != "" && p.message.Data().Text() != tt.data {
				t.Errorf("got payload %s, want %s", p.message.Data().Text(), tt.data)
			}
			for key, want := range tt.after {
				if got := p.meta(key); got != want {
					t.Errorf("metadata %q: got %q, want %q", key, got, want)
				}
			}
			if tt.become != "" && p.message.Type() != tt.become {
				t.Errorf("got type %q, want %q", p.message.Type(), tt.become)
			}
			if strings.Contains(tt.payload, "alba-key-1") {
				if d, ok := p.message.Data().Digest("supplierKey"); !ok || d != w.key.Digest("alba-key-1") {
					t.Error("the digest of the key did not travel on")
				}
			}
		})
	}
}
