// Package chains holds the rule chains that Gridtie ships, embedded as the files they are: root, which every device's
// data enters, provision, which requests for credentials enter, and attach, which root calls. They are the starting
// point for chains of one's own: `gridtie serve --chains DIR` runs a folder instead.
//
// [Files] is all there is. What it returns is the caller's.
package chains

import (
	"embed"

	"github.com/gridtie/gridtie/engine"
)

// The ids of the shipped chains that others name: where messages enter by default, and where provisioning requests do.
const (
	Root      = "root"
	Provision = "provision"
)

//go:embed *.json
var files embed.FS

// Files returns the shipped chain set, sorted by name.
func Files() []engine.File {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // an embedded folder can be read
	}
	set := make([]engine.File, 0, len(entries))
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		set = append(set, engine.File{Name: "chains/" + e.Name(), Text: text})
	}
	return set
}
