package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// Devices reaches devices that are connected, and the chains that are to hear of a device. Its methods are called concurrently.
type Devices interface {
	// Created tells the chains of a device that was added. When it returns nil, that is on disk.
	Created(ctx context.Context, d registry.Device) error
	// Call returns the device's answer, or the id of a persistent call. Besides those of the registry its errors are ErrNoAnswer
	// and ErrNotConnected.
	Call(ctx context.Context, d registry.Device, c NewCall) (CallAnswer, error)
	SetAttributes(ctx context.Context, d registry.Device, s registry.AttributeScope, as []registry.Attribute) error
	DeleteAttributes(ctx context.Context, d registry.Device, s registry.AttributeScope, keys ...string) ([]string, error)
}

// What may become of a call.
var (
	ErrNoAnswer     = errors.New("the device did not answer in time")
	ErrNotConnected = errors.New("the device is not connected")
)

// NewCall asks for a call to a device.
type NewCall struct {
	Method     string          `json:"method"`
	Params     json.RawMessage `json:"params,omitempty" doc:"any JSON value; {} if absent"`
	OneWay     bool            `json:"oneWay,omitempty" doc:"no answer is wanted"`
	Persistent bool            `json:"persistent,omitempty" doc:"keep the call until the device takes it, and do not wait"`
	Timeout    float64         `json:"timeout,omitempty" doc:"seconds that the device has; 10, or a day for a persistent call, if absent"`
	Retries    *int            `json:"retries,omitempty" doc:"how often the call is sent again to a device that does not acknowledge it; 5 if absent"`
}

// maxCallTime bounds NewCall.Timeout: nobody waits longer, and what is kept is not kept for ever.
const maxCallTime = 365 * 24 * time.Hour

// Lasts is Timeout as a duration; 0 for the default.
func (c NewCall) Lasts() time.Duration { return time.Duration(c.Timeout * float64(time.Second)) }

func (c NewCall) check() error {
	switch {
	case c.Timeout < 0 || c.Timeout > maxCallTime.Seconds():
		return invalid(fmt.Sprintf("timeout %g is not 0 to %g seconds", c.Timeout, maxCallTime.Seconds()), "")
	case c.Retries != nil && (*c.Retries < 0 || *c.Retries > 100):
		return invalid(fmt.Sprintf("retries %d is not 0 to 100", *c.Retries), "")
	}
	return nil
}

// CallAnswer is what came of a call.
type CallAnswer struct {
	ID       string          `json:"id,omitempty" doc:"of a persistent call"`
	Response json.RawMessage `json:"response,omitempty" doc:"what the device answered; text if that is no JSON"`
}

// CallPage is a page of persistent calls, newest first.
type CallPage struct {
	Calls []registry.Call `json:"calls"`
	Next  string          `json:"next,omitempty"`
}

// Attributes are a device's attributes of one scope.
type Attributes struct {
	Scope      registry.AttributeScope `json:"scope"`
	Attributes []registry.Attribute    `json:"attributes"`
}

// NewAttributes asks for attributes to be set, and deleted.
type NewAttributes struct {
	Scope  registry.AttributeScope    `json:"scope,omitempty" doc:"SHARED_SCOPE (default) or SERVER_SCOPE"`
	Values map[string]json.RawMessage `json:"values,omitempty" doc:"name to value"`
	Delete []string                   `json:"delete,omitempty" doc:"names; those that are not there are no error"`
}

func (a *api) call(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[NewCall](r)
	if err == nil {
		err = in.check()
	}
	if err != nil {
		return nil, err
	}
	d, err := a.find(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	answer, err := a.make(ctx, d, in)
	switch {
	case errors.Is(err, ErrNoAnswer):
		return nil, problem(http.StatusGatewayTimeout, CodeNoAnswer, fmt.Sprintf("device %q has the call, and did not answer in time", d.Name), "")
	case errors.Is(err, ErrNotConnected):
		return nil, problem(http.StatusGatewayTimeout, CodeNotConnected, fmt.Sprintf("device %q was not there to take the call", d.Name),
			"a persistent call waits for it")
	case err != nil:
		return nil, known(err, fmt.Sprintf("device %q", d.Name), "")
	}
	a.Logger.Info().Str("device", d.ID).Str("call", answer.ID).Str("event", "device_called").Send()
	answer.Response = maskJSON(answer.Response)
	return answer, nil
}

// make makes a call; without a server it can be kept.
func (a *api) make(ctx context.Context, d registry.Device, in NewCall) (CallAnswer, error) {
	if a.Devices != nil {
		return a.Devices.Call(ctx, d, in)
	}
	if !in.Persistent {
		return CallAnswer{}, problem(http.StatusServiceUnavailable, CodeNotConnected, "no server is running that could call a device",
			"start one, or make the call persistent")
	}
	c := registry.Call{Device: d.ID, Method: in.Method, Params: in.Params, OneWay: in.OneWay, Retries: 5, Expires: a.Clock().Add(24 * time.Hour)}
	if in.Timeout > 0 {
		c.Expires = a.Clock().Add(in.Lasts())
	}
	if in.Retries != nil {
		c.Retries = *in.Retries
	}
	if len(c.Params) == 0 {
		c.Params = json.RawMessage(`{}`)
	}
	kept, err := a.Registry.QueueCall(ctx, c)
	return CallAnswer{ID: kept.ID}, err
}

func (a *api) calls(ctx context.Context, r *http.Request) (any, error) {
	p, err := page(r)
	if err != nil {
		return nil, err
	}
	d, err := a.find(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	all, next, err := a.Registry.Calls(ctx, d.ID, p)
	if err != nil {
		return nil, known(err, "such page", "")
	}
	list := CallPage{Calls: []registry.Call{}, Next: next}
	for _, c := range all {
		list.Calls = append(list.Calls, maskCall(c))
	}
	return list, nil
}

func (a *api) oneCall(ctx context.Context, r *http.Request) (any, error) {
	d, err := a.find(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	c, err := a.Registry.Call(ctx, d.ID, r.PathValue("id"))
	return maskCall(c), known(err, fmt.Sprintf("call %q of device %q", r.PathValue("id"), d.Name), "gridtie devices calls "+d.Name)
}

func maskCall(c registry.Call) registry.Call {
	c.Method, c.Params, c.Response = supplypoint.MaskIn(c.Method), maskJSON(c.Params), maskJSON(c.Response)
	return c
}

// maskJSON hides supply points in a JSON value.
func maskJSON(value json.RawMessage) json.RawMessage {
	if len(value) == 0 {
		return nil
	}
	masked := json.RawMessage(supplypoint.MaskIn(string(value)))
	if !json.Valid(masked) { // what was masked was no text
		masked, _ = json.Marshal(string(masked))
	}
	return masked
}

func (a *api) attributes(ctx context.Context, r *http.Request) (any, error) {
	d, err := a.find(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return a.listAttributes(ctx, d, registry.AttributeScope(r.URL.Query().Get("scope")))
}

func (a *api) listAttributes(ctx context.Context, d registry.Device, s registry.AttributeScope) (any, error) {
	if s == "" {
		s = registry.SharedScope
	}
	all, err := a.Registry.Attributes(ctx, d.ID, s)
	if err != nil {
		return nil, known(err, fmt.Sprintf("device %q", d.Name), "")
	}
	list := Attributes{Scope: s, Attributes: []registry.Attribute{}}
	for _, at := range all {
		at.Key, at.Value = supplypoint.MaskIn(at.Key), maskJSON(at.Value)
		list.Attributes = append(list.Attributes, at)
	}
	return list, nil
}

func (a *api) setAttributes(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[NewAttributes](r)
	if err != nil {
		return nil, err
	}
	if in.Scope == "" {
		in.Scope = registry.SharedScope
	}
	if in.Scope == registry.ClientScope {
		return nil, invalid("client attributes are the device's own to set", "")
	}
	d, err := a.find(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	var values []registry.Attribute
	for _, key := range slices.Sorted(maps.Keys(in.Values)) {
		values = append(values, registry.Attribute{Key: key, Value: in.Values[key]})
	}
	if err := a.writeAttributes(ctx, d, in.Scope, values, in.Delete); err != nil {
		return nil, known(err, fmt.Sprintf("device %q", d.Name), "")
	}
	a.Logger.Info().Str("device", d.ID).Int("set", len(values)).Int("deleted", len(in.Delete)).Str("event", "attributes_set").Send()
	return a.listAttributes(ctx, d, in.Scope)
}

func (a *api) writeAttributes(
	ctx context.Context, d registry.Device, s registry.AttributeScope, values []registry.Attribute, gone []string,
) (err error) {
	if a.Devices != nil {
		err = a.Devices.SetAttributes(ctx, d, s, values)
		if err == nil && len(gone) > 0 {
			_, err = a.Devices.DeleteAttributes(ctx, d, s, gone...)
		}
		return err
	}
	_, err = a.Registry.SaveAttributes(ctx, d.ID, s, values)
	if err == nil && len(gone) > 0 {
		_, err = a.Registry.DeleteAttributes(ctx, d.ID, s, gone...)
	}
	return err
}
