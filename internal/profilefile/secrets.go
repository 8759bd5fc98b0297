package profilefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gridtie/gridtie/engine/secret"
)

// Secrets is where secrets come from. The zero value has none.
type Secrets struct {
	Folder   string                           // a file for each secret, under its name; empty for none
	Variable func(name string) (string, bool) // of the environment; nil for none
}

// secretName is what a secret may be called: its name is also that of a file, and part of that of a variable.
var secretName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// maxSecret is the size of a secret's file in bytes.
const maxSecret = 64 << 10

// Variable is the environment variable of a secret.
func Variable(name string) string {
	return "GRIDTIE_SECRET_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
}

// errNoSecret says that there is no such secret at all.
var errNoSecret = errors.New("there is no such secret")

// find returns a secret. As with settings, its variable wins over its file. Surrounding white space, such as the line end
// that editors and echo add, is cut.
func (s Secrets) find(name string) (secret.Text, error) {
	if s.Variable != nil {
		if text, ok := s.Variable(Variable(name)); ok {
			return tidy(text, "the variable "+Variable(name))
		}
	}
	if s.Folder == "" {
		return secret.Text{}, errNoSecret
	}
	f, err := os.Open(filepath.Join(s.Folder, name))
	if errors.Is(err, os.ErrNotExist) {
		return secret.Text{}, errNoSecret
	}
	if err != nil {
		return secret.Text{}, err
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return secret.Text{}, err
	}
	return tidy(string(raw), "its file")
}

func tidy(raw, where string) (secret.Text, error) {
	text := strings.TrimSpace(raw)
	switch {
	case len(raw) > maxSecret:
		return secret.Text{}, fmt.Errorf("%s has more than %d bytes", where, maxSecret)
	case text == "":
		return secret.Text{}, fmt.Errorf("%s is empty", where)
	}
	return secret.NewText(text), nil
}

// hint is where a secret that was not found could be.
func (s Secrets) hint(name string) string {
	if s.Folder == "" {
		return fmt.Sprintf("set the variable %s, or name a folder with --secrets and put the file %q there", Variable(name), name)
	}
	return fmt.Sprintf("put it into the file %q, or into the variable %s", filepath.Join(s.Folder, name), Variable(name))
}
