package nodes_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
)

// What the kinds that call devices hand on.
func TestCalls(t *testing.T) {
	t.Parallel()
	waiting := []engine.Pair{{Key: "requestId", Value: "42"}, {Key: "sessionId", Value: "s"}}
	for _, tt := range []struct {
		routed
		saved []string
	}{
		{
			routed: routed{name: "from the payload", kind: "action.rpc", config: `{}`, payload: `{method: setGpio, params: {pin: 7}}`, want: "Success"},
			saved:  []string{`call d-1 setGpio {"pin":7} oneWay=false keep=true retries=5 until 2026-11-22T09:14:03Z`},
		},
		{
			routed: routed{name: "without params", kind: "action.rpc", config: `{"oneWay": true}`, payload: `{method: reboot}`, want: "Success"},
			saved:  []string{`call d-1 reboot {} oneWay=true keep=true retries=5 until 2026-11-22T09:14:03Z`},
		},
		{
			routed: routed{name: "the whole payload", kind: "action.rpc", config: `{"method": "\"set\"", "timeoutInSeconds": 60, "retries": 0}`, payload: `{a: 1}`, want: "Success"},
			saved:  []string{`call d-1 set {"a":1} oneWay=false keep=true retries=0 until 2026-11-21T09:15:03Z`},
		},
		{
			routed: routed{name: "by expressions", kind: "action.rpc", config: `{"method": "msg.m", "params": "[msg.v, 2]", "oneWay": true, "persistent": false}`, payload: `{m: set, v: 1}`, want: "Success"},
			saved:  []string{`call d-1 set [1,2] oneWay=true keep=false retries=5 until 2026-11-21T09:14:13Z`},
		},
		{routed: routed{name: "no call", kind: "action.rpc", config: `{}`, payload: `{method: 5}`, want: "Failure", failure: "no call"}},
		{routed: routed{name: "of no device", kind: "action.rpc", config: `{}`, typ: "PROVISION_REQUEST", payload: `{deviceName: x}`, want: "Failure", failure: "not about a device"}},
		{
			routed: routed{name: "reply", kind: "action.rpc-reply", config: `{}`, typ: "TO_SERVER_RPC_REQUEST", payload: `{a: 1}`, meta: waiting, want: "Success"},
			saved:  []string{`reply d-1 s 42 {"a":1}`},
		},
		{routed: routed{name: "reply to nobody", kind: "action.rpc-reply", config: `{}`, payload: `{a: 1}`, want: "Failure", failure: "no device waits"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if w, _ := tt.run(t); !slices.Equal(w.saved, tt.saved) {
				t.Errorf("got %q, want %q", w.saved, tt.saved)
			}
		})
	}
}

func TestCallsThatCannotBe(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"persistent": false}`:          "oneWay",
		`{"timeoutInSeconds": -1}`:       "timeoutInSeconds",
		`{"timeoutInSeconds": 99999999}`: "timeoutInSeconds",
		`{"retries": 101}`:               "retries",
		`{"method": "\"a\"", "x":1}`:     "x",
	} {
		catalog := newWorld().standard(t, func(*engine.Message) {})
		_, findings := engine.Compile([]engine.File{single("main", "action.rpc", config)}, catalog, engine.CompileOptions{Root: "main"})
		said := ""
		for _, f := range findings {
			said += f.String() + "\n"
		}
		if !findings.HasErrors() || !strings.Contains(said, want) {
			t.Errorf("configuration %s: got %q, want an error about %s", config, said, want)
		}
	}
}
