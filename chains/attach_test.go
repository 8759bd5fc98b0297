package chains_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

const one = "ES0021000000000001RK"

// told is what the device reads of its attachment.
type told struct {
	Outcome, Supplier, Grid, Since, Message string
}

func (b *bench) told(device string) told {
	b.t.Helper()
	as, err := b.Attributes(b.t.Context(), device, registry.SharedScope, "attachment")
	b.ok(err)
	if len(as) != 1 {
		b.t.Fatalf("got %d shared attributes called attachment, want 1", len(as))
	}
	var t told
	b.ok(json.Unmarshal(as[0].Value, &t))
	return t
}

// Every outcome that the attach chain can give, with what the device is told, by a registry that is really there.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	attached := told{Outcome: "ATTACHED", Supplier: "Alba Energía", Grid: "i-DE", Since: "2026-11-21T09:14:03Z"}
	tests := []struct {
		name    string
		before  func(b *bench, d registry.Device)
		payload string
		want    registry.Code
		label   string // by which the attach chain comes back
		told    told
	}{
		{name: "a usable key and a point", payload: payload("alba-key", one), want: registry.Attached, label: "Attached", told: attached},
		{name: "in another spelling", payload: `{power_supplier_secret_key: " alba-key ", cups: 'es 0021 0000 0000 0001 rk 0f'}`, want: registry.Attached, label: "Attached", told: attached},
		{
			name: "a key that looks like a number", payload: `{Power_suppier_secret_key: 000712, CUPs: ` + one + `}`, want: registry.Attached, label: "Attached", told: attached,
			before: func(b *bench, _ registry.Device) { b.key(registry.SupplierKey{}, "000712") },
		},
		{
			name: "the number that it is not", payload: `{Power_suppier_secret_key: 712, CUPs: ` + one + `}`, want: registry.KeyUnknown, label: "Refused", told: told{Outcome: "KEY_REFUSED"},
			before: func(b *bench, _ registry.Device) { b.key(registry.SupplierKey{}, "000712") },
		},
		{
			name: "once more, later", payload: payload("alba-key", one), want: registry.AlreadyAttached, label: "Attached",
			told: told{Outcome: "ALREADY_ATTACHED", Supplier: "Alba Energía", Grid: "i-DE", Since: "2026-11-21T09:14:03Z"},
			before: func(b *bench, d registry.Device) {
				b.send(d, "POST_ATTRIBUTES_REQUEST", payload("alba-key", one))
				b.later(time.Hour)
			},
		},
		{
			name: "another point, and the supplier lets it move", payload: payload("boreal-key", b0022()), want: registry.Replaced, label: "Attached",
			told: told{Outcome: "REPLACED", Supplier: "Boreal", Grid: "UFD", Since: "2026-11-21T10:14:03Z"},
			before: func(b *bench, d registry.Device) {
				b.supplier(registry.Supplier{ID: "boreal", Name: "Boreal", Policy: registry.PolicyReplace}, registry.SupplierKey{}, "boreal-key")
				b.send(d, "POST_ATTRIBUTES_REQUEST", payload("boreal-key", one))
				b.later(time.Hour)
			},
		},
		{
			name: "another point, and an operator has to decide", payload: payload("alba-key", b0022()), want: registry.Held, label: "Held", told: told{Outcome: "CUPS_REFUSED"},
			before: func(b *bench, d registry.Device) { b.send(d, "POST_ATTRIBUTES_REQUEST", payload("alba-key", one)) },
		},
		{
			name: "a point that another meter has", payload: payload("alba-key", one), want: registry.Held, label: "Held", told: told{Outcome: "CUPS_REFUSED"},
			before: func(b *bench, _ registry.Device) {
				b.send(b.device("first"), "POST_ATTRIBUTES_REQUEST", payload("alba-key", one))
			},
		},
		{name: "no key", payload: `{CUPS: ` + one + `}`, want: registry.KeyMissing, label: "Refused", told: told{Outcome: "KEY_MISSING"}},
		{name: "an empty key", payload: payload("", one), want: registry.KeyMissing, label: "Refused", told: told{Outcome: "KEY_MISSING"}},
		{name: "a wrong key", payload: payload("alba-kex", one), want: registry.KeyUnknown, label: "Refused", told: told{Outcome: "KEY_REFUSED"}},
		{
			name: "a key of tomorrow", payload: payload("tomorrow", one), want: registry.KeyNotYetValid, label: "Refused", told: told{Outcome: "KEY_REFUSED"},
			before: func(b *bench, _ registry.Device) {
				b.key(registry.SupplierKey{NotBefore: start.Add(24 * time.Hour)}, "tomorrow")
			},
		},
		{
			name: "a key past its end", payload: payload("past", one), want: registry.KeyExpired, label: "Refused", told: told{Outcome: "KEY_REFUSED"},
			before: func(b *bench, _ registry.Device) { b.key(registry.SupplierKey{NotAfter: start}, "past") },
		},
		{
			name: "a revoked key", payload: payload("lost", one), want: registry.KeyRevoked, label: "Refused", told: told{Outcome: "KEY_REFUSED"},
			before: func(b *bench, _ registry.Device) {
				_, err := b.RevokeKey(b.t.Context(), b.key(registry.SupplierKey{}, "lost").ID)
				b.ok(err)
			},
		},
		{
			name: "a key for other points", payload: payload("scoped", one), want: registry.KeyOutOfScope, label: "Refused", told: told{Outcome: "KEY_REFUSED"},
			before: func(b *bench, _ registry.Device) {
				b.key(registry.SupplierKey{Scope: registry.Scope{Prefixes: []string{"0031"}}}, "scoped")
			},
		},
		{
			name: "a key for other grids", payload: payload("scoped", one), want: registry.KeyOutOfScope, label: "Refused", told: told{Outcome: "KEY_REFUSED"},
			before: func(b *bench, _ registry.Device) {
				b.key(registry.SupplierKey{Scope: registry.Scope{Grids: []string{"0031"}}}, "scoped")
			},
		},
		{
			name: "a key that is used up", payload: payload("single", one), want: registry.KeyExhausted, label: "Refused", told: told{Outcome: "KEY_REFUSED"},
			before: func(b *bench, _ registry.Device) {
				b.key(registry.SupplierKey{MaxAttachments: 1}, "single")
				b.send(b.device("first"), "POST_ATTRIBUTES_REQUEST", payload("single", b0022()))
			},
		},
		{
			name: "a point that the supplier has not announced", payload: payload("strict-key", one), want: registry.CUPSUnknown, label: "Refused", told: told{Outcome: "CUPS_REFUSED"},
			before: func(b *bench, _ registry.Device) {
				b.supplier(registry.Supplier{ID: "strict", Name: "Strict", Trust: registry.AllowList}, registry.SupplierKey{}, "strict-key")
			},
		},
		{
			name: "a supplier of gas", payload: payload("gas-key", one), want: registry.CommodityMismatch, label: "Refused", told: told{Outcome: "CUPS_REFUSED"},
			before: func(b *bench, _ registry.Device) {
				b.supplier(registry.Supplier{ID: "gas", Name: "Gas", Commodity: registry.Gas}, registry.SupplierKey{}, "gas-key")
			},
		},
		{name: "no point", payload: `{supplierKey: alba-key}`, want: registry.CUPSMissing, label: "Refused", told: told{Outcome: "CUPS_MISSING"}},
		{name: "a blank point", payload: payload("alba-key", "  "), want: registry.CUPSMissing, label: "Refused", told: told{Outcome: "CUPS_MISSING"}},
		{name: "no point at all", payload: payload("alba-key", "ES0021"), want: registry.CUPSMalformed, label: "Refused", told: told{Outcome: "CUPS_MALFORMED"}},
		{name: "O for 0", payload: payload("alba-key", "ESOO21000000000001RK"), want: registry.CUPSMalformed, label: "Refused", told: told{Outcome: "CUPS_MALFORMED"}},
		{name: "wrong check letters", payload: payload("alba-key", "ES0021000000000001XX"), want: registry.CUPSCheckFailed, label: "Refused", told: told{Outcome: "CUPS_CHECK_FAILED"}},
		{name: "an unknown distributor", payload: payload("alba-key", synthetic("9999")), want: registry.DistributorUnknown, label: "Refused", told: told{Outcome: "CUPS_REFUSED"}},
		{name: "a distributor without a grid", payload: payload("alba-key", synthetic("0217")), want: registry.GridNotFound, label: "Refused", told: told{Outcome: "CUPS_REFUSED"}},
		{
			name: "a point in two grids", payload: payload("alba-key", one), want: registry.GridAmbiguous, label: "Refused", told: told{Outcome: "CUPS_REFUSED"},
			before: func(b *bench, _ registry.Device) {
				for _, id := range []string{"cau-1", "cau-2"} {
					_, err := b.AddGrid(b.t.Context(), registry.Grid{ID: id, Name: id, Kind: registry.GridCAU})
					b.ok(err)
					b.ok(b.AddMembership(b.t.Context(), registry.Membership{Point: b.point("0021", 1), Grid: id}))
				}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			d := b.device("meter-1")
			if tt.before != nil {
				tt.before(b, d)
			}
			fate := b.send(d, "POST_ATTRIBUTES_REQUEST", tt.payload)
			if fate.State != engine.Done || fate.Outcome != string(tt.want) {
				t.Fatalf("got %v with %q (%v), want done with %q; way: %s", fate.State, fate.Outcome, fate.Cause, tt.want, way(fate))
			}
			if back := (engine.Hop{Chain: "root", Node: "attach", Relation: tt.label}); !slices.Contains(fate.Path.Hops(), back) {
				t.Errorf("got way %s, want it to come back by %s", way(fate), tt.label)
			}
			got := b.told(d.ID)
			if got.Message != fate.Message.ID() {
				t.Errorf("told about message %q, want %q", got.Message, fate.Message.ID())
			}
			got.Message = ""
			if got != tt.told {
				t.Errorf("the device is told %+v, want %+v", got, tt.told)
			}
			noSecrets(t, fate)
		})
	}
}

// noSecrets looks at what nodes wrote into the metadata: no key, no clear supply point.
func noSecrets(t *testing.T, f engine.Fate) {
	t.Helper()
	for _, p := range f.Last.AllMeta() {
		if p.Value == "alba-key" || strings.Contains(p.Value, "0000000001") {
			t.Errorf("metadata %q holds a secret or a clear supply point: %q", p.Key, p.Value)
		}
	}
}

func b0022() string { return synthetic("0022") }

func TestEvidence(t *testing.T) {
	t.Parallel()
	b := open(t)
	d := b.device("meter-1")
	fate := b.send(d, "POST_ATTRIBUTES_REQUEST", payload("alba-key", one))
	a, err := b.Attachment(t.Context(), d.ID)
	b.ok(err)
	want := registry.Evidence{
		Message: fate.Message.ID(), Chain: "attach", Node: "attach", Revision: b.engine.Chain().Revision(),
		MessageTime: start, ReceivedAt: start, DecidedAt: start,
	}
	if a.Evidence != want {
		t.Errorf("got evidence %+v, want %+v", a.Evidence, want)
	}
	if a.Supplier != "alba" || a.Grid != "0021" || a.GridBy != registry.ByDistributor || a.Key == "" || a.Point.ID() != one {
		t.Errorf("got attachment %+v, want alba, grid 0021 by distributor prefix, and a key id", a)
	}
}
