package registry

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/gridtie/gridtie/registry/store"
)

// assigned is a package as those name it that have it.
type assigned struct {
	kind PackageKind
	name PackageName
}

func (c *checker) assigns(a Assigned, what, to string) {
	for _, k := range PackageKinds() {
		if name := a.of(k); !name.IsZero() {
			c.assigned[assigned{k, name}] = what + " " + to
		}
	}
}

// packagesFit compares packages with their pieces, byte by byte, and with those that have them.
func (c *checker) packagesFit(ctx context.Context, t *Tx) error {
	known := map[string]*Package{}
	err := tableFits(ctx, t, c, &packages, func(p *Package) {
		known[p.ID] = p
		delete(c.assigned, assigned{p.Kind, p.PackageName})
	})
	if err != nil {
		return err
	}
	for a, to := range c.assigned {
		c.say("%s %q %q of %s is not there", a.kind, a.name.Title, a.name.Version, to)
	}
	loose := map[string]bool{}
	from, to := store.Prefix(keyOf("package/loose"))
	err = t.scan(ctx, from, to, false, func(key, value []byte) (bool, error) {
		loose[lastText(key)] = true
		if !bytes.Equal(value, noValue) {
			c.say("the mark of loose pieces of package %q says something", lastText(key))
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if err := c.piecesFit(ctx, t, known, loose); err != nil {
		return err
	}
	return tableFits(ctx, t, c, &rollouts, nil) // one of a profile that is gone ends by itself
}

func (c *checker) piecesFit(ctx context.Context, t *Tx, known map[string]*Package, loose map[string]bool) error {
	var at wholeContent
	from, to := store.Prefix(keyOf("package/piece"))
	err := t.scan(ctx, from, to, false, func(key, piece []byte) (bool, error) {
		before := max(0, len(key)-8) // the number
		id := lastText(key[:before])
		if id != at.id {
			at.end(c)
			at = wholeContent{id: id, of: known[id]}
			delete(known, id)
			if (at.of == nil) != loose[id] {
				c.say("pieces of package %q belong to nothing, or to too much", id)
			}
		}
		at.add(binary.BigEndian.Uint64(key[before:]), piece)
		return true, nil
	})
	if err != nil {
		return err
	}
	at.end(c)
	for id := range known {
		c.say("package %q has no content", id)
	}
	return nil
}

// wholeContent puts the pieces of a package together.
type wholeContent struct {
	id    string
	of    *Package // nil for loose pieces
	sum   hash.Hash
	next  uint64
	size  int64
	wrong bool // one is missing, or has not the size of all
}

func (w *wholeContent) add(n uint64, piece []byte) {
	if w.of == nil {
		return
	}
	if w.sum == nil {
		sum, err := newChecksum(w.of.Algorithm)
		if err != nil {
			w.wrong = true
			return
		}
		w.sum = sum
	}
	w.wrong = w.wrong || n != w.next || w.size%pieceSize != 0 || len(piece) > pieceSize
	_, _ = w.sum.Write(piece)
	w.next++
	w.size += int64(len(piece))
}

func (w *wholeContent) end(c *checker) {
	if w.of != nil && (w.wrong || w.size != w.of.Size || hex.EncodeToString(w.sum.Sum(nil)) != w.of.Checksum) {
		c.say("the content of package %q is not what it was", w.id)
	}
}
