package nodes_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// What an expression gives, seen through transform.expr as JSON.
func TestFunctions(t *testing.T) {
	t.Parallel()
	w := newWorld()
	const payload = `{supplierKey: alba-key-1, cups: "es-0021-0000-0000-0001-rk-0f", bad: ES0021000000000001XX, far: ` + pointFar +
		`, cpe: PT0014483920194837DW, n: 21, none: nothing}`
	tests := []struct{ expr, want string }{
		{`cups.valid(msg.cups)`, `true`},
		{`cups.valid(msg.bad)`, `false`},
		{`cups.valid(msg.cpe)`, `false`},
		{`cups.valid(msg.n)`, `false`},
		{`cups.valid(msg.missing)`, `false`},
		{`cups.canonical(msg.cups)`, `"ES0021000000000001RK"`},
		{`cups.canonical(msg.bad)`, `""`},
		{`cups.distributor(msg.cups)`, `"0021"`},
		{`cups.distributor(msg.missing)`, `""`},
		{`cups.suffix(msg.cups)`, `"0F"`},
		{`cups.suffix(msg.far)`, `""`},
		{`cups.mask(msg.cups)`, `"ES0021•••••••••••••1RK"`},
		{`cups.mask(msg.none)`, `"•••••••••••••"`},
		{`cups.mask(msg.n)`, `"***"`},
		{`cups.mask(msg.missing)`, `""`},
		{`supplier(msg.supplierKey)`, `{"outcome":"MATCHED","id":"alba","name":"Alba Energía","key":"k-alba-key-1"}`},
		{`supplier(msg.supplierKey).name`, `"Alba Energía"`},
		{`grid(msg.cups)`, `{"outcome":"MATCHED","id":"dso-0021","name":"Grid 0021","kind":"dso","by":"distributor prefix"}`},
		{`grid(msg.far).outcome`, `"GRID_NOT_FOUND"`},
		{`grid(msg.bad).outcome`, `"CUPS_CHECK_FAILED"`},
		{`grid(msg.missing).outcome`, `"CUPS_MISSING"`},
		{`grid(msg.n)`, `{"outcome":"CUPS_MALFORMED","id":"","name":"","kind":"","by":""}`},
		{`supplypoint(msg.cups)`, `{"ok":true,"level":"checksum","reason":"","scheme":"cups","distributor":"0021","suffix":"0F","mask":"ES0021•••••••••••••1RK"}`},
		{`supplypoint(msg.bad).reason`, `"CHECK_LETTERS"`},
		{`supplypoint(msg.bad).level`, `"format"`},
		{`supplypoint(msg.cpe).scheme`, `"cpe"`},
		{`supplypoint(msg.cpe, "cups").reason`, `"COUNTRY"`},
		{`supplypoint(msg.cpe, "nothing").reason`, `"SCHEME"`},
		{`supplypoint(msg.missing).reason`, `"EMPTY"`},
		{`attr("SERVER_SCOPE", "limit") + 1`, `4601`},
		{`attr("CLIENT_SCOPE", "firmware")`, `"1.4"`},
		{`attr("SHARED_SCOPE", "limit") == nil`, `true`},
		{`fingerprint(msg.missing)`, `""`},
		{`fingerprint(msg.cups) == fingerprint("ES0021000000000001RK")`, `true`},
		{`fingerprint(msg.cups) == fingerprint(msg.far)`, `false`},
	}
	for _, tt := range tests {
		p := w.run(t, "transform.expr", data(t, tt.expr), w.message(t, attributes, payload))
		if p.relation != "Success" {
			t.Errorf("%s: got %s: %s", tt.expr, p.relation, p.failure())
			continue
		}
		if got := strings.TrimSuffix(strings.TrimPrefix(p.message.Data().Text(), `{"v":`), `}`); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.expr, got, tt.want)
		}
	}
	for expr, want := range map[string]string{
		`attr("MY_SCOPE", "limit")`: "the scope must be",
		`fingerprint(msg.n)`:        "not text",
	} {
		p := w.run(t, "transform.expr", data(t, expr), w.message(t, attributes, payload))
		if p.relation != "Failure" || !strings.Contains(p.failure(), want) {
			t.Errorf("%s: got %s (%s), want a Failure that says %q", expr, p.relation, p.failure(), want)
		}
	}
	for _, prefix := range []string{"sp_", "fp_"} {
		field := map[string]string{"sp_": "cups", "fp_": "none"}[prefix]
		p := w.run(t, "transform.expr", data(t, "fingerprint(msg."+field+")"), w.message(t, attributes, payload))
		if got := p.message.Data().Text(); !strings.HasPrefix(got, `{"v":"`+prefix) || len(got) != len(`{"v":"sp_"}`)+26 {
			t.Errorf("fingerprint of %s: got %s, want %s and 26 characters", field, got, prefix)
		}
	}
}

func TestSupplierFunctionCodes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for payload, want := range map[string]string{
		`{}`:                         "KEY_MISSING",
		`{supplierKey: nobody}`:      "KEY_UNKNOWN",
		`{supplierKey: alba-future}`: "KEY_NOT_YET_VALID",
		`{supplierKey: alba-old}`:    "KEY_EXPIRED",
		`{supplierKey: alba-lost}`:   "KEY_REVOKED",
		`{supplierKey: both}`:        "KEY_AMBIGUOUS",
	} {
		p := w.run(t, "transform.expr", data(t, "supplier(msg.supplierKey).outcome"), w.message(t, attributes, payload))
		if got := p.message.Data().Text(); got != `{"v":"`+want+`"}` {
			t.Errorf("%s: got %s (%s), want %s", payload, got, p.failure(), want)
		}
	}
}

// data is a configuration of transform.expr that puts the value of an expression into the payload.
func data(t *testing.T, expr string) string {
	t.Helper()
	config, err := json.Marshal(map[string]string{"data": `{"v": ` + expr + `}`})
	if err != nil {
		t.Fatal(err)
	}
	return string(config)
}
