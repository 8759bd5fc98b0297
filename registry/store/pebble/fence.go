package pebble

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fence stands between Pebble and the file system. While it is down (during Open) it hands errors on. Once up, the
// first failed write of anything but a table file trips it: it reports the failure, and then tells Pebble that this
// write and all that follow succeed, while none reaches the disk.
//
// The lie is what makes a failure orderly. Pebble panics when its log cannot be rotated, and unlocks a mutex that is
// not locked on the way out, which ends the process beyond any recover. It is harmless because the store has failed
// before the lie is told: who learns from Pebble that a batch is flushed looks afterwards whether the store has failed.
type fence struct {
	vfs.FS
	up      atomic.Bool
	tripped atomic.Bool
	fail    func(error) // fails the store, which trips the fence
}

// judge returns the error that Pebble gets to see for a write to name that ended with err.
func (f *fence) judge(op, name string, err error) error {
	if err == nil || !f.up.Load() {
		return err
	}
	if f.tripped.Load() {
		return nil
	}
	if ext := filepath.Ext(name); ext == ".sst" || ext == ".blob" {
		return err // Pebble tries again with another file
	}
	f.fail(fmt.Errorf("%s %s: %w", op, filepath.Base(name), err))
	return nil
}

// open wraps what a call that opens a file for writing returned.
func (f *fence) open(op, name string, file vfs.File, err error) (vfs.File, error) {
	if err == nil {
		return &fencedFile{File: file, fence: f, name: name}, nil
	}
	if err := f.judge(op, name, err); err != nil {
		return nil, err
	}
	return newSink(), nil
}

func (f *fence) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if f.tripped.Load() {
		return newSink(), nil
	}
	if err := f.beforeMarker(name); err != nil {
		return f.open("creating", name, nil, err)
	}
	file, err := f.FS.Create(name, c)
	return f.open("creating", name, file, err)
}

// beforeMarker flushes the folder before a marker file is made in it. Pebble's marker names the manifest in force, and
// Pebble makes both before it flushes the folder once; a power cut in between may keep the marker and forget the
// manifest, on a file system that does not keep directory entries in order, and then the folder cannot be opened.
func (f *fence) beforeMarker(name string) error {
	if !strings.HasPrefix(f.FS.PathBase(name), "marker.") {
		return nil
	}
	d, err := f.FS.OpenDir(f.FS.PathDir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *fence) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	if f.tripped.Load() {
		return newSink(), nil
	}
	file, err := f.FS.OpenReadWrite(name, c, o...)
	return f.open("opening", name, file, err)
}

func (f *fence) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if f.tripped.Load() {
		return newSink(), nil
	}
	file, err := f.FS.ReuseForWrite(oldname, newname, c)
	return f.open("reusing", newname, file, err)
}

func (f *fence) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	return f.open("opening", name, file, err)
}

// What follows fails without harm to what is acknowledged, so it does not trip the fence.

func (f *fence) Remove(name string) error {
	if f.tripped.Load() {
		return nil
	}
	return f.FS.Remove(name)
}

func (f *fence) RemoveAll(name string) error {
	if f.tripped.Load() {
		return nil
	}
	return f.FS.RemoveAll(name)
}

func (f *fence) Rename(oldname, newname string) error {
	if f.tripped.Load() {
		return nil
	}
	return f.FS.Rename(oldname, newname)
}

func (f *fence) Link(oldname, newname string) error {
	if f.tripped.Load() {
		return nil
	}
	return f.FS.Link(oldname, newname)
}

func (f *fence) MkdirAll(dir string, perm os.FileMode) error {
	if f.tripped.Load() {
		return nil
	}
	return f.FS.MkdirAll(dir, perm)
}

func (f *fence) Unwrap() vfs.FS { return f.FS }

// fencedFile is a file (or a directory, to be flushed) behind the fence.
type fencedFile struct {
	vfs.File
	fence *fence
	name  string
}

func (f *fencedFile) Write(p []byte) (int, error) {
	if f.fence.tripped.Load() {
		return len(p), nil
	}
	n, err := f.File.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err := f.fence.judge("writing", f.name, err); err != nil {
		return n, err
	}
	return len(p), nil
}

func (f *fencedFile) WriteAt(p []byte, off int64) (int, error) {
	if f.fence.tripped.Load() {
		return len(p), nil
	}
	n, err := f.File.WriteAt(p, off)
	if err := f.fence.judge("writing", f.name, err); err != nil {
		return n, err
	}
	return len(p), nil
}

func (f *fencedFile) Sync() error {
	if f.fence.tripped.Load() {
		return nil
	}
	return f.fence.judge("flushing", f.name, f.File.Sync())
}

func (f *fencedFile) SyncData() error {
	if f.fence.tripped.Load() {
		return nil
	}
	return f.fence.judge("flushing", f.name, f.File.SyncData())
}

func (f *fencedFile) SyncTo(length int64) (bool, error) {
	if f.fence.tripped.Load() {
		return true, nil
	}
	full, err := f.File.SyncTo(length)
	return full, f.fence.judge("flushing", f.name, err)
}

// Preallocate is asked for a whole log at once, which makes flushes quicker and promises nothing. So the last of the disk
// is not given away for it, and a disk that has no room for it is no failure: a write will tell.
func (f *fencedFile) Preallocate(offset, length int64) error {
	if f.fence.tripped.Load() {
		return nil
	}
	if use, err := f.fence.GetDiskUsage(f.fence.PathDir(f.name)); err == nil && use.AvailBytes/2 < uint64(length) {
		return nil
	}
	err := f.File.Preallocate(offset, length)
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return f.fence.judge("allocating", f.name, err)
}

// Close closes the file in any case; its error counts as a write's, since a file system may report one only now.
func (f *fencedFile) Close() error {
	return f.fence.judge("closing", f.name, f.File.Close())
}

// sink is the file that Pebble gets in place of one that could not be opened; it forgets what is written.
type sink struct{ vfs.File }

func newSink() vfs.File { return sink{vfs.NewMemFile(nil)} }

func (sink) Write(p []byte) (int, error)            { return len(p), nil }
func (sink) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (sink) Preallocate(int64, int64) error         { return nil }
func (sink) Sync() error                            { return nil }
func (sink) SyncData() error                        { return nil }
func (sink) SyncTo(int64) (bool, error)             { return true, nil }
func (sink) Prefetch(int64, int64) error            { return nil }
func (sink) Close() error                           { return nil }
