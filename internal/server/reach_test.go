package server_test

import (
	"path/filepath"
	"testing"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/server"
)

// TestAddedDeviceIsTold: the chain hears of a device that a command adds.
func TestAddedDeviceIsTold(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, server.Options{Data: data})
	_, err := commands(data).AddDevice(t.Context(), admin.NewDevice{Name: "meter", Profile: server.FirstProfile})
	must(t, err)
	eventually(t, "ENTITY_CREATED", func() bool { return s.Engine().Counts().Done == 1 })
	must(t, s.stop())
	if n := s.Engine().Counts(); n.DeadLettered+n.Abandoned > 0 {
		t.Errorf("got %+v, want none lost", n)
	}
}
