package docs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the conformance suite installs is what the page on compatibility says it tries, to the version.
func TestCompatibilityListsTheClients(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range pinnedClients(t) {
		if !strings.Contains(string(page), "| "+client+" |") {
			t.Errorf("compatibility.md: got no row with %q, want one, since conformance pins it", client)
		}
	}
}

// pinnedClients are the clients that conformance installs, as "name version". What they in turn need is left out.
func pinnedClients(t *testing.T) []string {
	t.Helper()
	const folder = "../conformance/"
	var all []string
	pin := regexp.MustCompile(`(?m)^((?:tb-mqtt-client|paho-mqtt|gmqtt|aiocoap))==(\S+)`)
	names, err := filepath.Glob(folder + "requirements*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pin.FindAllStringSubmatch(string(text), -1) {
			all = append(all, m[1]+" "+m[2])
		}
	}
	var npm struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	text, err := os.ReadFile(folder + "clients/package.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &npm); err != nil {
		t.Fatal(err)
	}
	for name, version := range npm.Dependencies {
		all = append(all, name+" "+version)
	}
	if want := 6; len(all) < want {
		t.Fatalf("got %q, want at least %d clients", all, want)
	}
	return all
}
