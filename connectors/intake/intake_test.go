package intake_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
)

const (
	cups  = "ES0021000000000001RK"
	other = "ES0022000000000001FB"
)

var received = time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)

// meters is the shape that a fresh installation gives its meters.
func meters() intake.Shape {
	return intake.Shape{CastStrings: true, Fields: []intake.Field{
		{Name: "supplierKey", Secret: true, Aliases: []string{
			"supplierKey", "supplier_key", "Power_supplier_secret_key", "Power_suppier_secret_key", "powerSupplierSecretKey",
		}},
		{Name: "cups", Aliases: []string{"CUPS", "CUPs", "cups"}},
	}}
}

func cast() intake.Shape { return intake.Shape{CastStrings: true} }

func newIntake(t testing.TB) (*intake.Intake, secret.Key) {
	t.Helper()
	key := secret.NewKey()
	return intake.New(intake.Options{Digest: key.Digest}), key
}

// object reads a payload and checks that what comes out is strict JSON.
func object(t testing.TB, shape intake.Shape, payload string) (*engine.Data, error) {
	t.Helper()
	in, _ := newIntake(t)
	data, err := in.Object([]byte(payload), shape)
	if err == nil {
		strict(t, data.Text())
	}
	return data, err
}

// strict fails the test unless the text is one JSON object in the eyes of two parsers, of which one refuses duplicates.
func strict(t testing.TB, text string) {
	t.Helper()
	if !json.Valid([]byte(text)) {
		t.Errorf("not JSON: %s", text)
	}
	d := jsontext.NewDecoder(strings.NewReader(text))
	v, err := d.ReadValue()
	if err != nil {
		t.Errorf("not strict JSON: %v: %s", err, text)
		return
	}
	minimal := v.Clone()
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		t.Errorf("text after the document: %s", text)
	}
	if minimal.Kind() != '{' {
		t.Errorf("not an object: %s", text)
	}
	if err := minimal.Compact(); err != nil || !bytes.Equal(minimal, []byte(text)) {
		t.Errorf("not minimal: %s", text)
	}
}

func reason(t testing.TB, err error) intake.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var bad *intake.BadPayload
	if !errors.As(err, &bad) {
		t.Fatalf("error is %T, want *BadPayload: %v", err, err)
	}
	if bad.Problem == "" || bad.Hint == "" || bad.Line < 1 || bad.Column < 1 {
		t.Errorf("error tells too little: %+v", bad)
	}
	return bad.Reason
}

const standard = `{"key1":"value1","key2":true,"key3":3.0,"key4":4,"key5":{"someNumber":42,"someArray":[1,2,3],"someNestedObject":{"key":"value"}}}`

// The ids are those of our acceptance cases, distilled from ThingsBoard's tests of its JSON converter and transports.
func TestObjectCases(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, payload, want string }{
		{"D03 standard payload", standard, standard},
		{"D19 unquoted", `{attribute1: value1, attribute2: true}`, `{"attribute1":"value1","attribute2":true}`},
		{"D20 single quotes", `{'a':'b'}`, `{"a":"b"}`},
		{"D21 null is skipped", `{"a":null,"b":1}`, `{"b":1}`},
		{"D22 1E+1", `{"k":1E+1}`, `{"k":10}`},
		{"D22 101E-1", `{"k":101E-1}`, `{"k":10.1}`},
		{"D22 42.0", `{"k":42.0}`, `{"k":42.0}`},
		{"D22 11", `{"k":11}`, `{"k":11}`},
		{"D22 big", `{"k":9.9701010061400066E19}`, `{"k":"99701010061400066000"}`},
		{"D23 12.50", `{"k":"12.50"}`, `{"k":12.5}`},
		{"D23 1e5", `{"k":"1e5"}`, `{"k":"1e5"}`},
		{"D23 +5", `{"k":"+5"}`, `{"k":"+5"}`},
		{"ts and values are not special", `{"ts":1,"values":{"a":"1"}}`, `{"ts":1,"values":{"a":"1"}}`},
		{"empty", `{}`, `{}`},
		{"all null", `{"a":null,"b":NULL}`, `{}`},
		{"first null", `{"a":null,"b":1,"c":null,"d":2}`, `{"b":1,"d":2}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data, err := object(t, cast(), c.payload)
			if err != nil {
				t.Fatal(err)
			}
			if got := data.Text(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestObjectRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, payload string
		want          intake.Reason
	}{
		{"D05 value missing", `{"key1":, "key2":true}`, intake.MissingValue},
		{"D06 no braces", `"key1":"value1", "key2":true`, intake.WrongType},
		{"D16 array", `[{"a":1}]`, intake.WrongType},
		{"D20 trailing comma", `{"a":1,}`, intake.MissingName},
		{"D20 text after the document", `{"a":1} x`, intake.TrailingText},
		{"scalar", `5`, intake.WrongType},
		{"null", `null`, intake.WrongType},
		{"empty", "", intake.Empty},
		{"blank", " \n# nothing\n", intake.Empty},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := object(t, cast(), c.payload)
			if got := reason(t, err); got != c.want {
				t.Errorf("got %q, want %q: %v", got, c.want, err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}" }
	many := func(n int) string { return `{"a":[` + strings.Repeat("1,", n-3) + "1]}" } // the object and the array count
	size := func(n int) string { return `{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}` }
	for _, c := range []struct {
		name, payload string
		want          intake.Reason
	}{
		{"size", size(65536), ""},
		{"size + 1", size(65537), intake.TooLarge},
		{"depth", deep(32), ""},
		{"depth + 1", deep(33), intake.TooDeep},
		{"depth 10,000", strings.Repeat("[", 10000), intake.WrongType},
		{"depth 10,000 within", `{"a":` + strings.Repeat(`{"a":`, 10000), intake.TooDeep},
		{"values", many(1000), ""},
		{"values + 1", many(1001), intake.TooManyValues},
		{"missing items count", `{"a":[` + strings.Repeat(",", 2000) + `]}`, intake.TooManyValues},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := object(t, cast(), c.payload)
			if got := reason(t, err); got != c.want {
				t.Errorf("got %q, want %q: %v", got, c.want, err)
			}
		})
	}
}

// One Intake serves payloads one after another from the same buffers; nothing of one may show in the next.
func TestReuse(t *testing.T) {
	t.Parallel()
	in, key := newIntake(t)
	first, err := in.Object([]byte(`{"supplierKey":"a\u0062cd-secret","CUPS":"`+cups+`"}`), meters())
	if err != nil {
		t.Fatal(err)
	}
	text := first.Text()
	if _, err := in.Object([]byte(`{"a":{"b":[1,{"c":`), meters()); err == nil {
		t.Fatal("an unterminated payload was read")
	}
	second, err := in.Object([]byte(`{"x":1}`), meters())
	if err != nil {
		t.Fatal(err)
	}
	if got := second.Text(); got != `{"x":1}` {
		t.Errorf("second payload is %s", got)
	}
	if _, ok := second.Digest("supplierKey"); ok {
		t.Error("the second payload has the digest of the first")
	}
	if d, _ := first.Digest("supplierKey"); first.Text() != text || !d.Equal(key.Digest("abcd-secret")) {
		t.Error("the first payload changed")
	}
}

func TestNewNeedsDigest(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New without Digest did not panic")
		}
	}()
	intake.New(intake.Options{})
}
