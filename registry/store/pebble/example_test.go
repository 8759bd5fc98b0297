package pebble_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// A name is claimed once: the check holds the absence that the decision rests on.
func Example() {
	ctx := context.Background()
	s, err := pebble.Open("data", pebble.Options{FS: vfs.NewMem()}) // no FS: a folder on disk
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	claim := func(owner string) (taken bool, err error) {
		key := []byte("name/meter-1")
		for {
			b := store.Batch{Puts: []store.Put{{Key: key, Value: []byte(owner)}}}
			rests, err := s.View(ctx, func(r store.Reader) error {
				_, taken, err = r.Get(key)
				b.Checks = []store.Check{{Key: key, At: r.At()}}
				return err
			})
			if err != nil {
				return false, err
			}
			if taken {
				return true, s.Sync(ctx, rests) // the answer rests on what was read
			}
			lsn, err := s.Apply(ctx, b)
			if errors.Is(err, store.ErrConflict) {
				continue // somebody was quicker
			}
			if err != nil {
				return false, err
			}
			return false, s.Sync(ctx, lsn)
		}
	}
	for _, owner := range []string{"a", "b"} {
		taken, err := claim(owner)
		fmt.Println(owner, taken, err)
	}
	// Output:
	// a false <nil>
	// b true <nil>
}
