package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// elsewhereName is the file that says where the registry of the folder is, if it is not in the folder.
const elsewhereName = "store.elsewhere"

// ElsewhereError is a folder whose registry is in a database, opened without saying so.
type ElsewhereError struct{ Path, Where string }

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("opening the data folder %q: what the server knew was last in %s", e.Path, e.Where)
}

// Hint is what to do about it.
func (e *ElsewhereError) Hint() string {
	return "GRIDTIE_STORE names that database; to use a store in the folder instead, remove " + filepath.Join(e.Path, elsewhereName)
}

// Here errs with an ElsewhereError if the registry was last elsewhere: a store in the folder would be an empty one, or
// an old one.
func (f *Folder) Here() error {
	text, err := os.ReadFile(filepath.Join(f.path, elsewhereName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading where the store is: %w", err)
	}
	return &ElsewhereError{f.path, strings.TrimSpace(string(text))}
}

// Home takes the note back that the registry is elsewhere.
func (f *Folder) Home() error {
	if err := os.Remove(filepath.Join(f.path, elsewhereName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("noting that the store is in the folder: %w", err)
	}
	return syncDir(f.path)
}

// Elsewhere notes that the registry is where says, which holds no secret.
func (f *Folder) Elsewhere(where string) error {
	name, text := filepath.Join(f.path, elsewhereName), where+"\n"
	if there, err := os.ReadFile(name); err == nil && string(there) == text {
		return nil
	}
	if err := writeDurably(name, []byte(text)); err != nil {
		return fmt.Errorf("noting where the store is: %w", err)
	}
	return nil
}
