package server_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// sized is the operating system's file system with as much room as the test says, of 1,000 MiB.
type sized struct {
	vfs.FS
	free atomic.Uint64
}

func (d *sized) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{TotalBytes: 1000 << 20, AvailBytes: d.free.Load()}, nil
}

func newSized() *sized {
	d := &sized{FS: vfs.Default}
	d.free.Store(500 << 20)
	return d
}

func commands(data string) *admin.Client {
	return admin.Over(func() (net.Conn, error) { return folder.Dial(data) })
}

// connect returns the code of the CONNACK.
func connect(t *testing.T, s *running, token string) (code byte) {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + s.Addresses()["mqtt"]).SetUsername(token).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(limit))
	k := c.Connect()
	if !k.WaitTimeout(limit) {
		t.Fatal("no answer to CONNECT")
	}
	c.Disconnect(0)
	return k.(*paho.ConnectToken).ReturnCode()
}

// TestFullDisk: while the disk is full the server says so, refuses who comes, and keeps who is inside waiting; when there
// is room again it answers them, without anybody's doing.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := newSized()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, server.Options{FS: disk, Data: data})
	addMeter(t, s, "meter", "token-of-meter")
	if code := connect(t, s, "token-of-meter"); code != 0 {
		t.Fatalf("with room: CONNACK %d, want 0", code)
	}

	disk.free.Store(10 << 20)
	eventually(t, "it is not ready", func() bool { return !s.Status().Ready })
	if code, body := s.get(t, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "too little room") {
		t.Errorf("/readyz: got %d %s, want 503 and the reason", code, body)
	}
	if st := s.Status(); len(st.Problems) != 1 || !strings.Contains(st.Problems[0], "10.0 MiB free") {
		t.Errorf("status: got %q, want what is free", st.Problems)
	}
	if code := connect(t, s, "token-of-meter"); code != 3 {
		t.Errorf("a device that comes: CONNACK %d, want 3", code)
	}
	_, err := commands(data).AddSupplier(t.Context(), admin.NewSupplier{ID: "late"})
	var refused *admin.Problem
	if !errors.As(err, &refused) || refused.Code != admin.CodeUnavailable || refused.Status != http.StatusServiceUnavailable {
		t.Errorf("a command that writes: got %v, want a refusal", err)
	}
	if _, err := commands(data).Status(t.Context()); err != nil {
		t.Errorf("a command that reads: %v", err)
	}
	fates := make(chan engine.Fate, 1)
	must(t, s.Engine().Submit(t.Context(), attributes("m1", "nobody"), func(f engine.Fate) { fates <- f }))
	if len(fates) > 0 {
		t.Errorf("a message has the fate %s, want it to wait", (<-fates).State)
	}

	disk.free.Store(500 << 20)
	if f := <-fates; f.State != engine.DeadLettered { // its device does not exist
		t.Errorf("the message that waited: %s, %v; want a dead letter", f.State, f.Cause)
	}
	eventually(t, "it is ready", func() bool { return s.Status().Ready })
	if code := connect(t, s, "token-of-meter"); code != 0 {
		t.Errorf("with room again: CONNACK %d, want 0", code)
	}
	must(t, s.stop())
}

// TestStopOnAFullDisk: nobody waits for room once the server has to stop. That is no failure: what was not acknowledged
// is repeated.
func TestStopOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := newSized()
	s := start(t, server.Options{FS: disk})
	addMeter(t, s, "meter", "token-of-meter")
	if code := connect(t, s, "token-of-meter"); code != 0 { // when it was seen is still to be written
		t.Fatalf("CONNACK %d, want 0", code)
	}
	disk.free.Store(0)
	eventually(t, "it is not ready", func() bool { return !s.Status().Ready })
	fates := make(chan engine.Fate, 1)
	must(t, s.Engine().Submit(context.Background(), attributes("m1", "nobody"), func(f engine.Fate) { fates <- f }))
	must(t, s.stop())
	if f := <-fates; f.State != engine.Abandoned {
		t.Errorf("fate: got %s, want abandoned", f.State)
	}
}

// TestNewFolderOnAFullDisk: a server that can make nothing says so instead of waiting before anybody can ask it.
func TestNewFolderOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := newSized()
	disk.free.Store(0)
	_, err := server.Open(t.Context(), server.Options{FS: disk, Data: filepath.Join(t.TempDir(), "data")})
	if !errors.Is(err, pebble.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}

// TestDiskEnds: what the guard did not see coming is a failure like any other.
func TestDiskEnds(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	s := start(t, server.Options{FS: errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind == errorfs.OpFileWrite {
			return errors.New("no space left on device")
		}
		return nil
	}))})
	full.Store(true)
	fates := make(chan engine.Fate, 1)
	must(t, s.Engine().Submit(t.Context(), attributes("m1", "nobody"), func(f engine.Fate) { fates <- f }))
	if f := <-fates; f.State != engine.Abandoned {
		t.Errorf("fate: got %s, want abandoned", f.State)
	}
	var failed *server.StoreError
	if err := s.stop(); !errors.As(err, &failed) || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("Run: got %v, want a StoreError with its reason", err)
	}
}
