package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/registry"
)

// TestLists reads back what operators add, one by one and all together.
func TestLists(t *testing.T) {
	t.Parallel()
	b := open(t)
	ctx := t.Context()
	for _, name := range []string{"water", "meters"} {
		b.profile(t, name)
	}
	for n := range 12 {
		ok(t, second(b.AddSupplier(ctx, registry.Supplier{ID: fmt.Sprintf("s-%02d", n), Name: fmt.Sprintf("Supplier %d", n)})))
	}
	if all := must[[]registry.Profile](t)(b.Profiles(ctx)); len(all) != 2 || all[0].Name != "meters" {
		t.Errorf("profiles: got %v", all)
	}
	var ids []string
	for page := (registry.Page{Limit: 5}); ; {
		list, next, err := b.Suppliers(ctx, page)
		ok(t, err)
		for _, s := range list {
			ids = append(ids, s.ID)
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if len(ids) != 12 || ids[0] != "s-00" || ids[11] != "s-11" {
		t.Errorf("suppliers: got %v", ids)
	}
	if s := must[registry.Supplier](t)(b.Supplier(ctx, "s-03")); s.Name != "Supplier 3" || s.Trust != registry.KeyOnly || s.Policy != registry.PolicyHold {
		t.Errorf("supplier: got %+v", s)
	}
	k, _, err := b.AddKey(ctx, registry.SupplierKey{Supplier: "s-03", NotAfter: start}, text("000712"))
	ok(t, err)
	if got := must[registry.SupplierKey](t)(b.Key(ctx, k.ID)); got.Supplier != "s-03" || !got.NotAfter.Equal(start) || !strings.HasPrefix(got.ID, "k-") {
		t.Errorf("key: got %+v", got)
	}
	if all := must[[]registry.Grid](t)(b.Grids(ctx)); len(all) < 20 {
		t.Errorf("grids: got %d, want the default ones", len(all))
	}
	if g := must[registry.Grid](t)(b.Grid(ctx, "0023")); g.Parent != "0031" || g.Kind != registry.GridDistributor {
		t.Errorf("the grid of a merged company: got %+v, want it below 0031", g)
	}
	stored := must[[]registry.Distributor](t)(b.Distributors(ctx))
	if len(stored) != len(registry.DefaultDistributors()) {
		t.Errorf("distributors: got %d, want the default ones", len(stored))
	}
	for name, err := range map[string]error{
		"profile":                 second(b.Profile(ctx, "none")),
		"supplier":                second(b.Supplier(ctx, "none")),
		"key":                     second(b.Key(ctx, "none")),
		"grid":                    second(b.Grid(ctx, "none")),
		"device":                  second(b.Device(ctx, "none")),
		"device name":             second(b.DeviceByName(ctx, "")),
		"attachment":              second(b.Attachment(ctx, "none")),
		"credentials":             second(b.RevealCredentials(ctx, "none")),
		"detach":                  second(b.Detach(ctx, "none")),
		"supply point":            second(b.SupplyPoint(ctx, point(t, "0021", 1))),
		"membership":              b.RemoveMembership(ctx, point(t, "0021", 1), "0021"),
		"parent":                  second(b.AddGrid(ctx, registry.Grid{ID: "g", Kind: registry.GridZone, Parent: "none"})),
		"allow":                   b.Allow(ctx, "none", point(t, "0021", 1)),
		"profile of a new device": third(b.AddDevice(ctx, registry.Device{Name: "m", Profile: "none"}, registry.Credentials{})),
	} {
		if !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("%s: got %v, want not found", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "000000000001") {
			t.Errorf("%s: a supply point stands in clear in %q", name, err)
		}
	}
	if _, _, err := b.AddDevice(ctx, registry.Device{Name: "m", Profile: "meters"}, registry.Credentials{}); err != nil {
		t.Error(err)
	}
	if _, _, err := b.AddDevice(ctx, registry.Device{Name: "m", Profile: "meters"}, registry.Credentials{}); !errors.Is(err, registry.ErrExists) {
		t.Errorf("device twice: got %v", err)
	}
	if _, err := b.AddGrid(ctx, registry.Grid{ID: "0021", Kind: registry.GridZone}); !errors.Is(err, registry.ErrExists) {
		t.Errorf("grid twice: got %v", err)
	}
	if _, err := b.AddGrid(ctx, registry.Grid{ID: "x", Kind: "continent"}); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("unknown kind: got %v", err)
	}
}
