package expression_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine/expression"
)

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		source  string
		want    expression.Want
		column  int
		message string
		hint    string
	}{
		// names
		{`present(msg.cups) && present(supplierkey)`, expression.Bool, 30, "unknown name supplierkey", "did you mean msg.supplierKey?"},
		{`present(msg.supplierkey)`, expression.Bool, 13, "unknown field msg.supplierkey", "did you mean msg.supplierKey?"},
		{`cups`, expression.Any, 1, "unknown name cups", "did you mean msg.cups?"},
		{`presnt(msg.a)`, expression.Any, 1, "unknown function presnt", "did you mean present?"},
		{`cups.vaild(msg.a)`, expression.Any, 1, "unknown function cups.vaild", "did you mean cups.valid?"},
		{`valid(msg.a)`, expression.Any, 1, "unknown function valid", "did you mean cups.valid?"},
		{`mesage.a`, expression.Any, 1, "unknown name mesage", ""},
		{`devise == "a"`, expression.Any, 1, "unknown name devise", "did you mean device?"},
		{`present`, expression.Any, 1, "present is a function", "write present(…)"},
		{`cups.valid`, expression.Any, 1, "cups.valid is a function", "write cups.valid(…)"},
		{`meta`, expression.Any, 1, "meta can only be read by name", "write meta.name"},
		{`origin.nmae`, expression.Any, 8, "unknown field origin.nmae", "origin has id, name and type"},
		{`device()`, expression.Any, 1, "device is not a function", ""},
		{`msg.a()`, expression.Any, 5, "only functions can be called", ""},
		{`time.Unix()`, expression.Any, 6, "only functions can be called", ""},
		{`time.Unix`, expression.Any, 6, "a time has no field", ""},
		{`[time][0].Unix`, expression.Any, 0, "a time has no field", ""},
		{`$env`, expression.Any, 1, "unknown name $env", ""},
		{`$env["@frame"]`, expression.Any, 1, "unknown name $env", ""},
		{`supplier(msg.supplierKey).outcom`, expression.Any, 27, "an object has no field outcom", ""},
		{`device.foo`, expression.Any, 8, "text has no field foo", ""},
		{`metadata.ss_id`, expression.Any, 1, "unknown name metadata", "did you mean meta?"},
		{`msg.a == null`, expression.Any, 10, "unknown name null", "did you mean nil?"},
		{`msg.a = 1`, expression.Any, 7, "unexpected =", "did you mean ==?"},
		{`map(msg.a, {"b": #})`, expression.Any, 16, "unexpected :", "two pairs of braces"},
		// types
		{`any(msg.a, device)`, expression.Any, 12, "the condition is text, not true or false", ""},
		{`any(device, true)`, expression.Any, 5, "any takes a list, not text", ""},
		{`msg.a == 12345678901234567890`, expression.Any, 0, "too large for a whole number", ""},
		{`msg.t > 1`, expression.String, 1, "the result is true or false, not text", ""},
		{`device`, expression.Bool, 1, "the result is text, not true or false", ""},
		{`[1]`, expression.Object, 1, "the result is a list, not an object", ""},
		{`1 + "a"`, expression.Any, 3, "cannot apply +: left is a number, right is text", ""},
		{`meta.ss_id > 17`, expression.Bool, 12, "cannot apply >: left is text, right is a number", ""},
		{`device && true`, expression.Bool, 8, "cannot apply &&: left is text, right is true or false", ""},
		{`!device`, expression.Bool, 1, "cannot apply ! to text", ""},
		{`device ? 1 : 2`, expression.Any, 1, "the condition is text, not true or false", ""},
		{`cups.valid(1)`, expression.Bool, 12, "cups.valid takes text, not a number", ""},
		{`cups.valid()`, expression.Bool, 1, "not enough arguments to call cups.valid", ""},
		{`cups.valid(msg.a, 1)`, expression.Bool, 1, "too many arguments to call cups.valid", ""},
		{`1 in ["a"]`, expression.Bool, 3, "cannot look for a number in a list of text", ""},
		// the supplier key
		{`msg.supplierKey == "000712"`, expression.Bool, 17, "cannot apply ==: left is the supplier key, right is text", "supplier("},
		{`msg.supplierKey == msg.other`, expression.Bool, 1, "the supplier key has no clear text here", "supplier("},
		{`msg.supplierKey`, expression.String, 1, "the supplier key has no clear text here", "supplier("},
		{`[msg.supplierKey][0]`, expression.Any, 2, "the supplier key has no clear text here", "present("},
		{`{"key": msg.supplierKey}`, expression.Any, 9, "the supplier key has no clear text here", ""},
		{`(msg.supplierKey ?? 1) == "a"`, expression.Any, 2, "the supplier key has no clear text here", ""},
		{`msg.supplierKey in msg.list`, expression.Any, 1, "the supplier key has no clear text here", ""},
		{`upper(msg.supplierKey)`, expression.Any, 7, "upper takes text, not the supplier key", ""},
		{`supplier("000712")`, expression.Any, 10, "supplier takes the supplier key, not text", ""},
		{`msg.supplierKey.Bytes()`, expression.Any, 0, "only functions can be called", ""},
		// what is left out of expr
		{`let a = 1; a`, expression.Any, 5, "let is not part of the language", ""},
		{`1; 2`, expression.Any, 1, "several expressions", ""},
		{`1..3`, expression.Any, 2, "ranges are not part of the language", ""},
		{`repeat("a", 3)`, expression.Any, 1, "unknown function repeat", ""},
		{`now()`, expression.Any, 1, "unknown function now", ""},
		{`fromJSON("1")`, expression.Any, 1, "unknown function fromJSON", ""},
		{`reduce(msg.list, # + #acc, 0)`, expression.Any, 1, "unknown function reduce", ""},
		{`msg.a matches msg.b`, expression.Any, 19, "must be a constant text", ""},
		{`msg.a matches "("`, expression.Any, 15, "missing closing )", ""},
		{`+msg.a`, expression.Any, 1, "a sign + does nothing", "leave it out"},
		// syntax
		{``, expression.Any, 1, "the expression is empty", ""},
		{`msg.a +`, expression.Any, 7, "the expression ends too early", ""},
		{`msg.a ) b`, expression.Any, 7, "unexpected )", ""},
		{`"abc`, expression.Any, 0, "literal not terminated", ""},
	}
	l := newLanguage(t)
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			_, err := l.Compile(test.source, test.want)
			var at *expression.Error
			if !errors.As(err, &at) {
				t.Fatalf("got %v, want an Error", err)
			}
			if test.column != 0 && at.Column != test.column || !strings.Contains(at.Message, test.message) || !strings.Contains(at.Hint, test.hint) {
				t.Errorf("got %q in column %d with hint %q, want %q in column %d with hint %q",
					at.Message, at.Column, at.Hint, test.message, test.column, test.hint)
			}
			if strings.Contains(at.Error(), "secret.Digest") || strings.Contains(at.Error(), "interface {}") {
				t.Errorf("got %q, want no Go type in it", at)
			}
		})
	}
}

func TestErrorPlace(t *testing.T) {
	t.Parallel()
	_, err := newLanguage(t).Compile("present(msg.año) &&\n\tpresent(supplierkey)", expression.Bool)
	var at *expression.Error
	if !errors.As(err, &at) {
		t.Fatalf("got %v, want an Error", err)
	}
	if at.Line != 2 || at.Column != 10 || at.Source[at.Offset:at.Offset+11] != "supplierkey" {
		t.Errorf("got line %d, column %d, offset %d, want the name in line 2", at.Line, at.Column, at.Offset)
	}
	want := " present(supplierkey)\n         ^ did you mean msg.supplierKey?"
	if got := at.Caret(); got != want {
		t.Errorf("caret: got\n%s\nwant\n%s", got, want)
	}
	if want := "unknown name supplierkey (2:10): did you mean msg.supplierKey?"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	ok := func(f expression.Function) expression.Function {
		return expression.Func0(f, func(ctx context.Context) (bool, error) { return true, nil })
	}
	pointer := expression.Func0(expression.Function{Name: "p"}, func(context.Context) (*int, error) { return nil, nil })
	named := expression.Func1(expression.Function{Name: "n"}, func(context.Context, namedText) (bool, error) { return true, nil })
	tests := map[string][]expression.Function{
		"a name twice":             {ok(expression.Function{Name: "a.b"}), ok(expression.Function{Name: "a.b"})},
		"a standard name":          {ok(expression.Function{Name: "present"})},
		"a name of a collection":   {ok(expression.Function{Name: "filter"})},
		"a name of a variable":     {ok(expression.Function{Name: "msg"})},
		"a name with two dots":     {ok(expression.Function{Name: "a.b.c"})},
		"no name":                  {ok(expression.Function{})},
		"no Call":                  {{Name: "a"}},
		"a pointer as result":      {pointer},
		"a named text":             {named},
		"required behind optional": {{Name: "a", Call: ok(expression.Function{}).Call, Params: []expression.Param{{Optional: true}, {}}}},
	}
	for name, functions := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := expression.New(functions...); err == nil {
				t.Error("got no error")
			}
		})
	}
	for i, f := range newLanguage(t).Functions() {
		all := newLanguage(t).Functions()
		if i > 0 && all[i-1].Name >= f.Name {
			t.Errorf("functions: got %s before %s, want them sorted", all[i-1].Name, f.Name)
		}
	}
}

func TestStandardFunctionsAreDescribed(t *testing.T) {
	t.Parallel()
	l, err := expression.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range l.Functions() {
		if f.Doc == "" || f.Example == "" {
			t.Errorf("%s: it has no Doc or no Example", f.Name)
		}
		for _, p := range f.Params {
			if len(p.Name) < 2 {
				t.Errorf("%s: a parameter has no name", f.Name)
			}
		}
		if _, err := l.Compile(f.Example, expression.Any); err != nil {
			t.Errorf("%s: its example: %v", f.Name, err)
		}
	}
}

func TestSignature(t *testing.T) {
	t.Parallel()
	for _, f := range newLanguage(t).Functions() {
		if f.Name == "cups.valid" {
			if got, want := f.Signature(), "cups.valid(cups: text): true or false"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	p := compile(t, `present(msg.cups) && meta.a == device && any(msg.list, msg.cups == #)`, expression.Bool)
	if got, want := strings.Join(p.Reads(), " "), "device meta.a msg.cups msg.list"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

type namedText string
