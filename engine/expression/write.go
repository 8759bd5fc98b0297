package expression

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// write returns a resolved node as source: the frame left out, operators put back.
func write(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CallNode:
		id, ok := n.Callee.(*ast.IdentifierNode)
		if !ok {
			return "…"
		}
		args := n.Arguments[1:]
		switch id.Value {
		case metaOp:
			return "meta[" + write(args[0]) + "]"
		case traceOp, stepOp:
			return write(args[1])
		case sizedOp, truthOp, wholeOp:
			return write(args[0])
		case negateOp:
			return "-" + write(args[0])
		}
		if len(args) == 2 && !isName(id.Value) {
			return write(args[0]) + " " + strings.TrimPrefix(id.Value, "@") + " " + write(args[1])
		}
		return id.Value + "(" + writeAll(args) + ")"
	case *ast.BuiltinNode:
		return n.Name + "(" + writeAll(n.Arguments) + ")"
	case *ast.PredicateNode:
		return write(n.Node)
	case *ast.MemberNode:
		dot := "."
		if n.Optional {
			dot = "?."
		}
		if name, ok := n.Property.(*ast.StringNode); ok {
			return write(n.Node) + dot + name.Value
		}
		return write(n.Node) + "[" + write(n.Property) + "]"
	case *ast.ChainNode:
		return write(n.Node)
	case *ast.BinaryNode:
		return write(n.Left) + " " + n.Operator + " " + write(n.Right)
	case *ast.UnaryNode:
		return n.Operator + write(n.Node)
	case *ast.ConstantNode:
		if p, ok := n.Value.(*pattern); ok {
			return fmt.Sprintf("%q", p.String())
		}
		return "…"
	case *ast.ArrayNode:
		return "[" + writeAll(n.Nodes) + "]"
	case *ast.ConditionalNode:
		return write(n.Cond) + " ? " + write(n.Exp1) + " : " + write(n.Exp2)
	case *ast.StringNode:
		return fmt.Sprintf("%q", n.Value)
	case *ast.PointerNode:
		return "#" + n.Name
	case *ast.MapNode:
		return "{…}"
	}
	return n.String()
}

func isName(s string) bool { return functionName.MatchString(s) }

func writeAll(nodes []ast.Node) string {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		parts[i] = write(n)
	}
	return strings.Join(parts, ", ")
}
