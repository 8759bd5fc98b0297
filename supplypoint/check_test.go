package supplypoint_test

import (
	"encoding/json"
	"testing"

	"github.com/gridtie/gridtie/supplypoint"
)

// numbers are sixteen digits each, from plain to the largest.
var numbers = []string{
	"0021000000000001", "0000000000000000", "9999999999999999", "1234123456789012", "0031987654321098", "0217555555555555",
}

// letters computes the check letters in the way of paper, one digit at a time.
func letters(digits string) string {
	r := 0
	for _, d := range digits {
		r = (r*10 + int(d-'0')) % 529
	}
	const table = "TRWAGMYFPDXBNJZSQVHLCKE"
	return table[r/23:][:1] + table[r%23:][:1]
}

func TestCheckLettersDigitByDigit(t *testing.T) {
	t.Parallel()
	// 529 consecutive numbers have all remainders, so all pairs of letters.
	seen := map[string]bool{}
	for n := uint64(999_999_999_000); n < 999_999_999_529; n++ {
		id := supplypoint.Synthetic("9999", n).ID()
		if got, want := id[18:], letters(id[2:18]); got != want {
			t.Errorf("%s: got %s, want %s", id[:18], got, want)
		}
		seen[id[18:]] = true
	}
	if len(seen) != 529 {
		t.Errorf("got %d pairs of letters, want 529", len(seen))
	}
}

func TestEveryWrongDigitIsCaught(t *testing.T) {
	t.Parallel()
	for _, country := range []string{"ES", "PT"} {
		for _, digits := range numbers {
			good := country + digits + letters(digits)
			if got := supplypoint.Check(good); !got.OK {
				t.Fatalf("%s: got %+v, want OK", good, got)
			}
			for i := 2; i < 18; i++ {
				for d := byte('0'); d <= '9'; d++ {
					wrong := []byte(good)
					wrong[i] = d
					got := supplypoint.Check(string(wrong))
					if got.OK != (d == good[i]) {
						t.Errorf("%s for %s: got %+v", wrong, good, got)
					}
				}
			}
		}
	}
}

func TestEverySwapIsCaught(t *testing.T) {
	t.Parallel()
	for _, digits := range numbers {
		good := "ES" + digits + letters(digits)
		for i := 2; i < 18; i++ {
			for j := i + 1; j < 18; j++ {
				wrong := []byte(good)
				wrong[i], wrong[j] = wrong[j], wrong[i]
				got := supplypoint.Check(string(wrong))
				if got.OK != (good[i] == good[j]) {
					t.Errorf("%s for %s: got %+v", wrong, good, got)
				}
			}
		}
	}
}

func TestOneOf529LettersPasses(t *testing.T) {
	t.Parallel()
	passed := 0
	for a := byte('A'); a <= 'Z'; a++ {
		for b := byte('A'); b <= 'Z'; b++ {
			if supplypoint.Check("ES0021000000000001" + string([]byte{a, b})).OK {
				passed++
			}
		}
	}
	if passed != 1 {
		t.Errorf("got %d pairs of letters that pass, want 1", passed)
	}
}

func TestSynthetic(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, distributor string
		n                 uint64
		want              string
	}{
		{"small", "0021", 1, "ES0021000000000001RK"},
		{"least", "0000", 0, "ES0000000000000000TT"},
		{"largest", "9999", 999_999_999_999, "ES9999999999999999" + letters("9999999999999999")},
		{"number too large", "0021", 1e12, ""},
		{"short code", "021", 1, ""},
		{"long code", "00211", 1, ""},
		{"sign", "+021", 1, ""},
		{"no code", "", 1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := supplypoint.Synthetic(tt.distributor, tt.n)
			if p.ID() != tt.want || p.IsZero() != (tt.want == "") {
				t.Fatalf("got %q, want %q", p.ID(), tt.want)
			}
			if tt.want == "" {
				return
			}
			if read, err := supplypoint.Parse(tt.want); err != nil || read != p || p.Distributor() != tt.distributor {
				t.Errorf("got %v %v, want %v", read, err, p)
			}
		})
	}
}

func TestLevel(t *testing.T) {
	t.Parallel()
	names := []string{"none", "format", "checksum", "known-prefix", "exists"}
	for i, want := range names {
		l := supplypoint.Level(i)
		if l.String() != want {
			t.Errorf("level %d: got %q, want %q", i, l, want)
		}
		var back supplypoint.Level
		text, err := json.Marshal(l)
		if err != nil || json.Unmarshal(text, &back) != nil || back != l {
			t.Errorf("level %s: got %s, %v and %s back", l, text, err, back)
		}
	}
	beyond := supplypoint.LevelExists + 1
	if _, err := beyond.MarshalText(); err == nil || beyond.String() != "level(5)" {
		t.Errorf("unknown level: got %q, %v", beyond, err)
	}
	if err := beyond.UnmarshalText([]byte("maybe")); err == nil {
		t.Error("level maybe: got no error")
	}
}

func TestResultJSON(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"ES0021000000000001RK", `{"ok":true,"scheme":"cups","level":"checksum"}`},
		{"ES0021000000000001AB", `{"ok":false,"scheme":"cups","level":"format","reason":"CHECK_LETTERS"}`},
		{"", `{"ok":false,"level":"none","reason":"EMPTY"}`},
	}
	for _, tt := range tests {
		if got, err := json.Marshal(supplypoint.Check(tt.text)); err != nil || string(got) != tt.want {
			t.Errorf("%q: got %s %v, want %s", tt.text, got, err, tt.want)
		}
	}
}
