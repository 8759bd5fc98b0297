package storetest

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/gridtie/gridtie/registry/store"
)

func batchOrder(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	mustApply(t, s, puts(put("a", "old"), put("b", "old")))
	mustApply(t, s, store.Batch{
		Puts:    []store.Put{put("a", "1"), put("c", "1"), put("c", "2")},
		Deletes: keys("a", "b", "b"),
	})
	mustView(t, s, func(r store.Reader) {
		wantRow(t, r, "a", []byte("1"))
		wantRow(t, r, "b", nil)
		wantRow(t, r, "c", []byte("2"))
	})
}

func bigValues(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	longKey := string(bytes.Repeat([]byte("k"), store.MaxKey))
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	var b store.Batch
	for _, k := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", longKey} {
		b.Puts = append(b.Puts, store.Put{Key: []byte(k), Value: big})
	}
	lsn := mustApply(t, s, b)
	if err := s.Sync(context.Background(), lsn); err != nil {
		t.Fatalf("sync: %v", err)
	}
	mustApply(t, s, puts(put("b", "small")))
	mustView(t, s, func(r store.Reader) {
		wantRow(t, r, "a", big)
		wantRow(t, r, "b", []byte("small"))
		wantRow(t, r, longKey, big)
	})
}

func batchIsCopied(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	k, v := []byte("key"), []byte("value")
	mustApply(t, s, store.Batch{Puts: []store.Put{{Key: k, Value: v}}})
	copy(k, "xxx")
	copy(v, "xxxxx")
	mustView(t, s, func(r store.Reader) {
		wantRow(t, r, "key", []byte("value"))
		wantRow(t, r, "xxx", nil)
	})
}

func invalid(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	var at store.Stamp
	mustView(t, s, func(r store.Reader) { at = r.At() })
	long := bytes.Repeat([]byte("k"), store.MaxKey+1)
	half := make([]byte, store.MaxBatch/2)
	for _, c := range []struct {
		name  string
		batch store.Batch
	}{
		{"empty key put", puts(put("", "v"))},
		{"empty key deleted", store.Batch{Deletes: [][]byte{nil}}},
		{"empty key checked", store.Batch{Checks: []store.Check{{At: at}}}},
		{"long key put", store.Batch{Puts: []store.Put{{Key: long}}}},
		{"long key deleted", store.Batch{Deletes: [][]byte{long}}},
		{"too big", puts(store.Put{Key: []byte("a"), Value: half}, store.Put{Key: []byte("b"), Value: half})},
		{"no stamp", store.Batch{Checks: []store.Check{{Key: []byte("a")}}}},
		{"stamp of the future", store.Batch{Checks: []store.Check{{Key: []byte("a"), At: at + 1000}}}},
	} {
		c.batch.Puts = append(c.batch.Puts, put("witness", ""))
		if _, err := s.Apply(context.Background(), c.batch); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", c.name, err)
		}
	}
	mustView(t, s, func(r store.Reader) { wantRow(t, r, "witness", nil) })
}

func checks(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	for _, c := range []struct {
		name     string
		there    bool        // whether row "k" is there at first
		write    store.Batch // what comes between the read and the check
		conflict bool
	}{
		{"nothing", true, store.Batch{}, false},
		{"nothing, absent", false, store.Batch{}, false},
		{"another value", true, puts(put("k", "new")), true},
		{"the same value", true, puts(put("k", "old")), true},
		{"deleted", true, store.Batch{Deletes: keys("k")}, true},
		{"deleted and put", true, store.Batch{Deletes: keys("k"), Puts: []store.Put{put("k", "old")}}, true},
		{"put where absent", false, puts(put("k", "new")), true},
		{"put beside others", false, puts(put("a", ""), put("k", "new"), put("z", "")), true},
		{"other keys", true, puts(put("k\x00", ""), put("j", ""), put("K", "")), false},
	} {
		before := store.Batch{Deletes: keys("k")}
		if c.there {
			before = puts(put("k", "old"))
		}
		mustApply(t, s, before)
		var at store.Stamp
		mustView(t, s, func(r store.Reader) { at = r.At() })
		mustApply(t, s, c.write)

		for _, b := range []store.Batch{{}, puts(put("after "+c.name, ""))} { // a batch may be checks alone
			b.Checks = []store.Check{{Key: []byte("never written"), At: at}, {Key: []byte("k"), At: at}}
			_, err := s.Apply(context.Background(), b)
			if got := errors.Is(err, store.ErrConflict); got != c.conflict || err != nil && !got {
				t.Errorf("%s, %d puts: got %v, want conflict %t", c.name, len(b.Puts), err, c.conflict)
			}
		}
		mustView(t, s, func(r store.Reader) {
			want := []byte{}
			if c.conflict {
				want = nil
			}
			wantRow(t, r, "after "+c.name, want)
		})
	}
}

func allOrNothing(t *testing.T, o Opener) {
	s := mustOpen(t, o)
	mustApply(t, s, puts(put("a", "1"), put("b", "1")))
	var at store.Stamp
	mustView(t, s, func(r store.Reader) { at = r.At() })
	mustApply(t, s, puts(put("b", "2")))
	before := s.Applied()
	_, err := s.Apply(context.Background(), store.Batch{
		Checks:  []store.Check{{Key: []byte("a"), At: at}, {Key: []byte("b"), At: at}},
		Puts:    []store.Put{put("a", "3"), put("c", "3")},
		Deletes: keys("b"),
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
	if got := s.Applied(); got != before {
		t.Errorf("applied rose from %d to %d by a conflict", before, got)
	}
	mustView(t, s, func(r store.Reader) {
		wantRow(t, r, "a", []byte("1"))
		wantRow(t, r, "b", []byte("2"))
		wantRow(t, r, "c", nil)
	})
}
