package expression

import "strings"

// Limits. Parsing, checking and running need time and stack in proportion to the source, and what one evaluation may do
// is counted in steps: an operation is one, and so are 32 bytes of text or one element of a list that it looks at.
const (
	MaxSource  = 4 << 10  // bytes of source
	MaxDepth   = 64       // open brackets
	MaxNodes   = 1000     // parts of an expression
	MaxNesting = 2        // predicates (all, any, filter …) inside each other
	MaxText    = 64 << 10 // bytes of a text that an expression makes
	MaxList    = 1000     // elements of a list that a function or predicate takes
	MaxPattern = 256      // bytes of a regular expression
	MaxMatched = 4 << 10  // bytes of a text that a regular expression looks at
	MaxSteps   = 100_000  // per evaluation

	maxUnary   = 16     // unary operators in a row
	maxProgram = 500    // instructions of a compiled regular expression
	stepText   = 32     // bytes of text that count as one step
	stepMatch  = 8      // bytes times instructions of a regular expression that count as one
	maxMemory  = 20_000 // elements that the virtual machine may put into lists and maps
)

// gate refuses what the parser should not see. The parser recurses for every bracket and unary operator, and a stack
// overflow in Go ends the process, which nobody can recover from.
func gate(source string) *Error {
	if len(source) > MaxSource {
		e := newError(source[:MaxSource], 0, "the expression has %d bytes, and %d are the most", len(source), MaxSource)
		return e.hint("split it over several nodes")
	}
	if strings.TrimSpace(source) == "" {
		return newError(source, 0, "the expression is empty")
	}
	depth, unary, chars := 0, 0, 0
	var quote rune // of the text that we are in
	escaped := false
	comment := "" // what ends the comment that we are in
	for i, r := range source {
		switch {
		case comment != "":
			if strings.HasPrefix(source[i:], comment) {
				comment = ""
			}
		case quote == 0 && strings.HasPrefix(source[i:], "//"):
			comment = "\n"
		case quote == 0 && strings.HasPrefix(source[i:], "/*"):
			comment = "*/"
		case quote != 0:
			switch {
			case escaped:
				escaped = false
			case r == '\\' && quote != '`':
				escaped = true
			case r == quote:
				quote = 0
			}
		case r == '"' || r == '\'' || r == '`':
			quote, unary = r, 0
		case r == '(' || r == '[' || r == '{':
			depth, unary = depth+1, 0
			if depth > MaxDepth {
				return newError(source, chars, "more than %d open brackets", MaxDepth)
			}
		case r == ')' || r == ']' || r == '}':
			depth, unary = depth-1, 0
		case r == '!' || r == '-' || r == '+':
			unary++
			if unary > maxUnary {
				return newError(source, chars, "more than %d operators in a row", maxUnary)
			}
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
		default:
			unary = 0
		}
		chars++
	}
	return nil
}
