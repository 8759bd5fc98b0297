package filter

import (
	"context"
	"strings"

	"github.com/gridtie/gridtie/engine"
)

// typeLabels are the relations of ThingsBoard's message type switch, letter by letter (TbMsgType and
// TbMsgTypeSwitchNode), so that its users find theirs again. PROVISION_SUCCESS, PROVISION_FAILURE, SEND_EMAIL,
// ALARM_DELETE and the two types of edges have no label there and leave by Other, as every unknown type does.
func typeLabels() [][2]string {
	return [][2]string{
		{"POST_ATTRIBUTES_REQUEST", "Post attributes"},
		{"POST_TELEMETRY_REQUEST", "Post telemetry"},
		{"TO_SERVER_RPC_REQUEST", "RPC Request from Device"},
		{"RPC_CALL_FROM_SERVER_TO_DEVICE", "RPC Request to Device"},
		{"ACTIVITY_EVENT", "Activity Event"},
		{"INACTIVITY_EVENT", "Inactivity Event"},
		{"CONNECT_EVENT", "Connect Event"},
		{"DISCONNECT_EVENT", "Disconnect Event"},
		{"ENTITY_CREATED", "Entity Created"},
		{"ENTITY_UPDATED", "Entity Updated"},
		{"ENTITY_DELETED", "Entity Deleted"},
		{"ENTITY_ASSIGNED", "Entity Assigned"},
		{"ENTITY_UNASSIGNED", "Entity Unassigned"},
		{"ENTITY_ASSIGNED_FROM_TENANT", "Entity Assigned From Tenant"},
		{"ENTITY_ASSIGNED_TO_TENANT", "Entity Assigned To Tenant"},
		{"ATTRIBUTES_UPDATED", "Attributes Updated"},
		{"ATTRIBUTES_DELETED", "Attributes Deleted"},
		{"TIMESERIES_UPDATED", "Timeseries Updated"},
		{"TIMESERIES_DELETED", "Timeseries Deleted"},
		{"ALARM", "Alarm"},
		{"ALARM_CREATED", "Alarm Created"},
		{"ALARM_UPDATED", "Alarm Updated"},
		{"ALARM_SEVERITY_UPDATED", "Alarm Severity Updated"},
		{"ALARM_ACK", "Alarm Acknowledged"},
		{"ALARM_CLEAR", "Alarm Cleared"},
		{"ALARM_ASSIGNED", "Alarm Assigned"},
		{"ALARM_UNASSIGNED", "Alarm Unassigned"},
		{"COMMENT_CREATED", "Comment Created"},
		{"COMMENT_UPDATED", "Comment Updated"},
		{"RPC_QUEUED", "RPC Queued"},
		{"RPC_SENT", "RPC Sent"},
		{"RPC_DELIVERED", "RPC Delivered"},
		{"RPC_SUCCESSFUL", "RPC Successful"},
		{"RPC_TIMEOUT", "RPC Timeout"},
		{"RPC_EXPIRED", "RPC Expired"},
		{"RPC_FAILED", "RPC Failed"},
		{"RPC_DELETED", "RPC Deleted"},
		{"RELATION_ADD_OR_UPDATE", "Relation Added or Updated"},
		{"RELATION_DELETED", "Relation Deleted"},
		{"RELATIONS_DELETED", "All Relations Deleted"},
		{"REST_API_REQUEST", "REST API request"},
	}
}

// TypeSwitch is the kind filter.type-switch: the label that ThingsBoard gives a message type, else Other.
func TypeSwitch() engine.Kind {
	labels := map[string]string{}
	var relations []string
	var doc strings.Builder
	doc.WriteString("The labels are those of ThingsBoard's message type switch:\n\n| Message type | Relation |\n| --- | --- |\n")
	for _, l := range typeLabels() {
		labels[l[0]] = l[1]
		relations = append(relations, l[1])
		doc.WriteString("| `" + l[0] + "` | " + l[1] + " |\n")
	}
	doc.WriteString("| every other one, `PROVISION_SUCCESS` and `PROVISION_FAILURE` among them | Other |")
	return engine.Kind{
		Name: "filter.type-switch", Summary: "Route by message type, one relation for each",
		Doc:       doc.String(),
		Relations: append(relations, engine.RelationOther),
		Selects:   true,
		New: func(any, engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(_ context.Context, m *engine.Message) (engine.Result, error) {
				if label, ok := labels[m.Type()]; ok {
					return engine.On(label, m), nil
				}
				return engine.On(engine.RelationOther, m), nil
			}), nil
		},
		Examples: []engine.Example{
			{Title: "Attributes", Config: `{}`, Type: "POST_ATTRIBUTES_REQUEST", Relation: "Post attributes"},
			{Title: "A type of one's own", Config: `{}`, Type: "METER_OPENED", Relation: "Other"},
		},
	}
}
