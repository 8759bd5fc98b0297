package supplypoint_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/supplypoint"
)

const maskOf0021 = "ES0021•••••••••••••1RK"

func TestMask(t *testing.T) {
	t.Parallel()
	const nothing = "•••••••••••••"
	tests := []struct{ name, text, want string }{
		{"valid", "ES0021000000000001RK", maskOf0021},
		{"with border point", "ES0021000000000001RK0F", maskOf0021},
		{"not canonical", " es 0021-000000000001-rk", maskOf0021},
		{"Portugal", "PT0014483920194837DW", "PT0014•••••••••••••7DW"},
		{"wrong letters", "ES0021000000000001XX", "ES0021•••••••••••••1XX"},
		{"wrong letters with border point", "ES0021000000000001XX0F", "ES0021•••••••••••••1XX"},
		{"nothing", "", ""},
		{"white space", " ", nothing},
		{"short", "ES0021", nothing},
		{"21 characters", "ES0021000000000001RK0", nothing},
		{"without country", "0021000000000001RK", nothing},
		{"something else", "correct horse battery staple", nothing},
		{"not UTF-8", "\xff\xfe", nothing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := supplypoint.Mask(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPointIsNeverPrintedInClear(t *testing.T) {
	t.Parallel()
	p, err := supplypoint.Parse("ES0021987654321098" + letters("0021987654321098") + "0F")
	if err != nil {
		t.Fatal(err)
	}
	type exported struct{ Point supplypoint.Point }
	type private struct {
		point  supplypoint.Point
		points []supplypoint.Point
	}
	values := map[string]any{
		"value": p, "pointer": &p, "slice": []supplypoint.Point{p}, "map key": map[supplypoint.Point]int{p: 1},
		"field": exported{p}, "unexported field": private{p, []supplypoint.Point{p}}, "pointer to both": &private{point: p},
	}
	for name, value := range values {
		for _, verb := range strings.Fields("%v %+v %#v %s %+s %q %#q %x %X %#x %d %o %b %c %U %e %g %t %w %p %T %z %30v %-30s %.3s") {
			noClear(t, name+" "+verb, fmt.Sprintf(verb, value), p)
		}
		noClear(t, name+" Sprint", fmt.Sprint(value), p)
		wrapped := "x: %w" // a variable, because vet rightly refuses the constant
		noClear(t, name+" Errorf", fmt.Errorf(wrapped, value).Error(), p)
		text, err := json.Marshal(value)
		if err != nil {
			t.Errorf("%s: json: %v", name, err)
		}
		noClear(t, name+" json", string(text), p)
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("seen", "point", value)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("seen", "point", value)
		noClear(t, name+" slog", b.String(), p)
	}
	text, err := xml.Marshal(exported{p})
	if err != nil {
		t.Error(err)
	}
	noClear(t, "xml", string(text), p)
}

// noClear fails if text holds the twelve local digits, any ten of them in a row, or their hexadecimal form.
func noClear(t *testing.T, what, text string, p supplypoint.Point) {
	t.Helper()
	local := p.ID()[6:18]
	for _, clear := range []string{local, local[:10], local[1:11], local[2:], fmt.Sprintf("%x", local[:10]), fmt.Sprintf("%X", local[:10])} {
		if strings.Contains(text, clear) {
			t.Errorf("%s: %s holds the clear value", what, text)
			return
		}
	}
}

func TestPointPrintsItsMask(t *testing.T) {
	t.Parallel()
	p := supplypoint.Synthetic("0021", 1)
	for _, tt := range []struct{ got, want string }{
		{p.String(), maskOf0021},
		{p.GoString(), maskOf0021},
		{fmt.Sprintf("%v|%+v|%#v|%s|%x|%d", p, p, p, p, p, p), strings.Repeat(maskOf0021+"|", 5) + maskOf0021},
		{fmt.Sprintf("%q", p), `"` + maskOf0021 + `"`},
		{fmt.Sprintf("%-24v|", p), maskOf0021 + "  |"},
		{fmt.Sprintf("%24s|", p), "  " + maskOf0021 + "|"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
	if got, err := json.Marshal(map[supplypoint.Point]supplypoint.Point{p: p}); err != nil ||
		string(got) != `{"`+maskOf0021+`":"`+maskOf0021+`"}` {
		t.Errorf("json: got %s, %v", got, err)
	}
}

func TestZeroPoint(t *testing.T) {
	t.Parallel()
	var p supplypoint.Point
	if !p.IsZero() || p.Scheme() != "" || p.ID() != "" || p.Suffix() != "" || p.Distributor() != "" ||
		p.Level() != supplypoint.LevelNone || p.Mask() != "" || p.WithoutSuffix() != p {
		t.Errorf("the zero point is something: %q %q %q", p.Scheme(), p.ID(), p.Distributor())
	}
	if got, err := json.Marshal(p); err != nil || string(got) != "null" {
		t.Errorf("json: got %s, %v, want null", got, err)
	}
	if got := fmt.Sprintf("%v|%q|%3s", p, p, p); got != `|""|   ` {
		t.Errorf("got %s", got)
	}
}
