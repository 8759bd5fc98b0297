package folder

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// WriteAddresses tells scripts and tests where the server listens: names of listeners to HOST:PORT, with the ports that
// port 0 became.
func (f *Folder) WriteAddresses(addresses map[string]string) error {
	text, err := json.Marshal(addresses)
	if err != nil {
		return err
	}
	return writeDurably(f.Addresses(), append(text, '\n'))
}

// RemoveAddresses says that nothing listens any more.
func (f *Folder) RemoveAddresses() error {
	if err := os.Remove(f.Addresses()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
