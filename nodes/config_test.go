package nodes_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/nodes"
)

// Configurations that cannot work are found when the chain is checked.
func TestFaultyConfigurations(t *testing.T) {
	t.Parallel()
	catalog, err := nodes.Standard(nodes.Services{})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ kind, config, code, want string }{
		{"filter.expr", `{}`, "missing-field", `needs "expr"`},
		{"filter.expr", `{"expr": "msg.n"}`, "", ""}, // its type shows when a message comes
		{"filter.expr", `{"expr": "1 + 1"}`, "expression", "true or false"},
		{"filter.expr", `{"expr": "supplier(\"text\").outcome == \"\""}`, "expression", ""},
		{"filter.expr", `{"expr": "msg.supplierKey == \"alba-key\""}`, "expression", "no clear text"},
		{"filter.switch", `{"relation": "1"}`, "expression", ""},
		{"filter.type-switch", `{"version": 0}`, "unknown-field", "has no configuration"},
		{"transform.expr", `{}`, "configuration", "nothing to change"},
		{"enrich.attributes", `{}`, "configuration", "nothing to read"},
		{"enrich.attributes", `{"server": ["a"], "to": "nowhere"}`, "value", "nowhere"},
		{"enrich.device", `{"fields": {"colour": "c"}}`, "configuration", "no field"},
		{"enrich.device", `{"fields": {"name": ""}}`, "configuration", "without a name"},
		{"action.save-attributes", `{"scope": "MY_SCOPE"}`, "value", "MY_SCOPE"},
		{"action.save-timeseries", `{"serverTime": "yes"}`, "wrong-type", "boolean"},
		{"action.log", `{"level": "loud"}`, "value", "loud"},
		{"action.report-outcome", `{"attribute": ""}`, "configuration", "empty"},
		{"match.supplier", `{"keys": "msg.supplierKey"}`, "unknown-field", `"keys"`},
		{"flow.chain", `{"chain": ""}`, "configuration", "empty"},
		{"flow.chain", `{"chain": "nowhere"}`, "unknown-chain", "nowhere"},
		{"flow.output", `{"label": ""}`, "configuration", "empty"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %s", tt.kind, tt.config), func(t *testing.T) {
			t.Parallel()
			_, findings := engine.Compile([]engine.File{single("main", tt.kind, tt.config)}, catalog, engine.CompileOptions{})
			if tt.code == "" {
				if len(findings) > 0 {
					t.Errorf("got %v, want none", findings)
				}
				return
			}
			if !slices.ContainsFunc(findings, func(f engine.Finding) bool {
				return f.Code == tt.code && strings.Contains(f.Message+f.Hint, tt.want)
			}) {
				t.Errorf("got %v, want %s that says %q", findings, tt.code, tt.want)
			}
		})
	}
}
