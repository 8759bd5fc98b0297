package nodes_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	supplier := func(name, payload, want, outcome string) routed {
		return routed{name: "supplier " + name, kind: "match.supplier", config: `{}`, payload: payload, want: want, outcome: outcome}
	}
	grid := func(name, payload, want, outcome string) routed {
		return routed{name: "grid " + name, kind: "match.grid", config: `{}`, payload: payload, want: want, outcome: outcome}
	}
	tests := []struct {
		routed
		meta map[string]string
	}{
		{supplier("usable", `{supplierKey: alba-key-1}`, "Matched", ""), map[string]string{"supplierId": "alba", "supplierName": "Alba Energía", "keyId": "k-alba-key-1"}},
		{supplier("missing", `{}`, "Missing", "KEY_MISSING"), map[string]string{"supplierId": ""}},
		{supplier("empty", `{supplierKey: ""}`, "Missing", "KEY_MISSING"), nil},
		{supplier("unknown", `{supplierKey: nobody}`, "Unknown", "KEY_UNKNOWN"), map[string]string{"supplierId": "", "keyId": ""}},
		{supplier("of tomorrow", `{supplierKey: alba-future}`, "NotYetValid", "KEY_NOT_YET_VALID"), nil},
		{supplier("expired", `{supplierKey: alba-old}`, "Expired", "KEY_EXPIRED"), map[string]string{"supplierId": "alba", "keyId": "k-alba-old"}},
		{supplier("revoked", `{supplierKey: alba-lost}`, "Revoked", "KEY_REVOKED"), nil},
		{supplier("of two", `{supplierKey: both}`, "Ambiguous", "KEY_AMBIGUOUS"), nil},
		{routed{
			name: "supplier in scope", kind: "match.supplier", config: `{"cups": "msg.cups"}`,
			payload: `{supplierKey: alba-key-1, cups: ` + pointOne + `}`, want: "Matched",
		}, nil},
		{routed{
			name: "supplier out of scope", kind: "match.supplier", config: `{"cups": "msg.cups"}`,
			payload: `{supplierKey: alba-key-1, cups: ` + pointFar + `}`, want: "OutOfScope", outcome: "KEY_OUT_OF_SCOPE",
		}, nil},
		{routed{
			name: "supplier out of scope by grid", kind: "match.supplier", config: `{"cups": "msg.cups"}`, meta: []engine.Pair{{Key: "gridId", Value: "elsewhere"}},
			payload: `{supplierKey: alba-key-1, cups: ` + pointOne + `}`, want: "OutOfScope", outcome: "KEY_OUT_OF_SCOPE",
		}, nil},
		{routed{
			name: "supplier leaves a bad point to match.grid", kind: "match.supplier", config: `{"cups": "msg.cups"}`,
			payload: `{supplierKey: alba-key-1, cups: ES}`, want: "Matched",
		}, nil},
		{routed{
			name: "supplier by clear text", kind: "match.supplier", config: `{"key": "msg.other"}`,
			payload: `{other: alba-key-1}`, want: "Failure", failure: "clear text",
		}, nil},
		{grid("found", `{cups: `+pointOne+`}`, "Matched", ""), map[string]string{
			"gridId": "dso-0021", "gridName": "Grid 0021", "gridBy": "distributor prefix", "cupsMask": "ES0021•••••••••••••1RK",
		}},
		{grid("missing", `{}`, "Missing", "CUPS_MISSING"), map[string]string{"cupsMask": ""}},
		{grid("blank", `{cups: " - "}`, "Missing", "CUPS_MISSING"), nil},
		{grid("malformed", `{cups: ES0021}`, "Invalid", "CUPS_MALFORMED"), map[string]string{"cupsMask": "•••••••••••••"}},
		{routed{
			name: "grid of a number", kind: "match.grid", config: `{"cups": "msg.point"}`, payload: `{point: 21}`, want: "Invalid", outcome: "CUPS_MALFORMED",
		}, nil},
		{grid("check letters", `{cups: ES0021000000000001XX}`, "Invalid", "CUPS_CHECK_FAILED"), map[string]string{"cupsMask": "ES0021•••••••••••••1XX"}},
		{grid("no distributor", `{cups: `+synthetic("9999")+`}`, "Unknown", "DISTRIBUTOR_UNKNOWN"), map[string]string{"gridId": ""}},
		{grid("no grid", `{cups: `+pointFar+`}`, "Unknown", "GRID_NOT_FOUND"), nil},
		{grid("two grids", `{cups: `+synthetic("0026")+`}`, "Ambiguous", "GRID_AMBIGUOUS"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, p := tt.run(t)
			for key, want := range tt.meta {
				if got := p.meta(key); got != want {
					t.Errorf("metadata %q: got %q, want %q", key, got, want)
				}
			}
			for _, pair := range p.message.AllMeta() {
				if strings.Contains(pair.Value, "00000000001") || strings.Contains(pair.Value, "alba-key-1") && pair.Key != "keyId" {
					t.Errorf("metadata %q tells too much: %q", pair.Key, pair.Value)
				}
			}
		})
	}
}

// A look-up that cannot be made is no outcome.
func TestMatchFails(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"match.supplier", "match.grid"} {
		w := newWorld()
		w.broken = errors.New("the disk is gone")
		p := w.run(t, kind, `{}`, w.message(t, attributes, `{supplierKey: alba-key-1, cups: `+pointOne+`}`))
		if p.relation != "Failure" || p.message.Outcome() != "" || !strings.Contains(p.failure(), "the disk is gone") {
			t.Errorf("%s: got %s with %q, want Failure without an outcome", kind, p.relation, p.message.Outcome())
		}
	}
}
