package intake_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/intake"
)

func TestTelemetry(t *testing.T) {
	t.Parallel()
	now := received.UnixMilli()
	for _, c := range []struct {
		name, payload string
		want          []string // time in milliseconds and text
	}{
		{"D01 standard payload", standard, []string{at(now, standard)}},
		{"D02 with time", `{"ts":10000,"values":` + standard + `}`, []string{at(10000, standard)}},
		{"D17 ts without values", `{"ts":5,"k":1}`, []string{at(now, `{"ts":5,"k":1}`)}},
		{"D18 ts as string", `{"ts":"10000","values":{"a":1}}`, []string{at(10000, `{"a":1}`)}},
		{"D21 null", `{"a":null,"b":1}`, []string{at(now, `{"b":1}`)}},
		{"D23 cast within values", `{"ts":1,"values":{"k":"12.50","o":{"k":"12.50"}}}`, []string{at(1, `{"k":12.5,"o":{"k":"12.50"}}`)}},
		{"values without ts", `{"values":{"k":"1"}}`, []string{at(now, `{"values":{"k":"1"}}`)}},
		{"values first", `{"values":{"a":1},"ts":7}`, []string{at(7, `{"a":1}`)}},
		{"others beside are dropped", `{"x":[1,{"y":2}],"ts":7,"z":3,"values":{"a":1},"CUPS":true}`, []string{at(7, `{"a":1}`)}},
		{"fraction of ts is cut off", `{"ts":7.9,"values":{}}`, []string{at(7, `{}`)}},
		{"ts with exponent", `{"ts":1.634712287E12,"values":{}}`, []string{at(1634712287000, `{}`)}},
		{"negative ts", `{"ts":-1,"values":{}}`, []string{at(-1, `{}`)}},
		{"unquoted ts with zeros", `{ts:007,values:{}}`, []string{at(7, `{}`)}},
		{"last time", `{"ts":253402300799999,"values":{}}`, []string{at(253402300799999, `{}`)}},
		{"ts null without values", `{"ts":null,"k":1}`, []string{at(now, `{"k":1}`)}},
		{"names of ts and values count exactly", `{"TS":5,"values":{}}`, []string{at(now, `{"TS":5,"values":{}}`)}},
		{"empty object", `{}`, []string{at(now, `{}`)}},
		{"empty array", `[]`, nil},
		{"mixed array", `[{"a":1},{"ts":2,"values":{"b":2}},{"ts":3},{}]`, []string{at(now, `{"a":1}`), at(2, `{"b":2}`), at(now, `{"ts":3}`), at(now, `{}`)}},
		{"same names in different items", `[{"ts":1,"values":{"a":1}},{"ts":2,"values":{"a":1}}]`, []string{at(1, `{"a":1}`), at(2, `{"a":1}`)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in, _ := newIntake(t)
			readings, err := in.Telemetry([]byte(c.payload), meters(), received)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range readings {
				strict(t, r.Data.Text())
				got = append(got, at(r.Time.UnixMilli(), r.Data.Text()))
				if r.Time.Location() != time.UTC {
					t.Errorf("time in %v, want UTC", r.Time.Location())
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func at(ms int64, text string) string { return fmt.Sprintf("%d %s", ms, text) }

func TestTelemetryRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, payload string
		want          intake.Reason
		pointer       string
	}{
		{"D15 array of numbers", `[1,2]`, intake.WrongType, "/0"},
		{"D15 string", `"x"`, intake.WrongType, ""},
		{"D15 number", `5`, intake.WrongType, ""},
		{"array in array", `[[{}]]`, intake.WrongType, "/0"},
		{"missing item", `[{},,{}]`, intake.WrongType, "/1"},
		{"ts is text", `{"ts":"soon","values":{}}`, intake.BadTime, "/ts"},
		{"ts is null", `{"ts":null,"values":{}}`, intake.BadTime, "/ts"},
		{"ts is true", `{"ts":true,"values":{}}`, intake.BadTime, "/ts"},
		{"ts is an object", `{"ts":{},"values":{}}`, intake.BadTime, "/ts"},
		{"ts is a string with a fraction", `{"ts":"1.5","values":{}}`, intake.BadTime, "/ts"},
		{"ts is empty", `{"ts":"","values":{}}`, intake.BadTime, "/ts"},
		{"ts too late", `[{"ts":253402300800000,"values":{}}]`, intake.BadTime, "/0/ts"},
		{"ts far too late", `{"ts":1e400,"values":{}}`, intake.BadTime, "/ts"},
		{"ts too late as string", `{"ts":"9223372036854775807","values":{}}`, intake.BadTime, "/ts"},
		{"values is an array", `{"ts":1,"values":[1]}`, intake.WrongType, "/values"},
		{"values is null", `{"ts":1,"values":null}`, intake.WrongType, "/values"},
		{"syntax within values", `[{"ts":1,"values":{"a":}}]`, intake.MissingValue, "/0/values/a"},
		{"duplicate within values", `{"ts":1,"values":{"a":1,"a":1}}`, intake.DuplicateName, "/values/a"},
		{"duplicate ts", `{"ts":1,"ts":1,"values":{}}`, intake.DuplicateName, "/ts"},
		{"field within values", `[{},{"values":{"a":1,"CUPS":true},"ts":1}]`, intake.BadField, "/1/values/CUPS"},
		{"text after", `[{"a":1}] x`, intake.TrailingText, ""},
		{"text after with time", `{"ts":1,"values":{}}}`, intake.TrailingText, ""},
		{"unterminated", `[{"ts":1,"values":{}}`, intake.Unterminated, "/0"},
		{"empty", ``, intake.Empty, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in, _ := newIntake(t)
			readings, err := in.Telemetry([]byte(c.payload), meters(), received)
			if got := reason(t, err); got != c.want || readings != nil {
				t.Fatalf("got %q and %d readings, want %q: %v", got, len(readings), c.want, err)
			}
			if got := err.(*intake.BadPayload).Pointer; got != c.pointer {
				t.Errorf("pointer is %q, want %q", got, c.pointer)
			}
		})
	}
}

func TestTelemetryFields(t *testing.T) {
	t.Parallel()
	in, key := newIntake(t)
	shape := meters()
	shape.Fields[1].Aliases = append(shape.Fields[1].Aliases, "/meter/id")
	readings, err := in.Telemetry([]byte(`[{"supplierKey":"k-1","CUPS":1},{"ts":5,"values":{"supplier_key":"k-2","meter":{"id":2}}},{"x":1}]`),
		shape, received)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		text, key string
		cups      any
	}{
		{`{"supplierKey":"***","CUPS":"1"}`, "k-1", "1"},
		{`{"supplier_key":"***","meter":{"id":"2"}}`, "k-2", "2"},
		{`{"x":1}`, "", nil},
	}
	for i, w := range want {
		data := readings[i].Data
		if data.Text() != w.text {
			t.Errorf("item %d is %s, want %s", i, data.Text(), w.text)
		}
		if d, ok := data.Digest("supplierKey"); ok != (w.key != "") || ok && d != key.Digest(w.key) {
			t.Errorf("item %d: digest present %v, and is not that of %q", i, ok, w.key)
		}
		if got, _ := data.Field("cups"); got != w.cups {
			t.Errorf("item %d: cups is %v, want %v", i, got, w.cups)
		}
	}
}

// Reading an object twice must not count its values twice, and what follows must still be counted.
func TestTelemetryLimits(t *testing.T) {
	t.Parallel()
	key := func(n int) string { // n values in the document
		payload := `[{"ts":1,"values":{"a":1}}` // array, item, ts, values, a
		for range n - 6 {
			payload += ",{}"
		}
		return payload + `,{}]`
	}
	in, _ := newIntake(t)
	if _, err := in.Telemetry([]byte(key(1000)), cast(), received); err != nil {
		t.Errorf("1,000 values: %v", err)
	}
	if _, err := in.Telemetry([]byte(key(1001)), cast(), received); reason(t, err) != intake.TooManyValues {
		t.Errorf("1,001 values: got %v, want %s", err, intake.TooManyValues)
	}
}
