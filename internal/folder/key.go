package folder

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gridtie/gridtie/engine/secret"
)

// KeyError is a server key file that cannot be used.
type KeyError struct {
	File, Reason, hint string
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("reading the server key %q: %s", e.File, e.Reason)
}

// Hint is what mends it.
func (e *KeyError) Hint() string { return e.hint }

// ServerKey reads the server key from file, or from the folder if file is empty. In a fresh folder an absent key is
// made, and is on disk when ServerKey returns; beside an existing store it is an error, since a new key would open
// nothing in it.
func (f *Folder) ServerKey(file string) (secret.Key, error) {
	if file == "" {
		file = filepath.Join(f.path, keyName)
	}
	key, err := readKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if !f.Fresh {
		return secret.Key{}, &KeyError{
			file, "it is not there, but the data folder holds data sealed with it",
			"put the file back from where it was kept, or name it with --server-key-file",
		}
	}
	return makeKey(file)
}

func readKey(file string) (secret.Key, error) {
	info, err := os.Stat(file)
	if err != nil {
		return secret.Key{}, err
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 { // a group may read it: that is how clusters mount secrets
		return secret.Key{}, &KeyError{file, fmt.Sprintf("mode %#o lets others at it", mode), "chmod 600 " + file}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return secret.Key{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != secret.KeySize {
		// The decoder's own error would quote the key.
		return secret.Key{}, &KeyError{
			file, fmt.Sprintf("it is not %d bytes in base64", secret.KeySize),
			"put the file back from where it was kept",
		}
	}
	return secret.KeyFrom(raw)
}

// makeKey writes a new key so that after a power cut there is either no file or the whole one.
func makeKey(file string) (secret.Key, error) {
	key := secret.NewKey()
	err := writeDurably(file, []byte(base64.StdEncoding.EncodeToString(key.Reveal())+"\n"))
	if err != nil {
		return secret.Key{}, fmt.Errorf("making the server key: %w", err)
	}
	return key, nil
}

// writeDurably replaces a file by one with mode 0600, all or nothing, and waits for the disk.
func writeDurably(file string, text []byte) error {
	dir := filepath.Dir(file)
	tmp, err := os.CreateTemp(dir, filepath.Base(file)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	if err == nil {
		err = tmp.Sync()
	}
	if closing := tmp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return err
	}
	return syncDir(dir)
}

// syncDir makes the name of a new file durable; a file alone may be on disk without its name.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closing := d.Close(); err == nil {
		err = closing
	}
	return err
}
