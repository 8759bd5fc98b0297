package supplypoint_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/supplypoint"
)

func TestMaskIn(t *testing.T) {
	t.Parallel()
	const nothing = "•••••••••••••"
	for _, tt := range []struct{ name, text, want string }{
		{"alone", "ES0021000000000001RK", maskOf0021},
		{"in JSON", `{"CUPS":"ES0021000000000001RK","ts":1753000000000}`, `{"CUPS":"` + maskOf0021 + `","ts":1753000000000}`},
		{"in a sentence", "no grid for es0021000000000001rk today", "no grid for " + maskOf0021 + " today"},
		{"in groups", "ES 0021 0000 0000 0001 RK is it", maskOf0021 + " is it"},
		{"grouped suffix", "es 0021 0000 0000 0001 rk 0f.", maskOf0021 + "."},
		{"a time behind", "ES0021000000000001RK 1753000000000", maskOf0021 + " 1753000000000"},
		{"two", "ES0021000000000001RK,ES0021000000000001RK0F", maskOf0021 + "," + maskOf0021},
		{"inside a word", "meterES0021000000000001RK", "meter" + maskOf0021},
		{"the end of a word", "values 0021000000000001RK", "valu" + maskOf0021},
		{"a country in pieces", "e-s-0021-000000000001-rk", maskOf0021},
		{"too short, and yet somebody's", "at ES00210000000001RK!", "at " + nothing + "!"},
		{"too long", "ES00210000000000000001RK", nothing},
		{"without letters", "ES0021000000000001", nothing},
		{"a letter among the digits", "ES002100000O000001RK", nothing},
		{"dashes", "cups=ES\u20130021\u20130000\u20130000\u20130001\u2013RK!", "cups=" + maskOf0021 + "!"},
		{"full width", "ＥＳ００２１000000000001ＲＫ", maskOf0021},
		{"underscores", "device_ES_0021_0000_0000_0001_RK", "device_" + nothing},
		{"escaped tabs", `"ES0021\t0000\t0000\t0001RK"`, `"` + nothing + `"`},
		{"twice escaped tabs", `"ES0021\\t0000\\t0000\\t0001RK"`, `"` + nothing + `"`},
		{"escaped digits", `"ES\u0030\u0030210000\ud835\udfce00000001RK"`, `"` + nothing + `"`},
		{"without country", "at 0021000000000001RK.", "at " + nothing + "."},
		{"without country, with suffix", "0021000000000001RK0F", nothing},
		{"without country, in groups", "0021 0000 0000 0001 RK", nothing},
		{"behind another that ends like a country", "ES0021000000000001ES 0021000000000001RKx", "ES0021•••••••••••••1ES " + nothing + "x"},
		{"Portugal", "PT 0014 4839 2019 4837 DW", "PT0014•••••••••••••7DW"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := supplypoint.MaskIn(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for _, text := range []string{
		"", "meter-1", `{"ts":1753000000000}`, "values 12345678", "estimated 5 times", "1753000000000 kW", `C:\new\u`, "\xff", `\`,
		"es un contador", "pt-1234567", "0198c5e2-1234-7123-9123-123456789012", "12345678-1234-1234-ab12-ab1f5678ab12",
		`{"level":"info","time":"2026-11-21T09:30:47Z","event":"started","took":12345678901234567}`,
	} {
		if got := supplypoint.MaskIn(text); got != text {
			t.Errorf("MaskIn(%q) = %q", text, got)
		}
	}
}

// whole finds what must not be left: a country, sixteen digits and two letters, whatever stood between them.
var whole = regexp.MustCompile(`(?:ES|PT)[0-9]{16}[A-Z]{2}`)

// FuzzMaskIn writes a point in some spelling between two texts: it is gone, whatever the texts are.
func FuzzMaskIn(f *testing.F) {
	f.Add("", "", uint64(987654321098), uint8(0))
	f.Add("values ", " today", uint64(1), uint8(1))
	f.Add(`{"cups":"`, `","ts":1753000000000}`, uint64(1), uint8(2))
	f.Add("ES0021000000000001ES ", "0F", uint64(12), uint8(3))
	f.Add("e", "\\u0030", uint64(99), uint8(4))
	f.Add("12345678-", "-1234", uint64(99), uint8(5))
	f.Fuzz(func(t *testing.T, before, after string, local uint64, spelling uint8) {
		id := supplypoint.Synthetic("0021", local%1_000_000_000_000).ID()
		text := before + spelled(id, spelling) + after
		got := supplypoint.MaskIn(text)
		if left := whole.FindString(supplypoint.Canonical(got)); left != "" {
			t.Errorf("MaskIn(%q) = %q leaves %q", text, got, left)
		}
		if quoted, err := json.Marshal(text); err == nil {
			masked := supplypoint.MaskIn(string(quoted))
			if plain, err := strconv.Unquote(masked); err == nil && whole.MatchString(supplypoint.Canonical(plain)) {
				t.Errorf("MaskIn(%q) = %q", quoted, masked)
			}
		}
		if none := supplypoint.MaskIn(before); len(none) == len(before) && none != before {
			t.Errorf("MaskIn(%q) = %q: changed in place", before, none)
		}
	})
}

func spelled(id string, way uint8) string {
	var b strings.Builder
	for i, r := range id {
		switch way % 6 {
		case 0:
			b.WriteRune(r)
		case 1:
			if i%4 == 2 {
				b.WriteByte(' ')
			}
			b.WriteString(strings.ToLower(string(r)))
		case 2:
			b.WriteRune(r)
			b.WriteString("\u2013")
		case 3:
			b.WriteRune(r - '!' + 0xFF01)
		case 4:
			fmt.Fprintf(&b, `\u%04x`, r)
		case 5:
			b.WriteString(" ./-"[i%4 : i%4+1])
			b.WriteRune(r)
		}
	}
	return b.String()
}

func BenchmarkMaskIn(b *testing.B) {
	for name, text := range map[string]string{
		"nothing": `{"level":"info","time":"2026-11-21T09:30:47Z","event":"chain_log","device":"meter-12345","text":"all is well with it"}`,
		"point":   `{"level":"info","time":"2026-11-21T09:30:47Z","event":"chain_log","device":"ES0021000000000001RK"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				_ = supplypoint.MaskIn(text)
			}
		})
	}
}
