package main

import (
	"bytes"
	"context"
	"crypto/rand"
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

// server is a Gridtie of our own, in a temporary folder.
type server struct {
	dir, binary string
	cmd         *exec.Cmd
	ended       chan error
	addresses   map[string]string
}

// sampleSuppliers share the meters.
const sampleSuppliers = 3

// startServer builds Gridtie, if no binary is given, and starts it with the flags that a user would give it.
func startServer(ctx context.Context, binary, dir string, log io.Writer) (*server, error) {
	dir, err := os.MkdirTemp(dir, "gridtie-meters-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, binary: binary, ended: make(chan error, 1)}
	if err := s.start(ctx, log); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) start(ctx context.Context, log io.Writer) error {
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

func (s *server) wait() { s.ended <- s.cmd.Wait() }

func (s *server) data() string { return filepath.Join(s.dir, "data") }

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
func (s *server) awaitAddresses(ctx context.Context) error {
	for late := time.Now().Add(patience); ; {
		text, err := os.ReadFile(filepath.Join(s.data(), "addresses.json"))
		if err == nil && json.Unmarshal(text, &s.addresses) == nil {
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

// gridtie runs a command of the binary on the server's data. Secrets go in and come out by pipes.
func (s *server) gridtie(ctx context.Context, stdin string, args ...string) ([]byte, error) {
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

// settle makes suppliers, and reads what meters need to know.
func (s *server) settle(ctx context.Context, w *world) error {
	out, err := s.gridtie(ctx, "", "profiles", "show", "meters", "--reveal", "--json")
	if err != nil {
		return err
	}
	var profile struct{ ProvisionDeviceKey, ProvisionDeviceSecret string }
	if err := json.Unmarshal(out, &profile); err != nil {
		return fmt.Errorf("reading the profile: %w", err)
	}
	w.key, w.secret = profile.ProvisionDeviceKey, profile.ProvisionDeviceSecret
	for i := range sampleSuppliers {
		id, key := fmt.Sprintf("supplier-%d", i+1), rand.Text()
		if _, err := s.gridtie(ctx, "", "suppliers", "add", id); err != nil {
			return err
		}
		if _, err := s.gridtie(ctx, key, "suppliers", "add-key", id, "--key-file", "-"); err != nil {
			return err
		}
		w.supplierKeys = append(w.supplierKeys, key)
	}
	return nil
}

// stop ends the server and removes its folder.
func (s *server) stop() error {
	var err error
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		if err = <-s.ended; err != nil {
			err = fmt.Errorf("stopping the server: %w", err)
		}
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
