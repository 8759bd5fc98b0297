package expression_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine/expression"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := []struct{ source, want string }{
		{`present(msg.supplierKey) && present(msg.cups)`, `present(msg.supplierKey) = true, present(msg.cups) = true`},
		{`present(msg.missing) && present(msg.cups)`, `present(msg.missing) = false`},
		{`msg.t > 20 || msg.f > 1`, `msg.t = 21`},
		{`msg.cups == "a"`, `msg.cups = "<20>"`},
		{`meta.ss_id == "17" && meta.missing == nil`, `meta.ss_id = "<2>", meta.missing = missing`},
		{`meta["ss_id"] in ["17"]`, `meta.ss_id = "<2>"`},
		{`meta[msg.cups] ?? "a"`, `meta[msg.cups] = missing`},
		{`type + device`, `type = "POST_TELEMETRY_REQUEST", device = "meter-1"`},
		{`supplier(msg.supplierKey).outcome == "MATCHED"`, `supplier(msg.supplierKey).outcome = "MATCHED"`},
		{`supplier(msg.supplierKey) != nil`, `supplier(msg.supplierKey) = {outcome: "MATCHED", id: 7, active: true}`},
		{`upper(trim(msg.cups)) == "A"`, `upper(trim(msg.cups)) = "<20>"`},
		{`any(msg.list, # == "a")`, `any(msg.list, # == "a") = true`},
		{`msg.list[0] + len(msg.o)`, `msg.list[0] = 1, len(msg.o) = 2`},
		{`msg.o?.a?.b`, `msg.o?.a?.b = "<4>"`},
		{`msg.big > 1`, `msg.big = <16>`},
		{`[msg.list, msg.o]`, `msg.list = a list of 4, msg.o = an object of 2`},
		{`msg.missing > 1`, `msg.missing = missing, msg.missing > 1 = error: cannot apply >: left is missing, right is a number`},
		{`broken()`, `broken() = error: broken: the store is away`},
		{`msg.supplierKey == nil`, `msg.supplierKey = ***`},
		{`{"at": time, "n": -msg.t}`, `time = 2026-11-21T09:14:03Z, msg.t = 21`},
		{`msg.yes ? msg.t : msg.f`, `msg.yes = true, msg.t = 21`},
		{`not (msg.cups matches "^ES")`, `msg.cups = "<20>"`},
	}
	l := newLanguage(t).Redacting(func(text string) string { return fmt.Sprintf("<%d>", len(text)) })
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			p, err := l.Compile(test.source, expression.Any)
			if err != nil {
				t.Fatal(err)
			}
			if got := explain(p, newMessage()); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func explain(p *expression.Program, s expression.Scope) string {
	var parts []string
	for _, v := range p.Explain(context.Background(), s) {
		parts = append(parts, v.String())
	}
	return strings.Join(parts, ", ")
}

func TestExplainHidesByDefault(t *testing.T) {
	t.Parallel()
	m := newMessage()
	m.data["nested"] = map[string]any{"key": theKey}
	m.data["digits"] = int64(7120000000000001)
	m.meta["key"] = theKey
	for _, source := range []string{
		`msg.cups`, `lower(msg.cups)`, `msg.nested.key`, `msg.nested`, `[msg.cups]`, `string(msg.digits)`, `msg.digits`, `meta.key + msg.cups`,
		`msg.cups in msg.nested`, `int(msg.cups)`, `cups.canonical(msg.cups)`, `msg.list[msg.cups]`,
	} {
		p := compile(t, source, expression.Any)
		got := strings.ToUpper(explain(p, m))
		for _, hidden := range []string{theCUPS, theKey, "7120000000000001"} {
			if strings.Contains(got, hidden) {
				t.Errorf("%s: got %s, want nothing of the payload in it", source, got)
			}
		}
	}
}
