package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

func TestGridOf(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	for _, g := range []registry.Grid{
		{ID: "ct-1", Kind: registry.GridTransformer, Parent: "0021"}, {ID: "cau-1", Kind: registry.GridCAU}, {ID: "com-1", Kind: registry.GridCommunity},
	} {
		ok(t, second(b.AddGrid(ctx, g)))
	}
	for _, m := range []registry.Membership{
		{Point: point(t, "0021", 1), Grid: "ct-1"},
		{Point: point(t, "0021", 2), Grid: "cau-1"},
		{Point: point(t, "0021", 2), Grid: "com-1"},
		{Point: point(t, "0021", 3), Grid: "cau-1", Primary: true},
		{Point: point(t, "0021", 3), Grid: "com-1"},
		{Point: point(t, "0021", 4), Grid: "cau-1", Primary: true},
		{Point: point(t, "0021", 4), Grid: "com-1", Primary: true},
		{Point: point(t, "0021", 5), Grid: "cau-1", To: start},
		{Point: point(t, "0021", 6), Grid: "cau-1", From: start.Add(time.Hour)},
		{Point: point(t, "9999", 1), Grid: "com-1"},
	} {
		ok(t, b.AddMembership(ctx, m))
	}
	tests := []struct {
		name  string
		point supplypoint.Point
		want  registry.GridMatch
	}{
		{"membership", point(t, "0021", 1), registry.GridMatch{Grid: "ct-1", Name: "ct-1", By: registry.ByMembership, Distributor: "0021", Commodity: "electricity"}},
		{"two, none primary", point(t, "0021", 2), registry.GridMatch{Distributor: "0021", Commodity: "electricity", Code: registry.GridAmbiguous}},
		{"two, one primary", point(t, "0021", 3), registry.GridMatch{Grid: "cau-1", Name: "cau-1", By: registry.ByMembership, Distributor: "0021", Commodity: "electricity"}},
		{"the later primary counts", point(t, "0021", 4), registry.GridMatch{Grid: "com-1", Name: "com-1", By: registry.ByMembership, Distributor: "0021", Commodity: "electricity"}},
		{"membership has ended", point(t, "0021", 5), registry.GridMatch{Grid: "0021", Name: "i-DE", By: registry.ByDistributor, Distributor: "0021", Commodity: "electricity"}},
		{"membership has not begun", point(t, "0021", 6), registry.GridMatch{Grid: "0021", Name: "i-DE", By: registry.ByDistributor, Distributor: "0021", Commodity: "electricity"}},
		{"member of an unknown distributor", point(t, "9999", 1), registry.GridMatch{Grid: "com-1", Name: "com-1", By: registry.ByMembership}},
		{"distributor", point(t, "0022", 1), registry.GridMatch{Grid: "0022", Name: "UFD", By: registry.ByDistributor, Distributor: "0022", Commodity: "electricity"}},
		{"umbrella code", point(t, "0031", 1), registry.GridMatch{Grid: "0031", Name: "e-distribución", By: registry.ByDistributor, Distributor: "0031", Commodity: "electricity"}},
		{"longer prefix of a merged company", point(t, "0031", 1e11), registry.GridMatch{Grid: "0023", Name: "e-distribución (Sevillana)", By: registry.ByDistributor, Distributor: "0023", Commodity: "electricity"}},
		{"longest prefix", point(t, "0031", 30e10), registry.GridMatch{Grid: "0029", Name: "e-distribución (FECSA Aragón)", By: registry.ByDistributor, Distributor: "0029", Commodity: "electricity"}},
		{"prefix that does not tell the province", point(t, "0031", 41e10), registry.GridMatch{Grid: "0031", Name: "e-distribución", By: registry.ByDistributor, Distributor: "0031", Commodity: "electricity"}},
		{"gas", point(t, "0217", 1), registry.GridMatch{Distributor: "0217", Commodity: "gas", Code: registry.GridNotFound}},
		{"electricity and gas by one code", point(t, "0224", 1), registry.GridMatch{Distributor: "0224", Code: registry.GridNotFound}},
		{"one weak source", point(t, "0130", 1), registry.GridMatch{Distributor: "0130", Commodity: "electricity", Code: registry.GridNotFound}},
		{"unknown", point(t, "9999", 2), registry.GridMatch{Code: registry.DistributorUnknown}},
		{"none", supplypoint.Point{}, registry.GridMatch{Code: registry.CUPSMissing}},
	}
	for _, test := range tests {
		got, err := b.GridOf(ctx, test.point)
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v; want %+v", test.name, got, err, test.want)
		}
	}
	cpe, err := supplypoint.Parse("PT0014483920194837DW")
	ok(t, err)
	if got, err := b.GridOf(ctx, cpe); err != nil || got.Code != registry.DistributorUnknown {
		t.Errorf("a Portuguese point: got %+v, %v; want DISTRIBUTOR_UNKNOWN", got, err)
	}
	ok(t, b.RemoveMembership(ctx, point(t, "0021", 1), "ct-1"))
	if got, err := b.GridOf(ctx, point(t, "0021", 1)); err != nil || got.Grid != "0021" {
		t.Errorf("after removal: got %+v, %v", got, err)
	}
	if err := b.AddMembership(ctx, registry.Membership{Point: point(t, "0021", 1), Grid: "none"}); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("unknown grid: got %v", err)
	}
}

func TestDirectoryIsData(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	p := point(t, "0999", 1)
	if got, _ := b.GridOf(ctx, p); got.Code != registry.DistributorUnknown {
		t.Fatalf("before: got %+v", got)
	}
	ok(t, b.SetDistributors(ctx, []registry.Distributor{
		{Code: "0999", Commodity: registry.Electricity, Name: "Example", Grid: "0999", GridName: "Example grid"},
	}))
	if got, _ := b.GridOf(ctx, p); got.Grid != "0999" || got.Name != "Example grid" {
		t.Errorf("after: got %+v", got)
	}
	if got, _ := b.GridOf(ctx, point(t, "0021", 1)); got.Code != registry.DistributorUnknown {
		t.Errorf("a distributor that was taken out: got %+v", got)
	}
	inOne(t, b.Registry, func(ctx context.Context) error {
		ok(t, second(b.AddGrid(ctx, registry.Grid{ID: "new", Kind: registry.GridZone})))
		ok(t, b.AddMembership(ctx, registry.Membership{Point: p, Grid: "new"}))
		if got, _ := b.GridOf(ctx, p); got.Grid != "new" {
			t.Errorf("own writes: got %+v", got)
		}
		if got, _ := b.GridOf(t.Context(), p); got.Grid != "0999" {
			t.Errorf("seen from outside: got %+v", got)
		}
		return nil
	})
	for name, d := range map[string]registry.Distributor{
		"letters":   {Code: "00A1", Commodity: registry.Gas},
		"short":     {Code: "021", Commodity: registry.Gas},
		"commodity": {Code: "0021", Commodity: "steam"},
	} {
		if err := b.SetDistributors(ctx, []registry.Distributor{d}); !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

func TestDefaultDistributors(t *testing.T) {
	t.Parallel()
	codes := map[string]registry.Distributor{}
	all := registry.DefaultDistributors()
	for _, d := range all {
		codes[d.Code+d.Commodity] = d
		if d.AliasOf == "" && d.Commodity == registry.Electricity && (d.Grid != "") != (d.Confidence != "low") {
			t.Errorf("%s: grid %q at confidence %q", d.Code, d.Grid, d.Confidence)
		}
		if d.Commodity == registry.Gas && (d.Name != "" || d.Grid != "") {
			t.Errorf("%s: a gas code with name or grid", d.Code)
		}
	}
	if len(codes) != len(all) || len(all) < 60 {
		t.Errorf("got %d entries, %d of them different", len(all), len(codes))
	}
	for _, d := range all {
		if d.AliasOf == "" {
			continue
		}
		if _, ok := codes[d.AliasOf+d.Commodity]; !ok {
			t.Errorf("%s stands for %s, which is not there", d.Code, d.AliasOf)
		}
	}
	if !codes["0224electricity"].Conflict || !codes["0224gas"].Conflict {
		t.Error("0224 is not flagged")
	}
}
