package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server may take to be ready, or to stop.
const patience = time.Minute

// turn is one start of a server on a folder, and meters that come in.
type turn struct {
	tools, data string
	meters      int

	cmd       *exec.Cmd
	ended     chan error
	addresses struct{ MQTT, Admin string }
}

func (t *turn) run(ctx context.Context, p *Point) (err error) {
	begin := time.Now()
	if err := t.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.stop()) }()
	if err := t.awaitReady(ctx); err != nil {
		return err
	}
	ready := time.Since(begin).Seconds()
	memory, err := t.resident("VmRSS")
	if err != nil {
		return err
	}
	p.Ready, p.Memory = lower(p.Ready, ready), int64(lower(float64(p.Memory), float64(memory)))
	if err := t.load(ctx, p); err != nil {
		return err
	}
	peak, err := t.resident("VmHWM")
	p.Peak = max(p.Peak, peak)
	return err
}

func (t *turn) start(ctx context.Context) error {
	addresses := filepath.Join(t.data, "addresses.json")
	if err := os.Remove(addresses); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	t.cmd = exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(t.tools, "gridtie"), "serve", "--data", t.data,
		"--mqtt", "127.0.0.1:0", "--http", "off", "--coap", "off", "--admin", "127.0.0.1:0", "--log-format", "json", "--log-level", "warn")
	t.cmd.Stderr = os.Stderr //nolint:forbidigo // what the server complains of is for whoever runs this
	if err := t.cmd.Start(); err != nil {
		return err
	}
	t.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(t.cmd, t.ended)
	return nil
}

// awaitReady asks often, since a start takes a fraction of a second.
func (t *turn) awaitReady(ctx context.Context) error {
	for late := time.Now().Add(patience); time.Now().Before(late); {
		if text, err := os.ReadFile(filepath.Join(t.data, "addresses.json")); err == nil && json.Unmarshal(text, &t.addresses) == nil {
			if ready(ctx, "http://"+t.addresses.Admin+"/readyz") {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-t.ended:
			t.ended <- err
			return fmt.Errorf("the server ended at its start: %w", err)
		case <-time.After(2 * time.Millisecond):
		}
	}
	return errors.New("the server was not ready in time")
}

func ready(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = answer.Body.Close() // read only
	return answer.StatusCode == http.StatusOK
}

// resident reads a line of the server's /proc/PID/status, in bytes.
func (t *turn) resident(line string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("/proc has no line %q", line)
}

// load lets new meters come in. Their supply points are numbered from the time, beyond all that were made before.
func (t *turn) load(ctx context.Context, p *Point) error {
	show := exec.CommandContext(ctx, filepath.Join(t.tools, "gridtie"),
		"profiles", "show", profile, "--reveal", "--json", "--data", t.data)
	out, err := show.Output()
	if err != nil {
		return fmt.Errorf("reading the profile: %w", err)
	}
	var shown struct{ ProvisionDeviceKey, ProvisionDeviceSecret string }
	if err := json.Unmarshal(out, &shown); err != nil {
		return fmt.Errorf("reading the profile: %w", err)
	}
	before, err := t.processor()
	if err != nil {
		return err
	}
	var talk bytes.Buffer
	meters := exec.CommandContext(ctx, filepath.Join(t.tools, "meters"), "--json",
		"--server", t.addresses.MQTT, "--meters", strconv.Itoa(t.meters),
		"--first", strconv.FormatInt(1e9+time.Now().UnixMilli()%1e11, 10))
	meters.Env = append(os.Environ(), "METERS_PROVISION_KEY="+shown.ProvisionDeviceKey,
		"METERS_PROVISION_SECRET="+shown.ProvisionDeviceSecret, "METERS_SUPPLIER_KEY="+supplierKey(0))
	meters.Stderr = &talk
	out, err = meters.Output()
	if err != nil {
		return fmt.Errorf("meters: %w: %s", err, bytes.TrimSpace(talk.Bytes()))
	}
	var got struct {
		PerSecond float64
		Steps     map[string]struct{ P50, P99 float64 }
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return fmt.Errorf("reading what meters measured: %w", err)
	}
	after, err := t.processor()
	if err != nil {
		return err
	}
	attach := got.Steps["attach"]
	p.Rate = max(p.Rate, got.PerSecond)
	p.CPU = lower(p.CPU, (after-before)/float64(t.meters))
	p.P50, p.P99 = lower(p.P50, attach.P50), lower(p.P99, attach.P99)
	return nil
}

// processor is the time in seconds that the server has had on the processors. Unlike the clock it does not count what
// others do on them.
func (t *turn) processor() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// Behind the name, which is in brackets, come the state and 48 numbers; the 12th and 13th field count hundredths.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is too short")
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100, errors.Join(err1, err2)
}

// lower is the lower of two figures; zero is none yet.
func lower(best, now float64) float64 {
	if best == 0 {
		return now
	}
	return min(best, now)
}

func (t *turn) stop() error {
	if err := t.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-t.ended:
		return err
	case <-time.After(patience):
		return errors.Join(errors.New("the server did not stop in time"), t.cmd.Process.Kill())
	}
}
