package store_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

func FuzzPrefix(f *testing.F) {
	for _, p := range []string{"", "a", "\xff", "a\xff", "a\xff\xff", "\xff\xff", "\x00", "\xfe\xff"} {
		for _, k := range []string{"", "a", "a\xff", "a\xff\xff\xff", "b", "\xff", "\xff\xff\xff", "\x00\x00"} {
			f.Add([]byte(p), []byte(k))
		}
	}
	f.Fuzz(func(t *testing.T, p, key []byte) {
		was := bytes.Clone(p)
		from, to := store.Prefix(p)
		got := bytes.Compare(from, key) <= 0 && (len(to) == 0 || bytes.Compare(key, to) < 0)
		if want := bytes.HasPrefix(key, p); got != want {
			t.Errorf("prefix %q is [%q, %q): holds %q %t, want %t", p, from, to, key, got, want)
		}
		if !bytes.Equal(p, was) {
			t.Errorf("prefix %q was changed to %q", was, p)
		}
	})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	longest := make([]byte, store.MaxKey)
	for _, c := range []struct {
		name  string
		batch store.Batch
		ok    bool
	}{
		{"nothing", store.Batch{}, true},
		{"longest key", store.Batch{Deletes: [][]byte{longest}}, true},
		{"longer key", store.Batch{Deletes: [][]byte{append(longest, 0)}}, false},
		{"no key", store.Batch{Puts: []store.Put{{}}}, false},
		{"biggest", store.Batch{Puts: []store.Put{{Key: []byte("k"), Value: make([]byte, store.MaxBatch-1)}}}, true},
		{"bigger", store.Batch{Puts: []store.Put{{Key: []byte("k"), Value: make([]byte, store.MaxBatch)}}}, false},
		{"check", store.Batch{Checks: []store.Check{{Key: []byte("k"), At: 1}}}, true},
		{"check of nothing", store.Batch{Checks: []store.Check{{At: 1}}}, false},
		{"check without a stamp", store.Batch{Checks: []store.Check{{Key: []byte("k")}}}, false},
	} {
		err := c.batch.Validate()
		if (err == nil) != c.ok || err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: got %v, want ok %t", c.name, err, c.ok)
		}
	}
}
