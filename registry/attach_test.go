package registry_test

import (
	"sync"
	"testing"

	"github.com/gridtie/gridtie/registry"
)

func TestAttachOnceAmongMany(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "meter-1")
	s, k := b.supplier(t, registry.Supplier{ID: "luz"}, registry.SupplierKey{})
	req := registry.AttachRequest{Device: d.ID, Point: point(t, "0021", 1), Supplier: s.ID, Key: k.ID, Grid: "0021"}

	codes := make(chan registry.Code, 100)
	var all sync.WaitGroup
	for range cap(codes) {
		all.Go(func() {
			_, code, err := b.Attach(t.Context(), req)
			if err != nil {
				t.Error(err)
			}
			codes <- code
		})
	}
	all.Wait()
	close(codes)
	got := map[registry.Code]int{}
	for code := range codes {
		got[code]++
	}
	if got[registry.Attached] != 1 || got[registry.AlreadyAttached] != 99 {
		t.Errorf("got %v, want 1 ATTACHED and 99 ALREADY_ATTACHED", got)
	}
}
