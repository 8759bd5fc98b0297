package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// mutation is one fault.
type mutation struct {
	name  string
	what  string   // in words
	tests []string // arguments of go test, each line a run of its own
	quick bool
	edits []edit
}

// edit replaces one text in one file.
type edit struct{ file, was, is string }

// load reads the mutations of a folder, by name.
func load(folder string) ([]mutation, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.fault"))
	if err != nil {
		return nil, err
	}
	var all []mutation
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		m, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		m.name = strings.TrimSuffix(filepath.Base(file), ".fault")
		all = append(all, m)
	}
	return all, nil
}

// parse reads a file of lines "what:", "test:", "quick" and "file:", each file followed by blocks that "--- was", "--- is"
// and "--- end" enclose.
func parse(text string) (m mutation, err error) {
	var file string
	var block *string
	for line := range strings.Lines(text) {
		bare := strings.TrimSuffix(line, "\n")
		key, value, _ := strings.Cut(bare, ": ")
		switch {
		case bare == "--- was" && block == nil && file != "":
			m.edits = append(m.edits, edit{file: file})
			block = &m.edits[len(m.edits)-1].was
		case bare == "--- is" && block != nil:
			block = &m.edits[len(m.edits)-1].is
		case bare == "--- end" && block != nil:
			block = nil
		case block != nil:
			*block += line
		case key == "what":
			m.what = value
		case key == "test":
			m.tests = append(m.tests, value)
		case key == "file":
			file = value
		case bare == "quick":
			m.quick = true
		case bare != "":
			return m, fmt.Errorf("line %q: want what:, test:, quick, file: or a block", bare)
		}
	}
	if m.what == "" || len(m.tests) == 0 || len(m.edits) == 0 || block != nil {
		return m, errors.New("something is missing: what:, test:, file: or the end of a block")
	}
	return m, nil
}

// apply makes the fault below root, and returns what takes it back. If it errs, nothing was changed.
func (m *mutation) apply(root string) (undo func() error, err error) {
	before, after, err := m.texts(root)
	if err != nil {
		return nil, err
	}
	undo = func() error { return write(root, before) }
	if err := write(root, after); err != nil {
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

// texts returns the files as they are and as they would be.
func (m *mutation) texts(root string) (before, after map[string]string, err error) {
	before, after = map[string]string{}, map[string]string{}
	for _, e := range m.edits {
		if _, read := after[e.file]; !read {
			text, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, nil, err
			}
			before[e.file], after[e.file] = string(text), string(text)
		}
		if n := strings.Count(after[e.file], e.was); n != 1 {
			return nil, nil, fmt.Errorf("%s has this %d times, and it has to be there once:\n%s", e.file, n, e.was)
		}
		after[e.file] = strings.Replace(after[e.file], e.was, e.is, 1)
	}
	return before, after, nil
}

func write(root string, files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
