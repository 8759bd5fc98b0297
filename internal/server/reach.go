package server

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

// reach lets the admin API reach devices.
type reach struct{ *devices.Service }

// Call makes a call to a device, and says in the words of the API what came of it.
func (r reach) Call(ctx context.Context, d registry.Device, c admin.NewCall) (admin.CallAnswer, error) {
	call := devices.Call{
		Method: c.Method, Params: c.Params, OneWay: c.OneWay, Persistent: c.Persistent, Timeout: c.Lasts(), Retries: -1,
	}
	if c.Retries != nil {
		call.Retries = *c.Retries
	}
	a, err := r.Service.Call(ctx, d.ID, call)
	switch {
	case errors.Is(err, devices.ErrNoAnswer):
		err = admin.ErrNoAnswer
	case errors.Is(err, devices.ErrNotConnected), errors.Is(err, devices.ErrClosed):
		err = admin.ErrNotConnected
	}
	answer := admin.CallAnswer{ID: a.ID, Response: a.Body}
	if len(a.Body) > 0 && !json.Valid(a.Body) {
		answer.Response, _ = json.Marshal(string(a.Body)) // text always can be
	}
	return answer, err
}
