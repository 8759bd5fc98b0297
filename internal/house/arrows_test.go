package house_test

import (
	"slices"
	"strings"
	"testing"
)

// arrow says what the packages of a folder may import of ours. A path that ends in "/..." means everything below it,
// too; any other means that package alone.
type arrow struct {
	from string
	may  []string
	why  string
}

// arrows are tried in order: the first whose folder fits a package binds it. So what is narrow stands before what is
// wide.
func arrows() []arrow {
	dialect := []string{
		"connectors/devices", "connectors/intake", "connectors/devices/mqttserver/...", "connectors/devices/coapserver/...",
		"engine/...", "registry", "supplypoint",
	}
	return []arrow{
		{"supplypoint/...", nil, "it depends on nothing at all, so that anybody can use it"},
		{"engine/...", []string{"engine/..."}, "it can be embedded without the rest"},

		{"registry/store", nil, "it is bytes and order, no meaning"},
		{"registry/store/...", []string{"registry/store", "registry/store/internal/..."}, "a store knows its interface, and what stores share"},
		{"registry/rate", nil, "a word that everybody may use"},
		{"registry/...", []string{"registry/...", "engine/secret", "supplypoint"}, "what is known does not depend on who asks"},

		{"nodes/...", []string{"nodes/...", "engine/...", "registry", "supplypoint"}, "nodes know nouns and codes, never where they are kept"},
		{"chains/...", []string{"engine"}, "chains are files and how to read them"},

		{"connectors/intake", []string{"engine/..."}, "the same for every source"},
		{"connectors/devices", []string{
			"connectors/intake", "connectors/devices/ratelimit", "engine/...", "registry", "registry/rate", "supplypoint",
		}, "it knows no protocol"},
		{"connectors/devices/ratelimit", []string{"registry/rate"}, "it counts, and does not know whom"},
		{"connectors/devices/mqttserver/...", []string{"connectors/devices/mqttserver/..."}, "a protocol knows no topic and no path"},
		{"connectors/devices/coapserver/...", []string{"connectors/devices/coapserver/..."}, "a protocol knows no topic and no path"},
		{"connectors/devices/websocket/...", nil, "a stream knows nothing of what goes through it"},
		{"connectors/devices/thingsboard/...", append(dialect, "connectors/devices/thingsboard/..."), "dialects do not know each other"},
		{"connectors/devices/azure/...", append(dialect, "connectors/devices/azure/..."), "dialects do not know each other"},
		{"connectors/mqtt/...", []string{"connectors/mqtt/...", "connectors/intake", "engine/..."}, "adapters do not know each other"},
		{"connectors/nats/...", []string{"connectors/nats/...", "connectors/intake", "engine/..."}, "adapters do not know each other"},
		{"connectors/http/...", []string{"connectors/http/...", "connectors/intake", "engine/..."}, "adapters do not know each other"},

		{"internal/benchref/...", nil, "a reference that used our code would measure us against ourselves"},
		{"internal/house/...", nil, "it reads the tree, it does not use it"},
		{"internal/logs/...", []string{"engine/secret", "supplypoint"}, "a tool for the parts, not one that knows them"},
		{"internal/settings/...", []string{"engine/secret", "registry/rate"}, "a tool for the parts, not one that knows them"},
		{"internal/terminal/...", nil, "a tool for the parts, not one that knows them"},
		{"internal/folder/...", []string{"engine/secret"}, "a tool for the parts, not one that knows them"},
		{"internal/admin/...", []string{"internal/admin/...", "engine/...", "registry", "registry/rate", "supplypoint"}, "the server hands in what it needs"},
		{"internal/...", []string{
			"internal/...", "chains/...", "connectors/...", "nodes/...", "engine/...", "registry/...", "supplypoint",
		}, "the parts are put together here"},

		{"cmd/...", []string{"internal/...", "chains/...", "nodes/...", "engine/...", "registry", "registry/rate", "supplypoint"}, "commands wire packages, they do not open stores or speak protocols"},
		{"examples/...", []string{"chains/...", "connectors/...", "nodes/...", "engine/...", "registry/...", "supplypoint"}, "they show what an importer can do"},
		{"conformance/sessions/...", []string{"connectors/devices/mqttserver/..."}, "the production sessions, and a dialect that is not in the product"},
		{"conformance/...", []string{
			"conformance/internal/...", "connectors/devices/mqttserver/packet", "supplypoint",
		}, "it sees the binary from outside: it may know the bytes, not what is behind them"},
	}
}

// testkit says that a package serves tests: no other code may import it.
func testkit(folder string) bool {
	last := folder[strings.LastIndexByte(folder, '/')+1:]
	return last == "benchref" || last == "testkit" || strings.HasSuffix(last, "test")
}

func fits(pattern, folder string) bool {
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return folder == tree || strings.HasPrefix(folder, tree+"/")
	}
	return folder == pattern
}

func TestImports(t *testing.T) {
	t.Parallel()
	rules := arrows()
	for _, p := range packages(t) {
		from := p.folder()
		if len(p.GoFiles) == 0 {
			continue // tests only: nobody can import it
		}
		i := slices.IndexFunc(rules, func(a arrow) bool { return fits(a.from, from) })
		if i < 0 {
			t.Errorf("no arrow says what %s may import: add one, with its reason", from)
			continue
		}
		rule := rules[i]
		for _, path := range p.Imports {
			to := below(path)
			if to == "" {
				continue
			}
			if !slices.ContainsFunc(rule.may, func(may string) bool { return fits(may, to) }) {
				t.Errorf("%s imports %s, want nothing of ours but %q (%s)", from, to, rule.may, rule.why)
			}
			if testkit(to) && !testkit(from) {
				t.Errorf("%s imports %s, which is for tests only", from, to)
			}
		}
	}
}

// Tests may put more together than the code, but two packages have to be testable by somebody who has nothing else.
func TestTestImports(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		from := p.folder()
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			to := below(path)
			switch {
			case to == "":
			case fits("cmd/...", to):
				t.Errorf("a test of %s imports %s; commands are run, not imported", from, to)
			case fits("supplypoint/...", from) && !fits("supplypoint/...", to) && !testkit(to),
				fits("engine/...", from) && !fits("engine/...", to) && !testkit(to):
				t.Errorf("a test of %s imports %s, want only its own folder and kits for tests", from, to)
			}
		}
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, folder string
		want            bool
	}{
		{"registry", "registry", true},
		{"registry", "registry/store", false},
		{"registry/...", "registry", true},
		{"registry/...", "registry/store/pebble", true},
		{"registry/...", "registrylike", false},
	} {
		if got := fits(c.pattern, c.folder); got != c.want {
			t.Errorf("fits(%q, %q) = %t, want %t", c.pattern, c.folder, got, c.want)
		}
	}
}
