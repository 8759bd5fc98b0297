package packet_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	statement = regexp.MustCompile(`MQTT-[0-9][0-9.-]*[0-9]`)
	// row is one of the tables of statements: number, what is done, test.
	row = regexp.MustCompile("(?m)^\\| ([^|]+) \\| [^|]+ \\| `(Test[A-Za-z0-9]+)(/[^`]*)?` \\|$")
)

// TestConformancePage holds docs/mqtt-conformance.md to the tests: every test that it names is there, speaks of the
// statement, and every statement that the tests of MQTT 5 speak of is on the page.
func TestConformancePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/mqtt-conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := sources(t)
	listed := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		number, function, sub := m[1], m[2], strings.TrimPrefix(m[3], "/")
		source, ok := tests[function]
		if !ok {
			t.Errorf("%s: there is no test %s", number, function)
			continue
		}
		if sub != "" && !strings.Contains(source, strings.ReplaceAll(sub, "_", " ")) {
			t.Errorf("%s: nothing in the file of %s is named %q", number, function, sub)
		}
		if strings.HasPrefix(function, "TestMQTT5") {
			listed[number] = true
		}
	}
	if len(listed) == 0 {
		t.Fatal("the page has no table of statements")
	}
	shown := map[string]bool{}
	for _, tc := range sound5 {
		addStatements(shown, tc.name)
	}
	for _, tc := range bad5 {
		// Before a CONNECT the version is not known, and the number is that of MQTT 3.1.1.
		if tc.rule != "MQTT-2.2.2-2" {
			addStatements(shown, title(tc.rule, tc.name))
		}
	}
	for _, number := range slices.Sorted(maps.Keys(shown)) {
		if !listed[number] {
			t.Errorf("%s has a test, and no line on the page", number)
		}
	}
}

func addStatements(all map[string]bool, name string) {
	for _, number := range statement.FindAllString(name, -1) {
		all[number] = true
	}
}

// sources gives the file of each test of this package and the one above.
func sources(t *testing.T) map[string]string {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	all := map[string]string{}
	for _, pattern := range []string{"*_test.go", "../*_test.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range function.FindAllSubmatch(text, -1) {
				all[string(m[1])] = string(text)
			}
		}
	}
	return all
}
