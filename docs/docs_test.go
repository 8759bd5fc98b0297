// Package docs_test holds the documentation to the code: links lead somewhere, chains compile, expressions too, and what
// lists something lists all of it.
package docs_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write the pages that are made from the code")

// page is one file of documentation.
type page struct {
	path string // from this folder
	text string
}

// pages are all Markdown files that users read.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	for _, pattern := range []string{"*.md", "../*.md", "../chains/*.md", "../examples/*/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page{filepath.ToSlash(name), string(text)})
		}
	}
	return all
}

// snippet is a fenced block of code.
type snippet struct {
	language, text string
	line           int // of its first line
}

var fence = regexp.MustCompile("^ *```([a-z]*)")

func (p page) snippets() []snippet {
	var all []snippet
	var open *snippet
	for i, line := range strings.SplitAfter(p.text, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case m == nil && open != nil:
			open.text += line
		case m != nil && open == nil:
			open = &snippet{language: m[1], line: i + 2}
		case m != nil:
			all = append(all, *open)
			open = nil
		}
	}
	return all
}

// prose is the page without its blocks of code.
func (p page) prose() string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(p.text) {
		if fence.MatchString(line) {
			inside = !inside
			continue
		}
		if !inside {
			b.WriteString(line)
		}
	}
	return b.String()
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		t.Run(p.path, func(t *testing.T) {
			t.Parallel()
			for _, m := range link.FindAllStringSubmatch(p.prose(), -1) {
				to := m[1]
				if strings.Contains(to, "://") {
					continue
				}
				name, anchor, _ := strings.Cut(to, "#")
				file := p.path
				if name != "" {
					file = filepath.Join(filepath.Dir(p.path), name)
				}
				text, err := os.ReadFile(file)
				if info, statErr := os.Stat(file); statErr == nil && info.IsDir() {
					err = nil
				}
				if err != nil {
					t.Errorf("link %q: %v", to, err)
					continue
				}
				if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
					t.Errorf("link %q: there is no such heading", to)
				}
			}
		})
	}
}

// anchors are what GitHub makes of the headings of a page.
func anchors(text string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(page{text: text}.prose(), -1) {
		var b strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ' || r == '-':
				b.WriteRune('-')
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_':
				b.WriteRune(r)
			}
		}
		all = append(all, b.String())
	}
	return all
}

// read returns a page of this folder.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
