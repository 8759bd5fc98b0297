package crashtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is what can be wrong after a crash: a closed set.
type Fault string

const (
	Lost     Fault = "lost"      // it was acknowledged, or follows from what was, and is not there
	HalfMade Fault = "half-made" // parts of one batch are there and others are not
	Double   Fault = "double"    // it is there more often than it can have happened
	Unknown  Fault = "unknown"   // nobody asked for it
)

// Finding is one thing that is wrong. It names no secret and no supply point.
type Finding struct {
	Fault Fault
	Where string // a meter, or the registry
	What  string
}

func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Fault, f.Where, f.What) }

// Findings are all that is wrong.
type Findings []Finding

// Of counts the findings of one kind.
func (fs Findings) Of(fault Fault) int {
	n := 0
	for _, f := range fs {
		if f.Fault == fault {
			n++
		}
	}
	return n
}

// Verdict is one line for a log.
func (fs Findings) Verdict() string {
	return fmt.Sprintf("lost %d, half-made %d, double %d, unknown %d", fs.Of(Lost), fs.Of(HalfMade), fs.Of(Double), fs.Of(Unknown))
}

// String lists the findings, one a line, at most twenty.
func (fs Findings) String() string {
	sorted := slices.SortedFunc(slices.Values(fs), func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Fault, b.Fault), cmp.Compare(a.Where, b.Where))
	})
	var b strings.Builder
	for i, f := range sorted {
		if i == 20 {
			fmt.Fprintf(&b, "and %d more\n", len(sorted)-i)
			break
		}
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}
