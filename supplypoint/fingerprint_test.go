package supplypoint_test

import (
	"regexp"
	"testing"

	"github.com/gridtie/gridtie/supplypoint"
)

func TestFingerprint(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef0123456789abcdef")
	p := supplypoint.Synthetic("0021", 1)
	got := supplypoint.Fingerprint(key, p)
	// Pinned: operators search their logs for it across versions.
	if want := "sp_u5yw64kviyfthlucpqfjnz6rty"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !regexp.MustCompile(`^sp_[a-z2-7]{26}$`).MatchString(got) {
		t.Errorf("got %s, want sp_ and 26 characters", got)
	}
	suffixed, err := supplypoint.Parse("ES0021000000000001RK0F")
	if err != nil {
		t.Fatal(err)
	}
	if same := supplypoint.Fingerprint(key, suffixed); same != got {
		t.Errorf("with suffix: got %s, want %s", same, got)
	}
	portuguese, err := supplypoint.Parse("PT0021000000000001RK")
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]string{
		"other number": supplypoint.Fingerprint(key, supplypoint.Synthetic("0021", 2)),
		"other scheme": supplypoint.Fingerprint(key, portuguese),
		"other key":    supplypoint.Fingerprint([]byte("fedcba9876543210fedcba9876543210"), p),
	} {
		if other == got || other == "" {
			t.Errorf("%s: got %q, want another than %s", name, other, got)
		}
	}
	for name, none := range map[string]string{
		"zero point": supplypoint.Fingerprint(key, supplypoint.Point{}),
		"no key":     supplypoint.Fingerprint(nil, p),
		"short key":  supplypoint.Fingerprint(key[:supplypoint.MinFingerprintKey-1], p),
	} {
		if none != "" {
			t.Errorf("%s: got %q, want none", name, none)
		}
	}
}
