package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// disk is a file system of its own, under the data folder.
type disk struct {
	bench *bench
	path  string
	image string // of ext4; empty for one in memory
}

// ext4 makes a disk in a sparse file, of so many MiB, and puts the data folder on it.
func (b *bench) ext4(size int64) (*disk, error) {
	if err := b.root(); err != nil {
		return nil, err
	}
	d := &disk{bench: b, path: filepath.Join(b.dir, "disk"), image: filepath.Join(b.dir, "disk.ext4")}
	f, err := os.Create(d.image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(size<<20), f.Close(), os.Mkdir(d.path, 0o700)); err != nil {
		return nil, err
	}
	if _, err := b.sh("mkfs.ext4", "-q", "-m", "0", d.image); err != nil {
		return nil, err
	}
	err = d.mount()
	return d, err
}

func (d *disk) mount() error {
	b := d.bench
	if out, err := b.sh("mount", "-o", "loop", d.image, d.path); err != nil {
		return skip("no file can be mounted as a disk here: %s", out)
	}
	b.data = filepath.Join(d.path, "data")
	b.later(func() error {
		_ = syscall.Unmount(d.path, syscall.MNT_DETACH) // it may have been unmounted by its case
		return nil
	})
	return nil
}

// tmpfs puts the data folder on a disk in memory of so many MiB.
func (b *bench) tmpfs(size int) (*disk, error) {
	if err := b.root(); err != nil {
		return nil, err
	}
	d := &disk{bench: b, path: filepath.Join(b.dir, "disk")}
	if err := os.Mkdir(d.path, 0o700); err != nil {
		return nil, err
	}
	if out, err := b.sh("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=700", size), "tmpfs", d.path); err != nil {
		return nil, skip("nothing can be mounted here: %s", out)
	}
	b.data = filepath.Join(d.path, "data")
	b.later(func() error { return syscall.Unmount(d.path, syscall.MNT_DETACH) })
	return d, nil
}

func (b *bench) root() error {
	if os.Geteuid() != 0 {
		return skip("it wants root")
	}
	return nil
}

// fill leaves so many MiB of the disk free, and returns what gives the rest back.
func (d *disk) fill(leave int64) (empty func() error, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.path, &s); err != nil {
		return nil, err
	}
	ballast := filepath.Join(d.path, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		return nil, err
	}
	if size := int64(s.Bavail)*s.Bsize - leave<<20; size > 0 {
		err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
	}
	for leave == 0 && err == nil { // to the last byte, also of what was freed meanwhile
		_, err = f.Write(make([]byte, 4096))
	}
	if leave == 0 && errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return func() error { return os.Remove(ballast) }, errors.Join(err, f.Close())
}

// freeze stops every write to the disk until thaw is called.
func (d *disk) freeze() (thaw func() error, err error) {
	if out, err := d.bench.sh("fsfreeze", "-f", d.path); err != nil {
		return nil, skip("this disk cannot be frozen: %s", out)
	}
	frozen := true
	thaw = func() error {
		if !frozen {
			return nil
		}
		frozen = false
		_, err := d.bench.sh("fsfreeze", "-u", d.path)
		return err
	}
	d.bench.later(thaw) // else nobody could unmount it
	return thaw, nil
}

// group is a control group of one kind.
type group struct{ dir string }

func (g group) procs() string { return filepath.Join(g.dir, "cgroup.procs") }

// group makes a control group with a limit; of the two files, the first is that of version 1.
func (b *bench) group(controller string, v1, v2 map[string]string) (group, error) {
	if err := b.root(); err != nil {
		return group{}, err
	}
	const top = "/sys/fs/cgroup"
	name := fmt.Sprintf("gridtie-faults-%d", os.Getpid())
	g, limits := group{filepath.Join(top, controller, name)}, v1
	if text, err := os.ReadFile(filepath.Join(top, "cgroup.controllers")); err == nil {
		if !strings.Contains(string(text), controller) {
			return group{}, skip("this machine has no control group for %s", controller)
		}
		g, limits = group{filepath.Join(top, name)}, v2
	}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return group{}, skip("no control group for %s can be made: %v", controller, err)
	}
	b.later(func() error {
		err := os.Remove(g.dir)
		for range 20 { // its last process may not be gone entirely
			if err == nil || errors.Is(err, os.ErrNotExist) {
				return nil
			}
			time.Sleep(100 * time.Millisecond)
			err = os.Remove(g.dir)
		}
		return err
	})
	for file, value := range limits {
		if err := os.WriteFile(filepath.Join(g.dir, file), []byte(value), 0o600); err != nil {
			return group{}, skip("the limit for %s cannot be set: %v", controller, err)
		}
	}
	return g, nil
}

// number reads one of its files, the first that there is.
func (g group) number(files ...string) (int, error) {
	var text []byte
	err := os.ErrNotExist
	for _, file := range files {
		if text, err = os.ReadFile(filepath.Join(g.dir, file)); err == nil {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
