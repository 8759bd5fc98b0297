package engine_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
)

func TestField(t *testing.T) {
	t.Parallel()
	const long = `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":{"k":[1,"}"]},"l":"last"}`
	for _, c := range []struct {
		name, text, field string
		want              any
	}{
		{"text", `{"a":"x","b":"y"}`, "b", "y"},
		{"spaces", " { \"a\" : \"x\" ,\n\t\"b\"  :  7 } ", "b", int64(7)},
		{"behind nested", `{"a":{"b":[{"c":"]}"}]},"b":true}`, "b", true},
		{"nested of that name", `{"a":{"b":1}}`, "b", nil},
		{"longer name", `{"power":1}`, "pow", nil},
		{"shorter name", `{"pow":1}`, "power", nil},
		{"more than a name", `{"a":"x"}`, `a":`, nil},
		{"into the value", `{"a":"x"}`, `a":"x`, nil},
		{"empty name", `{"":1}`, "", int64(1)},
		{"escaped name", `{"\u0061\"":1,"b":2}`, `a"`, int64(1)},
		{"beside an escaped name", `{"a\\":1,"b":2}`, "b", int64(2)},
		{"escaped value", `{"a":"\"","b":"c"}`, "b", "c"},
		{"escaped quote", `{"a":"x\"y"}`, "a", `x"y`},
		{"beyond the eighth", long, "l", "last"},
		{"nested beyond the eighth", long, "j", map[string]any{"k": []any{int64(1), "}"}}},
		{"not there", long, "m", nil},
		{"null", `{"a":null}`, "a", nil},
		{"no object", `["a"]`, "a", nil},
		{"no member", `{}`, "a", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := engine.NewData(c.text)
			if got, _ := d.Field(c.field); !reflect.DeepEqual(got, c.want) {
				t.Errorf("field %q of %s: got %#v, want %#v", c.field, c.text, got, c.want)
			}
			want, isText := c.want.(string)
			if got, ok := d.FieldText(c.field); got != want || ok != isText {
				t.Errorf("text of field %q of %s: got %q, %v, want %q, %v", c.field, c.text, got, ok, want, isText)
			}
		})
	}
}

// FuzzField holds the index against a whole decode of the same text.
func FuzzField(f *testing.F) {
	f.Add(`{"a":"x","b":{"c":["]",{}]},"\u0061\"":1e3}`, "a")
	f.Add(" {\"a\" :\t-1 , \"\":\"\\\\\", \"a\\\\\":[ ] }", `a":`)
	f.Add(`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":"\"k\":","k":true}`, "k")
	f.Fuzz(func(t *testing.T, text, name string) {
		d, err := engine.ParseData(text)
		if err != nil {
			return
		}
		whole, err := d.Value()
		if err != nil {
			t.Fatalf("%q is valid, but its value cannot be read: %v", text, err)
		}
		members, _ := whole.(map[string]any)
		want, there := members[name]
		if got, ok := d.Field(name); ok != there || !reflect.DeepEqual(got, want) {
			t.Errorf("field %q of %q: got %#v, %v, want %#v, %v", name, text, got, ok, want, there)
		}
		for name, want := range members {
			if got, ok := d.Field(name); !ok || !reflect.DeepEqual(got, want) {
				t.Errorf("field %q of %q: got %#v, %v, want %#v", name, text, got, ok, want)
			}
		}
	})
}

// BenchmarkField is the cost of indexing a payload of eight members and reading two; decoding is there to compare with.
func BenchmarkField(b *testing.B) {
	text := `{"model":"M-1","firmware":"1.3.0","key":"` + strings.Repeat("0", 36) + `","CUPS":" ES0021000000000001RK","phases":3,"power":4600.5,"remote":true,"installer":"team 4"}`
	b.Run("index", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d := engine.NewData(text)
			_, _ = d.FieldText("key")
			_, _ = d.FieldText("CUPS")
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v map[string]any
			_ = json.Unmarshal([]byte(text), &v)
		}
	})
}
