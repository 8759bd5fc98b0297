package terminal_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/gridtie/gridtie/internal/terminal"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func streams(person bool) (*terminal.Streams, *bytes.Buffer) {
	var out bytes.Buffer
	return &terminal.Streams{Out: &out, Terminal: person, Now: func() time.Time { return noon }}, &out
}

func TestTable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		person bool
		want   string
	}{
		{"for people", true, "Name         Code\nmeter-1      HELD\nlonger-name  -\n"},
		{"for programs", false, "meter-1\tHELD\nlonger-name\t-\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, out := streams(test.person)
			table := s.Table("Name", "Code")
			table.Row("meter-1", "HELD")
			table.Row("longer-name", "")
			if err := table.Flush(); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"meter-1":         "meter-1",
		"Energía 1":       "Energía 1",
		"a\x1b[2Jb":       `a\x1b[2Jb`,
		"one\ttwo\nthree": `one\ttwo\nthree`,
		"\u202egnp.exe":   `\u202egnp.exe`,
		"bad \xff byte":   `bad \ufffd byte`,
		"bell\x07 end":    `bell\a end`,
	} {
		if got := terminal.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	person, _ := streams(true)
	pipe, _ := streams(false)
	for _, test := range []struct{ name, got, want string }{
		{"time, person", person.Time(noon), "2026-11-21 12:00:00Z"},
		{"time, pipe", pipe.Time(noon), "2026-11-21T12:00:00Z"},
		{"no time", pipe.Time(time.Time{}), "-"},
		{"ago, seconds", person.Ago(noon.Add(-5 * time.Second)), "just now"},
		{"ago, minutes", person.Ago(noon.Add(-2 * time.Minute)), "2 min ago"},
		{"ago, hours", person.Ago(noon.Add(-5 * time.Hour)), "5 h ago"},
		{"ago, days", person.Ago(noon.Add(-72 * time.Hour)), "3 days ago"},
		{"ago, pipe", pipe.Ago(noon), "2026-11-21T12:00:00Z"},
		{"took, person", person.Took(14 * time.Millisecond), "14 ms"},
		{"took, pipe", pipe.Took(14 * time.Millisecond), "0.014"},
		{"count, person", person.Count(1234567), "1,234,567"},
		{"count, negative", person.Count(-1234), "-1,234"},
		{"count, small", person.Count(12), "12"},
		{"count, pipe", pipe.Count(1234567), "1234567"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, test.got, test.want)
		}
	}
}

func TestPaintOnlyWhereWelcome(t *testing.T) {
	t.Parallel()
	s, _ := streams(true)
	if got := s.Paint(terminal.Red, "error"); got != "error" {
		t.Errorf("without colour: got %q", got)
	}
	s.Colour = true
	if got := s.Paint(terminal.Red, "error"); got != "\x1b[31merror\x1b[0m" {
		t.Errorf("with colour: got %q", got)
	}
}
