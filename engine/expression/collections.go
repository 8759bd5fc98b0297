package expression

import (
	"reflect"
	"strings"
)

// The builtins of expr that the language keeps: those that take lists.
const (
	predicates  = " all any none one filter count find findIndex findLast findLastIndex map sum " // take an expression per element
	collections = predicates + "first last sort reverse min max mean median "
)

func isPredicate(name string) bool  { return strings.Contains(predicates, " "+name+" ") }
func isCollection(name string) bool { return strings.Contains(collections, " "+name+" ") }

// isConditional reports whether the predicate must be true or false.
func isConditional(name string) bool { return isPredicate(name) && name != "map" && name != "sum" }

// describeCollections returns them as functions without Call, for documentation and completion.
func describeCollections() []Function {
	list := Param{Name: "list", Type: typeOf[[]any]()}
	condition, each := Param{Name: "condition", Type: typeOf[bool]()}, Param{Name: "expression", Optional: true}
	truth, whole, many := typeOf[bool](), typeOf[int64](), typeOf[[]any]()
	row := func(returns reflect.Type, name, doc, example string, params ...Param) Function {
		return Function{Name: name, Doc: doc, Example: example, Params: params, Returns: returns, Pure: true}
	}
	return []Function{
		row(truth, "all", "Whether the condition holds for every element, written #.", `all(msg.readings, # >= 0)`, list, condition),
		row(truth, "any", "Whether the condition holds for an element.", `any(msg.readings, # > 100)`, list, condition),
		row(truth, "none", "Whether the condition holds for no element.", `none(msg.readings, # < 0)`, list, condition),
		row(truth, "one", "Whether the condition holds for exactly one element.", `one(msg.phases, .active)`, list, condition),
		row(many, "filter", "The elements for which the condition holds.", `filter(msg.readings, # > 0)`, list, condition),
		row(whole, "count", "How many elements the condition holds for.", `count(msg.readings, # == 0)`, list, condition),
		row(nil, "find", "The first element for which the condition holds, or nil.", `find(msg.phases, .name == "L1")`, list, condition),
		row(whole, "findIndex", "The place of that element from 0, -1 for none.", `findIndex(msg.readings, # > 9)`, list, condition),
		row(nil, "findLast", "The last element for which the condition holds, or nil.", `findLast(msg.readings, # > 9)`, list, condition),
		row(whole, "findLastIndex", "The place of that element from 0, -1 for none.", `findLastIndex(msg.readings, # > 9)`, list, condition),
		row(many, "map", "What the expression gives for each element.", `map(msg.phases, .power)`, list, each),
		row(nil, "sum", "The sum of the elements, or of what the expression gives for each.", `sum(msg.phases, .power)`, list, each),
		row(nil, "first", "The first element, or nil.", `first(msg.readings)`, list),
		row(nil, "last", "The last element, or nil.", `last(msg.readings)`, list),
		row(many, "sort", "The elements in ascending order.", `first(sort(msg.readings))`, list),
		row(many, "reverse", "The elements in reverse order.", `reverse(msg.readings)`, list),
		row(nil, "min", "The least of the numbers.", `min(msg.readings)`, list),
		row(nil, "max", "The greatest of the numbers.", `max(msg.readings)`, list),
		row(nil, "mean", "The mean of the numbers.", `mean(msg.readings)`, list),
		row(nil, "median", "The median of the numbers.", `median(msg.readings)`, list),
	}
}
