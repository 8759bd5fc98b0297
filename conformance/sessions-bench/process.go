package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server under test.
type process struct {
	name    string
	address string
	pid     func() int
	end     func() error
	user    func(client int) string // that a client logs in as

	topic, payload string // of the one message of an idle client
}

// of is a process of a command that was started.
func of(name string, cmd *exec.Cmd) *process {
	return &process{
		name: name, pid: func() int { return cmd.Process.Pid }, topic: "bench", payload: "x",
		user: func(client int) string { return "user-" + strconv.Itoa(client%users) },
		end: func() error {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			err := cmd.Wait()
			if e := (*exec.ExitError)(nil); errors.As(err, &e) {
				return nil // it was told to
			}
			return err
		},
	}
}

// tools is where programs and configurations lie while the bench runs.
type tools struct {
	dir, sessions string
	talk          io.Writer
}

func newTools(ctx context.Context, talk io.Writer) (*tools, error) {
	if _, err := exec.LookPath("mosquitto"); err != nil {
		return nil, errors.New("mosquitto is missing: install the package mosquitto, version 2.0")
	}
	dir, err := os.MkdirTemp("", "gridtie-sessions-")
	if err != nil {
		return nil, err
	}
	t := &tools{dir: dir, sessions: filepath.Join(dir, "sessions"), talk: talk}
	build := exec.CommandContext(ctx, "go", "build", "-o", t.sessions, "github.com/gridtie/gridtie/conformance/sessions")
	build.Stderr = talk
	if err := build.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("building sessions: %w", err), t.remove())
	}
	return t, nil
}

func (t *tools) remove() error { return os.RemoveAll(t.dir) }

// startOurs starts the production sessions, whose messages take a time to commit.
func (t *tools) startOurs(ctx context.Context, commit time.Duration) (*process, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), t.sessions,
		"--listen", "127.0.0.1:0", "--users", strconv.Itoa(users), "--commit", commit.String())
	cmd.Stderr = t.talk
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := of(ours, cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for the address of sessions: %w", err), p.stop())
	}
	p.address = strings.TrimSpace(line)
	return p, nil
}

const mosquittoConf = `listener %s 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_inflight_messages 0
max_queued_messages 0
log_type error
`

func (t *tools) startMosquitto(ctx context.Context) (*process, error) {
	// mosquitto does not tell which port it took, so one is found for it.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(address)
	conf := filepath.Join(t.dir, "mosquitto.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, mosquittoConf, port), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "mosquitto", "-c", conf)
	cmd.Stderr = t.talk
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := of(mosquitto, cmd)
	p.address = address
	for late := time.Now().Add(patience); ; {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return p, c.Close()
		}
		if time.Now().After(late) {
			return nil, errors.Join(fmt.Errorf("mosquitto does not listen: %w", err), p.stop())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *process) stop() error { return p.end() }

// rss is the resident memory in KiB.
func (p *process) rss() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
		}
	}
	return 0, errors.New("no VmRSS in /proc/PID/status")
}

// clockTick is what Linux counts processor time in.
const clockTick = 10 * time.Millisecond

// cpu is the processor time that was used.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may hold anything; behind it, user and system time are fields 12 and 13.
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, s := range f[11:13] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
