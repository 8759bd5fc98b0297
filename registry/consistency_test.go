package registry_test

import (
	"context"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
)

// TestCheckFinds damages a sound registry row by row: each row that is lost, and each that is spoilt, must be noticed,
// unless nothing follows from it.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	// What stands for itself: nothing else says that it should be there.
	alone := map[string]bool{
		"schema": true, "directory": true, "distributor": true, "profile": true, "profile/key": true,
		"attribute": true, "latest": true, "activity": true, "held": true, "pending": true, "outcome": true, "dead-letter": true,
		"grid": true, "membership": true,
	}
	s := openStore(t, vfs.NewMem())
	r, err := registry.Open(t.Context(), s, registry.Options{ServerKey: secret.NewKey(), Clock: newClock().Now, Lazy: -1})
	ok(t, err)
	b := &bench{Registry: r}
	b.profile(t, "meters")
	_, k := b.supplier(t, registry.Supplier{ID: "luz"}, registry.SupplierKey{})
	for n := range 2 {
		d := b.device(t, meterName(n))
		_, _, err := r.Attach(t.Context(), registry.AttachRequest{Device: d.ID, Point: point(t, "0021", 1), Key: k.ID, Grid: "0021"})
		ok(t, err)
		ok(t, second(r.SaveAttributes(t.Context(), d.ID, registry.ServerScope, attribute("k", "1"))))
		b.ended(t, registry.Outcome{Device: d.ID, Code: registry.Attached, Message: "m"})
	}
	b.pkg(t, registry.Firmware, "1", contentOf(2*pieceSize+1))
	own := b.device(t, "own")
	for _, to := range []registry.Assignees{{Profile: "meters"}, {Device: own.ID}} {
		ok(t, second(r.AssignPackage(t.Context(), registry.Firmware, version("1"), to)))
	}
	consistent(t, r)

	var rows []store.Row
	_, err = s.View(t.Context(), func(reader store.Reader) error {
		for row, err := range reader.Scan(nil, nil) {
			if err != nil {
				return err
			}
			rows = append(rows, store.Row{Key: append([]byte(nil), row.Key...), Value: append([]byte(nil), row.Value...)})
		}
		return nil
	})
	ok(t, err)
	apply := func(b store.Batch) { ok(t, second(s.Apply(t.Context(), b))) }
	seen := map[string]bool{}
	for _, row := range rows {
		table, _, _ := strings.Cut(string(row.Key), "\x00")
		if table == "schema" || table == "directory" || table == "distributor" || table == "grid" {
			continue
		}
		seen[table] = true
		apply(store.Batch{Deletes: [][]byte{row.Key}})
		if found := r.Check(context.Background()); len(found) == 0 && !alone[table] {
			t.Errorf("a row of table %q is lost and nobody notices", table)
		}
		apply(store.Batch{Puts: []store.Put{{Key: row.Key, Value: []byte(`["spoilt"]`)}}})
		found := r.Check(context.Background())
		if len(found) == 0 {
			t.Errorf("a row of table %q is spoilt and nobody notices", table)
		}
		for _, err := range found {
			if strings.Contains(err.Error(), "000000000001") {
				t.Errorf("a supply point stands in clear in %q", err)
			}
		}
		apply(store.Batch{Puts: []store.Put{{Key: row.Key, Value: row.Value}}})
	}
	for _, table := range []string{
		"device", "device/name", "credentials", "credentials/id", "attachment/active", "attachment/principal", "held", "outcome/code",
		"package", "package/piece", "device/package",
	} {
		if !seen[table] {
			t.Errorf("no row of table %q was looked at", table)
		}
	}
	consistent(t, r)
	ok(t, r.Close())
	ok(t, s.Close())
}
