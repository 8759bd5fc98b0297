package product

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Server is a Gridtie of our own, in a temporary folder.
type Server struct {
	Addresses map[string]string // where it listens, by the names of the settings

	dir, binary string
	cmd         *exec.Cmd
	ended       chan error
}

// patience is how long a start may take.
const patience = 30 * time.Second

// Start builds Gridtie, if no binary is given, and starts it below dir, or the system's folder of temporary files, with the
// flags that a user would give it. What it logs, and what the build says, goes to log.
func Start(ctx context.Context, binary, dir string, log io.Writer) (*Server, error) {
	dir, err := os.MkdirTemp(dir, "gridtie-meters-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, binary: binary, ended: make(chan error, 1)}
	if err := s.start(ctx, log); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, log io.Writer) error {
	if s.binary == "" {
		s.binary = filepath.Join(s.dir, "gridtie")
		build := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "github.com/gridtie/gridtie/cmd/gridtie")
		build.Stderr = log
		if err := build.Run(); err != nil {
			return fmt.Errorf("building the server: %w", err)
		}
	}
	// It outlives ctx, so that no meter sees it go; stop ends it.
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), s.binary, "serve", "--data", s.data(),
		"--mqtt", "127.0.0.1:0", "--http", "off", "--coap", "off", "--admin", "127.0.0.1:0",
		"--log-format", "json", "--log-level", "warn")
	s.cmd.Stderr, s.cmd.Env = log, withoutSettings(os.Environ())
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	go s.wait()
	return s.awaitAddresses(ctx)
}

func (s *Server) wait() { s.ended <- s.cmd.Wait() }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// withoutSettings drops variables that would configure the server.
func withoutSettings(env []string) []string {
	var kept []string
	for _, e := range env {
		if !strings.HasPrefix(e, "GRIDTIE_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// awaitAddresses reads the file that appears when the listeners are open.
func (s *Server) awaitAddresses(ctx context.Context) error {
	for late := time.Now().Add(patience); ; {
		text, err := os.ReadFile(filepath.Join(s.data(), "addresses.json"))
		if err == nil && json.Unmarshal(text, &s.Addresses) == nil {
			return nil
		}
		if time.Now().After(late) {
			return errors.New("the server opened no listener in time")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("the server ended at its start: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Command runs a command of the binary on the server's data. Secrets go in and come out by pipes.
func (s *Server) Command(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.binary, append(args, "--data", s.data())...)
	cmd.Stdin, cmd.Env = strings.NewReader(stdin), withoutSettings(os.Environ())
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("gridtie %s: %w: %s", strings.Join(args[:2], " "), err, bytes.TrimSpace(talk.Bytes()))
	}
	return out, nil
}

// Provisioning reads the key and the secret with which devices ask for credentials.
func (s *Server) Provisioning(ctx context.Context) (key, secret string, err error) {
	out, err := s.Command(ctx, "", "profiles", "show", "meters", "--reveal", "--json")
	if err != nil {
		return "", "", err
	}
	var profile struct{ ProvisionDeviceKey, ProvisionDeviceSecret string }
	if err := json.Unmarshal(out, &profile); err != nil {
		return "", "", fmt.Errorf("reading the profile: %w", err)
	}
	return profile.ProvisionDeviceKey, profile.ProvisionDeviceSecret, nil
}

// PID is the number of the server's process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Again stops the server and starts it on the same data: what it needed for its work so far is gone.
func (s *Server) Again(ctx context.Context, log io.Writer) error {
	if err := s.end(); err != nil {
		return err
	}
	return s.start(ctx, log)
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() error { return errors.Join(s.end(), os.RemoveAll(s.dir)) }

func (s *Server) end() error {
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if err := <-s.ended; err != nil {
		return fmt.Errorf("stopping the server: %w", err)
	}
	return nil
}
