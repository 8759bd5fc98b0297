package expression

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The functions that every language has. Those of expr that take text are replaced by our own: theirs have no limit on
// what they produce, and "replace" alone makes 4 GB out of two texts of 64 KiB.
func standard() []Function {
	text := []Param{{Name: "text"}}
	return []Function{
		Func1(Function{
			Name: "present", Pure: true, Example: `present(msg.supplierKey) && present(msg.cups)`,
			Doc:    "Whether the value is there: not missing, not null, and not a text of white space alone.",
			Params: []Param{{Name: "value"}},
		}, func(_ context.Context, v any) (bool, error) { return present(v), nil }),
		Func1(Function{
			Name: "mask", Pure: true, Example: `mask(msg.serial) == "ab***yz"`,
			Doc:    "The value as text with all but two characters at each end hidden; a short one is hidden whole.",
			Params: []Param{{Name: "value"}},
		}, mask),
		Func1(Function{
			Name: "trim", Pure: true, Example: `trim(msg.name) == "meter"`, Params: text,
			Doc: "The text without white space at its ends.",
		},
			func(_ context.Context, s string) (string, error) { return strings.TrimSpace(s), nil }),
		Func1(Function{
			Name: "upper", Pure: true, Example: `upper(msg.unit) == "KWH"`, Params: text,
			Doc: "The text in capitals.",
		}, func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil }),
		Func1(Function{
			Name: "lower", Pure: true, Example: `lower(msg.unit) == "kwh"`, Params: text,
			Doc: "The text in small letters.",
		}, func(_ context.Context, s string) (string, error) { return strings.ToLower(s), nil }),
		Func2(Function{
			Name: "trimPrefix", Pure: true, Example: `trimPrefix(device, "meter-")`,
			Doc: "The text without the prefix, if it has it.", Params: []Param{{Name: "text"}, {Name: "prefix"}},
		},
			func(_ context.Context, s, p string) (string, error) { return strings.TrimPrefix(s, p), nil }),
		Func2(Function{
			Name: "trimSuffix", Pure: true, Example: `trimSuffix(device, "-a")`,
			Doc: "The text without the suffix, if it has it.", Params: []Param{{Name: "text"}, {Name: "suffix"}},
		},
			func(_ context.Context, s, p string) (string, error) { return strings.TrimSuffix(s, p), nil }),
		Func3(Function{
			Name: "replace", Pure: true, Example: `replace(msg.serial, "-", "")`,
			Doc:    "The text with every occurrence of old replaced by new.",
			Params: []Param{{Name: "text"}, {Name: "old"}, {Name: "new"}},
		}, replace),
		Func2(Function{
			Name: "split", Pure: true, Example: `split(device, "-")[0] == "meter"`,
			Doc: "The list of the pieces between separators.", Params: []Param{{Name: "text"}, {Name: "separator"}},
		}, split),
		Func2(Function{
			Name: "join", Pure: true, Example: `join([device, type], "/")`,
			Doc: "The texts of a list with a separator between them.", Params: []Param{{Name: "list"}, {Name: "separator"}},
		}, joinList),
		Func2(Function{
			Name: "indexOf", Pure: true, Example: `indexOf(device, "-") > 0`,
			Doc: "Where the part starts in the text, in bytes from 0; -1 if it is not in it.", Params: []Param{{Name: "text"}, {Name: "part"}},
		},
			func(_ context.Context, s, p string) (int64, error) { return int64(strings.Index(s, p)), nil }),
		Func1(Function{
			Name: "len", Pure: true, Example: `len(msg.readings) > 0`,
			Doc:    "The number of characters of a text, or of elements of a list or an object.",
			Params: []Param{{Name: "value"}},
		}, length),
		Func1(Function{
			Name: "keys", Pure: true, Example: `"power" in keys(msg.phases)`, Doc: "The names of an object, sorted.",
			Params: []Param{{Name: "object"}},
		}, func(_ context.Context, o map[string]any) ([]any, error) {
			list := make([]any, 0, len(o))
			for _, k := range slices.Sorted(maps.Keys(o)) {
				list = append(list, k)
			}
			return list, nil
		}),
		Func1(Function{
			Name: "values", Pure: true, Example: `sum(values(msg.phases))`, Doc: "The values of an object, sorted by their names.",
			Params: []Param{{Name: "object"}},
		}, func(_ context.Context, o map[string]any) ([]any, error) {
			list := make([]any, 0, len(o))
			for _, k := range slices.Sorted(maps.Keys(o)) {
				list = append(list, o[k])
			}
			return list, nil
		}),
		Func1(Function{
			Name: "string", Pure: true, Example: `string(msg.counter)`,
			Doc:    "A number, true or false, a time or a duration as text.",
			Params: []Param{{Name: "value"}},
		}, toText),
		Func1(Function{
			Name: "int", Pure: true, Example: `int(msg.counter)`,
			Doc:    "A number cut to a whole one, or a text read as one.",
			Params: []Param{{Name: "value"}},
		}, toInt),
		Func1(Function{
			Name: "float", Pure: true, Example: `float(msg.power)`,
			Doc:    "A number, or a text read as one.",
			Params: []Param{{Name: "value"}},
		}, toFloat),
		Func1(Function{
			Name: "abs", Pure: true, Example: `abs(msg.power)`, Doc: "The number without its sign.",
			Params: []Param{{Name: "number"}},
		}, abs),
		numeric("ceil", "The smallest whole number that is not below.", math.Ceil),
		numeric("floor", "The largest whole number that is not above.", math.Floor),
		numeric("round", "The nearest whole number, halves away from zero.", math.Round),
		Func1(Function{
			Name: "date", Pure: true, Example: `time < date("2027-01-01")`, Params: text,
			Doc: "The time that a text in RFC 3339 says; a date alone is its start in UTC.",
		}, date),
		Func1(Function{
			Name: "duration", Pure: true, Example: `time - duration("24h") > date("2026-01-01")`, Params: text,
			Doc: "The duration that a text such as 1h30m or 90s says.",
		},
			func(_ context.Context, s string) (time.Duration, error) {
				d, err := time.ParseDuration(s)
				if err != nil {
					return 0, errors.New("the text is no duration such as 1h30m")
				}
				return d, nil
			}),
	}
}

func numeric(name, doc string, do func(float64) float64) Function {
	f := Function{Name: name, Doc: doc, Example: name + "(msg.power)", Pure: true, Params: []Param{{Name: "number"}}}
	return Func1(f, func(_ context.Context, n float64) (float64, error) { return do(n), nil })
}

func abs(_ context.Context, v any) (any, error) {
	n, ok := toNumber(v)
	switch {
	case !ok:
		return nil, errors.New("the value is " + typeName(v) + ", not a number")
	case !n.exact:
		return math.Abs(n.f), nil
	case n.i < 0:
		return negate(v), nil
	}
	return n.i, nil
}

func mask(ctx context.Context, v any) (string, error) {
	if v == nil {
		return "", nil
	}
	s, err := toText(ctx, v)
	if err != nil {
		return "***", nil
	}
	return maskText(s), nil
}

func maskText(s string) string {
	const shown, least = 2, 12 // a short text would be half uncovered
	if utf8.RuneCountInString(s) < least {
		return "***"
	}
	r := []rune(s)
	return string(r[:shown]) + "***" + string(r[len(r)-shown:])
}

func replace(_ context.Context, s, old, with string) (string, error) {
	if old == "" {
		return "", errors.New("there is no text to replace")
	}
	if len(s)+strings.Count(s, old)*(len(with)-len(old)) > MaxText {
		return "", errors.New("the text grows beyond 64 KiB")
	}
	return strings.ReplaceAll(s, old, with), nil
}

func split(_ context.Context, s, sep string) ([]any, error) {
	parts := strings.SplitN(s, sep, MaxList+1)
	if len(parts) > MaxList {
		return nil, errors.New("the list has more than 1,000 elements")
	}
	list := make([]any, len(parts))
	for i, p := range parts {
		list[i] = p
	}
	return list, nil
}

func joinList(_ context.Context, list []any, sep string) (string, error) {
	var b strings.Builder
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return "", errors.New("the list holds " + typeName(v) + ", not text")
		}
		if b.Len()+len(s)+len(sep) > MaxText {
			return "", errors.New("the text grows beyond 64 KiB")
		}
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func length(_ context.Context, v any) (int64, error) {
	switch x := v.(type) {
	case string:
		return int64(utf8.RuneCountInString(x)), nil
	case []any:
		return int64(len(x)), nil
	case map[string]any:
		return int64(len(x)), nil
	}
	return 0, errors.New("the value is " + typeName(v) + ", and has no length")
}

func toText(_ context.Context, v any) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case int:
		return strconv.Itoa(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case float64:
		if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) { // as JSON writes numbers
			return strconv.FormatFloat(x, 'e', -1, 64), nil
		}
		return strconv.FormatFloat(x, 'f', -1, 64), nil
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano), nil
	case time.Duration:
		return x.String(), nil
	}
	return "", errors.New("the value is " + typeName(v) + ", and has no text")
}

func toInt(_ context.Context, v any) (int64, error) {
	if s, ok := v.(string); ok {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, errors.New("the text is no whole number")
		}
		return n, nil
	}
	n, ok := toNumber(v)
	switch {
	case !ok:
		return 0, errors.New("the value is " + typeName(v) + ", not a number")
	case n.exact:
		return n.i, nil
	case !(math.Abs(n.f) < 1<<63):
		return 0, errors.New(overflow)
	}
	return int64(n.f), nil
}

func toFloat(_ context.Context, v any) (float64, error) {
	if s, ok := v.(string); ok {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return 0, errors.New("the text is no number")
		}
		return n, nil
	}
	n, ok := toNumber(v)
	if !ok {
		return 0, errors.New("the value is " + typeName(v) + ", not a number")
	}
	return n.float(), nil
}

func date(_ context.Context, s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("the text is no date such as 2026-11-21 or 2026-11-21T09:14:03Z")
}
