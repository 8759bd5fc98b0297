package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/intake"
)

func TestParse(t *testing.T) {
	t.Parallel()
	v, err := intake.Parse([]byte(`{deviceName: "M 1", provisionDeviceKey: 000712, 'provisionDeviceSecret': 1e3, gateway: TRUE,
		"esc\u0061ped\n": "a\"b}", credentialsType: null, "o": {"x":[1,,{"y":"]"}],"z":"}"}, "a":[], last: é}`), intake.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if v.Kind() != intake.Object {
		t.Fatalf("kind is %v, want an object", v.Kind())
	}
	for _, c := range []struct {
		name string
		kind intake.Kind
		text string
		ok   bool
		json string
	}{
		{"deviceName", intake.String, "M 1", true, `"M 1"`},
		{"provisionDeviceKey", intake.String, "000712", true, `"000712"`},
		{"provisionDeviceSecret", intake.Number, "1e3", true, `1e3`},
		{"gateway", intake.Boolean, "true", true, `true`},
		{"escaped\n", intake.String, `a"b}`, true, `"a\"b}"`},
		{"credentialsType", intake.Null, "", false, `null`},
		{"o", intake.Object, "", false, `{"x":[1,null,{"y":"]"}],"z":"}"}`},
		{"a", intake.Array, "", false, `[]`},
		{"last", intake.String, "é", true, `"é"`},
	} {
		m, ok := v.Member(c.name)
		if !ok {
			t.Errorf("member %q not found", c.name)
			continue
		}
		if text, ok := m.Text(); m.Kind() != c.kind || text != c.text || ok != c.ok || m.JSON() != c.json ||
			m.IsNull() != (c.kind == intake.Null) {
			t.Errorf("member %q is %v %q %v %s, want %v %q %v %s", c.name, m.Kind(), text, ok, m.JSON(), c.kind, c.text, c.ok, c.json)
		}
	}
	for _, name := range []string{"DeviceName", "x", "z", ""} {
		if _, ok := v.Member(name); ok {
			t.Errorf("member %q found", name)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, v); strings.Contains(got, "712") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func TestParseTop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		payload string
		kind    intake.Kind
		json    string
		refused intake.Reason
	}{
		{``, intake.Null, `null`, ""},
		{` # nothing`, intake.Null, `null`, ""},
		{`null`, intake.Null, `null`, ""},
		{`text`, intake.String, `"text"`, ""},
		{`5`, intake.Number, `5`, ""},
		{`[a]`, intake.Array, `["a"]`, ""},
		{`{}`, intake.Object, `{}`, ""},
		{`{} {}`, 0, "", intake.TrailingText},
		{`{"a":1,"a":2}`, 0, "", intake.DuplicateName},
		{`,`, 0, "", intake.MissingValue},
		{`]`, 0, "", intake.MissingValue},
		{strings.Repeat("[", 10000), 0, "", intake.TooDeep},
	} {
		v, err := intake.Parse([]byte(c.payload), intake.Limits{})
		if got := reason(t, err); got != c.refused {
			t.Errorf("%.20q: got %q, want %q: %v", c.payload, got, c.refused, err)
		} else if err == nil && (v.Kind() != c.kind || v.JSON() != c.json) {
			t.Errorf("%q: got %v %s, want %v %s", c.payload, v.Kind(), v.JSON(), c.kind, c.json)
		}
		if _, ok := v.Member("a"); ok {
			t.Errorf("%.20q has a member", c.payload)
		}
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	limits := intake.Limits{Size: 20, Depth: 2, Values: 4}
	for payload, want := range map[string]intake.Reason{
		`{a:[1,2]}`:             "",
		`{a:[1,2,3]}`:           intake.TooManyValues,
		`{a:[[]]}`:              intake.TooDeep,
		`{a:aaaaaaaaaaaaaaaaa}`: intake.TooLarge,
	} {
		if _, err := intake.Parse([]byte(payload), limits); reason(t, err) != want {
			t.Errorf("%s: got %v, want %q", payload, err, want)
		}
	}
}

func TestMembersAndElements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a":1, "b\"}":[1,{"c":"]"}], c: null}`: `a=1 b"}=[1,{"c":"]"}] c=null `,
		`[1,"x,]",[2,[3]],{"a":"}"},,true]`:      `1 "x,]" [2,[3]] {"a":"}"} null true `,
		`{}`:                                     ``, `[]`: ``, `5`: ``, ``: ``,
	} {
		v, err := intake.Parse([]byte(text), intake.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var got string
		for name, member := range v.Members() {
			got += name + "=" + member.JSON() + " "
		}
		for element := range v.Elements() {
			got += element.JSON() + " "
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
		for range v.Members() {
			break // may be left
		}
		for range v.Elements() {
			break
		}
	}
}
