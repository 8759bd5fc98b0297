package expression

import (
	"errors"
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Whatever closures do not cover runs on expr's virtual machine. There our operators take the place of its own, as
// functions: one meaning for both, and every step counted. The machine itself keeps control flow, predicates, member
// access and the functions on lists.

// Operators as functions; no source can write such a name.
const (
	truthOp   = "@truth"
	matchesOp = "@matches"
	negateOp  = "@negate"
	sizedOp   = "@sized"
	stepOp    = "@step"
	wholeOp   = "@whole"
	traceOp   = "@trace"
)

func operators() conf.FunctionsTable {
	table := conf.FunctionsTable{}
	add := func(name string, do func(f *frame, args []any) any) {
		table[name] = &builtin.Function{Name: name, Func: func(args ...any) (any, error) {
			f := args[0].(*frame)
			f.spend(1)
			return do(f, args[1:]), nil
		}}
	}
	add("==", func(f *frame, a []any) any { return equal(f, a[0], a[1]) })
	add("!=", func(f *frame, a []any) any { return !equal(f, a[0], a[1]) })
	for _, op := range []string{"<", "<=", ">", ">="} {
		add(op, func(f *frame, a []any) any { return order(f, op, a[0], a[1]) })
	}
	for _, op := range []string{"+", "-", "*", "/", "%", "**", "^"} {
		add(op, func(f *frame, a []any) any { return arithmetic(f, op, a[0], a[1]) })
	}
	for _, op := range []string{"contains", "startsWith", "endsWith"} {
		add("@"+op, func(f *frame, a []any) any { return find(f, op, a[0], a[1]) })
	}
	add("@in", func(f *frame, a []any) any { return within(f, a[0], a[1]) })
	add(matchesOp, func(f *frame, a []any) any { return matches(f, a[0], a[1].(*pattern)) })
	add(negateOp, func(_ *frame, a []any) any { return negate(a[0]) })
	add(truthOp, func(_ *frame, a []any) any { return truth(a[0]) })
	add(sizedOp, func(f *frame, a []any) any { return sized(f, a[0]) })
	add(wholeOp, func(_ *frame, a []any) any { return whole(a[0]) })
	add(stepOp, func(f *frame, a []any) any { f.spend(a[0].(int)); return a[1] })
	add(traceOp, func(f *frame, a []any) any {
		f.traced = append(f.traced, traced{a[0].(int), a[1]})
		return a[1]
	})
	// Metadata by a computed name is the one operator with a type: a reader sees text.
	table[metaOp] = &builtin.Function{
		Name: metaOp, Types: []reflect.Type{reflect.TypeFor[func(*frame, string) string]()},
		Func: func(args ...any) (any, error) { return metaAt(args[0].(*frame), args[1]), nil },
	}
	return table
}

func metaAt(f *frame, key any) any {
	f.spend(1)
	k, ok := key.(string)
	if !ok {
		fail("the name of a metadata entry is " + typeName(key) + ", not text")
	}
	if v, ok := f.scope.Meta(k); ok {
		return v
	}
	return nil
}

// lower replaces operators by functions in a checked tree. It returns what takes the node's place.
func (u *unit) lower(n ast.Node) ast.Node {
	if n == nil {
		return nil
	}
	was := *n.Nature()
	switch n := n.(type) {
	case *ast.IntegerNode:
		n.SetType(reflect.TypeFor[int64]())
	case *ast.UnaryNode:
		n.Node = u.lower(n.Node)
		if n.Operator == "-" {
			return u.replace(n, was, negateOp, n.Node)
		}
		n.Node = u.truth(n.Node)
	case *ast.BinaryNode:
		return u.lowerBinary(n, was)
	case *ast.ChainNode:
		n.Node = u.lower(n.Node)
	case *ast.MemberNode:
		n.Node, n.Property = u.lower(n.Node), u.lower(n.Property)
	case *ast.SliceNode:
		n.Node, n.From, n.To = u.lower(n.Node), u.lower(n.From), u.lower(n.To)
	case *ast.CallNode:
		u.lowerAll(n.Arguments)
	case *ast.BuiltinNode:
		weight := 0
		for i, a := range n.Arguments {
			if p, ok := a.(*ast.PredicateNode); ok {
				weight = 1 + count(p)
				p.Node = u.lower(p.Node)
				if isConditional(n.Name) {
					p.Node = u.truth(p.Node)
				}
				p.Node = u.replace(p.Node, *p.Node.Nature(), stepOp, constant(p, weight), p.Node)
				continue
			}
			n.Arguments[i] = u.replace(a, *a.Nature(), sizedOp, u.lower(a))
		}
		return u.replace(n, was, wholeOp, n)
	case *ast.PointerNode:
		if n.Name == "index" {
			return u.replace(n, was, wholeOp, n)
		}
	case *ast.ConditionalNode:
		n.Cond, n.Exp1, n.Exp2 = u.truth(u.lower(n.Cond)), u.lower(n.Exp1), u.lower(n.Exp2)
	case *ast.ArrayNode:
		u.lowerAll(n.Nodes)
	case *ast.MapNode:
		u.lowerAll(n.Pairs)
	case *ast.PairNode:
		n.Key, n.Value = u.lower(n.Key), u.lower(n.Value)
	}
	return n
}

func (u *unit) lowerAll(nodes []ast.Node) {
	for i := range nodes {
		nodes[i] = u.lower(nodes[i])
	}
}

func (u *unit) lowerBinary(n *ast.BinaryNode, was nature.Nature) ast.Node {
	n.Left = u.lower(n.Left)
	switch n.Operator {
	case "matches":
		return u.replace(n, was, matchesOp, n.Left, constant(n, u.patterns[n]))
	case "&&", "||", "and", "or":
		n.Left, n.Right = u.truth(n.Left), u.truth(u.lower(n.Right))
		return n
	case "??":
		n.Right = u.lower(n.Right)
		return n
	case "in", "contains", "startsWith", "endsWith":
		return u.replace(n, was, "@"+n.Operator, n.Left, u.lower(n.Right))
	default:
		return u.replace(n, was, n.Operator, n.Left, u.lower(n.Right))
	}
}

func constant(at ast.Node, v any) ast.Node {
	c := &ast.ConstantNode{Value: v}
	c.SetLocation(at.Location())
	return c
}

func (u *unit) replace(at ast.Node, was nature.Nature, op string, args ...ast.Node) ast.Node {
	call := u.operation(at, op, args...)
	call.SetNature(was)
	return call
}

// truth makes sure that a condition is true or false, where the types do not say so.
func (u *unit) truth(n ast.Node) ast.Node {
	if n.Type().Kind() == reflect.Bool {
		return n
	}
	return u.replace(n, nature.FromType(reflect.TypeFor[bool]()), truthOp, n)
}

func count(n ast.Node) int {
	total := 1
	for _, c := range children(n) {
		if c != nil {
			total += count(c)
		}
	}
	return total
}

// bytecode compiles a checked tree for the virtual machine. It changes the tree.
func (u *unit) bytecode() (*vm.Program, error) {
	root := u.lower(u.root)
	return compiler.Compile(&parser.Tree{Node: root, Source: file.NewSource(u.source)}, u.config)
}

// runVM evaluates on the virtual machine. It panics with a *fault, as closures do.
func (f *frame) runVM(program *vm.Program, slots []namedSlot) any {
	if f.env == nil {
		f.env = make(map[string]any, 8)
	}
	f.onVM = true
	f.env[frameName] = f
	for _, s := range slots {
		f.env[s.name] = s.read(f.scope)
	}
	f.vm.MemoryBudget = maxMemory
	v, err := f.vm.Run(program, f.env)
	if err != nil {
		if f.panicked != nil {
			panic(f.panicked)
		}
		var at *file.Error
		if errors.As(err, &at) {
			f.at = at.From
		}
		var own *fault
		if errors.As(err, &own) {
			panic(own)
		}
		message := err.Error()
		if at != nil {
			message = at.Message
		}
		panic(&fault{reason: reason(message)})
	}
	return v
}

type namedSlot struct {
	name string
	slot
}

var invalidOperation = regexp.MustCompile(`^invalid operation: [<nil>\w.{} \[\]*+-]+$`)

// reason puts a message of expr's runtime into our words. Some of them hold values, hence none is passed on.
func reason(message string) string {
	switch {
	case strings.HasPrefix(message, "cannot fetch"), strings.HasPrefix(message, "cannot get"):
		return "there is no such field or element (a?.b reads what may be missing)"
	case strings.HasPrefix(message, "index out of range"):
		return "the list is shorter than that"
	case strings.HasPrefix(message, "memory budget exceeded"):
		return "the expression takes too much memory"
	case strings.HasPrefix(message, "interface conversion"), invalidOperation.MatchString(message):
		return "the values do not fit the operation"
	default:
		return "the operation has no result for these values"
	}
}
