package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/internal/terminal"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name             string
		args             []string
		terminal         bool
		code             int
		stdout, stderr   []string // that are in it
		silent, rejected bool     // nothing on standard error; nothing on standard output
	}{
		{
			name: "in a pipe", args: []string{"--meters", "20"}, code: exitDone, silent: true,
			stdout: []string{"attached\tAlba Energía\t0021\ti-DE\t", "speed\tprovision\t20\t", "total\t20\t18\t0\t0\n"},
		},
		{
			name: "on a terminal", args: []string{"--meters", "20"}, terminal: true, code: exitDone,
			stdout: []string{"together", "Why not attached", "All 20 outcomes are the expected ones. 0 lost, 0 doubled.", "Next: gridtie serve"},
			stderr: []string{"demo: 20 simulated meters, 5 suppliers, 8 grids", "━ 20/20"},
		},
		{
			name: "no meters", args: []string{"--meters", "0"}, code: exitUsage, rejected: true,
			stderr: []string{"0 meters are not possible", "Usage:"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			s := &terminal.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Terminal: tt.terminal, ErrTerminal: tt.terminal}
			none := func(string) (string, bool) { return "", false }
			if code := run(append([]string{"demo"}, tt.args...), s, none); code != tt.code {
				t.Errorf("exit code: got %d, want %d\n%s", code, tt.code, errs.String())
			}
			for _, want := range tt.stdout {
				if !strings.Contains(out.String(), want) {
					t.Errorf("standard output: got %q, want %q in it", out.String(), want)
				}
			}
			for _, want := range tt.stderr {
				if !strings.Contains(errs.String(), want) {
					t.Errorf("standard error: got %q, want %q in it", errs.String(), want)
				}
			}
			if tt.silent && errs.Len() > 0 || tt.rejected && out.Len() > 0 {
				t.Errorf("got %q on standard output and %q on standard error, want one of them empty", out.String(), errs.String())
			}
		})
	}
}

func TestDemoAnswersInJSON(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	s := &terminal.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}
	if code := run([]string{"demo", "--meters", "5", "--json"}, s, func(string) (string, bool) { return "", false }); code != exitDone {
		t.Fatalf("exit code: got %d, want %d\n%s", code, exitDone, errs.String())
	}
	var got struct {
		Meters    int
		AsPlanned bool
		Attached  []struct{ Supplier, Grid string }
		Attach    struct{ P99 float64 }
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Meters != 5 || !got.AsPlanned || len(got.Attached) == 0 || got.Attach.P99 <= 0 {
		t.Errorf("got %+v, want 5 meters as planned", got)
	}
}
