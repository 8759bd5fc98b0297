package supplypoint_test

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/supplypoint"
)

func FuzzParse(f *testing.F) {
	for _, tt := range valid {
		f.Add(tt.text)
	}
	for _, tt := range refused {
		if len(tt.text) < 100 { // mutations of the endless one would only be slow
			f.Add(tt.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := supplypoint.Parse(text)
		canonical := supplypoint.Canonical(text)
		if again := supplypoint.Canonical(canonical); again != canonical {
			t.Errorf("canonical %q has the canonical form %q", canonical, again)
		}
		same, sameErr := supplypoint.Parse(canonical)
		if same != p || reasonOf(sameErr) != reasonOf(err) {
			t.Errorf("%q: got %v %v, its canonical form %v %v", text, p, err, same, sameErr)
		}
		result := supplypoint.Check(text)
		if result.OK != (err == nil) || result.Reason != reasonOf(err) {
			t.Errorf("%q: Check says %+v, Parse %v", text, result, err)
		}
		mask := supplypoint.Mask(text)
		// At most the distributor's four digits and the last one are shown.
		digits := strings.Count(mask, "") - strings.Count(strings.Map(dropDigit, mask), "")
		if digits > 5 || (mask == "") != (text == "") {
			t.Errorf("%q: mask %q", text, mask)
		}
		if err != nil {
			if !p.IsZero() || reasonOf(err).Explain() == "" {
				t.Errorf("%q: got %v with %v", text, p, err)
			}
			return
		}
		if p.ID()+p.Suffix() != canonical || p.Mask() != mask || result.Level != p.Level() {
			t.Errorf("%q: got %s %s, mask %s, canonical %s", text, p.ID(), p.Suffix(), p.Mask(), canonical)
		}
		if strings.Contains(mask, p.ID()[6:18]) {
			t.Errorf("%q: mask %s is clear", text, mask)
		}
		if back, err := supplypoint.FromID(p.Scheme(), p.ID(), p.Suffix()); err != nil || back != p {
			t.Errorf("%q: FromID: got %v %v", text, back, err)
		}
	})
}

func dropDigit(r rune) rune {
	if '0' <= r && r <= '9' {
		return -1
	}
	return r
}
