package expression

import (
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/types"

	"github.com/gridtie/gridtie/engine/secret"
)

// unit is one source on its way from text to a checked tree.
type unit struct {
	lang     *Language
	source   string
	config   *conf.Config
	root     ast.Node
	slots    map[string]slot
	patterns map[ast.Node]*pattern // of the matches operators
	nesting  int
	err      *Error // the first
}

// Names that no source can write: the frame, and the reading of metadata by a computed name.
const (
	frameName = "@frame"
	metaOp    = "@meta"
)

func (u *unit) fail(n ast.Node, format string, args ...any) *Error {
	return u.failAt(n.Location().From, format, args...)
}

func (u *unit) failAt(chars int, format string, args ...any) *Error {
	e := newError(u.source, chars, format, args...)
	if u.err == nil {
		u.err = e
	}
	return e
}

// resolve turns names into slots and functions, and refuses what the language leaves out of expr's. It returns what
// takes the node's place.
func (u *unit) resolve(n ast.Node) ast.Node {
	if u.err != nil || n == nil {
		return n
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return u.identifier(n)
	case *ast.UnaryNode:
		if n.Operator == "+" {
			u.fail(n, "a sign + does nothing").hint("leave it out")
		}
		n.Node = u.resolve(n.Node)
	case *ast.BinaryNode:
		u.binary(n)
	case *ast.ChainNode:
		n.Node = u.resolve(n.Node)
	case *ast.MemberNode:
		return u.member(n)
	case *ast.SliceNode:
		n.Node, n.From, n.To = u.resolve(n.Node), u.resolve(n.From), u.resolve(n.To)
	case *ast.CallNode:
		return u.call(n)
	case *ast.BuiltinNode:
		u.builtin(n)
	case *ast.PredicateNode:
		n.Node = u.resolve(n.Node)
	case *ast.ConditionalNode:
		if !n.Ternary {
			n.SetLocation(n.Cond.Location()) // the parser gives none
		}
		n.Cond, n.Exp1, n.Exp2 = u.resolve(n.Cond), u.resolve(n.Exp1), u.resolve(n.Exp2)
	case *ast.ArrayNode:
		u.resolveAll(n.Nodes)
	case *ast.MapNode:
		u.resolveAll(n.Pairs)
	case *ast.PairNode:
		n.Key, n.Value = u.resolve(n.Key), u.resolve(n.Value)
	case *ast.VariableDeclaratorNode:
		u.fail(n, "let is not part of the language").hint("write the value where it is used, or set it in a transform node before")
	case *ast.SequenceNode:
		u.fail(n, "several expressions separated by ; are not part of the language")
	case *ast.BytesNode:
		u.fail(n, "byte texts are not part of the language").hint(`write "…" without the b`)
	case *ast.PointerNode:
		if n.Name == "acc" {
			u.fail(n, "unknown name #acc")
		}
	}
	return n
}

func (u *unit) resolveAll(nodes []ast.Node) {
	for i := range nodes {
		nodes[i] = u.resolve(nodes[i])
	}
}

// slot returns the node that reads a slot.
func (u *unit) slot(at ast.Node, s slot) ast.Node {
	u.slots[s.name()] = s
	id := &ast.IdentifierNode{Value: s.name()}
	id.SetLocation(at.Location())
	return id
}

func (u *unit) identifier(n *ast.IdentifierNode) ast.Node {
	switch n.Value {
	case "msg":
		return u.slot(n, slot{kind: slotPayload})
	case "type":
		return u.slot(n, slot{kind: slotType})
	case "device":
		return u.slot(n, slot{kind: slotDevice})
	case "time":
		return u.slot(n, slot{kind: slotTime})
	case "meta", "origin":
		u.fail(n, "%s can only be read by name", n.Value).hint("write %s.name", n.Value)
		return n
	}
	if u.lang.functions[n.Value] != nil || isCollection(n.Value) {
		u.fail(n, "%s is a function", n.Value).hint("write %s(…)", n.Value)
		return n
	}
	u.unknown(n, "name", n.Value)
	return n
}

func (u *unit) unknown(n ast.Node, what, name string) {
	e := u.fail(n, "unknown %s %s", what, name)
	if s := u.lang.suggest(name); s != "" {
		e.hint("did you mean %s?", s)
	}
}

func (u *unit) member(n *ast.MemberNode) ast.Node {
	base, _ := n.Node.(*ast.IdentifierNode)
	name, named := n.Property.(*ast.StringNode)
	switch {
	case base != nil && base.Value == "msg" && named:
		if name.Value != keyField && strings.EqualFold(name.Value, keyField) {
			u.fail(n, "unknown field msg.%s", name.Value).hint("did you mean msg.%s?", keyField)
		}
		return u.slot(base, slot{kind: slotField, key: name.Value})
	case base != nil && base.Value == "meta" && named:
		return u.slot(base, slot{kind: slotMeta, key: name.Value})
	case base != nil && base.Value == "meta":
		return u.operation(n, metaOp, u.resolve(n.Property))
	case base != nil && base.Value == "origin" && named:
		switch name.Value {
		case "id":
			return u.slot(base, slot{kind: slotOriginID})
		case "type":
			return u.slot(base, slot{kind: slotOriginType})
		case "name":
			return u.slot(base, slot{kind: slotDevice})
		}
		u.fail(n, "unknown field origin.%s", name.Value).hint("origin has id, name and type")
		return n
	case base != nil && named && u.isFamily(base.Value):
		full := base.Value + "." + name.Value
		if u.lang.functions[full] != nil {
			u.fail(base, "%s is a function", full).hint("write %s(…)", full)
		} else {
			u.unknown(base, "function", full)
		}
		return n
	}
	n.Node, n.Property = u.resolve(n.Node), u.resolve(n.Property)
	return n
}

// isFamily reports whether functions have names that start so.
func (u *unit) isFamily(name string) bool {
	for f := range u.lang.functions {
		if strings.HasPrefix(f, name+".") {
			return true
		}
	}
	return false
}

func (u *unit) call(n *ast.CallNode) ast.Node {
	name, at := "", n.Callee
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		name = callee.Value
	case *ast.MemberNode:
		base, _ := callee.Node.(*ast.IdentifierNode)
		prop, _ := callee.Property.(*ast.StringNode)
		if base == nil || prop == nil || isVariable(base.Value) {
			u.fail(callee, "only functions can be called")
			return n
		}
		name, at = base.Value+"."+prop.Value, base
	default:
		u.fail(n, "only functions can be called")
		return n
	}
	if u.lang.functions[name] == nil {
		if isVariable(name) {
			u.fail(at, "%s is not a function", name)
		} else {
			u.unknown(at, "function", name)
		}
		return n
	}
	u.resolveAll(n.Arguments)
	call := u.operation(at, name, n.Arguments...)
	return call
}

// operation returns a call of a function with the frame before its arguments.
func (u *unit) operation(at ast.Node, name string, args ...ast.Node) *ast.CallNode {
	callee, f := &ast.IdentifierNode{Value: name}, &ast.IdentifierNode{Value: frameName}
	call := &ast.CallNode{Callee: callee, Arguments: append([]ast.Node{f}, args...)}
	for _, n := range []ast.Node{callee, f, call} {
		n.SetLocation(at.Location())
	}
	return call
}

func (u *unit) binary(n *ast.BinaryNode) {
	switch n.Operator {
	case "..":
		u.fail(n, "ranges are not part of the language").hint("compare with >= and <=")
		return
	case "matches":
		s, ok := n.Right.(*ast.StringNode)
		if !ok {
			u.fail(n.Right, "the regular expression of matches must be a constant text")
			return
		}
		p, reason := compilePattern(s.Value)
		if reason != "" {
			u.fail(s, "%s", reason)
			return
		}
		u.patterns[n] = p
		// The checker compiles a constant pattern again, without our limits; it need not see it.
		s.Value = ""
	}
	n.Left, n.Right = u.resolve(n.Left), u.resolve(n.Right)
}

func (u *unit) builtin(n *ast.BuiltinNode) {
	if !isCollection(n.Name) {
		u.unknown(n, "function", n.Name) // expr knows it, the language does not
		return
	}
	if len(n.Arguments) == 0 {
		u.fail(n, "not enough arguments to call %s", n.Name)
		return
	}
	if isPredicate(n.Name) {
		u.nesting++
		defer func() { u.nesting-- }()
		if u.nesting > MaxNesting {
			u.fail(n, "more than %d predicates inside each other", MaxNesting)
			return
		}
	}
	u.resolveAll(n.Arguments)
}

// environment gives the checker the types of what the source reads.
func (u *unit) environment() types.Map {
	env := types.Map{frameName: types.TypeOf((*frame)(nil))}
	for name, s := range u.slots {
		switch {
		case s.isText():
			env[name] = types.String
		case s.kind == slotTime:
			env[name] = types.TypeOf(time.Time{})
		case s.kind == slotField && s.key == keyField:
			env[name] = types.TypeOf(secret.Digest{})
		default:
			env[name] = types.Any
		}
	}
	return env
}
