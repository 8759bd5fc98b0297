package supplypoint_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/supplypoint"
)

// valid are published vectors and synthetic numbers.
var valid = []struct {
	name, text, id, suffix, distributor string
	scheme                              supplypoint.Scheme
}{
	{"python-stdnum", "ES 1234-123456789012-JY", "ES1234123456789012JY", "", "1234", supplypoint.CUPS},
	{"python-stdnum with border point", "ES 1234-123456789012-JY 1F", "ES1234123456789012JY", "1F", "1234", supplypoint.CUPS},
	{"enerdata", "ES0291000000000001DN", "ES0291000000000001DN", "", "0291", supplypoint.CUPS},
	{"gestionatr", "ES1234000000000001JN0F", "ES1234000000000001JN", "0F", "1234", supplypoint.CUPS},
	{"0021", "ES0021000000000001RK", "ES0021000000000001RK", "", "0021", supplypoint.CUPS},
	{"0021 border point", "ES0021000000000001RK0F", "ES0021000000000001RK", "0F", "0021", supplypoint.CUPS},
	{"0021 principal", "ES0021000000000001RK1P", "ES0021000000000001RK", "1P", "0021", supplypoint.CUPS},
	{"0022", "ES0022000000000001FB", "ES0022000000000001FB", "", "0022", supplypoint.CUPS},
	{"0031", "ES0031000000000001BJ", "ES0031000000000001BJ", "", "0031", supplypoint.CUPS},
	{"0026", "ES0026000000000001YV", "ES0026000000000001YV", "", "0026", supplypoint.CUPS},
	{"gas prefix", "ES0217000000000001BQ", "ES0217000000000001BQ", "", "0217", supplypoint.CUPS},
	{"all zeros", "ES0000000000000000TT", "ES0000000000000000TT", "", "0000", supplypoint.CUPS},
	{"lower case", "es0021000000000001rk0f", "ES0021000000000001RK", "0F", "0021", supplypoint.CUPS},
	{"grouped", " ES 0021 0000 0000 0001 RK 0F\r\n", "ES0021000000000001RK", "0F", "0021", supplypoint.CUPS},
	{"separators", "ES-0021/0000.0000-0001\tRK", "ES0021000000000001RK", "", "0021", supplypoint.CUPS},
	{"full width", "ＥＳ００２１　０００００００００００１ｒｋ", "ES0021000000000001RK", "", "0021", supplypoint.CUPS},
	{"full-width separators", "ES0021－000000000001．RK／0F", "ES0021000000000001RK", "0F", "0021", supplypoint.CUPS},
	{"invisible", "\ufeffES0021\u00a00000\u200b0000\u202f0001\u00ad\u2009RK\u2060\u200e", "ES0021000000000001RK", "", "0021", supplypoint.CUPS},
	{"dashes", "ES\u20100021\u2011000000000001\u2013RK\u2212", "ES0021000000000001RK", "", "0021", supplypoint.CUPS},
	{"raised, lowered and mathematical digits", "ES₀₀²¹𝟎𝟘𝟢𝟬𝟶00000⁰𝟷RK", "ES0021000000000001RK", "", "0021", supplypoint.CUPS},
	{"Portugal, electricity", "PT0014483920194837DW", "PT0014483920194837DW", "", "0014", supplypoint.CPE},
	{"Portugal, gas", "PT 1234 000004614012 QQ", "PT1234000004614012QQ", "", "1234", supplypoint.CPE},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range valid {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := supplypoint.Parse(tt.text)
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			if p.Scheme() != tt.scheme || p.ID() != tt.id || p.Suffix() != tt.suffix || p.Distributor() != tt.distributor {
				t.Errorf("got %s %s %q %s, want %s %s %q %s", p.Scheme(), p.ID(), p.Suffix(), p.Distributor(),
					tt.scheme, tt.id, tt.suffix, tt.distributor)
			}
			if p.IsZero() || p.Level() != supplypoint.LevelChecksum {
				t.Errorf("IsZero %v, level %v", p.IsZero(), p.Level())
			}
			if got, want := supplypoint.Canonical(tt.text), tt.id+tt.suffix; got != want {
				t.Errorf("Canonical: got %q, want %q", got, want)
			}
			if same, err := supplypoint.ParseAs(tt.scheme, tt.text); err != nil || same != p {
				t.Errorf("ParseAs: got %v, %v", same, err)
			}
			if back, err := supplypoint.FromID(p.Scheme(), p.ID(), p.Suffix()); err != nil || back != p {
				t.Errorf("FromID: got %v, %v", back, err)
			}
			want := supplypoint.Result{OK: true, Scheme: tt.scheme, Level: supplypoint.LevelChecksum}
			if got := supplypoint.Check(tt.text); got != want {
				t.Errorf("Check: got %+v, want %+v", got, want)
			}
		})
	}
}

// refused are texts with the first test that they fail. The five of the first group are passed around as valid.
var refused = []struct {
	name, text string
	scheme     supplypoint.Scheme
	reason     supplypoint.Reason
	level      supplypoint.Level
}{
	{"folklore 0021", "ES0021000000000001AB", supplypoint.CUPS, supplypoint.ReasonCheckLetters, supplypoint.LevelFormat},
	{"folklore 2260", "ES2260351481000000WR", supplypoint.CUPS, supplypoint.ReasonCheckLetters, supplypoint.LevelFormat},
	{"folklore 0999", "ES0999000000123456KH", supplypoint.CUPS, supplypoint.ReasonCheckLetters, supplypoint.LevelFormat},
	{"folklore 1234", "ES1234000000000001AA", supplypoint.CUPS, supplypoint.ReasonCheckLetters, supplypoint.LevelFormat},
	{"folklore 26 characters", "ES1234567890123456789012AB", supplypoint.CUPS, supplypoint.ReasonTooLong, supplypoint.LevelNone},

	{"nothing", "", "", supplypoint.ReasonEmpty, supplypoint.LevelNone},
	{"only separators", " -./\u00a0", "", supplypoint.ReasonEmpty, supplypoint.LevelNone},
	{"no country", "0021000000000001RK", "", supplypoint.ReasonCountry, supplypoint.LevelNone},
	{"other country", "FR0021000000000001RK", "", supplypoint.ReasonCountry, supplypoint.LevelNone},
	{"half a country", "E", "", supplypoint.ReasonCountry, supplypoint.LevelNone},
	{"country alone", "ES", supplypoint.CUPS, supplypoint.ReasonTooShort, supplypoint.LevelNone},
	{"19 characters", "ES0021000000000001R", supplypoint.CUPS, supplypoint.ReasonTooShort, supplypoint.LevelNone},
	{"21 characters", "ES0021000000000001RK0", supplypoint.CUPS, supplypoint.ReasonLength, supplypoint.LevelNone},
	{"23 characters", "ES0021000000000001RK0FA", supplypoint.CUPS, supplypoint.ReasonTooLong, supplypoint.LevelNone},
	{"self-consumption code", "ES1234000000000001JN0FA001", supplypoint.CUPS, supplypoint.ReasonTooLong, supplypoint.LevelNone},
	{"endless", "ES" + strings.Repeat("0", 1<<16), supplypoint.CUPS, supplypoint.ReasonTooLong, supplypoint.LevelNone},
	{"O for 0", "ESO021000000000001RK", supplypoint.CUPS, supplypoint.ReasonNotDigits, supplypoint.LevelNone},
	{"digit for a letter", "ES0021000000000001R1", supplypoint.CUPS, supplypoint.ReasonNotLetters, supplypoint.LevelNone},
	{"suffix of letters", "ES0021000000000001RKOF", supplypoint.CUPS, supplypoint.ReasonSuffix, supplypoint.LevelNone},
	{"suffix of digits", "ES0021000000000001RK00", supplypoint.CUPS, supplypoint.ReasonSuffix, supplypoint.LevelNone},
	{"suffix reversed", "ES0021000000000001RKF0", supplypoint.CUPS, supplypoint.ReasonSuffix, supplypoint.LevelNone},
	{"suffix before letters", "ES0021000000000001AB00", supplypoint.CUPS, supplypoint.ReasonSuffix, supplypoint.LevelNone},
	{"letters swapped", "ES0021000000000001KR", supplypoint.CUPS, supplypoint.ReasonCheckLetters, supplypoint.LevelFormat},
	{"letters swapped with border point", "ES0021000000000001KR0F", supplypoint.CUPS, supplypoint.ReasonCheckLetters, supplypoint.LevelFormat},
	{"Cyrillic country", "ЕS0021000000000001RK", "", supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"Cyrillic check letter", "ES0021000000000001RК", supplypoint.CUPS, supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"dotless i", "ES0021000000000001Rı", supplypoint.CUPS, supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"long s", "Eſ0021000000000001RK", "", supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"Kelvin sign", "ES0021000000000001R\u212a", supplypoint.CUPS, supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"combining accent", "ES0021000000000001RK\u0301", supplypoint.CUPS, supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"Arabic digits", "ES٠٠٢١000000000001RK", supplypoint.CUPS, supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"direction override", "ES\u202e0021000000000001RK", supplypoint.CUPS, supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"other separator", "ES0021_000000000001_RK", supplypoint.CUPS, supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"zero byte", "ES0021000000000001RK\x00", supplypoint.CUPS, supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"not UTF-8", "ES0021000000000001RK\xff", supplypoint.CUPS, supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"number in exponent form", "2.1e+15", "", supplypoint.ReasonCharacter, supplypoint.LevelNone},
	{"Portugal, wrong letters", "PT0014483920194837WD", supplypoint.CPE, supplypoint.ReasonCheckLetters, supplypoint.LevelFormat},
	{"Portugal with border point", "PT0014483920194837DW0F", supplypoint.CPE, supplypoint.ReasonTooLong, supplypoint.LevelNone},
	{"Portugal, 21 characters", "PT0014483920194837DW0", supplypoint.CPE, supplypoint.ReasonTooLong, supplypoint.LevelNone},
	{"Portugal, short", "PT0014483920194837D", supplypoint.CPE, supplypoint.ReasonTooShort, supplypoint.LevelNone},
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := supplypoint.Parse(tt.text)
			if !p.IsZero() {
				t.Errorf("got point %v, want none", p)
			}
			var e *supplypoint.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %T %v, want an *Error", err, err)
			}
			if e.Scheme != tt.scheme || e.Reason != tt.reason || e.Level != tt.level {
				t.Errorf("got %+v, want %s %s %s", *e, tt.scheme, tt.reason, tt.level)
			}
			want := supplypoint.Result{Scheme: tt.scheme, Level: tt.level, Reason: tt.reason}
			if got := supplypoint.Check(tt.text); got != want {
				t.Errorf("Check: got %+v, want %+v", got, want)
			}
			if e.Reason.Explain() == "" || !strings.Contains(err.Error(), string(tt.reason)) {
				t.Errorf("error %q does not explain %s", err, tt.reason)
			}
			if tail := lastDigits(tt.text); tail != "" && strings.Contains(err.Error(), tail) {
				t.Errorf("error %q holds part of the text", err)
			}
		})
	}
}

// lastDigits returns the longest run of ASCII digits at or before the end of text.
func lastDigits(text string) string {
	run := strings.FieldsFunc(text, func(r rune) bool { return r < '0' || '9' < r })
	if len(run) == 0 {
		return ""
	}
	return run[len(run)-1]
}

func TestParseAs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		scheme supplypoint.Scheme
		text   string
		reason supplypoint.Reason
	}{
		{"right", supplypoint.CUPS, "ES0021000000000001RK", ""},
		{"Portugal as Spain", supplypoint.CUPS, "PT0014483920194837DW", supplypoint.ReasonCountry},
		{"Spain as Portugal", supplypoint.CPE, "ES0021000000000001RK", supplypoint.ReasonCountry},
		{"too long for either", supplypoint.CPE, "ES0021000000000001RK0F0F", supplypoint.ReasonCountry},
		{"nothing", supplypoint.CPE, " ", supplypoint.ReasonEmpty},
		{"unknown scheme", "mpan", "2000000000015", supplypoint.ReasonScheme},
		{"no scheme", "", "ES0021000000000001RK", supplypoint.ReasonScheme},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := supplypoint.ParseAs(tt.scheme, tt.text)
			if got := reasonOf(err); got != tt.reason || p.IsZero() != (tt.reason != "") {
				t.Errorf("got %q %v, want %q", got, p, tt.reason)
			}
			if (tt.reason.Explain() == "") != (tt.reason == "") {
				t.Errorf("%s is explained by %q", tt.reason, tt.reason.Explain())
			}
			if got := supplypoint.CheckAs(tt.scheme, tt.text); got.Reason != tt.reason || got.Scheme != tt.scheme || got.OK != (tt.reason == "") {
				t.Errorf("CheckAs: got %+v, want %q", got, tt.reason)
			}
		})
	}
}

func TestFromID(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		scheme     supplypoint.Scheme
		id, suffix string
		reason     supplypoint.Reason
	}{
		{"plain", supplypoint.CUPS, "ES0021000000000001RK", "", ""},
		{"with suffix", supplypoint.CUPS, "ES0021000000000001RK", "0F", ""},
		{"suffix inside the id", supplypoint.CUPS, "ES0021000000000001RK0F", "", supplypoint.ReasonLength},
		{"border moved", supplypoint.CUPS, "ES0021000000000001R", "K0F", supplypoint.ReasonLength},
		{"nothing", supplypoint.CUPS, "", "", supplypoint.ReasonEmpty},
		{"suffix alone", supplypoint.CUPS, "", "0F", supplypoint.ReasonEmpty},
		{"lower case", supplypoint.CUPS, "es0021000000000001rk", "", supplypoint.ReasonCharacter},
		{"space in suffix", supplypoint.CUPS, "ES0021000000000001RK", "0F ", supplypoint.ReasonCharacter},
		{"half a suffix", supplypoint.CUPS, "ES0021000000000001RK", "0", supplypoint.ReasonLength},
		{"long suffix", supplypoint.CUPS, "ES0021000000000001RK", "0F0", supplypoint.ReasonTooLong},
		{"damaged digit", supplypoint.CUPS, "ES0021000000000002RK", "", supplypoint.ReasonCheckLetters},
		{"other scheme", supplypoint.CPE, "ES0021000000000001RK", "", supplypoint.ReasonCountry},
		{"suffix for Portugal", supplypoint.CPE, "PT0014483920194837DW", "0F", supplypoint.ReasonTooLong},
		{"unknown scheme", "mpan", "2000000000015", "", supplypoint.ReasonScheme},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := supplypoint.FromID(tt.scheme, tt.id, tt.suffix)
			if got := reasonOf(err); got != tt.reason || p.IsZero() != (tt.reason != "") {
				t.Errorf("got %q %v, want %q", got, p, tt.reason)
			}
		})
	}
}

func TestSuffixIsNoIdentity(t *testing.T) {
	t.Parallel()
	plain := supplypoint.Synthetic("0021", 1)
	for _, text := range []string{"ES0021000000000001RK", "ES0021000000000001RK0F", "ES0021000000000001RK1P"} {
		p, err := supplypoint.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if p.ID() != plain.ID() || p.WithoutSuffix() != plain || p.Mask() != plain.Mask() {
			t.Errorf("%s: got %s, not the supply point of %s", text, p.ID(), plain.ID())
		}
		if p.Suffix() != text[20:] || (p == plain) != (text[20:] == "") {
			t.Errorf("%s: suffix %q is lost", text, p.Suffix())
		}
	}
}

// reasonOf returns "" for nil and "?" for an error that is not ours.
func reasonOf(err error) supplypoint.Reason {
	var e *supplypoint.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Reason
	}
	return "?"
}
