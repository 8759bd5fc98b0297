package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// faults are all cases.
func faults() []fault {
	return []fault{
		{"disk-full", "the disk fills up under load, and room is made again", diskFull},
		{"disk-full-stop", "the server is told to stop while the disk is full, and is started on it", diskFullStop},
		{"disk-end", "the last byte of the disk is taken at once, faster than anybody looks", diskEnd},
		{"read-only", "the file system goes read-only under load", readOnly},
		{"read-only-start", "the server is started on a read-only disk", readOnlyStart},
		{"failed-flush", "fsync and fdatasync fail with an input/output error", failedFlush},
		{"slow-flush", "every flush takes 100 ms longer", slowFlush},
		{"dead-disk", "the disk does not answer for ten seconds under load", deadDisk},
		{"memory", "256 MiB of memory under load", littleMemory},
		{"cpu", "a fifth of a processor under load", littleCPU},
	}
}

// begin makes the registry and a server under load.
func (b *bench) begin(groups ...group) (*program, *load, error) {
	if err := b.furnish(); err != nil {
		return nil, nil, err
	}
	p, err := b.serve(groups...)
	if err != nil {
		return nil, nil, err
	}
	l := p.load()
	err = l.progresses(500)
	return p, l, err
}

const little = "too little room"

func diskFull(b *bench) error {
	d, err := b.ext4(512)
	if err != nil {
		return err
	}
	p, l, err := b.begin()
	if err != nil {
		return err
	}
	empty, err := d.fill(20) // a tenth is kept in reserve
	if err != nil {
		return err
	}
	if err := errors.Join(p.becomes(503, little), p.statusSays(little)); err != nil {
		return err
	}
	out, err := exec.CommandContext(b, b.gridtie, "suppliers", "add", "late", "--data", b.data).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte(little)) {
		return fmt.Errorf("a command that writes: got %v, want a refusal with %q:\n%s", err, little, out)
	}
	before, _ := l.cutOff()
	if err := l.pausesFor(3 * time.Second); err != nil {
		return err
	}
	if after, by := l.cutOff(); after > before {
		b.note("cut off meanwhile: %s; the others wait", by)
	}
	if err := empty(); err != nil {
		return err
	}
	if err := errors.Join(p.becomes(200, ""), l.progresses(500)); err != nil {
		return err
	}
	l.stop()
	_, full := p.logged("store_full")
	_, room := p.logged("store_has_room")
	return errors.Join(full, room, p.stop(), b.check())
}

func diskFullStop(b *bench) error {
	d, err := b.ext4(512)
	if err != nil {
		return err
	}
	p, l, err := b.begin()
	if err != nil {
		return err
	}
	empty, err := d.fill(20)
	if err != nil {
		return err
	}
	if err := errors.Join(p.becomes(503, little), p.stop()); err != nil {
		return err
	}
	l.stop()
	p, err = b.serve()
	if err != nil {
		return err
	}
	code, _, err := p.ready()
	b.note("started on the same disk: /readyz %d (a start gives back what old logs had allocated in advance)", code)
	if err := errors.Join(err, empty(), p.becomes(200, "")); err != nil {
		return err
	}
	l = p.load()
	err = l.progresses(100)
	l.stop()
	return errors.Join(err, p.stop(), b.check())
}

func diskEnd(b *bench) error {
	d, err := b.tmpfs(64) // with little else on it, and without a log that was allocated before
	if err != nil {
		return err
	}
	p, l, err := b.begin()
	if err != nil {
		return err
	}
	empty, err := d.fill(0)
	if err != nil {
		return err
	}
	select {
	case <-p.ended:
		if err := p.fails("no space left on device"); err != nil {
			return err
		}
		l.stop()
		if err := empty(); err != nil {
			return err
		}
		if p, err = b.serve(); err != nil {
			return err
		}
		l = p.load()
	case <-time.After(3 * time.Second):
		b.note("it did not meet the end")
		if err := errors.Join(p.becomes(503, little), empty(), p.becomes(200, "")); err != nil {
			return err
		}
	}
	err = l.progresses(100)
	l.stop()
	return errors.Join(err, p.stop(), b.check())
}

func readOnly(b *bench) error {
	d, err := b.ext4(512)
	if err != nil {
		return err
	}
	p, l, err := b.begin()
	if err != nil {
		return err
	}
	// As after an error of the medium: what is open for writing cannot be written any more. No flush may be under way: ext4 tells
	// one that it is done when its transaction has been given up meanwhile (Linux 6.18), and nobody above can find that out.
	err = p.paused(func() error {
		if out, err := b.sh("mount", "-o", "remount,abort", d.path); err != nil {
			return skip("a file system cannot be made to give up here: %s", out)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.fails(""); err != nil {
		return err
	}
	l.stop()
	if err := syscall.Unmount(d.path, 0); err != nil {
		return err
	}
	_, _ = b.sh("e2fsck", "-fy", d.image) // 1 for what it mended
	if err := d.mount(); err != nil {
		return err
	}
	if p, err = b.serve(); err != nil {
		return err
	}
	l = p.load()
	err = l.progresses(100)
	l.stop()
	return errors.Join(err, p.stop(), b.check())
}

func readOnlyStart(b *bench) error {
	d, err := b.tmpfs(256)
	if err != nil {
		return err
	}
	p, l, err := b.begin()
	if err != nil {
		return err
	}
	l.stop()
	if err := p.stop(); err != nil {
		return err
	}
	if out, err := b.sh("mount", "-o", "remount,ro", d.path); err != nil {
		return skip("a file system cannot be made read-only here: %s", out)
	}
	if p, err = b.launch(); err != nil {
		return err
	}
	if err := p.end(); err != nil {
		return err
	}
	said, err := exec.CommandContext(b, "tail", "-n", "3", p.log).Output()
	if err != nil {
		return err
	}
	if p.err == nil || !bytes.Contains(said, []byte("read-only file system")) {
		return fmt.Errorf("it ended with %v, want an error and the reason:\n%s", p.err, said)
	}
	b.note("it does not start: %s", bytes.TrimSpace(said))
	if _, err := b.sh("mount", "-o", "remount,rw", d.path); err != nil {
		return err
	}
	if p, err = b.serve(); err != nil {
		return err
	}
	return errors.Join(p.becomes(200, ""), p.stop(), b.check())
}

// inject makes system calls of a running program fail or wait, until the function that it returns is called.
func (p *program) inject(calls, how string) (end func(), err error) {
	if err := p.bench.root(); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("strace"); err != nil {
		return nil, skip("strace is missing")
	}
	said := filepath.Join(p.bench.dir, "strace")
	cmd := exec.Command("strace", "-f", "-o", said, "-e", "trace="+calls, "-e", "inject="+calls+":"+how, "-p", strconv.Itoa(p.cmd.Process.Pid))
	var talk bytes.Buffer
	cmd.Stderr = &talk
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // it ends with the program, or by the signal below
	end = sync.OnceFunc(func() { _ = cmd.Process.Signal(syscall.SIGINT); <-ended })
	p.bench.later(func() error { end(); return nil })
	began := time.Now()
	for { // until it has looked at the first call
		if out, err := exec.Command("grep", "-c", "INJECTED\\|DELAYED", said).Output(); err == nil && len(out) > 0 {
			return end, nil
		}
		select {
		case <-ended:
			if strings.Contains(talk.String(), "not permitted") {
				return nil, skip("strace may not look at a process here: %s", strings.TrimSpace(talk.String()))
			}
			return end, nil // the program has met its end already
		case <-time.After(50 * time.Millisecond):
		}
		if time.Since(began) > patience {
			return nil, skip("strace injects nothing here")
		}
	}
}

func failedFlush(b *bench) error {
	p, l, err := b.begin()
	if err != nil {
		return err
	}
	if _, err := p.inject("fsync,fdatasync", "error=EIO"); err != nil {
		return err
	}
	if err := p.fails("input/output error"); err != nil {
		return err
	}
	l.stop()
	if p, err = b.serve(); err != nil {
		return err
	}
	l = p.load()
	err = l.progresses(100)
	l.stop()
	return errors.Join(err, p.stop(), b.check())
}

func slowFlush(b *bench) error {
	p, l, err := b.begin()
	if err != nil {
		return err
	}
	b.note("before: %s", l.mark())
	end, err := p.inject("fsync,fdatasync", "delay_enter=100000")
	if err != nil {
		return err
	}
	l.mark()
	err = l.progresses(300)
	code, problems, asked := p.ready()
	b.note("with slow flushes: %s; /readyz %d %s", l.mark(), code, problems)
	if code != 200 {
		err = errors.Join(err, asked, errors.New("a disk that is only slow makes it not ready"))
	}
	end()
	l.stop()
	if all, by := l.cutOff(); all > 0 {
		err = errors.Join(err, fmt.Errorf("meters were cut off: %s", by))
	}
	return errors.Join(err, p.stop(), b.check())
}

func deadDisk(b *bench) error {
	d, err := b.ext4(512)
	if err != nil {
		return err
	}
	p, l, err := b.begin()
	if err != nil {
		return err
	}
	before, err := p.resident()
	if err != nil {
		return err
	}
	thaw, err := d.freeze()
	if err != nil {
		return err
	}
	dead, most := time.After(10*time.Second), before
	const reason = "has not ended a flush"
	if err := errors.Join(p.becomes(503, reason), p.statusSays(reason)); err != nil {
		return err
	}
	if err := l.pausesFor(time.Second); err != nil {
		return err
	}
	for waiting := true; waiting; {
		select {
		case <-dead:
			waiting = false
		case <-time.After(200 * time.Millisecond):
		}
		now, err := p.resident()
		if err != nil {
			return err
		}
		most = max(most, now)
	}
	b.note("memory: %d MiB before, at most %d MiB meanwhile", before>>20, most>>20)
	if most > before+64<<20 {
		return errors.New("its memory grows while the disk is dead")
	}
	if err := errors.Join(thaw(), p.becomes(200, ""), l.progresses(500)); err != nil {
		return err
	}
	l.stop()
	all, by := l.cutOff()
	b.note("cut off: %s; %s", by, l.mark())
	if all > 0 {
		return errors.New("meters were cut off, want them slowed")
	}
	_, stopped := p.logged("store_disk_stopped")
	_, back := p.logged("store_disk_back")
	return errors.Join(stopped, back, p.stop(), b.check())
}

func littleMemory(b *bench) error {
	g, err := b.group("memory", map[string]string{"memory.limit_in_bytes": "268435456"},
		map[string]string{"memory.max": "268435456", "memory.swap.max": "0"})
	if err != nil {
		return err
	}
	p, l, err := b.begin(g)
	if err != nil {
		return err
	}
	select {
	case <-p.ended:
		return fmt.Errorf("it was ended: %w", p.err)
	case <-time.After(10 * time.Second):
	}
	rss, err := p.resident()
	most, err2 := g.number("memory.max_usage_in_bytes", "memory.peak")
	if err != nil || err2 != nil {
		return errors.Join(err, err2)
	}
	b.note("%s; resident %d MiB, with cached files at most %d MiB", l.mark(), rss>>20, most>>20)
	l.stop()
	if all, by := l.cutOff(); all > 0 {
		return fmt.Errorf("meters were cut off: %s", by)
	}
	return errors.Join(p.becomes(200, ""), p.stop(), b.check())
}

func littleCPU(b *bench) error {
	g, err := b.group("cpu", map[string]string{"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "20000"},
		map[string]string{"cpu.max": "20000 100000"})
	if err != nil {
		return err
	}
	p, l, err := b.begin(g)
	if err != nil {
		return err
	}
	l.mark()
	ctx, cancel := context.WithTimeout(b, 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if code, problems, err := p.ready(); code != 200 {
			return fmt.Errorf("/readyz: got %d %q, %v; want 200", code, problems, err)
		}
		time.Sleep(500 * time.Millisecond)
	}
	b.note("%s", l.mark())
	l.stop()
	if all, by := l.cutOff(); all > 0 {
		return fmt.Errorf("meters were cut off: %s", by)
	}
	return errors.Join(p.stop(), b.check())
}
