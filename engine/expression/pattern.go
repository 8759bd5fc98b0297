package expression

import (
	"regexp"
	"regexp/syntax"
)

// compilePattern compiles a regular expression, or says why not. Matching takes time in proportion to text times
// instructions, so both are limited.
func compilePattern(source string) (*pattern, string) {
	if len(source) > MaxPattern {
		return nil, "the regular expression is longer than 256 bytes"
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, err.Error()
	}
	// Repetitions are written out when compiled: estimate before doing so.
	const tooLarge = "the regular expression is too large when its repetitions are written out"
	if size(tree) > maxProgram {
		return nil, tooLarge
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err.Error()
	}
	if len(prog.Inst) > maxProgram {
		return nil, tooLarge
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, err.Error()
	}
	return &pattern{re, len(prog.Inst)}, ""
}

// size estimates the number of instructions.
func size(re *syntax.Regexp) int {
	n := 1
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	for _, sub := range re.Sub {
		n += size(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Max, re.Min+1)
	}
	return min(n, 1<<20)
}
