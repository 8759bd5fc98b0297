package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/terminal"
	"github.com/gridtie/gridtie/registry"
)

// showDevice prints a device for people; off a terminal, the same facts as label and value.
func (a *app) showDevice(d admin.DeviceDetail) error {
	if d.Status == string(registry.Attached) && d.Attached != nil {
		a.head("device", d.Name, terminal.Green, fmt.Sprintf("ATTACHED since %s", a.Time(d.Attached.From)))
		a.showAttachment(d)
	} else {
		status := "NOT ATTACHED"
		if d.Last != nil {
			status += fmt.Sprintf(": %s, %s", d.Last.Code, a.Time(d.Last.Time))
		} else if d.Status != "NOT_ATTACHED" {
			status += ": " + d.Status
		}
		a.head("device", d.Name, terminal.Yellow, status)
		a.explanation(d.Explanation)
		if at := d.Attached; at != nil {
			a.field("held because", joined(string(at.Reason), at.Owner))
			a.field("asks for", fmt.Sprintf("supplier %s, supply point %s, grid %s", at.Supplier, at.CUPS, at.Grid))
		}
		a.field("profile", d.Profile)
		a.field("credentials", a.credentials(d))
	}
	a.assigned(d.Assigned)
	a.field("history", a.history(d))
	if a.Terminal && d.Status != string(registry.Attached) {
		a.field("see", "gridtie outcomes list --device "+d.Name)
	}
	return nil
}

// head is the first line of something that is shown in full: what it is called and how it stands.
func (a *app) head(what, name string, style terminal.Style, status string) {
	if !a.Terminal {
		a.field(what, name)
		a.field("status", status)
		return
	}
	a.say("%-18s%s", terminal.Clean(name), a.Paint(style, status))
}

func (a *app) explanation(text string) {
	if !a.Terminal {
		a.field("explanation", text)
		return
	}
	for _, line := range wrap(text, 110) {
		a.say("  %s", terminal.Clean(line))
	}
}

func (a *app) showAttachment(d admin.DeviceDetail) {
	at := d.Attached
	a.field("profile", d.Profile)
	a.field("credentials", a.credentials(d))
	supplier := at.Supplier
	if d.SupplierName != "" && d.SupplierName != at.Supplier {
		supplier = fmt.Sprintf("%s (%s)", d.SupplierName, at.Supplier)
	}
	a.field("supplier", supplier)
	key := at.Key
	if d.Key != nil {
		switch {
		case d.Key.State != "usable":
			key += fmt.Sprintf(" (%s now)", d.Key.State)
		case d.Key.NotAfter.IsZero():
			key += " (valid without end)"
		default:
			key += fmt.Sprintf(" (valid until %s)", a.until(d.Key.NotAfter))
		}
	}
	a.field("key", key)
	a.field("supply point", at.CUPS+" (checked: control letters)")
	grid := at.Grid
	if d.GridName != "" && d.GridName != at.Grid {
		grid = joined(at.Grid, d.GridName)
		if strings.HasPrefix(d.GridName, at.Grid) {
			grid = d.GridName
		}
	}
	a.field("grid", grid)
	a.field("by", at.GridBy)
	e := at.Evidence
	a.field("decided by", fmt.Sprintf("chain %s @%s, node %s, message %s, %s after it arrived",
		e.Chain, short(e.Revision), e.Node, e.Message, terminal.Human(e.DecidedAt.Sub(e.ReceivedAt))))
}

func (a *app) credentials(d admin.DeviceDetail) string {
	kind := strings.ToLower(strings.ReplaceAll(string(d.CredentialsType), "_", " "))
	if d.LastUsed.IsZero() {
		return kind + ", not used yet"
	}
	return kind + ", last used " + a.Ago(d.LastUsed)
}

// history is what happened to the device, oldest first.
func (a *app) history(d admin.DeviceDetail) string {
	clock := func(t time.Time) string {
		if a.Terminal {
			return t.UTC().Format("15:04:05")
		}
		return a.Time(t)
	}
	steps := []string{clock(d.Created) + " provisioned"}
	for i := len(d.Outcomes) - 1; i >= 0; i-- {
		o := d.Outcomes[i]
		if o.Code != registry.DeviceProvisioned {
			steps = append(steps, clock(o.Time)+" "+string(o.Code))
		}
	}
	return strings.Join(steps, " · ")
}

// short is the beginning of a revision, enough to tell one from another.
func short(revision string) string { return revision[:min(len(revision), 6)] }

// wrap breaks a text into lines of at most width characters, at spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		line = joined(line, word)
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

func joinComma(words []string) string { return strings.Join(words, ", ") }
