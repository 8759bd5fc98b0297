package expression

import (
	"fmt"
	"reflect"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
)

// typeName says what a value is, in the words of the documentation, without saying the value.
func typeName(v any) string {
	if v == nil {
		return "missing"
	}
	return kindName(reflect.TypeOf(v))
}

// kindName names a type in the words of the documentation.
func kindName(t reflect.Type) string {
	switch t {
	case nil, anyType:
		return "anything"
	case typeOf[time.Time]():
		return "a time"
	case typeOf[time.Duration]():
		return "a duration"
	case typeOf[secret.Digest]():
		return "the supplier key"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	default:
		return fmt.Sprintf("a %s", t.Kind())
	}
}

// number is a JSON number: a whole one is kept exactly, whatever its size.
type number struct {
	i     int64
	f     float64
	exact bool // i holds it, else f does
}

func (n number) float() float64 {
	if n.exact {
		return float64(n.i)
	}
	return n.f
}

func toNumber(v any) (number, bool) {
	switch x := v.(type) {
	case int64:
		return number{i: x, exact: true}, true
	case int:
		return number{i: int64(x), exact: true}, true
	case float64:
		return number{f: x}, true
	case uint8: // the element of a text, as expr gives it
		return number{i: int64(x), exact: true}, true
	}
	return number{}, false
}
