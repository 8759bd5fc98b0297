package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/web"
	"github.com/gridtie/gridtie/connectors/intake"
)

// limitRow is one row of limits.md.
type limitRow struct{ what, value, beyond, counted, by string }

// limitRows are the rows of limits.md, and those among them that Go code can set or read, by name.
func limitRows(t *testing.T) (all []limitRow, named map[string]limitRow) {
	t.Helper()
	named = map[string]limitRow{}
	for line := range strings.Lines(read(t, "limits.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 || strings.HasPrefix(cells[0], " ---") || strings.HasPrefix(cells[0], " What") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		row := limitRow{cells[0], cells[1], cells[2], cells[3], cells[4]}
		all = append(all, row)
		for _, m := range goName.FindAllStringSubmatch(row.by, -1) {
			named[m[1]] = row
		}
	}
	return all, named
}

var (
	goName      = regexp.MustCompile("`([a-z]+\\.[A-Z][A-Za-z.]+)`")
	defaultOf   = regexp.MustCompile(`[Dd]efault ([0-9][0-9,]*( s\b)?)`)
	countedRule = regexp.MustCompile("^`(gridtie_[a-z_]+)(?:\\{([a-z]+)=\"([^\"]+)\"\\})?`$")
)

// notLimits are fields beside limits that bound nothing which somebody outside asks for.
func notLimits() []string {
	return []string{
		"devices.Limits.Body",           // intake.Limits once more
		"devices.Limits.ProfileAge",     // how old may be what is known
		"devices.Limits.ProvisionChain", // a name
		"devices.Limits.CloseUndelivered",
		"thingsboard.Options.PacketBytes", "thingsboard.Options.Inflight", // what is told of the limits of others
		"thingsboard.Options.Logger",
		"web.Options.Logger", "web.Options.Observer", "websocket.Options.Observe",
		"engine.Options.Begin", "engine.Options.Logger", "engine.Options.Now", "engine.Options.Redact",
	}
}

// TestLimitsAreAllThere holds limits.md to the fields that set limits, and to the defaults that their comments state.
func TestLimitsAreAllThere(t *testing.T) {
	t.Parallel()
	_, rows := limitRows(t)
	for _, s := range []struct{ file, typ, name string }{
		{"../connectors/devices/mqttserver/options.go", "Limits", "mqttserver.Limits"},
		{"../connectors/devices/service.go", "Limits", "devices.Limits"},
		{"../connectors/devices/thingsboard/dialect.go", "Options", "thingsboard.Options"},
		{"../connectors/devices/thingsboard/web/web.go", "Options", "web.Options"},
		{"../connectors/devices/coapserver/options.go", "Limits", "coapserver.Limits"},
		{"../connectors/devices/websocket/listener.go", "Options", "websocket.Options"},
		{"../connectors/intake/intake.go", "Limits", "intake.Limits"},
		{"../engine/engine.go", "Options", "engine.Options"},
	} {
		for field, comment := range fieldComments(t, s.file, s.typ) {
			name := s.name + "." + field
			if slices.Contains(notLimits(), name) {
				continue
			}
			row, ok := rows[name]
			if !ok {
				t.Errorf("limits.md does not tell of %s", name)
				continue
			}
			if comment == "" {
				continue // it shares the comment of the field before
			}
			if strings.Contains(comment, "Default none.") && row.value == "none" {
				continue
			}
			m := defaultOf.FindStringSubmatch(comment)
			if m == nil {
				t.Errorf("%s: its comment states no default", name)
				continue
			}
			if row.value != m[1] && !strings.HasPrefix(row.value, m[1]+" ") {
				t.Errorf("limits.md, %s: got the default %q, the comment says %q", name, row.value, m[1])
			}
		}
	}
}

// fieldComments are the fields of a struct with what is said of them.
func fieldComments(t *testing.T, file, typ string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != typ {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					all[name.Name] = strings.Join(strings.Fields(field.Doc.Text()+" "+field.Comment.Text()), " ")
				}
			}
		}
		return false
	})
	if len(all) == 0 {
		t.Fatalf("%s: there is no struct %s", file, typ)
	}
	return all
}

// TestLimitsAreCounted: what limits.md says a limit is counted as is a metric, with a label of its closed set.
func TestLimitsAreCounted(t *testing.T) {
	t.Parallel()
	known := read(t, "monitoring.md")
	rows, _ := limitRows(t)
	if len(rows) < 30 {
		t.Errorf("limits.md: got %d rows, want the limits", len(rows))
	}
	for _, row := range rows {
		if row.counted == "not" {
			continue
		}
		m := countedRule.FindStringSubmatch(row.counted)
		if m == nil {
			t.Errorf("limits.md, %q: cannot read %q", row.what, row.counted)
			continue
		}
		if !strings.Contains(known, "`"+m[1]+"`") {
			t.Errorf("limits.md, %q: monitoring.md does not know %s", row.what, m[1])
		}
		if m[2] != "" && !slices.Contains(labels(m[1]), m[3]) {
			t.Errorf("limits.md, %q: %s has no label %q", row.what, m[1], m[3])
		}
	}
}

// labels is the closed set that the label of a metric is from.
func labels(metric string) []string {
	var all []string
	switch metric {
	case "gridtie_mqtt_connections_refused_total":
		for r := mqttserver.Refusal(1); r.String() != "unknown"; r++ {
			all = append(all, r.String())
		}
	case "gridtie_mqtt_subscriptions_refused_total":
		for d := mqttserver.Denial(1); d.String() != "unknown"; d++ {
			all = append(all, d.String())
		}
	case "gridtie_http_answers_total":
		for _, status := range web.Statuses() {
			all = append(all, strconv.Itoa(status))
		}
	case "gridtie_coap_requests_refused_total":
		for _, r := range coapserver.Refusals() {
			all = append(all, string(r))
		}
	case "gridtie_coap_observations_ended_total":
		for _, r := range coapserver.Ends() {
			all = append(all, string(r))
		}
	case "gridtie_coap_dtls_refused_total":
		for _, r := range coapserver.InsecureReasons() {
			all = append(all, string(r))
		}
	case "gridtie_mqtt_connections_closed_total":
		for r := mqttserver.CloseReason(1); r.String() != "unknown"; r++ {
			all = append(all, r.String())
		}
	case "gridtie_bad_payloads_total":
		for _, r := range intake.Reasons() {
			all = append(all, string(r))
		}
	case "gridtie_gateway_devices_refused_total":
		for _, r := range devices.TurnedReasons() {
			all = append(all, string(r))
		}
	case "gridtie_rate_limited_total":
		for _, l := range devices.AllLimited() {
			all = append(all, string(l))
		}
	case "gridtie_device_quota_refused_total":
		for _, q := range devices.Quotas() {
			all = append(all, string(q))
		}
	case "gridtie_device_logins_total":
		all = append(all, string(devices.LoginThrottledAddress), string(devices.LoginThrottledName))
	case "gridtie_provisioning_answers_total":
		all = append(all, string(devices.StatusThrottledAddress), string(devices.StatusThrottledKey))
	}
	return all
}

// wantDefault needs the page to state a number.
func (r limitRow) wantDefault(t *testing.T, n int) {
	t.Helper()
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if r.value != text {
		t.Errorf("limits.md, %q: got the default %s, want %s", r.what, r.value, text)
	}
}
