package storetest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

func get(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	mustView(t, s, func(r store.Reader) { wantRow(t, r, "a", nil) })
	mustApply(t, s, puts(put("a", "1"), put("b", ""), put("c\x00\xff", "3")))
	mustView(t, s, func(r store.Reader) {
		wantRow(t, r, "a", []byte("1"))
		wantRow(t, r, "b", []byte{})
		wantRow(t, r, "c\x00\xff", []byte("3"))
		wantRow(t, r, "c", nil)
		wantRow(t, r, "c\x00\xff\x00", nil)
	})
	mustApply(t, s, store.Batch{Puts: []store.Put{put("a", "2")}, Deletes: keys("b", "absent")})
	mustView(t, s, func(r store.Reader) {
		wantRow(t, r, "a", []byte("2"))
		wantRow(t, r, "b", nil)
		// A value stays as it is while more is read.
		a, _, err := r.Get([]byte("a"))
		for range 100 {
			_, _, gerr := r.Get([]byte("c\x00\xff"))
			err = errors.Join(err, gerr)
		}
		if err != nil || string(a) != "2" {
			t.Errorf("value held during a view: got %q (%v), want %q", a, err, "2")
		}
	})
}

// collect gathers the keys of a scan.
func collect(t *testing.T, rows iter.Seq2[store.Row, error]) []string {
	t.Helper()
	var got []string
	for row, err := range rows {
		if err != nil {
			t.Fatalf("scan: %v", err)
		}
		if !bytes.HasSuffix(row.Value, row.Key) {
			t.Fatalf("scan: row %q has value %q of another", row.Key, row.Value)
		}
		got = append(got, string(row.Key))
	}
	return got
}

// rowOf is a put whose value tells its key.
func rowOf(key string) store.Put { return put(key, "of "+key) }

func scan(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	for _, k := range []string{"b", "\xff", "a\xff\xff", "a", "\x00", "a\x00", "ab", "\xff\xff", "B", "b\x00"} {
		mustApply(t, s, puts(rowOf(k)))
	}
	all := []string{"\x00", "B", "a", "a\x00", "ab", "a\xff\xff", "b", "b\x00", "\xff", "\xff\xff"}
	prefix := func(p string) [2][]byte { from, to := store.Prefix([]byte(p)); return [2][]byte{from, to} }
	mustView(t, s, func(r store.Reader) {
		for _, c := range []struct {
			name  string
			bound [2][]byte
			want  []string
		}{
			{"all", [2][]byte{}, all},
			{"all, empty bounds", [2][]byte{{}, {}}, all},
			{"from", [2][]byte{[]byte("b")}, all[6:]},
			{"to is left out", [2][]byte{nil, []byte("b")}, all[:6]},
			{"both", [2][]byte{[]byte("a\x00"), []byte("b\x00")}, all[3:7]},
			{"bounds that are not there", [2][]byte{[]byte("a\x01"), []byte("az")}, all[4:5]},
			{"nothing between", [2][]byte{[]byte("c"), []byte("d")}, nil},
			{"from is to", [2][]byte{[]byte("a"), []byte("a")}, nil},
			{"from after to", [2][]byte{[]byte("b"), []byte("a")}, nil},
			{"prefix", prefix("a"), all[2:6]},
			{"prefix of ff", prefix("\xff"), all[8:]},
			{"prefix ending in ff", prefix("a\xff"), all[5:6]},
			{"no prefix", prefix(""), all},
		} {
			if got := collect(t, r.Scan(c.bound[0], c.bound[1])); !slices.Equal(got, c.want) {
				t.Errorf("%s: got %q, want %q", c.name, got, c.want)
			}
			back := slices.Clone(c.want)
			slices.Reverse(back)
			if got := collect(t, r.ScanReverse(c.bound[0], c.bound[1])); !slices.Equal(got, back) {
				t.Errorf("%s, reverse: got %q, want %q", c.name, got, back)
			}
		}
	})
}

func scanModel(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	rng := rand.New(rand.NewPCG(1, 2))
	key := func() string {
		k := make([]byte, 1+rng.IntN(4))
		for i := range k {
			k[i] = "\x00\x01a\xfe\xff"[rng.IntN(5)]
		}
		return string(k)
	}
	model := map[string]bool{}
	for range 60 {
		var b store.Batch
		for range 10 {
			if k := key(); rng.IntN(3) == 0 {
				b.Deletes = append(b.Deletes, []byte(k))
			} else {
				b.Puts = append(b.Puts, rowOf(k))
			}
		}
		mustApply(t, s, b)
		for _, k := range b.Deletes {
			delete(model, string(k))
		}
		for _, p := range b.Puts {
			model[string(p.Key)] = true
		}
		from, to := key(), key()
		var want []string
		for k := range model {
			if k >= from && k < to {
				want = append(want, k)
			}
		}
		slices.Sort(want)
		mustView(t, s, func(r store.Reader) {
			if got := collect(t, r.Scan([]byte(from), []byte(to))); !slices.Equal(got, want) {
				t.Errorf("scan %q to %q: got %q, want %q", from, to, got, want)
			}
			slices.Reverse(want)
			if got := collect(t, r.ScanReverse([]byte(from), []byte(to))); !slices.Equal(got, want) {
				t.Errorf("reverse scan %q to %q: got %q, want %q", from, to, got, want)
			}
		})
	}
}

func scanStops(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	mustApply(t, s, puts(rowOf("a"), rowOf("b"), rowOf("c")))
	mustView(t, s, func(r store.Reader) {
		var got []string
		for outer, err := range r.Scan(nil, nil) {
			if err != nil {
				t.Fatal(err)
			}
			for inner, err := range r.ScanReverse(nil, nil) { // nested, and left early
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(outer.Key)+string(inner.Key))
				break
			}
			if string(outer.Key) == "b" {
				break
			}
		}
		if want := []string{"ac", "bc"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func snapshot(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	mustApply(t, s, puts(rowOf("a"), rowOf("b")))
	mustView(t, s, func(r store.Reader) {
		mustApply(t, s, store.Batch{Puts: []store.Put{rowOf("c"), put("a", "new")}, Deletes: keys("b")})
		wantRow(t, r, "a", []byte("of a"))
		wantRow(t, r, "b", []byte("of b"))
		wantRow(t, r, "c", nil)
		if got := collect(t, r.Scan(nil, nil)); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("scan of an old snapshot: got %q", got)
		}
		mustView(t, s, func(later store.Reader) { // a view in a view
			wantRow(t, later, "a", []byte("new"))
			wantRow(t, later, "b", nil)
			wantRow(t, later, "c", []byte("of c"))
		})
	})
}

func viewError(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	lsn := mustApply(t, s, puts(rowOf("a")))
	mine := errors.New("mine")
	rests, err := s.View(context.Background(), func(store.Reader) error { return mine })
	if err != mine { //nolint:errorlint // it is returned as it is
		t.Errorf("got %v, want the error of the callback", err)
	}
	if rests < lsn {
		t.Errorf("rests on %d, want at least %d also with an error", rests, lsn)
	}
}
