package registry_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/supplypoint"
)

// A meter is provisioned, then attached in one transaction by the key and the supply point that it sends.
func Example() {
	ctx := context.Background()
	s, err := pebble.Open("example", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	r, err := registry.Open(ctx, s, registry.Options{ServerKey: secret.NewKey()})
	if err != nil {
		panic(err)
	}
	defer r.Close()

	_, _ = r.AddProfile(ctx, registry.NewProfile("meters"), secret.Text{})
	_, _ = r.AddSupplier(ctx, registry.Supplier{ID: "luz-del-norte"})
	_, _, _ = r.AddKey(ctx, registry.SupplierKey{Supplier: "luz-del-norte"}, secret.NewText("000712"))
	meter, _ := r.Provision(ctx, registry.ProvisionRequest{Profile: "meters", Name: "meter-1"})

	inRun, tx, _ := r.Begin(ctx, registry.TxOptions{})
	point, _ := supplypoint.Parse("ES0021000000000001RK")
	found, _ := r.SupplierByKey(inRun, r.KeyDigest("000712"), time.Now())
	grid, _ := r.GridOf(inRun, point)
	attachment, code, _ := r.Attach(inRun, registry.AttachRequest{
		Device: meter.Device.ID, Point: point, Supplier: found.Supplier, Key: found.Key, Grid: grid.Grid, GridBy: grid.By,
	})
	synced, err := tx.Commit(inRun, registry.Fate{
		Outcome: &registry.Outcome{Device: meter.Device.ID, Code: code, CUPS: attachment.CUPS},
	})
	if err != nil {
		panic(err)
	}
	_ = synced(ctx)
	fmt.Println(code, attachment.Supplier, attachment.Grid, attachment.GridBy)
	// Output: ATTACHED luz-del-norte 0021 distributor prefix
}
