package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/internal/terminal"
)

// Every fault planted in the chains of testdata/broken is found on its line, and nothing else is: expected.txt lists them
// as "file:line code".
func TestCheckFindsPlantedFaults(t *testing.T) { checkPlanted(t, "broken") }

// The same for profiles.
func TestCheckFindsPlantedFaultsInProfiles(t *testing.T) { checkPlanted(t, "brokenprofiles") }

func checkPlanted(t *testing.T, folder string) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("broken files: got %d (%v), want at least 20", len(files), err)
	}
	text, err := os.ReadFile(filepath.Join("testdata", folder, "expected.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(strings.ReplaceAll(string(text), " ", "\t"))
	planted := map[string][]string{}
	for i := 0; i+1 < len(want); i += 2 {
		file, line, _ := strings.Cut(want[i], ":")
		planted[file] = append(planted[file], line+" "+want[i+1])
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			var out, talk bytes.Buffer
			streams := terminal.Streams{In: strings.NewReader(""), Out: &out, Err: &talk}
			if code := run([]string{"check", "--json", file}, &streams, func(string) (string, bool) { return "", false }); code != 1 {
				t.Errorf("exit code: got %d, want 1 (%s)", code, &talk)
			}
			if strings.Contains(out.String()+talk.String(), "hunter2") {
				t.Errorf("a secret that stands in the file is repeated: %s", &out)
			}
			var result checkResult
			if err := json.Unmarshal(out.Bytes(), &result); err != nil {
				t.Fatalf("reading %s: %v", &out, err)
			}
			var got []string
			for _, f := range result.Findings {
				if f.Severity == "error" {
					got = append(got, fmt.Sprintf("%d %s", f.Line, f.Code))
				}
			}
			want := planted[filepath.Base(file)]
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("faults: got %q, want %q", got, want)
			}
		})
	}
}
