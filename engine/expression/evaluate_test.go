package expression_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/expression"
)

// Each case runs as closures (if it can) and on the virtual machine.
func both(t *testing.T, source string) map[string]*expression.Program {
	t.Helper()
	p := compile(t, source, expression.Any)
	machine, err := p.OnVM()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*expression.Program{"compiled": p, "machine": machine}
}

type list = []any

func TestEvaluate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		source string
		want   any
	}{
		// presence
		{`present(msg.supplierKey) && present(msg.cups)`, true},
		{`present(msg.missing)`, false},
		{`present(msg.blank)`, false},
		{`present(msg.null)`, false},
		{`present(msg.no)`, true},
		{`present(msg.list)`, true},
		{`present(meta.ss_id)`, true},
		{`present(meta.empty) || present(meta.missing)`, false},
		{`present(nil)`, false},
		{`msg.supplierKey == nil`, false},
		{`msg.supplierKey != nil`, true},
		// reading
		{`msg.t`, int64(21)},
		{`msg["x y"]`, "spaced"},
		{`msg.o.a.b`, "deep"},
		{`msg.o["a"].b`, "deep"},
		{`msg.o.missing`, nil},
		{`msg.missing?.a.b.c`, nil},
		{`msg.o?.a?.b`, "deep"},
		{`msg.o.missing?.b.c ?? "none"`, "none"},
		{`msg.list[1]`, 2.5},
		{`msg.list[-2]`, "a"},
		{`msg.list[0:2]`, list{int64(1), 2.5}},
		{`msg[meta.key ?? "t"]`, int64(21)},
		{`len(msg)`, int64(16)},
		{`meta.unit`, "kWh"},
		{`meta["ss_id"]`, "17"},
		{`meta["ss" + "_id"]`, "17"},
		{`meta[msg.cups]`, nil},
		{`meta.missing`, nil},
		{`type`, "POST_TELEMETRY_REQUEST"},
		{`device + "/" + origin.name + "/" + origin.id + "/" + origin.type`, "meter-1/meter-1/d-1/DEVICE"},
		{`time`, received},
		// comparison
		{`msg.t > 20`, true},
		{`msg.t >= 21.5`, false},
		{`msg.f < msg.t`, true},
		{`20 < msg.t`, true},
		{`msg.big == 9007199254740992`, false},
		{`msg.big == 9007199254740993`, true},
		{`msg.t == 21.0`, true},
		{`msg.t == "21"`, false},
		{`"000712" == "712"`, false},
		{`msg.missing == nil`, true},
		{`msg.missing == "a"`, false},
		{`meta.missing == "a"`, false},
		{`meta.missing == meta.missing`, true},
		{`meta.unit != "kWh"`, false},
		{`meta.unit > "a"`, true},
		{`msg.yes == true`, true},
		{`msg.list == [1, 2.5, "a", nil]`, true},
		{`msg.o == {"a": {"b": "deep"}, "n": 1.0}`, true},
		{`msg.o == msg.list`, false},
		{`time > date("2026-01-01")`, true},
		{`time - date("2026-11-21")`, 9*time.Hour + 14*time.Minute + 3*time.Second},
		{`time - duration("1h") < time`, true},
		// logic
		{`!msg.yes || not msg.no`, true},
		{`msg.no and msg.t`, false},
		{`msg.yes ? "a" : "b"`, "a"},
		{`if msg.no { 1 } else { 2 }`, int64(2)},
		{`msg.missing ?? meta.missing ?? "c"`, "c"},
		// arithmetic
		{`msg.t + 1`, int64(22)},
		{`msg.t / 2`, 10.5},
		{`msg.t % 4`, int64(1)},
		{`msg.t * msg.f`, 52.5},
		{`-msg.t - -msg.neg`, int64(-24)},
		{`2 ** 10`, 1024.0},
		{`msg.big + 1`, int64(9007199254740994)},
		// texts
		{`upper(trim(msg.name)) == "METER"`, true},
		{`lower(meta.unit)`, "kwh"},
		{`msg.cups contains "0021"`, true},
		{`msg.cups startsWith "PT"`, false},
		{`device endsWith "-1"`, true},
		{`msg.missing contains "a"`, false},
		{`msg.cups matches "^ES[0-9]{16}[A-Z]{2}$"`, true},
		{`msg.missing matches "a"`, false},
		{`not (msg.cups contains "X")`, true},
		{`msg.cups not contains "X"`, true},
		{`replace(device, "meter", "m") + split(device, "-")[1]`, "m-11"},
		{`join(["a", device], "/")`, "a/meter-1"},
		{`len("año")`, int64(3)},
		{`indexOf(device, "-")`, int64(5)},
		{`trimPrefix(device, "meter-") + trimSuffix(device, "-1")`, "1meter"},
		{`string(msg.f) + string(msg.t) + string(msg.yes) + string(time)`, "2.521true2026-11-21T09:14:03Z"},
		{`int(meta.ss_id) + int(msg.f)`, int64(19)},
		{`float(meta.ss_id) + round(msg.f) + floor(msg.f) + ceil(msg.f) + abs(msg.neg)`, 28.0},
		{`mask(msg.cups)`, "ES***RK"},
		{`mask("short")`, "***"},
		{`mask(msg.missing)`, ""},
		// lists
		{`meta.unit in ["Wh", "kWh"]`, true},
		{`msg.t in ["21"]`, false},
		{`msg.t in [20, 21.0]`, true},
		{`msg.cups in ["a","b","c","d","e","f","g","h","i"]`, false},
		{`"a" in msg.list`, true},
		{`"a" in msg.missing`, false},
		{`"n" in msg.o`, true},
		{`"zz" not in msg.o`, true},
		{`any(msg.list, # == "a")`, true},
		{`all(msg.numbers, # > 0 && # < 10)`, true},
		{`count(msg.numbers, # > 1)`, int64(2)},
		{`filter(msg.numbers, {# > 1})`, list{int64(2), 3.5}},
		{`map(msg.numbers, # * 2)`, list{int64(2), int64(4), 7.0}},
		{`sum(msg.numbers)`, 6.5},
		{`msg.numbers | filter(# > 1) | first()`, int64(2)},
		{`any(msg.numbers, any(msg.list, # == "a"))`, true},
		{`max(msg.numbers)`, 3.5},
		{
			`{"n": count(msg.numbers, # > 1), "i": map(["a"], #index), "s": sum([1, 2])}`,
			map[string]any{"n": int64(2), "i": list{int64(0)}, "s": int64(3)},
		},
		{`keys(msg.o)`, list{"a", "n"}},
		{`values(msg.o)[1]`, int64(1)},
		{`sort([3, 1, 2])`, list{int64(1), int64(2), int64(3)}},
		{`{"a": msg.t, "b": [device, nil], c: {"d": 1}}`, map[string]any{"a": int64(21), "b": list{"meter-1", nil}, "c": map[string]any{"d": int64(1)}}},
		// functions of the catalog
		{`cups.valid(msg.cups)`, true},
		{`cups.valid(meta.unit)`, false},
		{`cups.canonical(msg.missing)`, nil},
		{`cups.canonical(msg.name)`, "METER"},
		{`supplier(msg.supplierKey).outcome`, "MATCHED"},
		{`supplier(msg.supplierKey).active && supplier(msg.supplierKey).id == 7`, true},
		{`msg.supplierKey`, serverKey.Digest(theKey)},
		{`half(msg.t, 2) + half(3, msg.t)`, 52.5},
		// shortcuts keep faults away
		{`present(msg.missing) && msg.missing > 1`, false},
		{`msg.yes || broken()`, true},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			for way, p := range both(t, test.source) {
				got, err := p.Any(context.Background(), newMessage())
				if err != nil || !reflect.DeepEqual(got, test.want) {
					t.Errorf("%s: got %#v, %v, want %#v", way, got, err, test.want)
				}
			}
		})
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		source string
		column int
		want   string // part of the reason
	}{
		{`msg.missing > 1`, 13, "left is missing, right is a number"},
		{`1 < msg.cups`, 3, "left is a number, right is text"},
		{`msg.missing + 1`, 13, "left is missing"},
		{`msg.cups + 1`, 10, "left is text"},
		{`msg.cups - msg.cups`, 10, "left is text"},
		{`meta.missing + "a"`, 14, "left is missing, right is text"},
		{`meta.missing < "a"`, 14, "left is missing"},
		{`-msg.cups`, 1, "cannot negate: it is text"},
		{`!msg.missing`, 2, "it is missing, not true or false"},
		{`msg.yes && msg.cups`, 12, "it is text, not true or false"},
		{`msg.t || true`, 1, "it is a number, not true or false"},
		{`msg.t ? 1 : 2`, 1, "it is a number"},
		{`msg.missing.a`, 13, "no such field"},
		{`msg.o.missing.a`, 15, "no such field"},
		{`msg.list[9]`, 9, "the list is shorter"},
		{`msg.t.a`, 7, "no such field"},
		{`msg.t / 0`, 7, "division by zero"},
		{`msg.t % 0`, 7, "division by zero"},
		{`msg.max + 1`, 9, "too large"},
		{`-msg.max - 2`, 10, "too large"},
		{`msg.max * -2`, 9, "too large"},
		{`10 ** 400`, 4, "not a number"},
		{`msg.t in msg.t`, 7, "cannot apply in"},
		{`msg.t contains "a"`, 7, "left is a number"},
		{`msg.t matches "a"`, 7, "left is a number"},
		{`trim(msg.t)`, 1, "trim: argument 1 is a number, not text"},
		{`trim(meta.missing)`, 1, "trim: argument 1 is missing, not text"},
		{`cups.valid(msg.missing)`, 1, "cups.valid: argument 1 is missing, not text"},
		{`half(1, msg.f)`, 1, "half: argument 2 is a number"},
		{`len(msg.t)`, 1, "has no length"},
		{`int(msg.cups)`, 1, "the text is no whole number"},
		{`broken() || true`, 1, "the store is away"},
		{`all(msg.list, # > 0)`, 17, "left is text"},
		{`any(msg.t, true)`, 1, ""},
		{`any(msg.list, #)`, 15, "it is a number, not true or false"},
		{`sum(msg.list)`, 1, ""},
		{`supplier(msg.supplierKey).outcome + 1 > 2`, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			if test.column == 0 {
				if _, err := newLanguage(t).Compile(test.source, expression.Any); err == nil {
					t.Error("got no compile error")
				}
				return
			}
			for way, p := range both(t, test.source) {
				got, err := p.Any(context.Background(), newMessage())
				var at *expression.RunError
				if !errors.As(err, &at) {
					t.Errorf("%s: got %v, %v, want a RunError", way, got, err)
					continue
				}
				if at.Column != test.column || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: got %q in column %d, want %q in column %d", way, err, at.Column, test.want, test.column)
				}
				for _, secret := range []string{theCUPS, theKey, "Meter "} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("%s: got %q, want no value of the payload in it", way, err)
					}
				}
			}
		})
	}
}

func TestWant(t *testing.T) {
	t.Parallel()
	ctx, m := context.Background(), newMessage()
	wrong := func(name string, err error) {
		t.Helper()
		var at *expression.RunError
		if !errors.As(err, &at) {
			t.Errorf("%s: got %v, want a RunError", name, err)
		}
	}
	for _, source := range []string{`msg.t`, `msg.missing`, `msg.cups`, `msg.list`} {
		_, err := compile(t, source, expression.Bool).Bool(ctx, m)
		wrong("Bool of "+source, err)
	}
	_, err := compile(t, `msg.t`, expression.String).String(ctx, m)
	wrong("String of a number", err)
	_, err = compile(t, `meta.missing`, expression.String).String(ctx, m)
	wrong("String of a missing entry", err)
	_, err = compile(t, `msg.cups`, expression.Number).Number(ctx, m)
	wrong("Number of a text", err)
	_, err = compile(t, `msg.list`, expression.Object).Object(ctx, m)
	wrong("Object of a list", err)

	if s, err := compile(t, `msg.cups`, expression.String).String(ctx, m); err != nil || s != theCUPS {
		t.Errorf("String: got %q, %v", s, err)
	}
	if n, err := compile(t, `msg.t + 1`, expression.Number).Number(ctx, m); err != nil || n != int64(22) {
		t.Errorf("Number: got %v, %v", n, err)
	}
	if o, err := compile(t, `msg.o`, expression.Object).Object(ctx, m); err != nil || len(o) != 2 {
		t.Errorf("Object: got %v, %v", o, err)
	}
	if b, err := compile(t, `any(msg.list, true)`, expression.Bool).Bool(ctx, m); err != nil || !b {
		t.Errorf("Bool on the virtual machine: got %v, %v", b, err)
	}
}

func TestFunctionErrorIsReachable(t *testing.T) {
	t.Parallel()
	for way, p := range both(t, `broken()`) {
		if _, err := p.Any(context.Background(), newMessage()); !errors.Is(err, errLookUp) {
			t.Errorf("%s: got %v, want it to wrap the function's error", way, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for way, p := range both(t, `supplier(msg.supplierKey).outcome`) {
		if _, err := p.Any(ctx, newMessage()); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want the function to see the context", way, err)
		}
	}
}

func TestCommonPartNeedsNoMachine(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		`present(msg.supplierKey) && present(msg.cups)`, `upper(trim(msg.cups))`, `cups.valid(msg.cups)`, `msg.t in [1, 2]`,
		`supplier(msg.supplierKey).outcome`, `{"a": msg.t ?? 1}`, `msg.o?.a?.b == "c"`, `msg.t * 2 + 1 > 3 ? "a" : "b"`,
		`meta[msg.k] ?? "a"`, `msg.cups matches "^ES"`, `supplier(msg.supplierKey).active`, `time > date("2026-01-01")`,
	} {
		if !compile(t, source, expression.Any).IsClosure() {
			t.Errorf("%s: runs on the virtual machine, want closures", source)
		}
	}
}

func TestMissingSupplierKey(t *testing.T) {
	t.Parallel()
	m := newMessage()
	delete(m.data, "supplierKey")
	for way, p := range both(t, `supplier(msg.supplierKey).outcome`) {
		if got, err := p.Any(context.Background(), m); got != "KEY_UNKNOWN" || err != nil {
			t.Errorf("%s: got %v, %v, want the function to answer", way, got, err)
		}
	}
}
