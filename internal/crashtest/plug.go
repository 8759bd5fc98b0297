package crashtest

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// plug is a file system whose plug can be pulled: it calls before and after around every flush, and wrote before every
// write. If it is lazy, flushing a log does nothing, as if Pebble had been told not to. A flush of which broken gives an
// error fails with it.
type plug struct {
	vfs.FS
	before, after, wrote func()
	broken               func() error
	lazy                 bool
}

func (p *plug) file(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &plugFile{File: f, plug: p, lazy: p.lazy && strings.HasSuffix(name, ".log")}, nil
}

func (p *plug) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := p.FS.Create(name, c)
	return p.file(name, f, err)
}

func (p *plug) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := p.FS.OpenReadWrite(name, c, o...)
	return p.file(name, f, err)
}

func (p *plug) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := p.FS.ReuseForWrite(old, name, c)
	return p.file(name, f, err)
}

func (p *plug) OpenDir(name string) (vfs.File, error) {
	f, err := p.FS.OpenDir(name)
	return p.file(name, f, err)
}

func (p *plug) Unwrap() vfs.FS { return p.FS }

type plugFile struct {
	vfs.File
	plug *plug
	lazy bool
}

func (f *plugFile) Write(b []byte) (int, error) {
	f.plug.wrote()
	return f.File.Write(b)
}

func (f *plugFile) Sync() error     { return f.flush(f.File.Sync) }
func (f *plugFile) SyncData() error { return f.flush(f.File.SyncData) }

func (f *plugFile) SyncTo(length int64) (full bool, err error) {
	err = f.flush(func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

func (f *plugFile) flush(sync func() error) error {
	f.plug.before()
	defer f.plug.after()
	if err := f.plug.broken(); err != nil || f.lazy {
		return err
	}
	return sync()
}
