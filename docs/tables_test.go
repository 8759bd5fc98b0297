package docs_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/demo"
	"github.com/gridtie/gridtie/internal/settings"
	"github.com/gridtie/gridtie/registry"
)

// TestOutcomesAreCurrent compares outcomes.md with the table of codes.
func TestOutcomesAreCurrent(t *testing.T) {
	t.Parallel()
	want := outcomes()
	if *update {
		if err := os.WriteFile("outcomes.md", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, "outcomes.md"); got != want {
		t.Error("outcomes.md is not what the code says: go test ./docs -update")
	}
}

func outcomes() string {
	var b strings.Builder
	b.WriteString(`# Outcomes

<!-- Written by ` + "`go test ./docs -update`" + ` from the code. Change it there. -->

What came of a message, as one stable word. Operators see the code itself: ` + "`gridtie outcomes list`" + `, ` + "`gridtie devices show`" + `,
the metric ` + "`gridtie_outcomes_total`" + `. The device is told the coarser word beside it, in its shared attribute ` + "`attachment`" + `, so
that nobody can find out by trying which keys exist or which supply points are taken.

*Again* says whether the same message, sent again later, may have another outcome without anybody mending it.
A device that posts is answered PUBACK, 200 or 2.01 when its message is done, whatever the outcome: it reads that in the
attribute. The last three columns are what an interface says that answers with the outcome itself.

| Code | What it means | The device is told | Again | HTTP | CoAP | MQTT 5 |
| --- | --- | --- | --- | --- | --- | --- |
`)
	for _, c := range registry.Codes() {
		again := "no"
		if c.Retry {
			again = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %d | %s | 0x%02X |\n",
			c.Code, c.Meaning, c.DeviceCode, again, c.HTTPStatus, c.CoAPCode, c.MQTTReason)
	}
	b.WriteString(`
` + "`CUPS_TAKEN` and `DEVICE_ATTACHED_ELSEWHERE`" + ` appear as the reason of a held attachment, not as outcomes of their own.
` + "`KEY_AMBIGUOUS`, `REPLAYED`, `RATE_LIMITED`, `CHAIN_ERROR`, `CHAIN_CHANGED` and `STORE_UNAVAILABLE`" + ` are reserved: no run of this
version ends with one. A message that a chain fails on is a dead letter, without an outcome.

A node kind of your own may set other codes: the device is told them as they stand, and the metric counts them together
under the label ` + "`other`" + `.
`)
	return b.String()
}

// TestSettingsAreAllThere holds configuration.md to the settings.
func TestSettingsAreAllThere(t *testing.T) {
	t.Parallel()
	text := read(t, "configuration.md")
	for _, k := range settings.Keys() {
		value := "empty"
		if k.Default != "" {
			value = "`" + k.Default + "`"
		}
		row := fmt.Sprintf("| `%s` | `%s` | %s | %s |", k.Name, k.Variable(), value, k.Doc)
		if !strings.Contains(text, row) {
			t.Errorf("configuration.md: want the row\n%s", row)
		}
	}
}

var metric = regexp.MustCompile("`(gridtie_[a-z_]+)")

// TestMetricsAreAllThere holds monitoring.md to what a server exports.
func TestMetricsAreAllThere(t *testing.T) {
	t.Parallel()
	exported := metrics(t)
	var told []string
	for _, m := range metric.FindAllStringSubmatch(read(t, "monitoring.md"), -1) {
		if told = append(told, m[1]); !slices.Contains(exported, m[1]) {
			t.Errorf("monitoring.md tells of %s, which is not exported", m[1])
		}
	}
	for _, name := range exported {
		if !slices.Contains(told, name) {
			t.Errorf("monitoring.md does not tell of %s", name)
		}
	}
}

// made is how package server makes a metric.
var made = regexp.MustCompile(`(?:\b(?:one|many|d)\("|Name: "gridtie_)([a-z_]+)"`)

// metrics returns the names of all metrics that a server exports.
func metrics(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, file := range []string{"../internal/server/metrics.go", "../internal/server/observe.go", "../internal/server/coapobserve.go"} {
		for _, m := range made.FindAllStringSubmatch(read(t, file), -1) {
			names = append(names, "gridtie_"+m[1])
		}
	}
	if len(names) < 20 {
		t.Fatalf("metrics: found %q, want all of them", names)
	}
	return names
}

// TestReasonsAreAllThere holds mqtt.md to what can be wrong with a payload.
func TestReasonsAreAllThere(t *testing.T) {
	t.Parallel()
	text := read(t, "mqtt.md")
	for _, r := range intake.Reasons() {
		if !strings.Contains(text, "`"+string(r)+"`") {
			t.Errorf("mqtt.md does not tell of %q", r)
		}
	}
}

// TestJSONFieldsAreAllThere holds json-output.md to the types that commands print.
func TestJSONFieldsAreAllThere(t *testing.T) {
	t.Parallel()
	text := read(t, "json-output.md")
	for section, v := range map[string]any{
		"status":                     admin.Status{},
		"reload":                     admin.Reload{},
		"profiles list":              admin.ProfileList{},
		"profiles show":              admin.RevealedProfile{},
		"suppliers list":             admin.SupplierPage{},
		"suppliers add-key":          admin.AddedKey{},
		"grids list":                 admin.GridList{},
		"devices list":               admin.DevicePage{},
		"devices show":               admin.DeviceDetail{},
		"devices add":                admin.AddedDevice{},
		"devices rpc":                admin.CallAnswer{},
		"devices calls":              admin.CallPage{},
		"devices set-attributes":     admin.Attributes{},
		"devices set-credentials":    admin.Credentials{},
		"outcomes list":              admin.OutcomePage{},
		"dead-letters list and show": registry.DeadLetter{},
		"try":                        admin.TryResult{},
		"demo":                       demo.Report{},
		"config":                     settings.Value{},
	} {
		part := sectionOf(text, section)
		if part == "" {
			t.Errorf("json-output.md has no section %q", section)
			continue
		}
		for _, name := range fields(reflect.TypeOf(v)) {
			if !strings.Contains(part, "`"+name+"`") && !strings.Contains(part, "`"+name+"[]`") {
				t.Errorf("json-output.md, %s: field %q is missing", section, name)
			}
		}
	}
}

// sectionOf is the part of a page under a heading of the second level.
func sectionOf(text, title string) string {
	_, part, ok := strings.Cut(text, "\n## "+title+"\n")
	if !ok {
		return ""
	}
	part, _, _ = strings.Cut(part, "\n## ")
	return part
}

// fields are the names that a struct has in JSON at its top, those of embedded structs among them.
func fields(typ reflect.Type) []string {
	var names []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, fields(f.Type)...)
		case name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}
