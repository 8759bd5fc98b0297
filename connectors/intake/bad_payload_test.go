package intake_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gridtie/gridtie/connectors/intake"
)

func TestErrorTells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, payload, want string }{
		{
			"value missing", `{"a":}`,
			`reading payload: line 1, column 6 ("/a"): value missing; write a value after the ":", or null`,
		},
		{
			"space", "{a: 1,\n b: c d}",
			`reading payload: line 2, column 7 ("/b"): neither a comma nor the end after a value; ` +
				`put text with a space or a special character in quotes`,
		},
		{
			"conflict", `{"CUPS":"a","cups":"b"}`,
			`reading payload: line 1, column 20 ("/cups"): another value than "CUPS" has, and both are the cups; give it once`,
		},
		{"top", `5`, `reading payload: line 1, column 1: a number where an object is needed; write the members in braces: {"name": "value"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := object(t, meters(), c.payload)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestErrorStaysShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1000)
	for _, payload := range []string{
		`{"` + long + `":}`,
		`{"` + long + `":1,"` + long + `":2}`,
		`{"` + long + "\n" + `":` + strings.Repeat(`{"`+long+`":`, 20),
	} {
		_, err := object(t, meters(), payload)
		if err == nil {
			t.Fatal("no error")
		}
		if text := err.Error(); len(text) > 700 || !utf8.ValidString(text) || strings.Contains(text, "\n") {
			t.Errorf("error of %d bytes: %q", len(text), text)
		}
	}
}

// Errors show where a value stands, never the value; nor a name that may be a value whose name was forgotten.
func TestErrorShowsNoValue(t *testing.T) {
	t.Parallel()
	const value = "hush-4711"
	for _, payload := range []string{
		`{"supplierKey":"hush-4711" x}`, `{"supplierKey":hush-4711 x}`, `{hush-4711}`, `{"hush-4711" "a"}`, `hush-4711`, `"hush-4711"`,
		`{"supplierKey":"hush-4711","supplier_key":"x"}`, `{"supplierKey":["hush-4711"]}`, `{"supplierKey":"hush-4711`,
		`{"a":1} hush-4711`, `{"supplierKey":"hush-4711\q"}`, `[hush-4711]`, `{"ts":"hush-4711","values":{}}`,
	} {
		in, _ := newIntake(t)
		_, object := in.Object([]byte(payload), meters())
		_, telemetry := in.Telemetry([]byte(payload), meters(), received)
		_, parse := intake.Parse([]byte(payload), intake.Limits{})
		for _, err := range []error{object, telemetry, parse} {
			if err != nil && strings.Contains(err.Error(), value) {
				t.Errorf("%s: the error shows it: %v", payload, err)
			}
		}
	}
}

func TestReasonsAreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[intake.Reason]bool{}
	for _, r := range intake.Reasons() {
		if seen[r] || r == "" {
			t.Errorf("reason %q twice, or empty", r)
		}
		seen[r] = true
	}
}
