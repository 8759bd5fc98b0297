package docs_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// standards are the pages that go through a standard statement by statement, and the numbers that it has.
var standards = []struct {
	page, numbers string
	tests         *regexp.Regexp // names of the files whose tests speak of this standard
}{
	{"mqtt-conformance-3.md", "testdata/mqtt-3.1.1.txt", regexp.MustCompile(`^(packet|sequences|[a-z]+3)_test\.go$`)},
	{"mqtt-conformance-5.md", "testdata/mqtt-5.0.txt", regexp.MustCompile(`^(mqtt5.*|[a-z]+5)_test\.go$`)},
}

var (
	number = regexp.MustCompile(`^MQTT-[0-9][0-9.-]*[0-9]$`)
	// tested is a test in the last column: the function, and the part of it that is meant.
	tested = regexp.MustCompile("`(Test[A-Za-z0-9_]+)(?:/([^`]*))?`")
	// named are the statements that the name of a test begins with; an error names them in brackets.
	named = regexp.MustCompile(`(?:"|MQTT-[0-9.-]+[0-9] )(MQTT-[0-9][0-9.-]*[0-9])`)
)

// statementRow is one line of such a page: a number or a section, what is done, and which test shows it.
type statementRow struct{ number, does, test string }

func statementRows(text string) []statementRow {
	var all []statementRow
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 3 || strings.HasPrefix(cells[0], " Statement") || strings.HasPrefix(cells[0], " Section") || strings.Contains(line, "---") {
			continue
		}
		all = append(all, statementRow{strings.TrimSpace(cells[0]), cells[1], strings.TrimSpace(cells[2])})
	}
	return all
}

// TestEveryStatementIsThere: every number of a standard has one row, no row has a number that the standard has not, and each
// names a test or says why there is none.
func TestEveryStatementIsThere(t *testing.T) {
	t.Parallel()
	for _, s := range standards {
		t.Run(s.page, func(t *testing.T) {
			t.Parallel()
			missing := map[string]bool{}
			for _, n := range strings.Fields(read(t, s.numbers)) {
				missing[n] = true
			}
			for _, r := range statementRows(read(t, s.page)) {
				if tested.FindString(r.test) == "" && !strings.HasPrefix(r.test, "none: ") {
					t.Errorf("%s: got %q in the last column, want a test, or none and why", r.number, r.test)
				}
				if !number.MatchString(r.number) {
					continue
				}
				if !missing[r.number] {
					t.Errorf("%s: is not in the standard, or has a row before", r.number)
				}
				delete(missing, r.number)
			}
			for n := range missing {
				t.Errorf("%s: got no row, want one", n)
			}
		})
	}
}

// TestStatementsNameTests: every test that a row names is there and speaks of the row's statement, and a statement that a
// test speaks of names one.
func TestStatementsNameTests(t *testing.T) {
	t.Parallel()
	tests, files := statementTests(t)
	for _, m := range tested.FindAllStringSubmatch(read(t, "mqtt-conformance.md"), -1) {
		if tests[m[1]] == "" {
			t.Errorf("mqtt-conformance.md: there is no test %s", m[1])
		}
	}
	for _, s := range standards {
		t.Run(s.page, func(t *testing.T) {
			t.Parallel()
			shown := map[string]bool{}
			for _, r := range statementRows(read(t, s.page)) {
				for _, m := range tested.FindAllStringSubmatch(r.test, -1) {
					shown[r.number] = true
					source, ok := tests[m[1]]
					part := strings.ReplaceAll(m[2], "_", " ")
					switch {
					case !ok:
						t.Errorf("%s: there is no test %s", r.number, m[1])
					case number.MatchString(part) && part != r.number:
						t.Errorf("%s: names the test of %s", r.number, part)
					case !regexp.MustCompile(`"[^"\n]*` + regexp.QuoteMeta(part) + `($|[^0-9])`).MatchString(source):
						t.Errorf("%s: nothing in the file of %s is named %q", r.number, m[1], part)
					}
				}
			}
			for name, text := range files {
				if !s.tests.MatchString(name) {
					continue
				}
				for _, m := range named.FindAllStringSubmatch(text, -1) {
					if n := m[1]; !shown[n] && !slices.Contains(before, n) {
						t.Errorf("%s: has a test in %s, and no row that names one", n, name)
					}
				}
			}
		})
	}
}

// before are statements of MQTT 3.1.1 that the codec names for packets of any version, or before it knows the version.
var before = []string{"MQTT-2.2.2-2", "MQTT-4.8.0-1"}

// statementTests gives the file of each test about MQTT, or the files where packages have the same name for tests, and the files
// by their names.
func statementTests(t *testing.T) (tests, files map[string]string) {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
	tests, files = map[string]string{}, map[string]string{}
	for _, folder := range []string{
		"connectors/devices/mqttserver/packet", "connectors/devices/mqttserver", "connectors/devices/thingsboard", "connectors/devices/websocket",
		"internal/server", "conformance/sessions",
	} {
		names, err := filepath.Glob("../" + folder + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text := read(t, name)
			files[filepath.Base(name)] = text
			for _, m := range function.FindAllStringSubmatch(text, -1) {
				tests[m[1]] += text
			}
		}
	}
	if len(tests) == 0 {
		t.Fatal("found no tests, want those of MQTT")
	}
	return tests, files
}
