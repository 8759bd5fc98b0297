package registry

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/registry/store"
)

// The content of a package is kept in pieces: rows of a size that every store is at ease with. A batch of pieceBatch of them
// is written, or deleted, at once.
const (
	pieceSize  = 16 << 10
	pieceBatch = 16
)

func pieceKey(id string, n int64) tuple { return keyOf("package/piece").text(id).number(uint64(n)) }

// looseKey marks pieces that belong to no package: to one that is still being written, or to one that was deleted. Those
// that this process does not write are swept.
func looseKey(id string) tuple { return keyOf("package/loose").text(id) }

var errTooLarge = fmt.Errorf("%w: its content has more than %d bytes", ErrInvalid, MaxPackage)

// AddPackage keeps a package with its content, which is read to its end. Of p, Kind, PackageName, File and Algorithm count; a
// Checksum, in hexadecimal, and a Size are compared with what the content has. ErrExists if there is one of that name,
// ErrInvalid if the content is empty, larger than MaxPackage, or has another checksum.
//
// Nobody sees the package before all of it is on disk. What is left of one that came to nothing is deleted here, or, should
// the process end meanwhile, by housekeeping. It takes many transactions, and must not be called in one.
func (r *Registry) AddPackage(ctx context.Context, p Package, content io.Reader) (Package, error) {
	added, err := r.addPackage(ctx, p, content)
	if err != nil {
		return Package{}, fmt.Errorf("adding a package: %w", err)
	}
	return added, nil
}

func (r *Registry) addPackage(ctx context.Context, p Package, content io.Reader) (Package, error) {
	if r.find(ctx) != nil {
		return Package{}, fmt.Errorf("%w: it does not fit into a transaction", ErrInvalid)
	}
	if err := p.complete(); err != nil {
		return Package{}, err
	}
	if err := r.read(ctx, func(t *Tx) error { return t.free(ctx, &p) }); err != nil {
		return Package{}, err // before anything is read
	}
	p.ID = r.nextID()
	r.uploads.Store(p.ID, true)
	defer r.uploads.Delete(p.ID)
	if p.Size > MaxPackage {
		return Package{}, errTooLarge
	}
	err := r.run(ctx, func(t *Tx) error {
		t.put(looseKey(p.ID), noValue)
		return nil
	})
	if err == nil {
		err = r.writeContent(ctx, &p, content)
	}
	if err == nil {
		err = r.run(ctx, func(t *Tx) error { return t.addPackage(ctx, &p) })
	}
	if err != nil {
		// Whoever gave up does not wait for this; what is not done here is done later.
		left := r.sweepLoose(context.WithoutCancel(ctx), p.ID)
		return Package{}, errors.Join(err, left)
	}
	return p, nil
}

// free errs with ErrExists if a package of that name is there.
func (t *Tx) free(ctx context.Context, p *Package) error {
	old, err := packages.get(ctx, t, packages.key(p))
	if err == nil && old != nil {
		err = fmt.Errorf("%s %q %q: %w", p.Kind, p.Title, p.Version, ErrExists)
	}
	return err
}

// addPackage makes a package of pieces that are all there.
func (t *Tx) addPackage(ctx context.Context, p *Package) error {
	if err := errors.Join(t.loose(ctx, p.ID), t.free(ctx, p)); err != nil {
		return err
	}
	p.Added = t.r.now()
	t.delete(looseKey(p.ID))
	return packages.put(t, nil, p)
}

// loose errs if the pieces are not marked as loose.
func (t *Tx) loose(ctx context.Context, id string) error {
	marked := false
	err := t.get(ctx, looseKey(id), true, func([]byte) error {
		marked = true
		return nil
	})
	if err == nil && !marked {
		err = fmt.Errorf("the pieces of package %q: %w", id, ErrNotFound)
	}
	return err
}

// writeContent writes the pieces, and what follows from them into p.
func (r *Registry) writeContent(ctx context.Context, p *Package, content io.Reader) error {
	sum, err := newChecksum(p.Algorithm)
	if err != nil {
		return err
	}
	announced := p.Size
	content = io.TeeReader(io.LimitReader(content, MaxPackage+1), sum)
	buffer := make([]byte, pieceBatch*pieceSize)
	for p.Size = 0; ; {
		n, last, err := fill(content, buffer)
		if err != nil {
			return fmt.Errorf("reading its content: %w", err)
		}
		if p.Size+int64(n) > MaxPackage {
			return errTooLarge
		}
		if err := r.writePieces(ctx, p.ID, p.Size/pieceSize, buffer[:n]); err != nil {
			return err
		}
		p.Size += int64(n)
		if last {
			break
		}
	}
	switch {
	case p.Size == 0:
		return fmt.Errorf("%w: its content is empty", ErrInvalid)
	case announced != 0 && p.Size != announced:
		return fmt.Errorf("%w: its content has %d bytes, not %d", ErrInvalid, p.Size, announced)
	}
	found := hex.EncodeToString(sum.Sum(nil))
	if p.Checksum != "" && !strings.EqualFold(p.Checksum, found) {
		return fmt.Errorf("%w: its content has the %s checksum %s", ErrInvalid, p.Algorithm, found)
	}
	p.Checksum = found
	return nil
}

// fill reads until the buffer is full, or says that the content has come to its end. io.ReadFull would not do: a request that
// breaks off errs with io.ErrUnexpectedEOF, which there would look like an end.
func fill(content io.Reader, buffer []byte) (n int, last bool, err error) {
	for n < len(buffer) {
		some, err := content.Read(buffer[n:])
		n += some
		switch {
		case err == io.EOF:
			return n, true, nil
		case err != nil:
			return n, false, err
		}
	}
	return n, false, nil
}

func (r *Registry) writePieces(ctx context.Context, id string, first int64, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	return r.run(ctx, func(t *Tx) error {
		if err := t.loose(ctx, id); err != nil {
			return err
		}
		n := first
		for piece := range slices.Chunk(text, pieceSize) {
			t.put(pieceKey(id, n), piece)
			n++
		}
		return nil
	})
}

// ReadPackage fills into with the content of p from offset on, and returns how many bytes there were: less than asked for at
// the end, none behind it. ErrNotFound if the package has been deleted. p is as Package or PackageOf gave it.
func (r *Registry) ReadPackage(ctx context.Context, p Package, offset int64, into []byte) (n int, err error) {
	if offset < 0 || offset >= p.Size || len(into) == 0 {
		return 0, nil
	}
	into = into[:min(int64(len(into)), p.Size-offset)]
	first, last := offset/pieceSize, (offset+int64(len(into))-1)/pieceSize
	err = r.read(ctx, func(t *Tx) error {
		next, skip := first, int(offset%pieceSize)
		n = 0
		return t.scan(ctx, pieceKey(p.ID, first), pieceKey(p.ID, last+1), false, func(key, piece []byte) (bool, error) {
			if !bytes.Equal(key, pieceKey(p.ID, next)) {
				return false, nil // it is being deleted
			}
			n += copy(into[n:], piece[min(skip, len(piece)):])
			next, skip = next+1, 0
			return true, nil
		})
	})
	if err == nil && n < len(into) {
		err = ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("reading %s %q %q: %w", p.Kind, p.Title, p.Version, err)
	}
	return n, nil
}

// sweepAllLoose deletes pieces that belong to no package, and that nobody writes.
func (r *Registry) sweepAllLoose(ctx context.Context) error {
	var ids []string
	err := r.read(ctx, func(t *Tx) error {
		return t.ids(ctx, keyOf("package/loose"), func(id string) error {
			if _, written := r.uploads.Load(id); !written {
				ids = append(ids, id)
			}
			return nil
		})
	})
	for _, id := range ids {
		err = errors.Join(err, r.sweepLoose(ctx, id))
	}
	return err
}

// sweepLoose deletes loose pieces, and their mark at the end. Without the mark they have become a package, or are gone.
func (r *Registry) sweepLoose(ctx context.Context, id string) error {
	for more := true; more; {
		err := r.run(ctx, func(t *Tx) error {
			more = false
			if err := t.loose(ctx, id); err != nil {
				return err
			}
			left := pieceBatch
			from, to := store.Prefix(keyOf("package/piece").text(id))
			err := t.scan(ctx, from, to, false, func(key, _ []byte) (bool, error) {
				more = left == 0
				if !more {
					t.delete(append(tuple(nil), key...))
					left--
				}
				return !more, nil
			})
			if err == nil && !more {
				t.delete(looseKey(id))
			}
			return err
		})
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err != nil:
			return fmt.Errorf("deleting what is left of package %q: %w", id, err)
		}
	}
	return nil
}
