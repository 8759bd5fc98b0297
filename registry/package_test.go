package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/gridtie/gridtie/registry"
)

const (
	pieceSize  = 16 << 10
	pieceBatch = 16
)

// contentOf is n bytes in which no two pieces are the same.
func contentOf(n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte(i ^ i>>8 ^ i>>14)
	}
	return text
}

func version(v string) registry.PackageName { return registry.PackageName{Title: "meter", Version: v} }

// pkg adds a package of the title "meter".
func (b *bench) pkg(tb testing.TB, k registry.PackageKind, v string, text []byte) registry.Package {
	tb.Helper()
	p := registry.Package{Kind: k, PackageName: version(v), File: v + ".bin"}
	return must[registry.Package](tb)(b.AddPackage(tb.Context(), p, bytes.NewReader(text)))
}

func TestPackageIsWhatItWas(t *testing.T) {
	t.Parallel()
	b := open(t)
	for _, size := range []int{1, 10, pieceSize - 1, pieceSize, pieceSize + 1, 3*pieceSize + 7, pieceBatch * pieceSize, 2*pieceBatch*pieceSize + 1} {
		text := contentOf(size)
		var p registry.Package
		_, largest := b.store.during(func() { p = b.pkg(t, registry.Firmware, fmt.Sprint(size), text) })
		if largest > pieceBatch {
			t.Errorf("%d bytes: a batch of %d rows", size, largest)
		}
		if p.Size != int64(size) || p.Algorithm != "SHA256" || p.Checksum != sha256Of(text) || !p.Added.Equal(start) {
			t.Errorf("%d bytes: got %+v", size, p)
		}
		if again := must[registry.Package](t)(b.Package(t.Context(), registry.Firmware, p.PackageName)); again != p {
			t.Errorf("got %+v, want %+v", again, p)
		}
		for _, part := range [][2]int{{0, size}, {0, 1}, {size - 1, 5}, {size / 2, pieceSize}, {pieceSize - 3, 6}, {size, 4}, {size + 1, 4}, {-1, 4}, {pieceSize, 2 * pieceSize}} {
			into := make([]byte, part[1])
			n, err := b.ReadPackage(t.Context(), p, int64(part[0]), into)
			ok(t, err)
			var want []byte
			if part[0] >= 0 && part[0] < size {
				want = text[part[0]:min(size, part[0]+part[1])]
			}
			if !bytes.Equal(into[:n], want) {
				t.Errorf("%d bytes, %d from %d: got %d others", size, part[1], part[0], n)
			}
		}
	}
	list, next, err := b.Packages(t.Context(), registry.Page{Limit: 3})
	if err != nil || len(list) != 3 || next == "" {
		t.Errorf("a page: got %d, %q, %v", len(list), next, err)
	}
}

func sha256Of(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// broken gives some bytes and then an error.
func broken(n int) io.Reader {
	return io.MultiReader(bytes.NewReader(contentOf(n)), iotest.ErrReader(errTorn))
}

var errTorn = errors.New("the cable was pulled")

func TestPackageRefused(t *testing.T) {
	t.Parallel()
	b := open(t)
	there := b.pkg(t, registry.Firmware, "1", contentOf(10))
	before := b.store.keys(t, "package")
	for name, c := range map[string]struct {
		change  func(*registry.Package)
		content io.Reader
		want    error
	}{
		"there already":   {func(p *registry.Package) { p.Version = "1" }, bytes.NewReader(contentOf(99)), registry.ErrExists},
		"empty":           {nil, bytes.NewReader(nil), registry.ErrInvalid},
		"torn":            {nil, broken(3*pieceBatch*pieceSize + 1), errTorn},
		"torn at once":    {nil, broken(0), errTorn},
		"broken off":      {nil, io.MultiReader(bytes.NewReader(contentOf(10)), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		"said to be so":   {func(p *registry.Package) { p.Size = registry.MaxPackage + 1 }, zeroes{}, registry.ErrInvalid},
		"another size":    {func(p *registry.Package) { p.Size = 11 }, bytes.NewReader(contentOf(10)), registry.ErrInvalid},
		"another sum":     {func(p *registry.Package) { p.Checksum = sha256Of(nil) }, bytes.NewReader(contentOf(10)), registry.ErrInvalid},
		"no title":        {func(p *registry.Package) { p.Title = "" }, bytes.NewReader(contentOf(10)), registry.ErrInvalid},
		"blank version":   {func(p *registry.Package) { p.Version = " " }, bytes.NewReader(contentOf(10)), registry.ErrInvalid},
		"path for a name": {func(p *registry.Package) { p.File = "a/b" }, bytes.NewReader(contentOf(10)), registry.ErrInvalid},
		"no such kind":    {func(p *registry.Package) { p.Kind = "hardware" }, bytes.NewReader(contentOf(10)), registry.ErrInvalid},
		"no such sum":     {func(p *registry.Package) { p.Algorithm = "MD5" }, bytes.NewReader(contentOf(10)), registry.ErrInvalid},
	} {
		p := registry.Package{Kind: registry.Firmware, PackageName: version("2")}
		if c.change != nil {
			c.change(&p)
		}
		if _, err := b.AddPackage(t.Context(), p, c.content); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if after := b.store.keys(t, "package"); after != before {
			t.Errorf("%s: %d rows are left", name, after-before)
		}
	}
	// The other kind has names of its own, and checksums are compared without case.
	sum := must[registry.Package](t)(b.AddPackage(t.Context(), registry.Package{
		Kind: registry.Software, PackageName: version("1"), Algorithm: "SHA512", Size: 3,
		Checksum: "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A2192992A274FC1A836BA3C23A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F",
	}, bytes.NewReader([]byte("abc"))))
	if sum.ID == there.ID || sum.File != "meter" {
		t.Errorf("got %+v", sum)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// gate lets a part of the content through, and the rest when it is opened.
type gate struct {
	first, rest io.Reader
	reached     chan<- struct{}
	opened      <-chan struct{}
}

func (g *gate) Read(p []byte) (int, error) {
	if n, _ := g.first.Read(p); n > 0 {
		return n, nil
	}
	if g.reached != nil {
		close(g.reached)
		g.reached = nil
		<-g.opened
	}
	return g.rest.Read(p)
}

// TestPackageHalfWritten looks while a package is being written, lets another process over the same store believe that the
// one that writes was killed, and sees the latter come to nothing.
func TestPackageHalfWritten(t *testing.T) {
	t.Parallel()
	b := open(t)
	text := contentOf(5 * pieceBatch * pieceSize)
	write := func(half int, during func()) error {
		reached, opened := make(chan struct{}), make(chan struct{})
		done := make(chan error, 1)
		go func() {
			p := registry.Package{Kind: registry.Firmware, PackageName: version("1")}
			_, err := b.AddPackage(t.Context(), p, &gate{bytes.NewReader(text[:half]), bytes.NewReader(text[half:]), reached, opened})
			done <- err
		}()
		select {
		case <-reached:
			during()
		case err := <-done:
			return fmt.Errorf("before it was read: %w", err)
		}
		close(opened)
		return <-done
	}
	seen := func() {
		if list, _, err := b.Packages(t.Context(), registry.Page{}); err != nil || len(list) != 0 {
			t.Errorf("half a package is seen: %v, %v", list, err)
		}
		if _, err := b.Package(t.Context(), registry.Firmware, version("1")); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("half a package is seen: %v", err)
		}
		consistent(t, b.Registry)
	}
	for _, half := range []int{3 * pieceBatch * pieceSize, len(text)} { // also when only the end is missing
		err := write(half, func() {
			seen()
			next, err := registry.Open(t.Context(), b.store, registry.Options{ServerKey: b.key, Clock: b.clock.Now, Lazy: -1})
			ok(t, err)
			ok(t, next.Housekeep(t.Context()))
			if n := b.store.keys(t, "package"); n != 0 {
				t.Errorf("%d rows of half a package are left", n)
			}
			ok(t, next.Close())
		})
		if !errors.Is(err, registry.ErrNotFound) || b.store.keys(t, "package") != 0 {
			t.Errorf("whose pieces were swept: got %v, and %d rows", err, b.store.keys(t, "package"))
		}
	}
	// The process's own housekeeping leaves it alone.
	ok(t, write(3*pieceBatch*pieceSize, func() { seen(); ok(t, b.Housekeep(t.Context())) }))
	p := must[registry.Package](t)(b.Package(t.Context(), registry.Firmware, version("1")))
	if p.Checksum != sha256Of(text) {
		t.Error("the content is another")
	}
}

func TestPackageDeleted(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.profile(t, "meters")
	d := b.device(t, "m")
	p := b.pkg(t, registry.Software, "1", contentOf(40*pieceSize))
	for name, to := range map[string]registry.Assignees{"profile": {Profile: "meters"}, "device": {Device: d.ID}} {
		ok(t, second(b.AssignPackage(t.Context(), registry.Software, version("1"), to)))
		if err := b.DeletePackage(t.Context(), registry.Software, version("1")); !errors.Is(err, registry.ErrInUse) {
			t.Errorf("assigned to a %s: got %v, want in use", name, err)
		}
		ok(t, second(b.UnassignPackage(t.Context(), registry.Software, to)))
	}
	ok(t, b.DeletePackage(t.Context(), registry.Software, version("1")))
	if n := b.store.keys(t, "package"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if _, err := b.ReadPackage(t.Context(), p, 3, make([]byte, 9)); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("reading on: got %v", err)
	}
	if err := b.DeletePackage(t.Context(), registry.Software, version("1")); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("again: got %v", err)
	}
	// In a transaction only the package goes; housekeeping does the rest.
	b.pkg(t, registry.Software, "1", contentOf(40*pieceSize))
	inOne(t, b.Registry, func(ctx context.Context) error { return b.DeletePackage(ctx, registry.Software, version("1")) })
	consistent(t, b.Registry)
	if b.store.keys(t, "package/piece") != 40 {
		t.Error("the sweep has been done within the transaction")
	}
	ok(t, b.Housekeep(t.Context()))
	if n := b.store.keys(t, "package"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}
