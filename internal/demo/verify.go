package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/registry"
)

// verifier compares what the registry holds with the plan.
type verifier struct {
	registry *registry.Registry
	plan     *plan
	report   *Report

	shares   map[Share]int
	outcomes map[registry.Code]int
	refused  map[registry.Code]int
}

// verify fills in what the registry holds, and how it differs from the plan.
func verify(ctx context.Context, r *registry.Registry, p *plan, report *Report) error {
	v := &verifier{
		registry: r, plan: p, report: report,
		shares: map[Share]int{}, outcomes: map[registry.Code]int{}, refused: map[registry.Code]int{},
	}
	for _, m := range p.meters {
		if err := v.meter(ctx, m); err != nil {
			return fmt.Errorf("comparing %s with the plan: %w", m.name, err)
		}
	}
	if err := v.strangers(ctx); err != nil {
		return err
	}
	for _, err := range r.Check(ctx) {
		v.differ(&meter{name: "registry"}, "consistent", err.Error())
	}
	return v.summarize(ctx)
}

func (v *verifier) differ(m *meter, want, got string) {
	v.report.Differences = append(v.report.Differences, Difference{Meter: m.name, Fault: string(m.fault), Want: want, Got: got})
}

// meter compares one meter.
func (v *verifier) meter(ctx context.Context, m *meter) error {
	if m.problem != nil {
		v.differ(m, "no problem", m.problem.Error())
	}
	d, err := v.registry.DeviceByName(ctx, m.name)
	if errors.Is(err, registry.ErrNotFound) {
		if m.login != nil {
			v.report.Lost++
		}
		v.differ(m, "a device", "none")
		return nil
	}
	if err != nil {
		return err
	}
	got, err := v.outcomesOf(ctx, d.ID)
	if err != nil {
		return err
	}
	if want := m.fault.outcomes(); !slices.Equal(got, want) {
		if len(got) < m.acked {
			v.report.Lost++
		} else if len(got) > len(want) {
			v.report.Doubled++
		}
		v.differ(m, spell(want), spell(got))
	}
	if want := tellings(m); m.problem == nil && !slices.Equal(m.told, want) {
		v.differ(m, "told "+spell(want), "told "+spell(m.told))
	}
	v.count(m, got)
	return v.attachment(ctx, m, d.ID)
}

// outcomesOf lists the outcomes of a device, oldest first.
func (v *verifier) outcomesOf(ctx context.Context, device string) ([]registry.Code, error) {
	rows, _, err := v.registry.Outcomes(ctx, registry.OutcomeFilter{Device: device}, registry.Page{})
	var codes []registry.Code
	for _, o := range slices.Backward(rows) {
		codes = append(codes, o.Code)
	}
	return codes, err
}

// tellings is what a meter must have been told: a coarser code than operators see. One that asks hears the last only.
func tellings(m *meter) []registry.Code {
	var all []registry.Code
	for _, code := range m.fault.outcomes() {
		info, _ := registry.Lookup(code)
		all = append(all, info.DeviceCode)
	}
	if !m.waits && len(all) > 1 {
		return all[len(all)-1:]
	}
	return all
}

func (v *verifier) count(m *meter, got []registry.Code) {
	for _, code := range got {
		v.outcomes[code]++
	}
	if m.holds() {
		return
	}
	last := BadPayload
	if len(got) > 0 {
		last = got[len(got)-1]
	}
	v.refused[last]++
}

// attachment compares where a meter is attached.
func (v *verifier) attachment(ctx context.Context, m *meter, device string) error {
	history, err := v.registry.History(ctx, device)
	if err != nil {
		return err
	}
	switch {
	case !m.holds() && len(history) > 0:
		v.differ(m, "no attachment", fmt.Sprintf("%d", len(history)))
		return nil
	case m.fault == takenPoint:
		return v.held(ctx, m, device)
	case !m.holds():
		return nil
	case len(history) == 0:
		v.report.Lost++
		v.differ(m, "an attachment", "none")
		return nil
	case len(history) > 1:
		v.report.Doubled++
		v.differ(m, "one attachment", fmt.Sprintf("%d", len(history)))
		return nil
	}
	a, s := history[0], v.plan.suppliers[m.market.supplier]
	switch {
	case a.State != registry.StateActive:
		v.differ(m, "an active attachment", string(a.State))
	case a.Supplier != s.id:
		v.differ(m, "supplier "+s.id, "supplier "+a.Supplier)
	case a.Grid != m.market.grid:
		v.differ(m, "grid "+m.market.grid, "grid "+a.Grid)
	case a.Point.WithoutSuffix() != m.point:
		v.differ(m, "supply point "+m.point.Mask(), "supply point "+a.CUPS)
	default:
		v.shares[Share{Supplier: s.name, Grid: a.Grid}]++
	}
	return nil
}

// held checks that a conflict waits for an operator, and says why.
func (v *verifier) held(ctx context.Context, m *meter, device string) error {
	a, err := v.registry.Attachment(ctx, device)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		v.report.Lost++
		v.differ(m, "a held attachment", "none")
	case err != nil:
		return err
	case a.State != registry.StateHeld || a.Reason != registry.CUPSTaken:
		v.differ(m, "held: CUPS_TAKEN", fmt.Sprintf("%s: %s", a.State, a.Reason))
	}
	return nil
}

// strangers finds devices that nobody planned, and dead letters.
func (v *verifier) strangers(ctx context.Context) error {
	planned := map[string]bool{}
	for _, m := range v.plan.meters {
		planned[m.name] = true
	}
	for p := (registry.Page{Limit: 1000}); ; {
		list, next, err := v.registry.Devices(ctx, p)
		if err != nil {
			return err
		}
		for _, d := range list {
			if !planned[d.Name] {
				v.report.Doubled++
				v.differ(&meter{name: d.Name}, "no such device", "one")
			}
		}
		if next == "" {
			break
		}
		p.Cursor = next
	}
	letters, _, err := v.registry.DeadLetters(ctx, registry.DeadLetterFilter{}, registry.Page{Limit: 10})
	for _, l := range letters {
		v.differ(&meter{name: l.DeviceName}, "no dead letter", l.Cause)
	}
	return err
}

func (v *verifier) summarize(ctx context.Context) error {
	report := v.report
	for share, meters := range v.shares {
		grid, err := v.registry.Grid(ctx, share.Grid)
		if err != nil {
			return err
		}
		if share.Meters = meters; grid.Name != grid.ID {
			share.GridName = grid.Name
		}
		report.Attached = append(report.Attached, share)
		report.Together += meters
	}
	slices.SortFunc(report.Attached, func(a, b Share) int {
		return strings.Compare(a.Supplier+"\x00"+a.Grid, b.Supplier+"\x00"+b.Grid)
	})
	report.Outcomes, report.Refused = table(v.outcomes), table(v.refused)
	report.AsPlanned = len(report.Differences) == 0
	return nil
}

// table lists codes in the order of the published table, and then those that are not in it.
func table(counts map[registry.Code]int) []Outcome {
	all := []Outcome{}
	left := maps.Clone(counts)
	for _, info := range registry.Codes() {
		if n := left[info.Code]; n > 0 {
			o := Outcome{Code: info.Code, Meaning: info.Meaning, Count: n}
			if o.Code == registry.Held {
				o.Meaning += " (here: CUPS_TAKEN)"
			}
			all = append(all, o)
		}
		delete(left, info.Code)
	}
	for _, code := range slices.Sorted(maps.Keys(left)) {
		meaning := "a code of the chain's own"
		if code == BadPayload {
			meaning = "the payload was no JSON: the connection was closed"
		}
		all = append(all, Outcome{Code: code, Meaning: meaning, Count: left[code]})
	}
	return all
}

func spell(codes []registry.Code) string {
	if len(codes) == 0 {
		return "no outcome"
	}
	var words []string
	for _, c := range codes {
		words = append(words, string(c))
	}
	return strings.Join(words, ", ")
}
