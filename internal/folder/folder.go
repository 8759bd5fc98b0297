// Package folder is the data folder: who owns it, the server key in it, and where its socket and its store lie.
//
// Learn one type: [Folder], an open and locked folder. It belongs to one process from Open to Close; the lock is the
// operating system's, so a process that is killed leaves none behind. A Folder may be used by several goroutines.
package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Names of what lies in a data folder.
const (
	lockName      = "lock"
	keyName       = "server.key"
	storeName     = "store"
	socketName    = "admin.sock"
	addressesName = "addresses.json"
)

// ErrLocked means that another process owns the folder; every LockedError is one.
var ErrLocked = errors.New("another process owns the data folder")

// LockedError names the folder that another process owns.
type LockedError struct{ Path string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("opening the data folder %q: %v", e.Path, ErrLocked)
}
func (e *LockedError) Unwrap() error { return ErrLocked }

// Hint is what to do about it.
func (e *LockedError) Hint() string {
	return "gridtie status --data " + e.Path + " shows it; --data names another folder"
}

// Folder is a data folder that this process owns.
type Folder struct {
	path string
	free func() error
	// Fresh says that there was no store in the folder when it was opened.
	Fresh bool
}

// Exists reports whether there is a data folder at path.
func Exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Open makes the folder if it is absent, with mode 0700, and takes its lock. It errs with ErrLocked if another process,
// or another Folder of this one, has it.
func Open(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening the data folder: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		// The socket in it has no password: the folder's mode is the access control.
		if err := os.Chmod(path, 0o700); err != nil {
			return nil, fmt.Errorf("closing the data folder to other users: %w", err)
		}
	}
	lock, err := vfs.Default.Lock(filepath.Join(path, lockName))
	if refused := (*fs.PathError)(nil); errors.As(err, &refused) {
		return nil, fmt.Errorf("opening the data folder: %w", err) // its lock cannot even be opened: a read-only disk
	}
	if err != nil {
		return nil, &LockedError{path}
	}
	f := &Folder{path: path, free: sync.OnceValue(lock.Close)}
	if _, err := os.Stat(f.Store()); errors.Is(err, fs.ErrNotExist) {
		f.Fresh = true
	}
	return f, nil
}

// Path is the folder as it was given to Open.
func (f *Folder) Path() string { return f.path }

// Store is the folder of the store.
func (f *Folder) Store() string { return filepath.Join(f.path, storeName) }

// Addresses is the file that tells where a running server listens.
func (f *Folder) Addresses() string { return filepath.Join(f.path, addressesName) }

// Close gives the folder back. Closing twice is harmless.
func (f *Folder) Close() error { return f.free() }
