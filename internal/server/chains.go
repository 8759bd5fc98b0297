package server

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/profilefile"
	"github.com/gridtie/gridtie/nodes"
)

// builtIn is what the status calls the shipped chains.
const builtIn = "built in"

// ChainsError is a set of chains, and of profiles, that cannot be used.
type ChainsError struct {
	From     string // folder of the chains
	Profiles string // folder of the profiles; empty for none
	Findings engine.Findings
}

func (e *ChainsError) Error() string {
	what := "the chains"
	if e.Profiles != "" {
		what = "chains and profiles"
	}
	return fmt.Sprintf("loading %s (%s):\n%s", what, strings.Join(e.from(), ", "), e.Findings.Error())
}

// Hint is what shows the faults in full.
func (e *ChainsError) Hint() string {
	from := slices.DeleteFunc(e.from(), func(f string) bool { return f == builtIn })
	if len(from) == 0 {
		return ""
	}
	return "gridtie check " + strings.Join(from, " ")
}

func (e *ChainsError) from() []string {
	if e.Profiles == "" || e.Profiles == e.From {
		return []string{e.From}
	}
	return []string{e.From, e.Profiles}
}

// ReadChains reads chain files; a folder stands for the *.json files in it, sorted by name.
func ReadChains(paths ...string) ([]engine.File, error) {
	var files []engine.File
	for _, path := range paths {
		names := []string{path}
		if info, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("reading chains: %w", err)
		} else if info.IsDir() {
			if names, err = filesIn(path, isJSON); err != nil {
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

// filesIn are the names of the files in a folder that are wanted, sorted.
func filesIn(dir string, wanted func(name string) bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if wanted(e.Name()) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names, nil
}

// isJSON says whether a file of that name in a folder is a chain or a profile. Hidden ones are not: editors keep locks and
// copies there.
func isJSON(name string) bool { return strings.HasSuffix(name, ".json") && !isHidden(name) }

func isHidden(name string) bool { return strings.HasPrefix(name, ".") }

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

// Check is CheckChains for chains and profiles that may lie in one heap. Secrets is nil to leave them alone. It also says
// how many profiles there are.
func Check(files, beside []engine.File, secrets *profilefile.Secrets) (engine.Findings, int, error) {
	own, texts := Apart(files)
	findings, err := CheckChains(own, beside)
	if err != nil || len(texts) == 0 {
		return findings, 0, err
	}
	profiles := profilefile.Read(texts, profilefile.Options{Secrets: secrets})
	findings = append(findings, profiles.Findings...)
	if ids, known := chainIDs(nil, Overlay(own, beside)); known { // else a file that cannot be read may be the chain that is missing
		findings = append(findings, profiles.CheckChains(ids)...)
	}
	findings.Sort()
	return findings, len(texts), nil
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
