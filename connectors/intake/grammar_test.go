package intake_test

import (
	"testing"

	"github.com/gridtie/gridtie/connectors/intake"
)

// Each row is a rule of Gson's JsonReader in lenient mode.
func TestLeniency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, payload, want string }{
		{"unquoted name", `{a:1}`, `{"a":1}`},
		{"unquoted name of digits", `{1:2}`, `{"1":2}`},
		{"keyword as name", `{true:1,null:2}`, `{"true":1,"null":2}`},
		{"empty name", `{"":1}`, `{"":1}`},
		{"single-quoted name", `{'a b':1}`, `{"a b":1}`},
		{"single-quoted value with double quote", `{a:'say "x"'}`, `{"a":"say \"x\""}`},
		{"double-quoted value with single quote", `{a:"it's"}`, `{"a":"it's"}`},
		{"quotes inside unquoted", `{a:it's"so"}`, `{"a":"it's\"so\""}`},
		{"unquoted beyond ASCII", `{año:señal}`, `{"año":"señal"}`},
		{"unquoted with punctuation", `{a:x-1_2.3@%&*!}`, `{"a":"x-1_2.3@%&*!"}`},
		{"equals sign", `{a=1}`, `{"a":1}`},
		{"arrow", `{a=>1,"b" => 2}`, `{"a":1,"b":2}`},
		{"arrow apart", `{a= >1}`, `{"a":">1"}`},
		{"semicolons", `{a:1;b:[1;2]}`, `{"a":1,"b":[1,2]}`},
		{"comments", "// a\n# b\n/* c */{/*d*/a/*e*/:/*f*/1/**/,#g\r\n\"b\"//h\n:2}//i", `{"a":1,"b":2}`},
		{"comment ends unquoted", "{a:b#c\n}", `{"a":"b"}`},
		{"keywords", `{a:TRUE,b:False,c:[nUlL],d:NULL}`, `{"a":true,"b":false,"c":[null]}`},
		{"longer than keywords", `{a:trues,b:falsey,c:nullsoft}`, `{"a":"trues","b":"falsey","c":"nullsoft"}`},
		{"quoted keywords are text", `{a:"true",b:'null'}`, `{"a":"true","b":"null"}`},
		{"missing items", `{a:[1,,2],b:[,],c:[,1],d:[1,],e:[]}`, `{"a":[1,null,2],"b":[null,null],"c":[null,1],"d":[1,null],"e":[]}`},
		{"not numbers", `{a:[NaN,-Infinity,01,-01,00,1.,.5,+5,-,1e,1e+,0x1F]}`, `{"a":["NaN","-Infinity","01","-01","00","1.",".5","+5","-","1e","1e+","0x1F"]}`},
		{"nested numbers stay", `{a:[1E+1,1.50,-0,0.0,123456789012345678901234567890]}`, `{"a":[1E+1,1.50,-0,0.0,123456789012345678901234567890]}`},
		{"nested strings stay", `{a:{b:"007",c:007,d:null}}`, `{"a":{"b":"007","c":"007","d":null}}`},
		{"white space", " \t\r\n{ \t\"a\"\r\n : 1 } \n", `{"a":1}`},
		{"byte order mark", "\ufeff{a:1}", `{"a":1}`},
		{"escapes", `{"a":"\"\\\/\b\f\n\r\t\u0041\u00e9\'"}`, `{"a":"\"\\/\b\f\n\r\tAé'"}`},
		{"escaped line end", "{\"a\":\"x\\\ny\"}", `{"a":"x\ny"}`},
		{"raw control characters", "{\"a\":\"x\ny\x00\x1f\"}", `{"a":"x\ny\u0000\u001f"}`},
		{"surrogate pair", `{"a":"\ud83d\uDE00"}`, `{"a":"😀"}`},
		{"escaped name", `{"\u0061":1}`, `{"a":1}`},
		{"same name at different levels", `{a:{a:{a:1}},b:{a:2}}`, `{"a":{"a":{"a":1}},"b":{"a":2}}`},
		{"names differ in case", `{a:1,A:2}`, `{"a":1,"A":2}`},
		{"no HTML escapes", `{"a":"<&>"}`, `{"a":"<&>"}`},
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

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, payload string
		want          intake.Reason
		column        int
		pointer       string
	}{
		{"trailing comma", `{"a":1,}`, intake.MissingName, 8, ""},
		{"two commas", `{"a":1,,"b":2}`, intake.MissingName, 8, ""},
		{"comma first", `{,"a":1}`, intake.MissingName, 2, ""},
		{"no name", `{:1}`, intake.MissingName, 2, ""},
		{"value missing before brace", `{"a":}`, intake.MissingValue, 6, "/a"},
		{"value missing before comma", `{"a":,"b":1}`, intake.MissingValue, 6, "/a"},
		{"value missing in array of object", `{"a":[{"b":;}]}`, intake.MissingValue, 12, "/a/0/b"},
		{"colon missing", `{"a" 1}`, intake.MissingColon, 6, ""},
		{"only a name", `{abc}`, intake.MissingColon, 5, ""},
		{"unquoted value with space", `{a: b c}`, intake.MissingComma, 7, "/a"},
		{"unquoted name with space", `{a b: c}`, intake.MissingColon, 4, ""},
		{"unquoted URL", `{a: http://x}`, intake.MissingComma, 9, "/a"},
		{"text after a string", `{"a":"b"c}`, intake.MissingComma, 9, "/a"},
		{"wrong bracket", `{"a":[1}`, intake.MissingComma, 8, "/a/0"},
		{"brace in array", `{"a":[}`, intake.MissingValue, 7, "/a/0"},
		{"colon as value", `{"a"::1}`, intake.Unexpected, 6, "/a"},
		{"two equal signs", `{a==1}`, intake.Unexpected, 4, "/a"},
		{"slash", `{a:/}`, intake.Unexpected, 4, "/a"},
		{"form feed", "{a:\f1}", intake.Unexpected, 4, "/a"},
		{"second document", `{} {}`, intake.TrailingText, 4, ""},
		{"unterminated object", `{"a":1`, intake.Unterminated, 7, "/a"},
		{"unterminated at name", `{`, intake.Unterminated, 2, ""},
		{"unterminated after name", `{"a"`, intake.Unterminated, 5, ""},
		{"unterminated after comma", `{"a":1,`, intake.Unterminated, 8, ""},
		{"unterminated at value", `{"a":`, intake.Unterminated, 6, "/a"},
		{"unterminated array", `{"a":[1`, intake.Unterminated, 8, "/a/0"},
		{"unterminated string", `{"a":"b`, intake.Unterminated, 6, "/a"},
		{"unterminated escape", `{"a":"b\`, intake.Unterminated, 9, "/a"},
		{"unterminated string after escape", `{"a":"b\"}`, intake.Unterminated, 6, "/a"},
		{"unterminated comment", `{"a":1}/*`, intake.Unterminated, 8, ""},
		{"comment that is not one", `{"a":1}/*/`, intake.Unterminated, 8, ""},
		{"escape", `{"a":"\x41"}`, intake.BadEscape, 7, "/a"},
		{"short unicode escape", `{"a":"\u00g0"}`, intake.BadEscape, 7, "/a"},
		{"end of unicode escape", `{"a":"\u00`, intake.BadEscape, 7, "/a"},
		{"backslash unquoted", `{a:x\ny}`, intake.MissingComma, 5, "/a"},
		{"duplicate", `{"a":1,"b":2,"a":1}`, intake.DuplicateName, 14, "/a"},
		{"duplicate of null", `{"a":null,"a":1}`, intake.DuplicateName, 11, "/a"},
		{"duplicate by escape", `{"a":1,'\u0061':1}`, intake.DuplicateName, 8, "/a"},
		{"duplicate nested", `{"x":[{"a":1,a:1}]}`, intake.DuplicateName, 14, "/x/0/a"},
		{"high surrogate", `{"a":"\ud83d"}`, intake.NotUTF8, 7, "/a"},
		{"high surrogate and letter", `{"a":"\ud83d\u0041"}`, intake.NotUTF8, 7, "/a"},
		{"low surrogate", `{"a":"\ude00"}`, intake.NotUTF8, 7, "/a"},
		{"invalid UTF-8", "{\"a\":\"é\xff\"}", intake.NotUTF8, 8, ""},
		{"UTF-8 of a surrogate", "{\"a\":\"\xed\xa0\x80\"}", intake.NotUTF8, 7, ""},
		{"place on a later line", "{\"é\":1,\n\"año\": x y}", intake.MissingComma, 10, "/año"},
		{"pointer is escaped", `{"a/b~c":}`, intake.MissingValue, 10, "/a~1b~0c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in, _ := newIntake(t)
			_, err := in.Object([]byte(c.payload), cast())
			if got := reason(t, err); got != c.want {
				t.Fatalf("got %q, want %q: %v", got, c.want, err)
			}
			bad := err.(*intake.BadPayload)
			if bad.Column != c.column || bad.Pointer != c.pointer {
				t.Errorf("got column %d and pointer %q, want %d and %q: %v", bad.Column, bad.Pointer, c.column, c.pointer, err)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{"zero", `0`, `0`},
		{"minus zero", `-0`, `0`},
		{"zero with point", `0.0`, `0.0`},
		{"minus zero with point", `-0.0`, `0.0`},
		{"zero with exponent", `0.00E-30`, `0`},
		{"zero with many decimals", `0.00000000000000000`, `"0.00000000000000000"`},
		{"exponent", `1e3`, `1000`},
		{"exponent and point", `1.5e1`, `15`},
		{"zeros at the end with exponent", `1.50e1`, `15`},
		{"negative exponent to an integer", `1500e-2`, `15`},
		{"fraction by exponent", `1.2345E2`, `123.45`},
		{"small", `1E-5`, `0.00001`},
		{"16 decimals", `1.1234567890123456`, `1.1234567890123456`},
		{"17 decimals", `1.12345678901234567`, `"1.12345678901234567"`},
		{"17 decimals that are zeros", `1.50000000000000000`, `"1.50000000000000000"`},
		{"17 decimals by exponent", `-1.2E-16`, `"-0.00000000000000012"`},
		{"largest", `9223372036854775807`, `9223372036854775807`},
		{"beyond largest", `9223372036854775808`, `"9223372036854775808"`},
		{"smallest", `-9223372036854775808`, `-9223372036854775808`},
		{"beyond smallest", `-9223372036854775809`, `"-9223372036854775809"`},
		{"exact beyond 2^53", `9007199254740993`, `9007199254740993`},
		{"1E19", `1E19`, `"10000000000000000000"`},
		{"string", `"007"`, `7`},
		{"string with point", `"1.50"`, `1.5`},
		{"string without whole part", `".5"`, `0.5`},
		{"negative string without whole part", `"-.5"`, `-0.5`},
		{"string out of range", `"00012345678901234567890"`, `"12345678901234567890"`},
		{"string with exponent", `"1e5"`, `"1e5"`},
		{"string with plus", `"+5"`, `"+5"`},
		{"string with blank", `" 5"`, `" 5"`},
		{"hexadecimal", `"0x1F"`, `"0x1F"`},
		{"point at the end", `"5."`, `"5."`},
		{"two points", `"1.2.3"`, `"1.2.3"`},
		{"two signs", `"--5"`, `"--5"`},
		{"only a sign", `"-"`, `"-"`},
		{"only a point", `"."`, `"."`},
		{"empty", `""`, `""`},
		{"supply point", `"` + cups + `"`, `"` + cups + `"`},
		{"unquoted leading zeros", `007`, `7`},
		{"unquoted without whole part", `.5`, `0.5`},
		{"NaN", `NaN`, `"NaN"`},
		{"digits that are not ASCII", `"٣"`, `"٣"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data, err := object(t, cast(), `{"k":`+c.value+`}`)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := data.Text(), `{"k":`+c.want+`}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestNumbersWithoutCast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value, want string
		refused           intake.Reason
	}{
		{"string stays", `"007"`, `"007"`, ""},
		{"unquoted leading zeros stay", `007`, `"007"`, ""},
		{"numbers are numbers", `1E+1`, `10`, ""},
		{"integer out of range", `1E19`, ``, intake.NumberRange},
		{"many decimals", `1.12345678901234567`, ``, intake.NumberRange},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data, err := object(t, intake.Shape{}, `{"k":`+c.value+`}`)
			if got := reason(t, err); got != c.refused {
				t.Fatalf("got %q, want %q: %v", got, c.refused, err)
			}
			if err == nil && data.Text() != `{"k":`+c.want+`}` {
				t.Errorf("got %s, want %s", data.Text(), c.want)
			}
		})
	}
}

func TestNumberBombs(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"1e401", "1e-9999", "1e999999999999999999999", "-1E-99999999999", "12.5e1000000000"} {
		if _, err := object(t, cast(), `{"k":`+value+`}`); reason(t, err) != intake.NumberRange {
			t.Errorf("%s: got %v, want %s", value, err, intake.NumberRange)
		}
	}
}
