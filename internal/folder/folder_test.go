package folder_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/internal/folder"
)

func open(t *testing.T, path string) *folder.Folder {
	t.Helper()
	f, err := folder.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestBelongsToOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	f := open(t, path)
	if got := mode(t, path); got != 0o700 {
		t.Errorf("mode: got %#o, want 0700", got)
	}
	if _, err := folder.Open(path); !errors.Is(err, folder.ErrLocked) {
		t.Errorf("second owner: got %v, want %v", err, folder.ErrLocked)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestOpenFolderIsClosedToOthers(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if got := mode(t, path); got != 0o700 {
		t.Errorf("mode: got %#o, want 0700", got)
	}
}

// TestLockThatCannotBeOpened: a folder in which nothing can be written is not taken for one that somebody owns.
func TestLockThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	f := open(t, path)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(path)
	if err != nil || len(files) == 0 {
		t.Fatalf("the folder: got %v, %v, want the lock in it", files, err)
	}
	for _, file := range files { // also root cannot open a folder for writing
		name := filepath.Join(path, file.Name())
		if err := errors.Join(os.Remove(name), os.Mkdir(name, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := folder.Open(path); err == nil || errors.Is(err, folder.ErrLocked) || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("got %v, want the reason", err)
	}
}

func TestServerKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	f := open(t, path)
	first, err := f.ServerKey("")
	if err != nil {
		t.Fatal(err)
	}
	if got := mode(t, filepath.Join(path, "server.key")); got != 0o600 {
		t.Errorf("mode: got %#o, want 0600", got)
	}
	again, err := f.ServerKey("")
	if err != nil {
		t.Fatal(err)
	}
	if first.Digest("x") != again.Digest("x") {
		t.Error("the second read gave another key")
	}
	left, err := filepath.Glob(filepath.Join(path, "server.key.*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestServerKeyRefused(t *testing.T) {
	t.Parallel()
	const good = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
	for _, test := range []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"readable by all", good, 0o644, "lets others at it"},
		{"too short", "AAEC\n", 0o600, "is not 32 bytes"},
		{"not base64", "correct horse battery staple", 0o600, "is not 32 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(file, []byte(test.text), test.mode); err != nil {
				t.Fatal(err)
			}
			_, err := open(t, t.TempDir()).ServerKey(file)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to hold %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), strings.TrimSpace(test.text)) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func TestNoNewKeyBesideOldData(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.Mkdir(filepath.Join(path, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	var refused *folder.KeyError
	if _, err := open(t, path).ServerKey(""); !errors.As(err, &refused) {
		t.Errorf("got %v, want a KeyError", err)
	}
	if _, err := os.Stat(filepath.Join(path, "server.key")); err == nil {
		t.Error("a key was made")
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, folder string }{
		{"short path", "data"},
		{"path longer than the kernel's field", strings.Repeat("long-name-", 12)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), test.folder)
			f := open(t, path)
			socket := filepath.Join(path, "admin.sock")
			// As a killed server leaves it:
			if err := os.WriteFile(socket, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := f.Listen()
			var tooLong *folder.PathError
			if errors.As(err, &tooLong) {
				t.Skipf("this system has no way around: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := mode(t, socket); got != 0o600 {
				t.Errorf("mode: got %#o, want 0600", got)
			}
			go func() {
				if c, err := l.Accept(); err == nil {
					_, _ = io.WriteString(c, "hello")
					_ = c.Close()
				}
			}()
			c, err := folder.Dial(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(c)
			if err != nil || string(got) != "hello" {
				t.Errorf("got %q, %v", got, err)
			}
			_ = c.Close()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("closing twice: got %v", err)
			}
			if _, err := os.Stat(socket); err == nil {
				t.Error("the socket is still there")
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	if err := f.WriteAddresses(map[string]string{"mqtt": "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(f.Addresses())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(text, &got); err != nil || got["mqtt"] != "127.0.0.1:1" {
		t.Errorf("got %s, %v", text, err)
	}
	for range 2 {
		if err := f.RemoveAddresses(); err != nil {
			t.Error(err)
		}
	}
}
