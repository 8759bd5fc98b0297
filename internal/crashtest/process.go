package crashtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Process is a running gridtie serve.
type Process struct {
	Address   string    // of MQTT, once it listens
	Addresses Addresses // of all ways

	cmd       *exec.Cmd
	listening chan Addresses // as the program says them
	talk      bytes.Buffer
	out       sync.WaitGroup
}

// Launch runs the program on a data folder and a folder of chains, with more variables in its environment.
func Launch(program, data, chains string, variables ...string) (*Process, error) {
	p := &Process{listening: make(chan Addresses, 1), cmd: exec.Command(program, "serve", "--data", data, "--chains", chains,
		"--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--coap", "127.0.0.1:0", "--admin", "off", "--log-level", "warn", "--log-format", "json")}
	p.cmd.Stderr = &p.talk
	p.cmd.Env = append(os.Environ(), variables...)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.out.Go(func() {
		defer close(p.listening)
		var at Addresses
		lines := bufio.NewScanner(out)
		for lines.Scan() { // to the end: the program must not block on what nobody reads
			words := strings.Fields(lines.Text())
			if by := slices.Index([]string{"mqtt", "http", "coap"}, strings.Join(words[:min(1, len(words))], "")); by >= 0 && len(words) > 1 {
				at[by] = words[1]
				if !slices.Contains(at[:], "") {
					p.listening <- at
				}
			}
		}
	})
	return p, nil
}

// Start launches the program and waits until devices can connect.
func Start(program, data, chains string, variables ...string) (*Process, error) {
	p, err := Launch(program, data, chains, variables...)
	if err != nil {
		return nil, err
	}
	if p.Addresses = <-p.listening; p.Addresses[overMQTT] == "" {
		p.out.Wait()
		return nil, fmt.Errorf("the program ended before it listened: %w\n%s", p.cmd.Wait(), p.talk.String())
	}
	p.Address = p.Addresses[overMQTT]
	return p, nil
}

// Kill ends the program with SIGKILL and waits for its end.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	p.out.Wait()
	_ = p.cmd.Wait() // it was killed
	return err
}

// Stop ends the program with SIGTERM, upon which it must finish its work and end with 0.
func (p *Process) Stop() error {
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	p.out.Wait()
	if ended := p.cmd.Wait(); ended != nil {
		err = errors.Join(err, fmt.Errorf("told to stop, the program ended with: %w\n%s", ended, p.talk.String()))
	}
	return err
}
