package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
)

// profileFile is a profile whose supply point comes under an alias, and whose messages enter a chain.
func profileFile(name, alias, chain string) string {
	return fmt.Sprintf(`{
  "profile": {
    "name": %q,
    "provisionDeviceKey": { "$secret": "key" },
    "provisionDeviceSecret": { "$secret": "secret" },
    "chain": %q,
    "fields": [ { "name": "cups", "aliases": [ %q ] } ]
  }
}`, name, chain, alias)
}

// telling is a chain that keeps what came, if a supply point came under a declared name.
func telling(id string) string {
	return fmt.Sprintf(`{
  "ruleChain": { "id": %q, "name": "Tell" },
  "metadata": {
    "firstNode": "is-there",
    "nodes": [
      { "id": "is-there", "type": "filter.expr", "configuration": { "expr": "present(msg.cups)" } },
      { "id": "there", "type": "action.save-attributes", "configuration": { "scope": "CLIENT_SCOPE" } }
    ],
    "connections": [ { "from": "is-there", "to": "there", "type": "True" } ]
  }
}`, id)
}

// secretsFolder is a folder with the key and the secret of a profileFile.
func secretsFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "key"), "hunter2-key\n")
	write(t, filepath.Join(dir, "secret"), "hunter2-secret\n")
	return dir
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestProfileAppearsAndChanges: a file is added under a running server, nobody asks for a reload, and a meter provisions by
// it over MQTT. While it stays connected, the profile goes to other aliases and, in one step with the folder of chains, to
// a chain of another name: each message after the change is read by the new one, and none is lost in between.
func TestProfileAppearsAndChanges(t *testing.T) {
	t.Parallel()
	var log lines
	chains, profiles := filepath.Join(t.TempDir(), "chains"), t.TempDir()
	writeSet(t, chains, "one")
	write(t, filepath.Join(chains, "a.json"), telling("a"))
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, server.Options{
		Data: data, Chains: chains, Profiles: profiles, Secrets: secretsFolder(t), ChainsSettle: 5 * time.Millisecond, Logger: zerolog.New(&log),
	})
	file := filepath.Join(profiles, "water.json")
	write(t, file, profileFile("water", "punto", "a"))
	eventually(t, "the profile", func() bool {
		_, err := s.Registry().Profile(t.Context(), "water")
		return err == nil
	})
	connected := connectMQTT(t, s, "provision")
	answers := make(chan string, 1)
	settled(t, connected.Subscribe("/provision/response", 1, func(_ paho.Client, m paho.Message) { answers <- string(m.Payload()) }))
	settled(t, connected.Publish("/provision/request", 1, false,
		`{"deviceName":"meter-1","token":"T","provisionDeviceKey":"hunter2-key","provisionDeviceSecret":"hunter2-secret"}`))
	if got := <-answers; !strings.Contains(got, "SUCCESS") {
		t.Fatalf("provisioning: got %s", got)
	}
	meter := connectMQTT(t, s, "T")
	d, err := s.Registry().DeviceByName(t.Context(), "meter-1")
	must(t, err)
	sent := 0
	// post sends the supply point under a name, and says whether it was found there.
	post := func(name string) bool {
		t.Helper()
		sent++
		settled(t, meter.Publish("v1/devices/me/attributes", 1, false, fmt.Sprintf(`{%q:"ES0021000000000001RK","n":%d}`, name, sent)))
		as, err := s.Registry().Attributes(t.Context(), d.ID, registry.ClientScope, "n")
		must(t, err)
		return len(as) == 1 && string(as[0].Value) == fmt.Sprint(sent)
	}
	if !post("punto") || post("point") {
		t.Error("the first profile: its alias was not read, or another was")
	}

	c := admin.Over(func() (net.Conn, error) { return folder.Dial(data) })
	write(t, file, profileFile("water", "point", "a"))
	_, err = c.Reload(t.Context())
	must(t, err)
	if post("punto") || !post("point") {
		t.Error("another alias: the former was read, or the new one was not")
	}

	// The chain gets another name, and the profile with it.
	for i := range 10 {
		from, to := "ab"[i%2:i%2+1], "ba"[i%2:i%2+1]
		write(t, filepath.Join(chains, to+".json"), telling(to))
		must(t, os.Remove(filepath.Join(chains, from+".json")))
		write(t, file, profileFile("water", "point", to))
		r, err := c.Reload(t.Context())
		must(t, err)
		if r.Result == admin.ReloadRefused {
			t.Fatalf("chain %s for %s: %v", to, from, r.Findings)
		}
		if !post("point") {
			t.Errorf("chain %s for %s: the message was not seen there", to, from)
		}
	}
	if n := s.Engine().Counts(); n.DeadLettered+n.Abandoned > 0 {
		t.Errorf("got %d dead letters and %d abandoned messages, want none", n.DeadLettered, n.Abandoned)
	}
	must(t, s.stop())
	if text := log.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, "chains_swapped") {
		t.Errorf("the log holds a secret, or lacks the swap: %s", text)
	}
}

// TestProfileVerdicts asks for a reload after one change and another, with chains and profiles in one folder.
func TestProfileVerdicts(t *testing.T) {
	t.Parallel()
	dir, data, secrets := filepath.Join(t.TempDir(), "files"), filepath.Join(t.TempDir(), "data"), secretsFolder(t)
	writeSet(t, dir, "one")
	water, root := filepath.Join(dir, "water.json"), filepath.Join(dir, "root.json")
	s := start(t, server.Options{
		Data: data, Chains: dir, Profiles: dir, Secrets: secrets, ChainsSettle: time.Hour, ChainsPoll: time.Hour,
	})
	c := admin.Over(func() (net.Conn, error) { return folder.Dial(data) })
	aliasInForce := func() string {
		p, err := s.Registry().Profile(t.Context(), "water")
		if errors.Is(err, registry.ErrNotFound) {
			return ""
		}
		must(t, err)
		return p.Fields[1].Aliases[0]
	}
	for _, step := range []struct {
		name    string
		change  func()
		result  string
		alias   string // in force afterwards, empty for no profile
		finding string // in the first one: file:line code
	}{
		{"nothing done", func() {}, "unchanged", "", ""},
		{"a profile", func() { write(t, water, profileFile("water", "a", "root")) }, "swapped", "a", ""},
		{"other layout", func() { write(t, water, "\n"+profileFile("water", "a", "root")) }, "unchanged", "a", ""},
		{"another alias", func() { write(t, water, profileFile("water", "b", "root")) }, "swapped", "b", ""},
		{"another secret", func() { write(t, filepath.Join(secrets, "secret"), "hunter2-new") }, "swapped", "b", ""},
		{"no secret", func() { must(t, os.Remove(filepath.Join(secrets, "secret"))) }, "refused", "b", "water.json:5 secret"},
		{"a secret again", func() { write(t, filepath.Join(secrets, "secret"), "hunter2-new") }, "unchanged", "b", ""},
		{
			"a good profile and a bad chain", func() {
				write(t, water, profileFile("water", "c", "root"))
				write(t, root, strings.Replace(chainOf("root", "two"), "action.log", "action.lgo", 1))
			}, "refused", "b", "root.json:5 unknown-kind",
		},
		{
			"a good chain and a bad profile", func() {
				write(t, water, profileFile("water", "c", "toor"))
				write(t, root, chainOf("root", "two"))
			}, "refused", "b", "water.json:6 unknown-chain",
		},
		{"both good", func() { write(t, water, profileFile("water", "c", "root")) }, "swapped", "c", ""},
		{"a device, and no file", func() {
			_, _, err := s.Registry().AddDevice(t.Context(), registry.Device{Name: "m", Profile: "water"}, registry.Credentials{})
			must(t, err)
			must(t, os.Remove(water))
		}, "refused", "c", "files:0 profile-in-use"},
		{"no device, and no file", func() {
			d, err := s.Registry().DeviceByName(t.Context(), "m")
			must(t, err)
			must(t, s.Registry().DeleteDevice(t.Context(), d.ID))
		}, "swapped", "", ""},
		{"one of a command, and a file", func() {
			_, err := s.Registry().AddProfile(t.Context(), registry.NewProfile("water"), secret.Text{})
			must(t, err)
			write(t, water, profileFile("water", "d", "root"))
		}, "refused", "cups", "water.json:3 profile-exists"},
	} {
		step.change()
		before := s.Status()
		r, err := c.Reload(t.Context())
		must(t, err)
		var first string
		if len(r.Findings) > 0 {
			first = fmt.Sprintf("%s:%d %s", filepath.Base(r.Findings[0].File), r.Findings[0].Line, r.Findings[0].Code)
		}
		if r.Result != step.result || first != step.finding {
			t.Errorf("%s: got %s, %q, want %s, %q", step.name, r.Result, first, step.result, step.finding)
		}
		if got := aliasInForce(); got != step.alias {
			t.Errorf("%s: got alias %q in force, want %q", step.name, got, step.alias)
		}
		after := s.Status()
		if (after.Chains.Refused != nil) != (step.result == "refused") {
			t.Errorf("%s: the status says refused: %v", step.name, after.Chains.Refused)
		}
		if step.result == "refused" && (after.Profiles.Revision != before.Profiles.Revision || after.Chains.Revision != before.Chains.Revision) {
			t.Errorf("%s: a revision changed", step.name)
		}
		if text := fmt.Sprintf("%+v %+v", r, after); strings.Contains(text, "hunter2") {
			t.Errorf("%s: a secret is told: %s", step.name, text)
		}
	}
}
