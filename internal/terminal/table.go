package terminal

import (
	"bufio"
	"strings"
	"unicode/utf8"
)

// Table is rows under a heading: aligned for people, separated by tabs and without the heading for programs.
type Table struct {
	streams *Streams
	heads   []string
	rows    [][]string
}

// Table starts a table. Nothing is written before Flush.
func (s *Streams) Table(heads ...string) *Table { return &Table{streams: s, heads: heads} }

// Row adds a row. Cells are cleaned (see Clean), and an empty one shows as "-".
func (t *Table) Row(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		if row[i] = Clean(c); c == "" {
			row[i] = "-"
		}
	}
	t.rows = append(t.rows, row)
}

// Flush writes the table. An empty one writes nothing.
func (t *Table) Flush() error {
	out := bufio.NewWriter(t.streams.Out)
	if !t.streams.Terminal {
		for _, row := range t.rows {
			_, _ = out.WriteString(strings.Join(row, "\t") + "\n")
		}
		return out.Flush()
	}
	if len(t.rows) == 0 {
		return nil
	}
	widths := make([]int, len(t.heads))
	for _, row := range append([][]string{t.heads}, t.rows...) {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	write := func(row []string, style Style) {
		for i, c := range row {
			text := c
			if style != "" {
				text = t.streams.Paint(style, c)
			}
			_, _ = out.WriteString(text)
			if i < len(row)-1 {
				_, _ = out.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2))
			}
		}
		_, _ = out.WriteString("\n")
	}
	write(t.heads, Bold)
	for _, row := range t.rows {
		write(row, "")
	}
	return out.Flush()
}
