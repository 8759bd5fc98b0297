package action

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/nodes/match"
	"github.com/gridtie/gridtie/registry"
)

type reportConfig struct {
	Attribute string `json:"attribute" default:"\"attachment\"" doc:"Name of the shared attribute that tells the device."`
}

// Validate refuses an attribute without a name.
func (c reportConfig) Validate() error {
	if c.Attribute == "" {
		return errors.New(`"attribute" is empty`)
	}
	return nil
}

// report is what the device reads.
type report struct {
	Outcome  registry.Code `json:"outcome"`
	Supplier string        `json:"supplier,omitempty"` // name
	Grid     string        `json:"grid,omitempty"`     // name
	Since    string        `json:"since,omitempty"`
	Message  string        `json:"message"` // id of the message that this answers
}

// ReportOutcome is the kind action.report-outcome: it tells the device what came of its message.
func ReportOutcome(saver AttributeSaver) engine.Kind {
	return engine.Kind{
		Name: "action.report-outcome", Summary: "Tell the device what came of its message",
		Doc: "Writes a shared attribute `{\"outcome\", \"supplier\", \"grid\", \"since\", \"message\"}`, which is pushed to a device " +
			"that listens and can be asked for always. The outcome is what devices are told (`KEY_REFUSED` for every key that " +
			"cannot be used, `CUPS_REFUSED` for a taken or unknown supply point), so that nobody can try out keys; supplier, grid " +
			"and since are told to an attached device only. A message without an outcome is a Failure.",
		Relations: []string{engine.RelationSuccess},
		Config:    reportConfig{},
		New: engine.Build(func(c reportConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				device, err := deviceID(m)
				if err != nil {
					return engine.Result{}, err
				}
				if m.Outcome() == "" {
					return engine.Result{}, errors.New("there is no outcome to report: no node before this one has set any")
				}
				value, err := json.Marshal(reportOf(m))
				if err != nil {
					return engine.Result{}, err
				}
				told := []registry.Attribute{{Key: c.Attribute, Value: value}}
				if _, err := saver.SaveAttributes(ctx, device, registry.SharedScope, told); err != nil {
					return engine.Result{}, err
				}
				return engine.Success(m), nil
			}), nil
		}),
		Examples: []engine.Example{
			{Title: "Behind action.attach", Config: `{}`, Relation: "Success"},
			{Title: "Under another name", Config: `{"attribute": "gridtie"}`, Relation: "Success"},
		},
	}
}

func reportOf(m *engine.Message) report {
	code := registry.Code(m.Outcome())
	info, _ := registry.Lookup(code)
	r := report{Outcome: info.DeviceCode, Message: m.ID()}
	switch code {
	case registry.Attached, registry.AlreadyAttached, registry.Replaced:
		r.Supplier, _ = m.Meta(match.MetaSupplierName)
		r.Grid, _ = m.Meta(match.MetaGridName)
		r.Since, _ = m.Meta(MetaSince)
	}
	return r
}
