package house_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/supplypoint"
)

// pointLike is anything that may be the CUPS or CPE of somebody's home, however it is spaced.
var pointLike = regexp.MustCompile(`(?i)\b(?:ES|PT)[ .-]?(?:[0-9][ .-]?){16}[A-Z]{2}`)

// published are valid identifiers that stand in public documents as examples.
var published = []string{
	"ES1234123456789012JY", // python-stdnum, module stdnum.es.cups
	"PT0014483920194837DW", // Portuguese examples of the CPE
	"PT1234000004614012QQ", // Portuguese examples of the CUI
}

// synthetic identifiers of ours begin their number with this many noughts: distributors do not issue such numbers.
const synthetic = "0000000"

// A valid identifier is personal data, whoever pasted it into a test. One whose letters are wrong names nobody.
func TestNoRealSupplyPoint(t *testing.T) {
	t.Parallel()
	eachFile(t, func(name string, text []byte) {
		for _, at := range pointLike.FindAllIndex(text, -1) {
			p, err := supplypoint.Parse(string(text[at[0]:at[1]]))
			if err != nil || slices.Contains(published, p.ID()) || strings.HasPrefix(p.ID()[6:], synthetic) {
				continue
			}
			t.Errorf("%s:%d: %s may be a real supply point; use supplypoint.Synthetic", name, line(text, at[0]), p.Mask())
		}
	})
}

// A path or a host of one machine is of no use on another.
func TestNothingOfOneMachine(t *testing.T) {
	t.Parallel()
	places := map[string]*regexp.Regexp{
		"a folder of one machine": regexp.MustCompile(`(?:^|[\s"'=(:` + "`" + `])/(?:root|work|home/[a-z]\w*|Users/[A-Za-z]\w*|private/tmp)(?:/|$|[\s"'])`),
		"a package registry":      regexp.MustCompile(`\b(?:proxy|sum|registry|deb|index|files|repo1?)\.[a-z]+(?:\.[a-z]+)*\.(?:org|com|net|io)\b`),
		"unfinished work":         regexp.MustCompile(`\b(?:TODO|FIXME|XXX)\b(?:[:(]|$)`),
		"a private key":           regexp.MustCompile(`-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----`),
	}
	eachFile(t, func(name string, text []byte) {
		if strings.HasSuffix(name, "internal/house/repository_test.go") {
			return
		}
		for what, is := range places {
			for _, at := range is.FindAllIndex(text, -1) {
				t.Errorf("%s:%d: %q is %s", name, line(text, at[0]), text[at[0]:at[1]], what)
			}
		}
	})
}

func line(text []byte, at int) int { return 1 + bytes.Count(text[:at], []byte("\n")) }

// eachFile hands over every text file that is, or would be, in the repository.
func eachFile(t *testing.T, look func(name string, text []byte)) {
	t.Helper()
	root := filepath.Join("..", "..")
	names, err := tracked(root)
	if err != nil {
		t.Fatalf("listing files: %v", err)
	}
	if len(names) < 100 {
		t.Fatalf("listing files: %d found, which cannot be all", len(names))
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) { // deleted, not yet committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.ContainsRune(text[:min(len(text), 8000)], 0) { // git's own test for binary files
			look(name, text)
		}
	}
}

// tracked asks git, so that what is ignored does not count; in a copy without git, it is every file not hidden.
func tracked(root string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			return nil, err
		}
		return slices.Compact(strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")), nil
	}
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(root, path)
		names = append(names, name)
		return err
	})
	return names, err
}
