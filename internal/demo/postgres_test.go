package demo_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/demo"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// TestOnPostgreSQL: the same plan comes true on the other store, in a schema of its own.
func TestOnPostgreSQL(t *testing.T) {
	t.Parallel()
	dsn := os.Getenv("GRIDTIE_TEST_POSTGRES")
	if dsn == "" {
		t.Skip("no database: set GRIDTIE_TEST_POSTGRES to postgres://USER@HOST:PORT/DATABASE to run this test")
	}
	r, err := demo.Run(t.Context(), demo.Options{
		Meters: fleetSize, Seed: 7, Data: t.TempDir(), Connections: 16, Store: secret.NewText(dsn),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, schema, _ := strings.Cut(r.Store, "search_path=")
		if err := postgres.Drop(context.Background(), dsn, postgres.Options{Schema: schema}); err != nil {
			t.Error(err)
		}
	})
	if !r.AsPlanned || r.Lost != 0 || r.Doubled != 0 {
		t.Errorf("got %d lost, %d doubled, differences %v, want none", r.Lost, r.Doubled, r.Differences)
	}
	if !strings.Contains(r.Store, "search_path=gridtie_demo_") {
		t.Errorf("store: got %q, want a schema of its own", r.Store)
	}
}
