package registry

import (
	"bytes"
	"strings"
	"testing"
)

func FuzzTuple(f *testing.F) {
	f.Add("a", "b", "a", "c")
	f.Add("a", "", "a\x00", "")
	f.Add("a\x00\x01", "b", "a", "\x00\x01b")
	f.Add("a\xff", "\x00", "a", "\xff")
	f.Fuzz(func(t *testing.T, a1, a2, b1, b2 string) {
		a, b := tuple(nil).text(a1).text(a2), tuple(nil).text(b1).text(b2)
		want := strings.Compare(a1, b1)
		if want == 0 {
			want = strings.Compare(a2, b2)
		}
		if got := bytes.Compare(a, b); got != want {
			t.Errorf("(%q, %q) and (%q, %q) order as %d, want %d", a1, a2, b1, b2, got, want)
		}
		if got := unescape(a[len(tuple(nil).text(a1)):]); got != a2 {
			t.Errorf("%q is read as %q", a2, got)
		}
	})
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"", " ", "meter-1", " a\t", "<b>", "a<b", "\xff", "ñ", strings.Repeat("x", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := CleanName(s)
		if err != nil {
			return
		}
		if !validName(name) {
			t.Errorf("%q became %q, which is no name", s, name)
		}
		if again, err := CleanName(name); again != name || err != nil {
			t.Errorf("%q is cleaned to %q, %v", name, again, err)
		}
	})
}
