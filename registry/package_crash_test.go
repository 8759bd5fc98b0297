package registry_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashdisk"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// TestPackageCrash adds, assigns and deletes packages and pulls the plug before every flush. A package is there whole or not
// at all, what was acknowledged is there, and of the others nothing is left after housekeeping.
func TestPackageCrash(t *testing.T) {
	if os.Getenv(addressEnv) != "" {
		t.Skip("it pulls the plug of a disk in memory")
	}
	t.Parallel()
	type cut struct {
		disk  *crashdisk.Disk
		there []string // versions that were acknowledged, and not being deleted
	}
	var (
		mu    sync.Mutex // protects all of these
		rng   = rand.New(rand.NewPCG(4, 5))
		there []string
		cuts  []cut
		armed bool
	)
	disk := crashdisk.New()
	plug := errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if armed && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			percent := []int{0, 0, 50, 100}[rng.IntN(4)]
			cuts = append(cuts, cut{disk.Cut(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}), append([]string(nil), there...)})
		}
		return nil
	})
	s := openStore(t, errorfs.Wrap(disk, plug))
	o := registry.Options{ServerKey: secret.NewKey(), Clock: newClock().Now, Lazy: -1}
	r, err := registry.Open(t.Context(), s, o)
	ok(t, err)
	b := &bench{Registry: r}
	b.profile(t, "meters")
	d := b.device(t, "m")
	note := func(change func()) {
		mu.Lock()
		defer mu.Unlock()
		change()
	}
	note(func() { armed = true })
	text := contentOf(2*pieceBatch*pieceSize + 1)
	for _, v := range []string{"1", "2", "3"} {
		b.pkg(t, registry.Firmware, v, text)
		note(func() { there = append(there, v) })
		ok(t, second(r.AssignPackage(t.Context(), registry.Firmware, version(v), registry.Assignees{Profile: "meters"})))
		if v != "3" {
			continue
		}
		note(func() { there = []string{"2", "3"} })
		ok(t, r.DeletePackage(t.Context(), registry.Firmware, version("1")))
	}
	ok(t, r.Close())
	ok(t, s.Close())
	if len(cuts) < 20 {
		t.Errorf("only %d cuts", len(cuts))
	}
	for i := 0; i < len(cuts); i += crashdisk.Thinner {
		c := cuts[i]
		s, err := pebble.Open("registry", pebble.Options{FS: c.disk, CacheSize: 1 << 20})
		ok(t, err)
		r, err := registry.Open(t.Context(), s, o)
		ok(t, err)
		consistent(t, r)
		for _, v := range c.there {
			ok(t, second(r.Package(t.Context(), registry.Firmware, version(v))))
		}
		ok(t, r.Housekeep(t.Context()))
		consistent(t, r)
		list, _, err := r.Packages(t.Context(), registry.Page{})
		ok(t, err)
		kept := &counted{Store: s}
		if n, want := kept.keys(t, "package/piece"), len(list)*((len(text)-1)/pieceSize+1); n != want || kept.keys(t, "package/loose")+kept.keys(t, "package/rollout") != 0 {
			t.Errorf("%d packages have %d pieces, want %d, and nothing else", len(list), n, want)
		}
		// The device knows what is assigned.
		p, err := r.PackageOf(t.Context(), d.ID, registry.Firmware)
		if err != nil && !errors.Is(err, registry.ErrNotFound) {
			t.Error(err)
		}
		want := ""
		if err == nil {
			want = "fw " + p.Version
		}
		if got := (&bench{Registry: r}).told(t, d.ID); got != want {
			t.Errorf("it knows %q, want %q", got, want)
		}
		ok(t, r.Close())
		ok(t, s.Close())
	}
}

// TestPackageCopied: a copy of the store has packages like everything else.
func TestPackageCopied(t *testing.T) {
	t.Parallel()
	b := open(t)
	text := contentOf(3*pieceBatch*pieceSize + 9)
	p := b.pkg(t, registry.Firmware, "1", text)
	to := openStore(t, vfs.NewMem())
	copied, err := store.Copy(t.Context(), b.store, to, store.CopyOptions{})
	if err != nil || copied.Bytes < int64(len(text)) {
		t.Errorf("got %+v, %v", copied, err)
	}
	r, err := registry.Open(t.Context(), to, registry.Options{ServerKey: b.key, Clock: b.clock.Now, Lazy: -1})
	ok(t, err)
	consistent(t, r)
	into := make([]byte, len(text))
	if n, err := r.ReadPackage(t.Context(), p, 0, into); err != nil || !bytes.Equal(into[:n], text) {
		t.Errorf("got %d bytes, %v", n, err)
	}
	ok(t, r.Close())
	ok(t, to.Close())
}
