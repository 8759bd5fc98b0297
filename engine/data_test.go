package engine_test

import (
	"reflect"
	"testing"

	"github.com/gridtie/gridtie/engine"
)

func TestParseDataIsStrict(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `{`, `{"a":1,}`, `{"a":1} x`, `{"a":1}{}`, `{"a":1,"a":2}`, `{a:1}`, "{\"a\":\"\xff\"}", `NaN`} {
		if _, err := engine.ParseData(text); err == nil {
			t.Errorf("parsing %q: got no error", text)
		}
	}
	for _, text := range []string{`{}`, ` {"a": [1, {"b": null}]} `, `7`, `"x"`, `null`} {
		if _, err := engine.ParseData(text); err != nil {
			t.Errorf("parsing %q: got %v", text, err)
		}
	}
}

func TestDataField(t *testing.T) {
	t.Parallel()
	d := engine.NewData(`{"Key":"***","CUPS":"ES…","cups":"","n":9007199254740993,"deep":{"a/b":["x",{"id":"y"}]},"e\u0041":1.5}`).
		WithDigest("supplierKey", testDigest("k")).
		WithAlias(engine.Alias{Name: "cups", At: "CUPS"}).
		WithAlias(engine.Alias{Name: "point", At: "/deep/a~1b/1/id"}).
		WithAlias(engine.Alias{Name: "gone", At: "/deep/nothing"})
	tests := []struct {
		name string
		want any
		ok   bool
	}{
		{"cups", "ES…", true}, // the alias goes before the member of that name
		{"CUPS", "ES…", true},
		{"n", int64(9007199254740993), true}, // beyond what a float64 holds
		{"point", "y", true},
		{"gone", nil, false},
		{"eA", 1.5, true},
		{"none", nil, false},
		{"supplierKey", testDigest("k"), true},
	}
	for _, tt := range tests {
		got, ok := d.Field(tt.name)
		if ok != tt.ok || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("field %q: got %v, %v; want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
		text, isText := d.FieldText(tt.name)
		if want, is := tt.want.(string); is != isText || text != want {
			t.Errorf("text of field %q: got %q, %v; want %q, %v", tt.name, text, isText, want, is)
		}
	}
	changed := engine.NewMessage(device("d"), d).WithData(engine.NewData(`{"CUPS":"other"}`))
	if got, _ := changed.Data().Field("supplierKey"); got != any(testDigest("k")) {
		t.Error("the digest did not survive another payload")
	}
	if got, _ := changed.Data().Field("cups"); got != "other" {
		t.Errorf("the alias in another payload: got %v, want %q", got, "other")
	}
}

// A payload made of the former one does not carry the same names twice.
func TestPayloadsDoNotGrowBeside(t *testing.T) {
	t.Parallel()
	alias := engine.Alias{Name: "cups", At: "CUPS"}
	m := engine.NewMessage(device("d"), engine.NewData(`{}`).WithAlias(alias).WithDigest("key", testDigest("old")))
	for range 100 {
		m = m.WithData(m.Data().WithDigest("other", testDigest("new")))
	}
	if got := m.Data().Aliases(); len(got) != 1 || got[0] != alias {
		t.Errorf("aliases: got %v, want %v alone", got, alias)
	}
	if d, ok := m.Data().Digest("key"); !ok || !d.Equal(testDigest("old")) {
		t.Error("the digest of the former payload is gone")
	}
	m = m.WithData(engine.NewData(`{}`).WithDigest("key", testDigest("new")))
	if d, _ := m.Data().Digest("key"); !d.Equal(testDigest("new")) {
		t.Error("the new payload's own digest does not come first")
	}
}
