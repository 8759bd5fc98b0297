package server

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/nodes"
)

// builtIn is what the status calls the shipped chains.
const builtIn = "built in"

// ChainsError is a chain set that cannot be used.
type ChainsError struct {
	From     string
	Findings engine.Findings
}

func (e *ChainsError) Error() string {
	return fmt.Sprintf("loading the chains (%s):\n%s", e.From, e.Findings.Error())
}

// Hint is what shows the faults in full.
func (e *ChainsError) Hint() string {
	if e.From == builtIn {
		return ""
	}
	return "gridtie check " + e.From
}

// ReadChains reads chain files; a folder stands for the *.json files in it, sorted by name.
func ReadChains(paths ...string) ([]engine.File, error) {
	var files []engine.File
	for _, path := range paths {
		names := []string{path}
		if info, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("reading chains: %w", err)
		} else if info.IsDir() {
			if names, err = chainFiles(path); err != nil {
				return nil, fmt.Errorf("reading chains: %w", err)
			}
			if len(names) == 0 {
				return nil, fmt.Errorf("reading chains: no *.json file in folder %q", path)
			}
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("reading chains: %w", err)
			}
			files = append(files, engine.File{Name: name, Text: text})
		}
	}
	return files, nil
}

// chainFiles are the names of the chain files in a folder, sorted.
func chainFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if isChainFile(e.Name()) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names, nil
}

// isChainFile says whether a file of that name in a folder is a chain. Hidden ones are not: editors keep locks and copies
// there.
func isChainFile(name string) bool {
	return strings.HasSuffix(name, ".json") && !strings.HasPrefix(name, ".")
}

// ChainSet is the set in the folder dir, or the shipped one if dir is empty.
func ChainSet(dir string) ([]engine.File, error) {
	if dir == "" {
		return chains.Files(), nil
	}
	return ReadChains(dir)
}

// Overlay is files, and after them what beside holds under other ids.
func Overlay(files, beside []engine.File) []engine.File {
	all := append([]engine.File{}, files...)
	taken := map[string]bool{}
	for _, f := range files {
		if id, err := ChainID(f); err == nil {
			taken[id] = true
		}
	}
	for _, f := range beside {
		if id, err := ChainID(f); err != nil || !taken[id] {
			all = append(all, f)
		}
	}
	return all
}

// ChainID is the id that a chain file gives its chain.
func ChainID(f engine.File) (string, error) {
	var envelope struct {
		RuleChain struct {
			ID string `json:"id"`
		} `json:"ruleChain"`
	}
	// Whatever else is wrong with the file, compiling reports with its place.
	if err := json.Unmarshal(f.Text, &envelope); err != nil || envelope.RuleChain.ID == "" {
		return "", fmt.Errorf("chain file %q has no /ruleChain/id", f.Name)
	}
	return envelope.RuleChain.ID, nil
}

// CheckChains compiles files beside a set and returns what it found in the files. Findings in the set itself are left
// out: they are somebody else's.
func CheckChains(files, beside []engine.File) (engine.Findings, error) {
	catalog, err := nodes.Standard(nodes.Services{})
	if err != nil {
		return nil, err
	}
	chain, all := engine.Compile(Overlay(files, beside), catalog, engine.CompileOptions{})
	if chain != nil {
		if err := chain.Close(); err != nil {
			return nil, err
		}
	}
	var own engine.Findings
	for _, f := range all {
		for _, file := range files {
			if f.File == file.Name {
				own = append(own, f)
				break
			}
		}
	}
	return own, nil
}
