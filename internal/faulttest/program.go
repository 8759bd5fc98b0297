package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is a running gridtie serve.
type program struct {
	bench       *bench
	cmd         *exec.Cmd
	log         string // file
	mqtt, admin string // addresses
	ended       chan struct{}
	err         error // how it ended, once ended is closed
}

// patience is how long anything may take that should happen at once.
const patience = 15 * time.Second

// serve starts the program, within a control group if one is named, and waits until it listens.
func (b *bench) serve(groups ...group) (*program, error) {
	p, err := b.launch(groups...)
	if err != nil {
		return nil, err
	}
	if p.mqtt == "" || p.admin == "" {
		<-p.ended
		return nil, fmt.Errorf("the program ended before it listened: %w", p.err)
	}
	return p, nil
}

// paused calls f while the program stands still, with none of its threads in a system call.
func (p *program) paused(f func() error) error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	defer func() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		switch still, err := p.still(); {
		case err != nil:
			return err
		case still:
			return f()
		case time.Now().After(end):
			return errors.New("the program does not stand still")
		}
	}
}

// still reports whether all threads are stopped.
func (p *program) still() (bool, error) {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
	if err != nil {
		return false, err
	}
	if len(stats) == 0 {
		return false, errors.New("the program has ended")
	}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			return false, err
		}
		_, state, _ := strings.Cut(string(text), ") ") // behind the name: see proc(5)
		if !strings.HasPrefix(state, "T") {
			return false, nil
		}
	}
	return true, nil
}

// launch starts the program and waits until it listens or has ended.
func (b *bench) launch(groups ...group) (*program, error) {
	p := &program{bench: b, ended: make(chan struct{}), log: filepath.Join(b.dir, fmt.Sprintf("log-%d", len(b.logs)+1))}
	b.logs = append(b.logs, p.log)
	enter := ""
	for _, g := range groups {
		enter += "echo $$ >" + g.procs() + "; "
	}
	p.cmd = exec.Command("sh", "-c", enter+`exec "$@"`, "sh", b.gridtie, "serve", "--data", b.data, "--chains", b.chains,
		"--mqtt", "127.0.0.1:0", "--http", "off", "--coap", "off", "--admin", "127.0.0.1:0", "--log-level", "info", "--log-format", "json")
	p.cmd.Env = append(os.Environ(), "GRIDTIE_HTTP=off") // nobody speaks it here
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child has its own
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	listening := make(chan struct{})
	go p.read(out, listening)
	b.later(func() error { return p.kill() })
	<-listening
	return p, nil
}

// read takes what the program says until it has ended.
func (p *program) read(out io.Reader, listening chan struct{}) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || p.admin != "" {
			continue
		}
		switch words[0] {
		case "mqtt":
			p.mqtt = words[1]
		case "admin":
			p.admin = words[1]
			close(listening)
		}
	}
	if p.admin == "" {
		close(listening)
	}
	p.err = p.cmd.Wait()
	close(p.ended)
}

func (p *program) kill() error {
	select {
	case <-p.ended:
		return nil
	default:
	}
	err := p.cmd.Process.Kill()
	<-p.ended
	return err
}

// stop ends it with SIGTERM, upon which it must end with 0 within its 15 seconds.
func (p *program) stop() error {
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := p.end(); err != nil {
		return err
	}
	if p.err != nil {
		return fmt.Errorf("told to stop, it ended with: %w", p.err)
	}
	p.bench.note("SIGTERM: ended with 0 after %.1f s", time.Since(began).Seconds())
	return nil
}

// end waits for its end.
func (p *program) end() error {
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience + time.Second):
		return errors.New("it did not end")
	}
}

// fails waits for it to end by itself as a failed store makes it: with 1, and a log line that has the reason.
func (p *program) fails(reason string) error {
	if err := p.end(); err != nil {
		return err
	}
	var exit *exec.ExitError
	if !errors.As(p.err, &exit) || exit.ExitCode() != 1 {
		return fmt.Errorf("it ended with %v, want exit code 1", p.err)
	}
	line, err := p.logged("store_failed")
	if err != nil {
		return err
	}
	if !strings.Contains(line, reason) {
		return fmt.Errorf("its log gives another reason than %q: %s", reason, line)
	}
	p.bench.note("it ended with 1: %s", line)
	return nil
}

// logged returns the first line of an event.
func (p *program) logged(event string) (string, error) {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"event":"`+event+`"`) {
			return strings.TrimSpace(line), nil
		}
	}
	return "", fmt.Errorf("there is no line %s in its log", event)
}

// ready asks /readyz; problems are why it is not.
func (p *program) ready() (code int, problems string, err error) {
	c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get("http://" + p.admin + "/readyz")
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	var body struct{ Problems []string }
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		return 0, "", err
	}
	return res.StatusCode, strings.Join(body.Problems, "; "), nil
}

// becomes waits until /readyz answers with a code and, if it is not ready, gives a reason.
func (p *program) becomes(code int, reason string) error {
	began := time.Now()
	for {
		got, problems, err := p.ready()
		if err == nil && got == code && strings.Contains(problems, reason) {
			p.bench.note("/readyz %d after %.1f s %s", code, time.Since(began).Seconds(), problems)
			return nil
		}
		if time.Since(began) > patience {
			return fmt.Errorf("/readyz: got %d %q, %v; want %d with %q", got, problems, err, code, reason)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// statusSays holds gridtie status to be not ready, for a reason.
func (p *program) statusSays(reason string) error {
	out, err := exec.CommandContext(p.bench, p.bench.gridtie, "status", "--data", p.bench.data).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "NOT READY") || !strings.Contains(string(out), reason) {
		return fmt.Errorf("gridtie status: got %v, want exit code 1, NOT READY and %q:\n%s", err, reason, out)
	}
	return nil
}

// resident is its memory in bytes.
func (p *program) resident() (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "VmRSS:" {
			kib, err := strconv.Atoi(words[1])
			return kib << 10, err
		}
	}
	return 0, errors.New("the kernel does not tell its memory")
}
