package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// verdict is how the tests took it.
type verdict struct {
	failed   bool
	by       string // the test that failed, or the package
	unbuilt  bool
	output   string // of what failed
	duration time.Duration
}

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output, ImportPath string
}

// test runs go test with the given arguments in a folder, and stops at the first failure.
func test(ctx context.Context, folder, args string, limit time.Duration) (v verdict, err error) {
	begin := time.Now()
	defer func() { v.duration = time.Since(begin) }()
	ctx, cancel := context.WithTimeout(ctx, limit+30*time.Second) // beyond the tests' own limit, which tells which one hung
	defer cancel()
	words := append([]string{"test", "-json", "-count=1", "-failfast", "-trimpath", "-timeout", limit.String()}, strings.Fields(args)...)
	cmd := exec.CommandContext(ctx, "go", words...)
	cmd.Dir = folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // tests may have children, which end with them
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return v, err
	}
	if err := cmd.Start(); err != nil {
		return v, fmt.Errorf("running go test: %w", err)
	}
	v.read(out)
	if v.failed {
		cancel()
	}
	ended := cmd.Wait()
	if ended != nil && !v.failed {
		v.failed, v.by = true, "go test: "+ended.Error()
	}
	return v, nil
}

// read follows the events until something failed.
func (v *verdict) read(out io.Reader) {
	running := map[string]string{} // the test last seen of a package
	lines := map[string]string{}
	for d := json.NewDecoder(out); ; {
		var e event
		if d.Decode(&e) != nil {
			return
		}
		at := e.Package + " " + e.Test
		switch e.Action {
		case "run":
			running[e.Package] = e.Test
		case "build-output", "output":
			lines[at] += e.Output
			if e.Action == "build-output" {
				v.output += e.Output
			}
		case "build-fail":
			v.failed, v.unbuilt, v.by = true, true, e.ImportPath
			return
		case "fail":
			v.failed, v.by = true, short(e.Package)+" "+e.Test
			if e.Test == "" { // the process ended: a panic, a race, or the time was up
				v.by = strings.TrimSpace(short(e.Package) + " " + running[e.Package])
			}
			v.output += lines[at]
			return
		}
	}
}

func short(path string) string { return strings.TrimPrefix(path, "github.com/gridtie/gridtie/") }
