package supplypoint_test

import (
	"slices"
	"testing"
	"unicode"

	"github.com/gridtie/gridtie/supplypoint"
)

func TestCanonicalDrops(t *testing.T) {
	t.Parallel()
	for _, r := range "\t\n\v\f\r -./\u0085\u00a0\u00ad\u2000\u2003\u2009\u200a\u200b\u200c\u200d\u200e\u200f\u2010\u2011\u2012" +
		"\u2013\u2014\u2015\u2024\u2028\u2029\u202a\u202c\u202f\u205f\u2060\u2066\u2069\u2212\u3000\ufe52\ufe58\ufe63\ufeff－．／" {
		text := "ES" + string(r) + "0021000000000001RK"
		if got := supplypoint.Canonical(text); got != "ES0021000000000001RK" || !supplypoint.Check(text).OK {
			t.Errorf("%U: got %q, want it dropped", r, got)
		}
	}
}

func TestCanonicalKeepsWhatDoesNotBelong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                "",
		" - ":             "",
		"rı k":            "RıK",
		"es_0021,\u202e9": "ES_0021,\u202e9",
		"a\xffb":          "A\ufffdB",
	} {
		if got := supplypoint.Canonical(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// No letter of another script may ever stand for an ASCII letter, and no digit for another digit.
func TestOnlyFullWidthLettersFold(t *testing.T) {
	t.Parallel()
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		fullWidth := 'Ａ' <= r && r <= 'Ｚ' || 'ａ' <= r && r <= 'ｚ'
		if !unicode.IsLetter(r) || fullWidth {
			continue
		}
		if got := supplypoint.Check("ES" + string(r)); got.Reason != supplypoint.ReasonCharacter {
			t.Errorf("%U: got %+v, want it refused", r, got)
		}
	}
	for i, digits := range []string{"⁰₀０𝟎𝟘𝟢𝟬𝟶", "¹₁１𝟏𝟙𝟣𝟭𝟷", "²₂２𝟐𝟚𝟤𝟮𝟸", "³₃３𝟑𝟛𝟥𝟯𝟹", "⁴₄４𝟒𝟜𝟦𝟰𝟺", "⁵₅５𝟓𝟝𝟧𝟱𝟻", "⁶₆６𝟔𝟞𝟨𝟲𝟼", "⁷₇７𝟕𝟟𝟩𝟳𝟽", "⁸₈８𝟖𝟠𝟪𝟴𝟾", "⁹₉９𝟗𝟡𝟫𝟵𝟿"} {
		for _, r := range digits {
			if got, want := supplypoint.Canonical(string(r)), string(rune('0'+i)); got != want {
				t.Errorf("%U: got %q, want %q", r, got, want)
			}
		}
	}
}

func TestSchemes(t *testing.T) {
	t.Parallel()
	if got, want := supplypoint.Schemes(), []supplypoint.Scheme{supplypoint.CUPS, supplypoint.CPE}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
