package server_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/internal/server"
)

var (
	metricName = regexp.MustCompile(`\b(?:gridtie|process|go)_[a-z0-9_]+|\bgridtie:[a-z0-9_:]+`)
	metricMade = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
)

// TestMonitoring scrapes a server that has just started, and holds to what it exports: the page on monitoring both ways,
// and every name in the rules, their tests and the dashboard.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	_, scrape := start(t, server.Options{}).get(t, "/metrics")
	var exported, known []string
	for _, m := range metricMade.FindAllStringSubmatch(scrape, -1) {
		known = append(known, m[1])
		if m[2] == "histogram" {
			known = append(known, m[1]+"_bucket", m[1]+"_sum", m[1]+"_count")
		}
		if strings.HasPrefix(m[1], "gridtie_") {
			exported = append(exported, m[1])
		}
	}
	if len(exported) < 25 {
		t.Fatalf("got %d metrics: %q", len(exported), exported)
	}
	text := func(name string) string {
		b, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	rules, page := text("examples/monitoring/rules.yml"), text("docs/monitoring.md")
	for _, m := range regexp.MustCompile(`- record: (\S+)`).FindAllStringSubmatch(rules, -1) {
		known = append(known, m[1])
		if !strings.Contains(page, "`"+m[1]+"`") {
			t.Errorf("monitoring.md does not tell of the recorded %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`- alert: (\S+)`).FindAllStringSubmatch(rules, -1) {
		if !strings.Contains(page, "| `"+m[1]+"` |") {
			t.Errorf("monitoring.md does not tell of the alert %s", m[1])
		}
		if !strings.Contains(text("examples/monitoring/rules_test.yml"), m[1]) {
			t.Errorf("rules_test.yml does not try the alert %s", m[1])
		}
	}
	for _, name := range exported {
		if !strings.Contains(page, "| `"+name+"` |") {
			t.Errorf("monitoring.md does not tell of %s", name)
		}
		if !strings.Contains(text("examples/monitoring/dashboard.json")+rules, name) {
			t.Errorf("neither a panel nor a rule looks at %s", name)
		}
	}
	for _, file := range []string{"docs/monitoring.md", "examples/monitoring/rules.yml", "examples/monitoring/rules_test.yml", "examples/monitoring/dashboard.json"} {
		for _, name := range metricName.FindAllString(text(file), -1) {
			if !slices.Contains(known, name) && name != "go_" && name != "process_" {
				t.Errorf("%s: nothing is called %s", file, name)
			}
		}
	}
}

// TestDashboard: Grafana reads it leniently, and shows nothing where a panel lacks what it needs.
func TestDashboard(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../examples/monitoring/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	type source struct{ Type, UID string }
	var d struct {
		UID, Title    string
		SchemaVersion int
		Templating    struct{ List []struct{ Name, Type string } }
		Panels        []struct {
			ID                       int
			Type, Title, Description string
			GridPos                  struct{ H, W, X, Y int }
			Datasource               source
			Targets                  []struct {
				RefID, Expr string
				Datasource  source
			}
		}
	}
	if err := json.Unmarshal(b, &d); err != nil || d.UID == "" || d.Title == "" || d.SchemaVersion < 36 || len(d.Templating.List) != 3 {
		t.Fatalf("got %v, %+v", err, d)
	}
	ids := map[int]bool{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: id %d is there twice", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies on %q, or beyond the edge", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || p.Datasource != (source{"prometheus", "${datasource}"}) || len(p.Targets) == 0 {
			t.Errorf("%s: got %+v, want a description, the data source of the variable, and queries", p.Title, p)
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if refs[q.RefID] || q.RefID == "" || !strings.Contains(q.Expr, `job="$job"`) || q.Datasource != p.Datasource {
				t.Errorf("%s: query %+v", p.Title, q)
			}
			refs[q.RefID] = true
		}
	}
}
