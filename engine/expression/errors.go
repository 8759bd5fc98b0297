package expression

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error says why a source cannot be compiled, and where.
type Error struct {
	Source  string
	Offset  int // in bytes, from 0
	Line    int // from 1
	Column  int // in characters, from 1
	Message string
	Hint    string // "did you mean msg.supplierKey?", or empty
}

// Error returns one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s (%d:%d)", e.Message, e.Line, e.Column)
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Caret returns the line of the source that the error is in and, below, a caret at the place followed by the hint.
func (e *Error) Caret() string {
	line := lineOf(e.Source, e.Offset)
	out := line + "\n" + strings.Repeat(" ", e.Column-1) + "^"
	if e.Hint != "" {
		out += " " + e.Hint
	}
	return out
}

// newError places an error at an offset in characters, as the parser counts.
func newError(source string, chars int, format string, args ...any) *Error {
	e := &Error{Source: source, Message: fmt.Sprintf(format, args...)}
	e.Offset, e.Line, e.Column = place(source, chars)
	return e
}

func (e *Error) hint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// place turns an offset in characters into bytes, line and column.
func place(source string, chars int) (offset, line, column int) {
	line, column = 1, 1
	for range chars {
		r, size := utf8.DecodeRuneInString(source[offset:])
		if size == 0 {
			break
		}
		offset += size
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	return offset, line, column
}

func lineOf(source string, offset int) string {
	start := strings.LastIndexByte(source[:offset], '\n') + 1
	end := strings.IndexByte(source[start:], '\n')
	if end < 0 {
		end = len(source) - start
	}
	return strings.ReplaceAll(source[start:start+end], "\t", " ")
}

// RunError says why an evaluation came to no result. It names the place and the kinds of values, never a value.
type RunError struct {
	Source string // of the whole expression
	Offset int    // in bytes, from 0
	Line   int    // from 1
	Column int    // in characters, from 1
	Reason string
	Err    error // of the function that failed, if one did
}

// Error returns one line with a piece of the source.
func (e *RunError) Error() string {
	s := fmt.Sprintf("expression %s (%d:%d)", e.near(), e.Line, e.Column)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the error of the function that failed.
func (e *RunError) Unwrap() error { return e.Err }

// near returns the source, or if it is long the part from the failing operation on.
func (e *RunError) near() string {
	const most = 60
	if utf8.RuneCountInString(e.Source) <= most && !strings.Contains(e.Source, "\n") {
		return fmt.Sprintf("%q", e.Source)
	}
	piece, _, _ := strings.Cut(e.Source[e.Offset:], "\n")
	return fmt.Sprintf("at %q", shorten(piece, most))
}

// shorten cuts a text to a number of characters.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
