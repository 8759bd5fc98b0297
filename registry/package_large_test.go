//go:build !race

package registry_test

import (
	"errors"
	"io"
	"testing"

	"github.com/gridtie/gridtie/registry"
)

// TestPackageTooLarge reads 64 MiB, which takes the race detector a minute and tells it nothing.
func TestPackageTooLarge(t *testing.T) {
	t.Parallel()
	b := open(t)
	before := b.store.keys(t, "package")
	p := registry.Package{Kind: registry.Firmware, PackageName: version("1")}
	if _, err := b.AddPackage(t.Context(), p, io.LimitReader(zeroes{}, registry.MaxPackage+1)); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
	if after := b.store.keys(t, "package"); after != before {
		t.Errorf("%d rows are left", after-before)
	}
}
