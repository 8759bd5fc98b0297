package server_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/nodes"
	"github.com/gridtie/gridtie/registry"
)

// limit is how long a test waits for what must come.
const limit = 20 * time.Second

// chainOf is a chain that logs, told from others by its name.
func chainOf(id, name string) string {
	return fmt.Sprintf(`{
  "ruleChain": { "id": %q, "name": %q },
  "metadata": {
    "firstNode": "log",
    "nodes": [ { "id": "log", "type": "action.log" } ],
    "connections": []
  }
}`, id, name)
}

const provisionChain = `{
  "ruleChain": { "id": "provision", "name": "Provision" },
  "metadata": { "firstNode": "provision", "nodes": [ { "id": "provision", "type": "action.provision" } ], "connections": [] }
}`

// write replaces a file's content in place.
func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeSet makes a folder with the chains root, of that name, and provision.
func writeSet(t *testing.T, dir, name string) {
	t.Helper()
	must(t, os.Mkdir(dir, 0o700))
	write(t, filepath.Join(dir, "root.json"), chainOf("root", name))
	write(t, filepath.Join(dir, "provision.json"), provisionChain)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// revisionOf is the revision of a folder with the chains root, of that name, provision, and others.
func revisionOf(t *testing.T, name string, others ...string) string {
	t.Helper()
	files := []engine.File{{Name: "root", Text: []byte(chainOf("root", name))}, {Name: "provision", Text: []byte(provisionChain)}}
	for _, text := range others {
		files = append(files, engine.File{Name: "other", Text: []byte(text)})
	}
	catalog, err := nodes.Standard(nodes.Services{})
	must(t, err)
	chain, findings := engine.Compile(files, catalog, engine.CompileOptions{})
	if chain == nil {
		t.Fatal(findings)
	}
	must(t, chain.Close())
	return chain.Revision()
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not come: %s", what)
		}
	}
}

// TestReloadVerdicts asks for a reload after one change and another, on one server.
func TestReloadVerdicts(t *testing.T) {
	t.Parallel()
	dir, data := filepath.Join(t.TempDir(), "chains"), filepath.Join(t.TempDir(), "data")
	writeSet(t, dir, "one")
	root := filepath.Join(dir, "root.json")
	s := start(t, server.Options{Data: data, Chains: dir, ChainsSettle: time.Hour, ChainsPoll: time.Hour})
	c := admin.Over(func() (net.Conn, error) { return folder.Dial(data) })
	_, err := s.Registry().AddProfile(t.Context(), registry.NewProfile("gas"), secret.Text{})
	must(t, err)

	one, two := revisionOf(t, "one"), revisionOf(t, "two")
	for _, step := range []struct {
		name          string
		change        func()
		result, after string
		finding       string // in the first one: file:line code pointer message hint
	}{
		{"nothing done", func() {}, "unchanged", one, ""},
		{"other layout", func() { write(t, root, "\n\n"+chainOf("root", "one")) }, "unchanged", one, ""},
		{"good", func() { write(t, root, chainOf("root", "two")) }, "swapped", two, ""},
		{
			"misspelt kind", func() { write(t, root, strings.Replace(chainOf("root", "three"), "action.log", "action.lgo", 1)) },
			"refused", two, `root.json:5 unknown-kind /metadata/nodes/0/type node "log": there is no node kind "action.lgo" did you mean "action.log"?`,
		},
		{"asked again", func() {}, "refused", two, "root.json:5 unknown-kind"},
		{"half a file", func() { write(t, root, chainOf("root", "three")[:40]) }, "refused", two, "root.json:"},
		{"empty file", func() { write(t, root, "") }, "refused", two, "root.json:1 "},
		{"mended", func() { write(t, root, chainOf("root", "two")) }, "unchanged", two, ""},
		{"hidden files", func() {
			must(t, os.Symlink("nobody@nowhere.4711", filepath.Join(dir, ".#root.json")))
			write(t, filepath.Join(dir, ".root.json"), "{")
		}, "unchanged", two, ""},
		{
			"a required chain away", func() { must(t, os.Remove(filepath.Join(dir, "provision.json"))) },
			"refused", two, `root.json:1 missing-chain  the set has no chain "provision"`,
		},
		{"an empty folder", func() { must(t, os.Remove(root)) }, "refused", two, "unreadable  reading chains: no *.json file in folder"},
		{"no folder", func() { must(t, os.RemoveAll(dir)) }, "refused", two, "unreadable  reading chains: stat "},
		{"back again", func() { writeSet(t, dir, "one") }, "swapped", one, ""},
	} {
		step.change()
		before := s.Status().Chains
		r, err := c.Reload(t.Context())
		must(t, err)
		if r.Result != step.result || r.Before != before.Revision || r.After != step.after {
			t.Errorf("%s: got %s, %s → %s, want %s, %s → %s", step.name, r.Result, r.Before, r.After, step.result, before.Revision, step.after)
		}
		if got := first(r.Findings); !strings.Contains(got, step.finding) || (step.finding == "") != (got == "") {
			t.Errorf("%s: got finding %q, want %q", step.name, got, step.finding)
		}
		st := s.Status()
		if st.Chains.Revision != step.after || !st.Ready {
			t.Errorf("%s: status: got revision %s, ready %v, want %s, true", step.name, st.Chains.Revision, st.Ready, step.after)
		}
		if refused := st.Chains.Refused != nil; refused != (step.result == "refused") || refused && first(st.Chains.Refused.Findings) != first(r.Findings) {
			t.Errorf("%s: status: got refused %+v", step.name, st.Chains.Refused)
		}
		if swapped := st.Chains.Since.After(before.Since); swapped != (step.result == "swapped") {
			t.Errorf("%s: in force since %v, before since %v", step.name, st.Chains.Since, before.Since)
		}
		_, metrics := s.get(t, "/metrics")
		ok := "1"
		if step.result == "refused" {
			ok = "0"
		}
		for _, want := range []string{"gridtie_chain_set_ok " + ok, `revision="` + step.after + `"`} {
			if !strings.Contains(metrics, want) {
				t.Errorf("%s: metrics: want %q", step.name, want)
			}
		}
	}
	_, metrics := s.get(t, "/metrics")
	for _, want := range []string{`{result="swapped"} 2`, `{result="refused"} 7`, `{result="unchanged"} 4`} {
		if !strings.Contains(metrics, "gridtie_chain_reloads_total"+want) {
			t.Errorf("metrics: want %s", want)
		}
	}
}

// first spells the first finding out.
func first(findings engine.Findings) string {
	if len(findings) == 0 {
		return ""
	}
	f := findings[0]
	return fmt.Sprintf("%s:%d %s %s %s %s", filepath.Base(f.File), f.Line, f.Code, f.Pointer, f.Message, f.Hint)
}

// TestProfilesKeepTheirChains: a set without a chain that a profile names is refused, and the profile is named.
func TestProfilesKeepTheirChains(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		profile func(*registry.Profile)
	}{
		{"data", func(p *registry.Profile) { p.Chain = "gas" }},
		{"provisioning", func(p *registry.Profile) { p.ProvisionChain = "gas" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir, data := filepath.Join(t.TempDir(), "chains"), filepath.Join(t.TempDir(), "data")
			writeSet(t, dir, "one")
			gas := filepath.Join(dir, "gas.json")
			write(t, gas, chainOf("gas", "Gas"))
			s := start(t, server.Options{Data: data, Chains: dir, ChainsSettle: time.Millisecond, ChainsPoll: time.Hour})
			p := registry.NewProfile("gas-meters")
			test.profile(&p)
			_, err := s.Registry().AddProfile(t.Context(), p, secret.Text{})
			must(t, err)
			must(t, os.Remove(gas))
			eventually(t, "the refusal", func() bool { return s.Status().Chains.Refused != nil })
			st := s.Status().Chains
			if got := first(st.Refused.Findings); !strings.Contains(got, `the set has no chain "gas", which the profile "gas-meters" needs`) {
				t.Errorf("got %q", got)
			}
			if !slices.Contains(st.IDs, "gas") {
				t.Errorf("chains in force: got %v, want gas among them", st.IDs)
			}
			must(t, s.stop())
			if _, err := server.Open(t.Context(), server.Options{Data: data, Chains: dir}); !server.Misconfigured(err) {
				t.Errorf("start without the chain: got %v, want a ChainsError", err)
			}
		})
	}
}

// TestWaysOfWriting: whatever way a set is written, the server comes to run it. But for the last ones, the operating system
// must have reported it.
func TestWaysOfWriting(t *testing.T) {
	t.Parallel()
	never := time.Hour
	for _, test := range []struct {
		name   string
		poll   time.Duration
		layout func(t *testing.T, dir string) // with the set "one"; nil for plain files
		change func(t *testing.T, dir string) // to the set "two"
	}{
		{"in place", never, nil, func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "root.json"), chainOf("root", "two"))
		}},
		{"emptied, then in pieces", never, nil, func(t *testing.T, dir string) {
			f, err := os.OpenFile(filepath.Join(dir, "root.json"), os.O_WRONLY|os.O_TRUNC, 0)
			must(t, err)
			text := chainOf("root", "two")
			for len(text) > 0 {
				n := min(len(text), 7)
				_, err = f.WriteString(text[:n])
				must(t, err)
				text = text[n:]
			}
			must(t, f.Close())
		}},
		{"a new file renamed over the old one", never, nil, func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, ".root.json.tmp1234"), chainOf("root", "two"))
			must(t, os.Rename(filepath.Join(dir, ".root.json.tmp1234"), filepath.Join(dir, "root.json")))
		}},
		{"the old one renamed away, a new one written", never, nil, func(t *testing.T, dir string) {
			must(t, os.Rename(filepath.Join(dir, "root.json"), filepath.Join(dir, "root.json~")))
			write(t, filepath.Join(dir, "root.json"), chainOf("root", "two"))
			must(t, os.Remove(filepath.Join(dir, "root.json~")))
		}},
		{"same size, same time", never, nil, func(t *testing.T, dir string) {
			old, err := os.Stat(filepath.Join(dir, "root.json"))
			must(t, err)
			write(t, filepath.Join(dir, "root.json"), chainOf("root", "two"))
			must(t, os.Chtimes(filepath.Join(dir, "root.json"), old.ModTime(), old.ModTime()))
		}},
		{"several files, the wrong one first", never, nil, func(t *testing.T, dir string) {
			calls := strings.Replace(chainOf("root", "two"), `"action.log"`, `"flow.chain", "configuration": { "chain": "more" }`, 1)
			write(t, filepath.Join(dir, "root.json"), calls)
			write(t, filepath.Join(dir, "more.json"), chainOf("more", "More"))
			write(t, filepath.Join(dir, "root.json"), chainOf("root", "two"))
			must(t, os.Remove(filepath.Join(dir, "more.json")))
		}},
		{"the file under another name", never, nil, func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, "root.json")))
			write(t, filepath.Join(dir, "first.json"), chainOf("root", "two"))
		}},
		{"the folder removed and made again", never, nil, func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir))
			writeSet(t, dir, "two")
		}},
		{"the folder renamed away and another one in its place", never, nil, func(t *testing.T, dir string) {
			writeSet(t, dir+".new", "two")
			must(t, os.Rename(dir, dir+".old"))
			must(t, os.Rename(dir+".new", dir))
		}},
		{"a link to a folder that leads elsewhere", never, func(t *testing.T, dir string) {
			writeSet(t, dir+".1", "one")
			must(t, os.Symlink(dir+".1", dir))
		}, func(t *testing.T, dir string) {
			writeSet(t, dir+".2", "two")
			must(t, os.Symlink(dir+".2", dir+".tmp"))
			must(t, os.Rename(dir+".tmp", dir))
		}},
		{"a volume of Kubernetes", never, func(t *testing.T, dir string) {
			must(t, os.Mkdir(dir, 0o700))
			writeSet(t, filepath.Join(dir, "..2026_11_21"), "one")
			must(t, os.Symlink("..2026_11_21", filepath.Join(dir, "..data")))
			must(t, os.Symlink("..data/root.json", filepath.Join(dir, "root.json")))
			must(t, os.Symlink("..data/provision.json", filepath.Join(dir, "provision.json")))
		}, func(t *testing.T, dir string) {
			writeSet(t, filepath.Join(dir, "..2026_11_22"), "two")
			must(t, os.Symlink("..2026_11_22", filepath.Join(dir, "..data_tmp")))
			must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
			must(t, os.RemoveAll(filepath.Join(dir, "..2026_11_21")))
		}},
		{"a link to a file elsewhere (poll)", 20 * time.Millisecond, func(t *testing.T, dir string) {
			writeSet(t, dir, "one")
			must(t, os.Rename(filepath.Join(dir, "root.json"), dir+".root"))
			must(t, os.Symlink(dir+".root", filepath.Join(dir, "root.json")))
		}, func(t *testing.T, dir string) {
			write(t, dir+".root", chainOf("root", "two")+"\n")
		}},
		{"a link further up (poll)", 20 * time.Millisecond, func(t *testing.T, dir string) {
			for n, name := range []string{"one", "two"} {
				up := fmt.Sprint(filepath.Dir(dir), ".", n)
				must(t, os.Mkdir(up, 0o700))
				writeSet(t, filepath.Join(up, "chains"), name)
			}
			must(t, os.Remove(filepath.Dir(dir)))
			must(t, os.Symlink(filepath.Dir(dir)+".0", filepath.Dir(dir)))
		}, func(t *testing.T, dir string) {
			must(t, os.Symlink(filepath.Dir(dir)+".1", filepath.Dir(dir)+".tmp"))
			must(t, os.Rename(filepath.Dir(dir)+".tmp", filepath.Dir(dir)))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			up := filepath.Join(t.TempDir(), "etc")
			must(t, os.Mkdir(up, 0o700))
			dir := filepath.Join(up, "chains")
			if test.layout == nil {
				writeSet(t, dir, "one")
			} else {
				test.layout(t, dir)
			}
			s := start(t, server.Options{Chains: dir, ChainsSettle: 5 * time.Millisecond, ChainsPoll: test.poll})
			if got, want := s.Status().Chains.Revision, revisionOf(t, "one"); got != want {
				t.Fatalf("first revision: got %s, want %s", got, want)
			}
			test.change(t, dir)
			eventually(t, "the second set", func() bool { return s.Status().Chains.Revision == revisionOf(t, "two") })
			// The watch must have followed to wherever the folder is now.
			write(t, filepath.Join(dir, "extra.json"), chainOf("extra", "Extra"))
			want := revisionOf(t, "two", chainOf("extra", "Extra"))
			eventually(t, "the third set", func() bool { return s.Status().Chains.Revision == want })
			eventually(t, "no refusal", func() bool { return s.Status().Chains.Refused == nil })
			must(t, s.stop())
		})
	}
}

// TestChangeBeforeTheWatch: what changes after the chains were read and before the watch stands is in force for the first who asks.
func TestChangeBeforeTheWatch(t *testing.T) {
	t.Parallel()
	dir, data := filepath.Join(t.TempDir(), "chains"), filepath.Join(t.TempDir(), "data")
	writeSet(t, dir, "one")
	s := opened(t, server.Options{Data: data, Chains: dir, ChainsSettle: time.Hour, ChainsPoll: time.Hour})
	write(t, filepath.Join(dir, "root.json"), chainOf("root", "two"))
	run(t, s)
	status, err := admin.Over(func() (net.Conn, error) { return folder.Dial(data) }).Status(t.Context())
	must(t, err)
	if want := revisionOf(t, "two"); status.Chains.Revision != want {
		t.Errorf("got revision %s, want %s", status.Chains.Revision, want)
	}
}
