package crashtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// Process is a running gridtie serve.
type Process struct {
	cmd     *exec.Cmd
	Address string // of MQTT
	talk    bytes.Buffer
	out     sync.WaitGroup
}

// Start runs the program on a data folder and a folder of chains, and waits until devices can connect.
func Start(program, data, chains string) (*Process, error) {
	p := &Process{cmd: exec.Command(program, "serve", "--data", data, "--chains", chains, "--mqtt", "127.0.0.1:0",
		"--admin", "off", "--log-level", "warn", "--log-format", "json")}
	p.cmd.Stderr = &p.talk
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	p.out.Go(func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() { // to the end: the program must not block on what nobody reads
			if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == "mqtt" {
				address <- words[1]
			}
		}
		close(address)
	})
	if p.Address = <-address; p.Address == "" {
		p.out.Wait()
		return nil, fmt.Errorf("the program ended before it listened: %w\n%s", p.cmd.Wait(), p.talk.String())
	}
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
