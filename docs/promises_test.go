package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	promisedBy = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	declared   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// TestPromisesAreTested holds promises.md to tests that exist, in the package that it names.
func TestPromisesAreTested(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{}
	named := 0
	for line := range strings.Lines(read(t, "promises.md")) {
		names := promisedBy.FindAllStringSubmatch(line, -1)
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(names) == 0 || len(cells) < 3 {
			continue
		}
		folder := strings.Trim(cells[len(cells)-2], " `")
		if tests[folder] == nil {
			tests[folder] = testsIn(t, folder)
		}
		for _, name := range names {
			if named++; !slices.Contains(tests[folder], name[1]) {
				t.Errorf("promises.md: %s has no %s", folder, name[1])
			}
		}
	}
	if named < 60 {
		t.Errorf("found %d names of tests", named)
	}
}

func testsIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("promises.md: no tests in %q, %v", folder, err)
	}
	names := []string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
	}
	return names
}
