package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

func outcomeShown(o registry.Outcome) Outcome {
	info, _ := registry.Lookup(o.Code)
	o.DeviceName = supplypoint.MaskIn(o.DeviceName)
	return Outcome{Outcome: o, Took: o.Took.Seconds(), Meaning: info.Meaning}
}

// deviceID is the id of the device that the query names; empty for all devices.
func (a *api) deviceID(ctx context.Context, r *http.Request) (string, error) {
	name := r.URL.Query().Get("device")
	if name == "" {
		return "", nil
	}
	d, err := a.find(ctx, name)
	return d.ID, err
}

func (a *api) outcomes(ctx context.Context, r *http.Request) (any, error) {
	p, err := page(r)
	if err != nil {
		return nil, err
	}
	f := registry.OutcomeFilter{Code: registry.Code(r.URL.Query().Get("code"))}
	if f.Device, err = a.deviceID(ctx, r); err != nil {
		return nil, err
	}
	if f.Since, err = queryTime(r, "since"); err != nil {
		return nil, err
	}
	all, next, err := a.Registry.Outcomes(ctx, f, p)
	if err != nil {
		return nil, known(err, "such page", "")
	}
	list := OutcomePage{Outcomes: []Outcome{}, Next: next}
	for _, o := range all {
		list.Outcomes = append(list.Outcomes, outcomeShown(o))
	}
	return list, nil
}

func (a *api) deadLetters(ctx context.Context, r *http.Request) (any, error) {
	p, err := page(r)
	if err != nil {
		return nil, err
	}
	var f registry.DeadLetterFilter
	if f.Device, err = a.deviceID(ctx, r); err != nil {
		return nil, err
	}
	if f.Since, err = queryTime(r, "since"); err != nil {
		return nil, err
	}
	all, next, err := a.Registry.DeadLetters(ctx, f, p)
	if err != nil {
		return nil, known(err, "such page", "")
	}
	list := DeadLetterPage{DeadLetters: []registry.DeadLetter{}, Next: next}
	for _, l := range all {
		list.DeadLetters = append(list.DeadLetters, maskLetter(l))
	}
	return list, nil
}

func (a *api) deadLetter(ctx context.Context, r *http.Request) (any, error) {
	l, err := a.Registry.DeadLetter(ctx, r.PathValue("id"))
	if err != nil {
		return nil, known(err, fmt.Sprintf("dead letter %q", r.PathValue("id")), "gridtie dead-letters list")
	}
	return maskLetter(l), nil
}

func (a *api) status(context.Context, *http.Request) (any, error) {
	if a.Live != nil {
		return a.Live(), nil
	}
	return Status{
		Version: a.Version, Data: a.Data, Problems: []string{}, Chains: ChainStatus{IDs: []string{}},
		Messages: MessageStatus{Slow: []string{}},
	}, nil
}
