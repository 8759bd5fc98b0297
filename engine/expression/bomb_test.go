package expression_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine/expression"
)

// TestBombsAtCompile: what would cost much before it even runs is refused, cheaply and with a reason.
func TestBombsAtCompile(t *testing.T) {
	many := strings.Repeat
	tests := []struct{ name, source, want string }{
		{"a megabyte of (", many("(", 1<<20), "bytes, and 4096 are the most"},
		{"a megabyte of [", many("[", 1<<20), "bytes, and 4096 are the most"},
		{"a megabyte of !", many("!", 1<<20), "bytes, and 4096 are the most"},
		{"a megabyte of a text", `"` + many("a", 1<<20) + `"`, "bytes, and 4096 are the most"},
		{"4 KiB of (", many("(", 4096), "more than 64 open brackets"},
		{"4 KiB of [", many("[", 4096), "more than 64 open brackets"},
		{"4 KiB of {", many("{", 4096), "more than 64 open brackets"},
		{"brackets behind a comment", `/* ' */` + many("(", 4000), "more than 64 open brackets"},
		{"brackets behind a line comment", "// \"\n" + many("(", 4000), "more than 64 open brackets"},
		{"brackets behind a text", `"\"(" + ` + many("(", 4000), "more than 64 open brackets"},
		{"calls inside each other", many("abs(", 100) + "1" + many(")", 100), "more than 64 open brackets"},
		{"!!!!", many("!", 4000) + "true", "more than 16 operators in a row"},
		{"! ! !", many("! ", 2000) + "true", "more than 16 operators in a row"},
		{"- + -", many("-+", 2000) + "1", "more than 16 operators in a row"},
		{"not not not", many("not ", 1020) + "true", "more than 1000 parts"},
		{"members", "msg" + many(".a", 2000), "more than 1000 parts"},
		{"a long sum", "1" + many("+1", 2000), "more than 1000 parts"},
		{"powers", "2" + many("**2", 1300), "more than 1000 parts"},
		{"a ladder of ?:", many("msg.a?1:", 500) + "2", "more than 1000 parts"},
		{"a ladder of ??", "msg.a" + many("??1", 1300), "more than 1000 parts"},
		{"three predicates", `any(msg.a, any(msg.a, any(msg.a, true)))`, "more than 2 predicates inside each other"},
		{"four by pipe", `msg.a | filter(any(msg.b, all(msg.c, # == 1)))`, "more than 2 predicates inside each other"},
		{"a range", `sum(1..1000000000)`, "ranges are not part of the language"},
		{"repeat", `repeat("a", 1000000000)`, "unknown function repeat"},
		{"doubling by let", `let a = [1,1]; let b = [a,a]; [b,b]`, "let is not part of the language"},
		{"doubling by reduce", `reduce(msg.a, [#acc, #acc], 1)`, "unknown function reduce"},
		{"doubling by concat", `concat(msg.a, msg.a)`, "unknown function concat"},
		{"a pattern from the payload", `msg.a matches msg.b`, "must be a constant text"},
		{"a pattern put together", `msg.a matches ("a" + "b")`, "must be a constant text"},
		{"a long pattern", `msg.a matches "` + many("a", 257) + `"`, "longer than 256 bytes"},
		{"repetitions in repetitions", `msg.a matches "((a{30}){30})"`, "too large"},
		{"repeated classes", `msg.a matches "[\\pL\\pN]{1000}"`, "too large"},
		{"expr's environment", `$env["@frame"]`, "unknown name $env"},
	}
	l := newLanguage(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var err error
			bytes := allocated(func() { _, err = l.Compile(test.source, expression.Any) })
			var at *expression.Error
			if !errors.As(err, &at) || !strings.Contains(at.Message, test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if bytes > 4<<20 {
				t.Errorf("compiling took %d bytes, want less than 4 MiB", bytes)
			}
		})
	}
}

// TestBombsAtRun: what costs much for some messages only ends when its budget does.
func TestBombsAtRun(t *testing.T) {
	many := strings.Repeat
	numbers := func(n int) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = int64(i)
		}
		return list
	}
	nested := any(int64(1))
	for range 5 {
		nested = list{nested, nested, nested, nested, nested, nested}
	}
	m := &message{data: map[string]any{
		"list": numbers(1000), "long": numbers(1001), "text": many("a", 64<<10), "half": many("a", 32<<10), "kilo": many("a", 4096), "nested": nested,
		"texts": list{many("a", 60<<10), many("a", 60<<10) + "b"}, "hundred": numbers(100), "commas": many(",", 2000),
	}}
	tests := []struct{ name, source, want string }{
		{"all by all", `all(msg.list, all(msg.list, # >= 0))`, "too much work"},
		{"list by list in list", `all(msg.list, # in msg.list)`, "too much work"},
		{"a list too long", `all(msg.long, # >= 0)`, "more than 1,000 elements"},
		{"in a list too long", `1 in msg.long`, "more than 1,000 elements"},
		{"a list of lists", `map(msg.list, map(msg.list, #))`, "too much"},
		{"texts in a loop", `all(msg.list, len(upper(msg.text)) > 0)`, "too much work"},
		{"search in a loop", `all(msg.list, not (msg.text contains "b"))`, "too much work"},
		{"comparison in a loop", `all(msg.list, msg.text == msg.text)`, "too much work"},
		{"order in a loop", `all(msg.list, msg.text <= msg.text)`, "too much work"},
		{"deep comparison in a loop", `all(msg.list, msg.nested == msg.nested)`, "too much work"},
		{"pattern in a loop", `all(msg.list, msg.kilo matches "(a?){80}b" || true)`, "too much work"},
		{"pattern on a long text", `msg.text matches "(a?){80}b"`, "too long for a regular expression"},
		{"text grows by +", `msg.half + msg.half + "a"`, "beyond 64 KiB"},
		{"text grows by replace", `replace(msg.text, "a", msg.text)`, "beyond 64 KiB"},
		{"text grows by join", `join(msg.texts, "")`, "beyond 64 KiB"},
		{"text grows in a loop", `map(msg.list, msg.half + msg.half)`, "too much work"},
		{"split", `split(msg.commas, ",")`, "more than 1,000 elements"},
		{"objects in a loop", `map(msg.hundred, map(msg.hundred, {{"a": [#,#,#,#,#,#,#,#], "b": {"c": #, "d": #}}}))`, "too much"},
		{"lists in a loop", `map(msg.hundred, map(msg.hundred, [#,#,#,#,#,#,#,#]))`, "too much"},
		{"sorting in a loop", `all(msg.list, len(sort(msg.list)) > 0)`, "too much"},
		{"power", `10 ** 10 ** 10`, "not a number"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := compile(t, test.source, expression.Any)
			var err error
			bytes := allocated(func() { _, err = p.Any(context.Background(), m) })
			var at *expression.RunError
			if !errors.As(err, &at) || !strings.Contains(at.Reason+at.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if bytes > 8<<20 {
				t.Errorf("it took %d bytes, want less than 8 MiB", bytes)
			}
		})
	}
}

// allocated returns the bytes that do allocated, garbage included. Only one test at a time may ask.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func BenchmarkBomb(b *testing.B) {
	m := newMessage()
	numbers := make([]any, 1000)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	m.data["list"] = numbers
	m.data["kilo"] = strings.Repeat("a", 4096)
	m.data["text"] = strings.Repeat("a", 64<<10)
	for name, source := range map[string]string{
		"predicates": `all(msg.list, all(msg.list, # >= 0))`,
		"pattern":    `all(msg.list, msg.kilo matches "(a?){80}b" || true)`,
		"texts":      `all(msg.list, len(upper(msg.text)) > 0)`,
		"sort":       `all(msg.list, len(sort(msg.list)) > 0)`,
	} {
		b.Run(name, func(b *testing.B) {
			p := compile(b, source, expression.Any)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Any(context.Background(), m); err == nil {
					b.Fatal("got no error")
				}
			}
		})
	}
}
