package expression

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"

	"github.com/gridtie/gridtie/engine/secret"
)

// Want is the kind of result that a place in a chain needs. A source that cannot give it is a compile error; one that
// gives something else at run time is a run-time error.
type Want uint8

// The kinds of results.
const (
	Any    Want = iota
	Bool        // true or false
	String      // text
	Number      // int64 or float64
	Object      // map[string]any
)

func (w Want) String() string {
	return [...]string{"anything", "true or false", "text", "a number", "an object"}[w]
}

// analyse parses a source, resolves its names and checks its types.
func (l *Language) analyse(source string, want Want) (u *unit, err error) {
	defer func() {
		if r := recover(); r != nil { // a fault of the parser or checker must not end the process
			u, err = nil, newError(source, 0, "the expression cannot be compiled")
		}
	}()
	if err := gate(source); err != nil {
		return nil, err
	}
	u = &unit{lang: l, source: source, config: l.config(), slots: map[string]slot{}, patterns: map[ast.Node]*pattern{}}
	u.config.WithEnv(types.Map{})
	tree, err := parser.ParseWithConfig(source, u.config)
	if err != nil {
		return nil, u.translate(err)
	}
	tree.Node = u.resolve(tree.Node)
	if u.err != nil {
		return nil, u.err
	}
	u.config.WithEnv(u.environment())
	t, err := checker.Check(tree, u.config)
	if err != nil {
		return nil, u.translate(err)
	}
	u.root = tree.Node
	u.checkUses(u.root, want == Any)
	u.checkResult(t, want)
	if u.err != nil {
		return nil, u.err
	}
	return u, nil
}

func (u *unit) checkResult(t reflect.Type, want Want) {
	fits := true
	switch kind := kindOf(t); want {
	case Bool:
		fits = kind == reflect.Bool
	case String:
		fits = kind == reflect.String
	case Number:
		fits = kindName(t) == "a number"
	case Object:
		fits = kind == reflect.Map
	}
	if !fits && kindOf(t) != reflect.Interface {
		u.failAt(0, "the result is %s, not %s", kindName(t), want)
	}
}

func kindOf(t reflect.Type) reflect.Kind {
	if t == nil {
		return reflect.Interface
	}
	return t.Kind()
}

// checkUses refuses what the types allow but the language does not: methods, and every use of the supplier key but
// handing it to a function that takes it or, alone, to a node that does, and asking whether it is there. Anything else
// (a text to compare it with, a place in a result) would be false or "***" for ever.
func (u *unit) checkUses(n ast.Node, allowed bool) {
	if n == nil {
		return
	}
	if m, ok := n.(*ast.MemberNode); ok && kindOf(n.Type()) == reflect.Func {
		u.fail(n, "%s has no field %s", kindName(m.Node.Type()), strings.Trim(write(m.Property), `"`)) // a method, which is no data
	}
	if n.Type() == typeOf[secret.Digest]() && !allowed {
		u.fail(n, "the supplier key has no clear text here").hint("supplier(msg.%s) finds whose it is, present(msg.%s) whether it was sent",
			keyField, keyField)
	}
	switch n := n.(type) {
	case *ast.CallNode:
		for _, a := range n.Arguments {
			u.checkUses(a, true)
		}
	case *ast.BinaryNode:
		same := (n.Operator == "==" || n.Operator == "!=") && (isNil(n.Left) || isNil(n.Right))
		u.checkUses(n.Left, same)
		u.checkUses(n.Right, same)
	default:
		for _, c := range children(n) {
			u.checkUses(c, false)
		}
	}
}

func isNil(n ast.Node) bool { _, ok := n.(*ast.NilNode); return ok }

// children returns the parts of a node in source order.
func children(n ast.Node) []ast.Node {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}
	case *ast.ChainNode:
		return []ast.Node{n.Node}
	case *ast.MemberNode:
		return []ast.Node{n.Node, n.Property}
	case *ast.SliceNode:
		return []ast.Node{n.Node, n.From, n.To}
	case *ast.CallNode:
		return n.Arguments
	case *ast.BuiltinNode:
		return n.Arguments
	case *ast.PredicateNode:
		return []ast.Node{n.Node}
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.ArrayNode:
		return n.Nodes
	case *ast.MapNode:
		return n.Pairs
	case *ast.PairNode:
		return []ast.Node{n.Key, n.Value}
	}
	return nil
}

var (
	quotedArgument = regexp.MustCompile(`cannot use (.+) as argument \(type (.+)\) to call (\S+) ?$`)
	mismatch       = regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types (.+) and (.+)\)$`)
	mismatchUnary  = regexp.MustCompile(`^invalid operation: (\S+) \(mismatched type (.+)\)$`)
	condition      = regexp.MustCompile(`^non-bool expression \(type (.+)\) used as condition$`)
	elementType    = regexp.MustCompile(`^cannot use (.+) as type (.+) in (array|map key)$`)
	noField        = regexp.MustCompile(`^type (.+) has no field (.+)$`)
	noCondition    = regexp.MustCompile(`^predicate should return boolean \(got (.+)\)$`)
	noList         = regexp.MustCompile(`^builtin (\w+) takes only array \(got (.+)\)$`)
	tokenDetail    = regexp.MustCompile(`unexpected token (\w+)\("(.*)"\)`)
)

// translate puts an error of parser or checker into our words.
func (u *unit) translate(err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return newError(u.source, 0, "%s", err.Error())
	}
	m := at.Message
	switch {
	case strings.Contains(m, "exceeds maximum allowed nodes"):
		m = fmt.Sprintf("the expression has more than %d parts", MaxNodes)
	case strings.HasPrefix(m, "unexpected token EOF"):
		m = "the expression ends too early"
	case mismatch.MatchString(m):
		p := mismatch.FindStringSubmatch(m)
		m = fmt.Sprintf("cannot apply %s: left is %s, right is %s", p[1], ourType(p[2]), ourType(p[3]))
	case mismatchUnary.MatchString(m):
		p := mismatchUnary.FindStringSubmatch(m)
		m = fmt.Sprintf("cannot apply %s to %s", p[1], ourType(p[2]))
	case condition.MatchString(m):
		m = fmt.Sprintf("the condition is %s, not true or false", ourType(condition.FindStringSubmatch(m)[1]))
	case noCondition.MatchString(m):
		m = fmt.Sprintf("the condition is %s, not true or false", ourType(noCondition.FindStringSubmatch(m)[1]))
	case noList.MatchString(m):
		p := noList.FindStringSubmatch(m)
		m = fmt.Sprintf("%s takes a list, not %s", p[1], ourType(p[2]))
	case strings.HasPrefix(m, "invalid integer literal"):
		m = "the number is too large for a whole number"
	case elementType.MatchString(m):
		p := elementType.FindStringSubmatch(m)
		m = fmt.Sprintf("cannot look for %s in a list of %s", ourType(p[1]), ourType(p[2]))
	case quotedArgument.MatchString(m):
		p := quotedArgument.FindStringSubmatch(m)
		m = fmt.Sprintf("%s takes %s, not %s", p[3], ourType(p[2]), ourType(p[1]))
	case noField.MatchString(m):
		p := noField.FindStringSubmatch(m)
		m = fmt.Sprintf("%s has no field %s", ourType(p[1]), p[2])
	case tokenDetail.MatchString(m):
		m = tokenDetail.ReplaceAllString(m, "unexpected $2")
	}
	e := newError(u.source, at.From, "%s", m)
	switch {
	case m == "unexpected =":
		e.hint("did you mean ==?")
	case m == "unexpected :" && strings.Contains(u.source[:e.Offset], "{"):
		e.hint("an object as predicate is written in two pairs of braces: {{…}}")
	case strings.Contains(at.Message, "secret.Digest"):
		e.hint("the supplier key has no clear text; supplier(msg.%s) finds whose it is", keyField)
	}
	return e
}

// ourType names a Go type, written out, in the words of the documentation.
func ourType(name string) string {
	switch {
	case name == "secret.Digest":
		return "the supplier key"
	case name == "string":
		return "text"
	case name == "bool":
		return "true or false"
	case name == "nil":
		return "nil"
	case name == "time.Time":
		return "a time"
	case name == "time.Duration":
		return "a duration"
	case strings.HasPrefix(name, "int"), strings.HasPrefix(name, "float"):
		if name == "interface {}" {
			return "anything"
		}
		return "a number"
	case strings.HasPrefix(name, "[]"):
		return "a list"
	}
	return "an object"
}
