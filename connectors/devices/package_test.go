package devices_test

import (
	"cmp"
	"context"
	"errors"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/registry"
)

// shelf holds one package of firmware.
type shelf struct {
	content string
	err     error
}

func (s *shelf) PackageOf(_ context.Context, _ string, k registry.PackageKind) (registry.Package, error) {
	if s.err != nil || k != registry.Firmware {
		return registry.Package{}, cmp.Or(s.err, registry.ErrNotFound)
	}
	return registry.Package{
		Kind: k, PackageName: registry.PackageName{Title: "meter", Version: "2"}, Size: int64(len(s.content)),
	}, nil
}

func (s *shelf) ReadPackage(_ context.Context, _ registry.Package, offset int64, into []byte) (int, error) {
	return copy(into, s.content[min(int(offset), len(s.content)):]), s.err
}

func TestPackage(t *testing.T) {
	t.Parallel()
	b := newBench()
	t.Cleanup(b.Close)
	there := &shelf{content: "0123456789"}
	b.directory.Packages = there
	s := b.session(t, "m")
	for _, c := range []struct {
		name  string
		kind  registry.PackageKind
		named registry.PackageName
		want  error
	}{
		{"whatever it is", registry.Firmware, registry.PackageName{}, nil},
		{"by name", registry.Firmware, registry.PackageName{Title: "meter", Version: "2"}, nil},
		{"by title", registry.Firmware, registry.PackageName{Title: "meter"}, nil},
		{"another title", registry.Firmware, registry.PackageName{Title: "other", Version: "2"}, devices.ErrOtherPackage},
		{"another version", registry.Firmware, registry.PackageName{Version: "1"}, devices.ErrOtherPackage},
		{"another kind", registry.Software, registry.PackageName{}, devices.ErrNoPackage},
	} {
		if _, err := s.Package(t.Context(), c.kind, c.named); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	p, err := s.Package(t.Context(), registry.Firmware, registry.PackageName{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size, n        int32
		offset, length int64
	}{
		{0, 0, 0, 10},
		{0, 7, 0, 10},
		{4, 0, 0, 4},
		{4, 2, 8, 2},
		{4, 3, 12, 0},
		{10, 1, 10, 0},
		{1<<31 - 1, 1<<31 - 1, (1<<31 - 1) * (1<<31 - 1), 0},
		{4, -1, 0, 4},
	} {
		if offset, length := p.Chunk(c.size, c.n); offset != c.offset || length != c.length {
			t.Errorf("chunk %d of %d: got %d from %d, want %d from %d", c.n, c.size, length, offset, c.length, c.offset)
		}
	}
	into := make([]byte, 4)
	if n, err := p.Read(t.Context(), 8, into); err != nil || string(into[:n]) != "89" {
		t.Errorf("got %q, %v", into[:n], err)
	}
	there.err = registry.ErrNotFound
	if _, err := p.Read(t.Context(), 8, into); !errors.Is(err, devices.ErrNoPackage) {
		t.Errorf("deleted: got %v", err)
	}
	there.err = registry.ErrAway
	if _, err := p.Read(t.Context(), 8, into); !errors.Is(err, registry.ErrAway) {
		t.Errorf("away: got %v", err)
	}
}
