package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gridtie/gridtie/registry"
)

// find looks a device up by name, or by id.
func (a *api) find(ctx context.Context, name string) (registry.Device, error) {
	d, err := a.Registry.DeviceByName(ctx, name)
	if errors.Is(err, registry.ErrNotFound) {
		d, err = a.Registry.Device(ctx, name)
	}
	return d, known(err, fmt.Sprintf("device %q", name), "gridtie devices list")
}

// stand adds where the device stands: its attachment, if it has one.
func (a *api) stand(ctx context.Context, d registry.Device) (Device, error) {
	out := Device{Device: maskDevice(d), Status: "NOT_ATTACHED"}
	at, err := a.Registry.Attachment(ctx, d.ID)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		recent, err := a.recent(ctx, d.ID)
		if last := lastDecision(recent); last != nil {
			out.Status = string(last.Code)
		}
		return out, err
	case err != nil:
		return out, err
	}
	out.Attached, out.Status = &at, string(registry.Attached)
	if at.State == registry.StateHeld {
		out.Status = string(registry.Held)
	}
	return out, nil
}

func (a *api) devices(ctx context.Context, r *http.Request) (any, error) {
	p, err := page(r)
	if err != nil {
		return nil, err
	}
	all, next, err := a.Registry.Devices(ctx, p)
	if err != nil {
		return nil, known(err, "such page", "")
	}
	list := DevicePage{Devices: []Device{}, Next: next}
	for _, d := range all {
		with, err := a.stand(ctx, d)
		if err != nil {
			return nil, err
		}
		list.Devices = append(list.Devices, with)
	}
	return list, nil
}

func (a *api) device(ctx context.Context, r *http.Request) (any, error) {
	d, err := a.find(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	with, err := a.stand(ctx, d)
	if err != nil {
		return nil, err
	}
	out := DeviceDetail{Device: with, History: []registry.Attachment{}}
	if out.Outcomes, err = a.recent(ctx, d.ID); err != nil {
		return nil, err
	}
	out.Last = lastDecision(out.Outcomes)
	history, err := a.Registry.History(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	out.History = append(out.History, history...)
	if out.Attached != nil {
		if err := a.name(ctx, &out); err != nil {
			return nil, err
		}
	}
	if out.Status != string(registry.Attached) && out.Last != nil {
		out.Explanation = explain(out.Last.Outcome)
	}
	return out, nil
}

// recent is the device's latest outcomes, newest first.
func (a *api) recent(ctx context.Context, id string) ([]Outcome, error) {
	out := []Outcome{}
	all, _, err := a.Registry.Outcomes(ctx, registry.OutcomeFilter{Device: id}, registry.Page{Limit: 10})
	for _, o := range all {
		out = append(out, outcomeShown(o))
	}
	return out, err
}

// lastDecision is the newest outcome that says something about attaching.
func lastDecision(newestFirst []Outcome) *Outcome {
	for i := range newestFirst {
		if newestFirst[i].Code != registry.DeviceProvisioned {
			return &newestFirst[i]
		}
	}
	return nil
}

// name looks up what the attachment's ids stand for. A thing that is gone keeps its id.
func (a *api) name(ctx context.Context, d *DeviceDetail) error {
	absent := func(err error) bool { return errors.Is(err, registry.ErrNotFound) }
	s, err := a.Registry.Supplier(ctx, d.Attached.Supplier)
	if err != nil && !absent(err) {
		return err
	}
	g, err := a.Registry.Grid(ctx, d.Attached.Grid)
	if err != nil && !absent(err) {
		return err
	}
	d.SupplierName, d.GridName = s.Name, g.Name
	k, err := a.Registry.Key(ctx, d.Attached.Key)
	if err != nil {
		if absent(err) {
			return nil
		}
		return err
	}
	key := a.keyShown(k)
	d.Key = &key
	return nil
}

func (a *api) deleteDevice(ctx context.Context, r *http.Request) (any, error) {
	d, err := a.find(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	if err := a.Registry.DeleteDevice(ctx, d.ID); err != nil {
		return nil, known(err, fmt.Sprintf("device %q", d.Name), "")
	}
	a.Logger.Info().Str("device", maskDevice(d).Name).Str("event", "device_deleted").Send()
	return nil, nil
}
