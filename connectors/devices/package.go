package devices

import (
	"context"
	"errors"

	"github.com/gridtie/gridtie/registry"
)

var (
	// ErrNoPackage: no package of that kind is assigned to the device, or it has been deleted.
	ErrNoPackage = errors.New("no package is assigned")
	// ErrOtherPackage: another package is assigned than the one that was named.
	ErrOtherPackage = errors.New("another package is assigned")
)

// Packages is what a Service asks of a registry for devices that load firmware or software.
type Packages interface {
	PackageOf(ctx context.Context, device string, k registry.PackageKind) (registry.Package, error)
	ReadPackage(ctx context.Context, p registry.Package, offset int64, into []byte) (int, error)
}

// Package is a package that a device loads. It stays the same when another one is assigned meanwhile. It is safe for
// concurrent use, holds nothing, and may be forgotten at any time.
type Package struct {
	registry.Package
	registry Packages
}

// Package finds the package that the device is to load. Of named, what is not empty has to fit, or it is ErrOtherPackage;
// ErrNoPackage if there is none.
func (s *Session) Package(ctx context.Context, k registry.PackageKind, named registry.PackageName) (*Package, error) {
	s.seen()
	p, err := s.service.registry.PackageOf(ctx, s.device.ID, k)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return nil, ErrNoPackage
	case err != nil:
		return nil, err
	case named.Title != "" && named.Title != p.Title, named.Version != "" && named.Version != p.Version:
		return nil, ErrOtherPackage
	}
	return &Package{Package: p, registry: s.service.registry}, nil
}

// Chunk is where the nth chunk begins, counted from 0, if each but the last has size bytes, and how many it has: none behind
// the end. With size 0 there is one chunk, whatever its number, as in ThingsBoard.
func (p *Package) Chunk(size, n int32) (offset, length int64) {
	if size <= 0 {
		return 0, p.Size
	}
	offset = int64(size) * int64(max(n, 0))
	return offset, max(0, min(int64(size), p.Size-offset))
}

// Read fills into with the content from offset on, and returns how many bytes there were: less than asked for at the end
// only. ErrNoPackage if the package has been deleted.
func (p *Package) Read(ctx context.Context, offset int64, into []byte) (int, error) {
	n, err := p.registry.ReadPackage(ctx, p.Package, offset, into)
	if errors.Is(err, registry.ErrNotFound) {
		err = ErrNoPackage
	}
	return n, err
}
