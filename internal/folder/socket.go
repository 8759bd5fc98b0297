package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
)

// maxSocketPath is what every system takes: the kernel's field has 104 bytes on macOS and 108 on Linux, the end included.
const maxSocketPath = 103

// PathError is a data folder whose path is too long for a unix socket.
type PathError struct{ Path string }

func (e *PathError) Error() string {
	return fmt.Sprintf("the socket %q: its path has %d bytes and may have %d", e.Path, len(e.Path), maxSocketPath)
}

// Hint is what mends it.
func (e *PathError) Hint() string {
	return "name a folder with a shorter path with --data, or start from a folder nearer to it"
}

// Listen opens the admin socket, with mode 0600. A socket that is there already was left by a process that was killed,
// since this one owns the folder; it is replaced.
func (f *Folder) Listen() (net.Listener, error) {
	path, release, err := socketPath(f.path)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		release()
		return nil, fmt.Errorf("removing a stale socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		release()
		return nil, fmt.Errorf("opening the admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // until here the folder's own mode has kept others out
		_ = l.Close()
		release()
		return nil, fmt.Errorf("closing the admin socket to other users: %w", err)
	}
	return &listener{Listener: l, release: release}, nil
}

// listener gives the folder's descriptor back after the socket is removed through it.
type listener struct {
	net.Listener
	release func()
}

func (l *listener) Close() error {
	err := l.Listener.Close()
	if !errors.Is(err, net.ErrClosed) {
		l.release()
	}
	return err
}

// Dial connects to the server that runs on the folder at path.
func Dial(path string) (net.Conn, error) {
	socket, release, err := socketPath(path)
	if err != nil {
		return nil, err
	}
	defer release()
	return net.Dial("unix", socket)
}

// socketPath is a name of the folder's socket that is short enough, valid until release is called.
func socketPath(folder string) (path string, release func(), err error) {
	none := func() {}
	full, err := filepath.Abs(filepath.Join(folder, socketName))
	if err != nil {
		return "", none, err
	}
	if len(full) <= maxSocketPath {
		return full, none, nil
	}
	if runtime.GOOS == "linux" {
		// /proc names an open folder in a few bytes, whatever its path.
		dir, err := os.Open(folder)
		if err != nil {
			return "", none, err
		}
		return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName), func() { _ = dir.Close() }, nil
	}
	if cwd, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(cwd, full); err == nil && len(short) <= maxSocketPath {
			return short, none, nil
		}
	}
	return "", none, &PathError{full}
}
