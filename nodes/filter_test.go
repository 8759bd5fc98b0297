package nodes_test

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
)

const attributes, telemetry = "POST_ATTRIBUTES_REQUEST", "POST_TELEMETRY_REQUEST"

// routed is a table of kinds that only decide.
type routed struct {
	name, kind, config string
	typ, payload       string
	meta               []engine.Pair
	want               string // relation
	failure            string // part of the cause, if the relation is Failure
	outcome            string
	also               []string // relations to connect besides the kind's own
}

func (tt routed) run(t *testing.T) (*world, passed) {
	t.Helper()
	w := newWorld()
	typ, payload := tt.typ, tt.payload
	if typ == "" {
		typ = attributes
	}
	if payload == "" {
		payload = "{}"
	}
	p := w.run(t, tt.kind, tt.config, w.message(t, typ, payload, tt.meta...), tt.also...)
	if !strings.EqualFold(p.relation, tt.want) {
		t.Fatalf("got relation %q (%s), want %q", p.relation, p.failure(), tt.want)
	}
	if tt.failure != "" && !strings.Contains(p.failure(), tt.failure) {
		t.Errorf("got cause %q, want it to say %q", p.failure(), tt.failure)
	}
	if got := p.message.Outcome(); got != tt.outcome {
		t.Errorf("got outcome %q, want %q", got, tt.outcome)
	}
	return w, p
}

func TestFilter(t *testing.T) {
	t.Parallel()
	tests := []routed{
		{name: "expr true", kind: "filter.expr", config: `{"expr": "msg.n > 1"}`, payload: `{n: 2}`, want: "True"},
		{name: "expr false", kind: "filter.expr", config: `{"expr": "msg.n > 1"}`, payload: `{n: 1}`, want: "False"},
		{name: "expr that errs is no False", kind: "filter.expr", config: `{"expr": "msg.n > 1"}`, payload: `{n: many}`, want: "Failure", failure: "cannot apply"},
		{name: "expr on a missing field", kind: "filter.expr", config: `{"expr": "msg.n > 1"}`, want: "Failure", failure: "missing"},
		{name: "expr looks a key up", kind: "filter.expr", config: `{"expr": "supplier(msg.supplierKey).id == \"alba\""}`, payload: `{supplierKey: alba-key-1}`, want: "True"},
		{name: "type listed", kind: "filter.type", config: `{"types": ["POST_TELEMETRY_REQUEST"]}`, typ: telemetry, want: "True"},
		{name: "type not listed", kind: "filter.type", config: `{"types": ["POST_TELEMETRY_REQUEST"]}`, want: "False"},
		{name: "switch", kind: "filter.switch", config: `{"relation": "msg.kind"}`, payload: `{kind: Pump}`, want: "Pump", also: []string{"Pump"}},
		{name: "switch without regard to case", kind: "filter.switch", config: `{"relation": "msg.kind"}`, payload: `{kind: pUMP}`, want: "Pump", also: []string{"Pump"}},
		{name: "switch by nothing", kind: "filter.switch", config: `{"relation": "msg.kind"}`, payload: `{kind: ""}`, want: "Failure", failure: "named no relation"},
		{name: "switch by a number", kind: "filter.switch", config: `{"relation": "msg.kind"}`, payload: `{kind: 3}`, want: "Failure"},
		{name: "switch by outcome", kind: "filter.switch", config: `{"relation": "supplier(msg.supplierKey).outcome"}`, payload: `{supplierKey: alba-old}`, want: "KEY_EXPIRED", also: []string{"KEY_EXPIRED"}},
	}
	for typ, label := range map[string]string{
		attributes: "Post attributes", telemetry: "Post telemetry", "TO_SERVER_RPC_REQUEST": "RPC Request from Device",
		"RPC_CALL_FROM_SERVER_TO_DEVICE": "RPC Request to Device", "ENTITY_CREATED": "Entity Created", "ALARM_ACK": "Alarm Acknowledged",
		"RELATION_ADD_OR_UPDATE": "Relation Added or Updated", "RELATIONS_DELETED": "All Relations Deleted",
		"REST_API_REQUEST": "REST API request", "ENTITY_ASSIGNED_FROM_TENANT": "Entity Assigned From Tenant",
		"PROVISION_SUCCESS": "Other", "PROVISION_FAILURE": "Other", "ALARM_DELETE": "Other", "post_attributes_request": "Other",
	} {
		tests = append(tests, routed{name: "type-switch " + typ, kind: "filter.type-switch", config: `{}`, typ: typ, want: label})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t)
		})
	}
}

// A switch that names a relation without a connection ends the message; nothing failed.
func TestSwitchIntoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld()
	m := w.message(t, attributes, `{kind: Pump}`)
	f := w.send(t, w.standard(t, func(*engine.Message) { t.Error("the message went on") }), m,
		chainOf("main", "filter.switch", `{"relation": "msg.kind"}`, "Boiler"))
	if f.State != engine.Done {
		t.Errorf("got %v (%v), want done", f.State, f.Cause)
	}
}
