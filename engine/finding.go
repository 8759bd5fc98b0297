package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Severity says whether a finding prevents a chain set from being used.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Finding is a fault in a chain file, by its place.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`              // from 1; 0 if the fault is about a whole folder
	Column   int      `json:"column"`            // from 1, in characters
	Pointer  string   `json:"pointer,omitempty"` // JSON pointer (RFC 6901)
	Severity Severity `json:"severity"`
	Code     string   `json:"code"` // stable: what kind of fault
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`   // how to mend it
	Source   string   `json:"source,omitempty"` // the expression that the fault lies in
	Caret    int      `json:"caret,omitempty"`  // where in Source, from 1, in characters; 0 without Source
}

// String is the finding on one line, as compilers print it.
func (f Finding) String() string {
	place := f.File
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	}
	s := fmt.Sprintf("%s: %s: %s (%s)", place, f.Severity, f.Message, f.Code)
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	return s
}

// Findings are all faults of a chain set, sorted by place. As an error they stand for their errors.
type Findings []Finding

// HasErrors says whether the set cannot be used.
func (f Findings) HasErrors() bool {
	return slices.ContainsFunc(f, func(x Finding) bool { return x.Severity == SeverityError })
}

// Error lists every finding, one a line.
func (f Findings) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

func (f Findings) sort() {
	slices.SortStableFunc(f, func(a, b Finding) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

// position turns a byte offset into line and column, both from 1; columns count characters.
func position(text []byte, offset int) (line, column int) {
	offset = min(max(offset, 0), len(text))
	before := text[:offset]
	line = bytes.Count(before, []byte{'\n'}) + 1
	start := bytes.LastIndexByte(before, '\n') + 1
	return line, utf8.RuneCount(before[start:]) + 1
}

// nearest is the candidate that a misspelt word most likely means, or empty.
func nearest(word string, candidates []string) string {
	best, bestDistance := "", max(2, len(word)/3)+1
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(word), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// didYouMean is a hint, empty when nothing is near.
func didYouMean(word string, candidates []string) string {
	if c := nearest(word, candidates); c != "" {
		return fmt.Sprintf("did you mean %q?", c)
	}
	return ""
}

// editDistance is the number of letters to insert, delete or replace (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
