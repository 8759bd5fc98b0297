package intake_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gridtie/gridtie/connectors/intake"
)

var seeds = []string{
	standard,
	`{Power_supplier_secret_key: 000712, CUPS: ` + cups + `}`,
	`{'a':'b';"c"=>[1,,2]/*x*/,d=TRUE # y` + "\n}",
	`{"a":1,"a":2}`, `{"a":}`, `{"a":1,}`, `{"a":1} x`, `{a: b c}`, `{"a":"\ud83d\ude00\u0000\n"}`, `{"a":"\ud83d"}`,
	`{"k":1E+1,"l":101E-1,"m":42.0,"n":9.9701010061400066E19,"o":1e999999999,"p":"007","q":-.5,"r":1.12345678901234567}`,
	`{"supplierKey":"k-1","supplier_key":" k-1 ","CUPs":null,"cups":""}`,
	`{"supplierKey":{"a":1}}`, `{"CUPS":"a","cups":"b"}`,
	`[{"a":1},{"ts":"2","values":{"b":[{"c":null}]}},{"ts":3},{}]`,
	`{"values":{"supplierKey":007,"a":{"b":"c"}},"x":[[]],"ts":1.5e3}`,
	`{"ts":"soon","values":{}}`, `{"ts":1,"values":5}`, `[1,2]`, "\ufeff{}", "", "//", "{\"\xff\":1}",
	strings.Repeat(`{"a":`, 40), strings.Repeat("[", 40),
}

// pointed has fields by JSON pointer, besides those of meters.
func pointed() intake.Shape {
	shape := meters()
	shape.Fields[0].Aliases = append(shape.Fields[0].Aliases, "/a/0", "/key5/someArray/1")
	shape.Fields[1].Aliases = append(shape.Fields[1].Aliases, "/a/b", "/key5/someNestedObject/key")
	return shape
}

func FuzzObject(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "top-secret 4711")
	}
	f.Add(`{"a":1}`, "000712")
	f.Add(`{"a":1}`, `a"b\c`)
	f.Fuzz(func(t *testing.T, payload, key string) {
		for _, shape := range []intake.Shape{{}, cast(), meters(), pointed()} {
			data, err := object(t, shape, payload)
			if reason(t, err) != "" {
				continue
			}
			again, err := object(t, shape, data.Text())
			if why := reason(t, err); why != "" && why != intake.TooLarge {
				t.Errorf("%s became %s, which is refused: %v", payload, data.Text(), err)
			} else if why == "" && again.Text() != data.Text() {
				t.Errorf("%s became %s and then %s", payload, data.Text(), again.Text())
			}
		}
		acceptsStrict(t, payload)
		hidesKey(t, key)
	})
}

// acceptsStrict checks that what a strict parser takes is taken, too.
func acceptsStrict(t *testing.T, payload string) {
	v := jsontext.Value(payload)
	if !v.IsValid() || v.Kind() != '{' {
		return
	}
	_, err := object(t, cast(), payload)
	switch reason(t, err) {
	case "", intake.TooLarge, intake.TooDeep, intake.TooManyValues, intake.NumberRange:
	default:
		t.Errorf("strict JSON is refused: %v: %s", err, payload)
	}
}

// hidesKey puts a key beside other values and looks in all that comes out for its first letter, which nothing else has.
func hidesKey(t *testing.T, key string) {
	const first = "µ"
	in, _ := newIntake(t)
	key = first + key
	quoted, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	spellings := []string{string(quoted)}
	if !strings.ContainsAny(key, "/\\;#={}[]:, \t\f\r\n'\"") {
		spellings = append(spellings, key, "'"+key+"'")
	}
	for _, spelling := range spellings {
		for _, form := range []string{
			`{"supplierKey":KEY,"b":1}`, `{"b":{"c":[1]},"POWER_suppier_secret_key":KEY}`,
			`{"supplier_key":KEY,"b":1,"supplierkey":KEY}`, `{"a":[KEY,2],"b":1}`,
			`{"ts":1,"values":{"supplierKey":KEY,"b":1}}`, `[{"supplierKey":KEY},{"ts":2,"values":{"a":[KEY]}}]`,
			`{"ts":KEY,"values":{"b":1},"supplierKey":KEY}`, `{"supplierKey":KEY,}`, `{"supplierKey":KEY,"supplier_key":"x"}`,
			`{"supplierKey":KEY KEY}`, `{"supplierKey":[KEY]}`, `{"supplierKey":KEY,"b":1e999}`, `{"supplierKey":KEY} KEY`,
		} {
			payload := []byte(strings.ReplaceAll(form, "KEY", spelling))
			readings, err := in.Telemetry(payload, pointed(), received)
			out := fmt.Sprint(err)
			for _, r := range readings {
				out += r.Data.Text()
			}
			if !strings.Contains(form, `"values"`) { // an object of attributes keeps it as it is
				data, err := in.Object(payload, pointed())
				out += fmt.Sprint(err)
				if err == nil {
					out += data.Text()
				}
			}
			if strings.Contains(out, first) {
				t.Errorf("of %s the key shows in %s", payload, out)
			}
		}
	}
}

func FuzzTelemetry(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		in, _ := newIntake(t)
		for _, shape := range []intake.Shape{{}, meters(), pointed()} {
			readings, err := in.Telemetry([]byte(payload), shape, received)
			if reason(t, err) != "" && readings != nil {
				t.Error("readings besides an error")
			}
			for _, r := range readings {
				strict(t, r.Data.Text())
				var members map[string]json.RawMessage
				if err := json.Unmarshal([]byte(r.Data.Text()), &members); err == nil && intake.Members(r.Data) != len(members) {
					t.Errorf("%s: got %d members, want %d", r.Data.Text(), intake.Members(r.Data), len(members))
				}
				if year := r.Time.Year(); year < 1 || year > 9999 {
					t.Errorf("time %v", r.Time)
				}
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		v, err := intake.Parse([]byte(payload), intake.Limits{})
		if reason(t, err) != "" {
			return
		}
		if !jsontext.Value(v.JSON()).IsValid() {
			t.Fatalf("not strict JSON: %s", v.JSON())
		}
		var members map[string]json.RawMessage
		if v.Kind() != intake.Object || json.Unmarshal([]byte(v.JSON()), &members) != nil {
			return
		}
		for name, want := range members {
			got, ok := v.Member(name)
			if !ok || got.JSON() != string(want) {
				t.Errorf("member %q is %s, want %s", name, got.JSON(), want)
			}
			if text, ok := got.Text(); ok && got.Kind() == intake.String {
				var s string
				if err := json.Unmarshal(want, &s); err != nil || s != text {
					t.Errorf("text of member %q is %q, want %q", name, text, s)
				}
			}
		}
	})
}
