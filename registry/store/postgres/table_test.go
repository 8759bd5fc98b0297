package postgres

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ key, table, rest string }{
		{"device\x00\x01a\x00\x01", "device", "a\x00\x01"},
		{"schema\x00\x01", "schema", ""},
		{"dead-letter/device\x00\x01x", "dead-letter/device", "x"},
		{"device", "", "device"},
		{"device\x00", "", "device\x00"},
		{"device\x00\x02", "", "device\x00\x02"},
		{"device\x00\xff\x00\x01", "", "device\x00\xff\x00\x01"},
		{"\x00\x01", "", "\x00\x01"},
		{"Device\x00\x01", "", "Device\x00\x01"},
		{"a_b\x00\x01", "", "a_b\x00\x01"},
		{"a--b\x00\x01", "", "a--b\x00\x01"},
		{"a-/b\x00\x01", "", "a-/b\x00\x01"},
		{"-a\x00\x01", "", "-a\x00\x01"},
		{"a-\x00\x01", "", "a-\x00\x01"},
		{"1a\x00\x01", "", "1a\x00\x01"},
		{"a\"b\x00\x01", "", "a\"b\x00\x01"},
		{strings.Repeat("a", 63) + "\x00\x01", strings.Repeat("a", 63), ""},
		{strings.Repeat("a", 64) + "\x00\x01", "", strings.Repeat("a", 64) + "\x00\x01"},
		{strings.Repeat("a", 60) + "/bc\x00\x01", "", strings.Repeat("a", 60) + "/bc\x00\x01"},
	} {
		if table, rest := place([]byte(c.key)); table != c.table || string(rest) != c.rest {
			t.Errorf("%q is in %q as %q, want %q as %q", c.key, table, rest, c.table, c.rest)
		}
	}
}

func TestIdentifier(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"": "_rows", "device": "device", "dead-letter": "dead_letter", "pending/done": "pending__done", "a-b/c-d": "a_b__c_d",
	} {
		if got := identifier(name); got != want {
			t.Errorf("%q is %q in SQL, want %q", name, got, want)
		}
	}
}

// TestStretches compares the stretches of a scan with a plain list of keys.
func TestStretches(t *testing.T) {
	t.Parallel()
	names := []string{"a", "a-b", "a/b", "ab", "b"}
	c := newCatalog("s", names[:4])
	rng := rand.New(rand.NewPCG(5, 5))
	key := func() []byte {
		var k []byte
		if rng.IntN(2) == 0 {
			k = append(k, names[rng.IntN(len(names))]+"\x00\x01"...)
		}
		for range rng.IntN(4) {
			k = append(k, "\x00\x01\x02ab-/\xff"[rng.IntN(8)])
		}
		return k
	}
	for range 200_000 {
		from, to, k := key(), key(), key()
		if name, _ := place(k); len(k) == 0 || name == "b" {
			continue // of a table that is not there
		}
		want := 0
		if bytes.Compare(from, k) <= 0 && (len(to) == 0 || bytes.Compare(k, to) < 0) {
			want = 1
		}
		name, rest := place(k)
		got := 0
		var last []byte
		for _, s := range c.stretches(from, to) {
			lo := append(bytes.Clone(s.in.from), s.from...)
			if len(last) > 0 && bytes.Compare(lo, last) < 0 {
				t.Fatalf("%q to %q: the stretch from %q begins before the last one ends", from, to, lo)
			}
			last = append(bytes.Clone(s.in.from), s.to...)
			if s.in.name == name && bytes.Compare(s.from, rest) <= 0 && (len(s.to) == 0 || bytes.Compare(rest, s.to) < 0) {
				got++
			}
		}
		if got != want {
			t.Fatalf("%q to %q: %q is in %d stretches, want %d", from, to, k, got, want)
		}
	}
}

// TestOneTable: what the registry asks for is one question.
func TestOneTable(t *testing.T) {
	t.Parallel()
	c := newCatalog("s", []string{"a", "b"})
	for _, name := range []string{"a", "b", "c"} {
		got := ""
		for _, s := range c.stretches([]byte(name+"\x00\x01"), []byte(name+"\x00\x02")) {
			got += fmt.Sprintf("%s %q %q", s.in.name, s.from, s.to)
		}
		want := name + ` "" ""`
		if name == "c" {
			want = ""
		}
		if got != want {
			t.Errorf("table %q: got %s, want %s", name, got, want)
		}
	}
}
