package pebble_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/internal/crashdisk"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/registry/store/storetest"
)

func TestMain(m *testing.M) {
	// Pebble leaves this one behind when its Open errs, as the tests of failing disks make it do.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction(
		"github.com/cockroachdb/pebble/v2.(*ConcurrencyLimitScheduler).periodicGranter"))
}

// small makes logs rotate and tables be written after a few batches.
func small(fs vfs.FS) pebble.Options {
	return pebble.Options{FS: fs, CacheSize: 1 << 20, MemTableSize: 64 << 10}
}

type folder struct {
	dir  string
	opts pebble.Options
}

func (f folder) Open() (store.Store, error) { return pebble.Open(f.dir, f.opts) }

func TestFolder(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		return folder{dir: filepath.Join(t.TempDir(), "new", "store")}
	})
}

// TestMemory runs the suite on a disk in memory that fails when told, and, mended, has forgotten half of what was not
// flushed.
func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Opener {
		return &failing{disk: crashdisk.New()}
	})
}

type failing struct {
	disk  *crashdisk.Disk
	fault atomic.Pointer[fault]
}

type fault struct {
	left    atomic.Int64 // operations until the one that fails
	forever bool
	hit     atomic.Bool
}

func (f *failing) Open() (store.Store, error) {
	return pebble.Open("a/store", small(errorfs.Wrap(f.disk, errorfs.InjectorFunc(f.maybe))))
}

func (f *failing) maybe(op errorfs.Op) error {
	x := f.fault.Load()
	if x == nil || op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	if left := x.left.Add(-1); left == 0 || left < 0 && x.forever {
		x.hit.Store(true)
		return errorfs.ErrInjected
	}
	return nil
}

func (f *failing) Fail(n int, forever bool) {
	f.fault.Store(nil)
	if n == 0 {
		f.disk = f.disk.Cut(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, 1))})
		return
	}
	x := &fault{forever: forever}
	x.left.Store(int64(n))
	f.fault.Store(x)
}

func (f *failing) Failed() bool { x := f.fault.Load(); return x != nil && x.hit.Load() }

func TestLocked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		fs   vfs.FS
		dir  string
	}{
		{"folder", nil, t.TempDir()},
		{"memory", vfs.NewMem(), "store"},
	} {
		s, err := pebble.Open(c.dir, pebble.Options{FS: c.fs})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, err := pebble.Open(c.dir, pebble.Options{FS: c.fs}); !errors.Is(err, store.ErrLocked) {
			t.Errorf("%s: opened twice: got %v, want ErrLocked", c.name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: close: %v", c.name, err)
		}
	}
}

// TestLockDenied: a lock file that cannot be opened is not taken for one that somebody holds.
func TestLockDenied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "LOCK"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := pebble.Open(dir, pebble.Options{}); err == nil || errors.Is(err, store.ErrLocked) {
		t.Errorf("got %v, want an error other than ErrLocked", err)
	}
}

func TestFolderIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "store")
	s, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		info, err := os.Stat(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%o", info.Mode().Perm()); got != "700" {
			t.Errorf("%s has permissions %s, want 700", d, got)
		}
	}
}
