package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gridtie/gridtie/registry"
)

// NewDevice asks for a device that does not provision itself: one that its profile expects (CHECK_PRE_PROVISIONED_DEVICES),
// a gateway, or one that is given its credentials by hand.
type NewDevice struct {
	Name        string       `json:"name" doc:"unique over the installation"`
	Profile     string       `json:"profile" doc:"name of its profile"`
	Gateway     bool         `json:"gateway,omitempty" doc:"it speaks for devices behind it"`
	Credentials *Credentials `json:"credentials,omitempty" doc:"an access token is made if absent"`
}

// AddedDevice is a new device with its credentials in clear.
type AddedDevice struct {
	Device      registry.Device `json:"device"`
	Credentials Credentials     `json:"credentials" doc:"in clear, this once"`
}

func (a *api) addDevice(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[NewDevice](r)
	if err != nil {
		return nil, err
	}
	if in.Name == "" {
		return nil, invalid("a device needs a name", "")
	}
	if _, err := a.Registry.Profile(ctx, in.Profile); err != nil {
		return nil, known(err, fmt.Sprintf("profile %q", in.Profile), "gridtie profiles list; gridtie profiles add NAME")
	}
	var wanted registry.Credentials
	if in.Credentials != nil {
		wanted = in.Credentials.secret()
	}
	d, given, err := a.Registry.AddDevice(ctx, registry.Device{Name: in.Name, Profile: in.Profile, Gateway: in.Gateway}, wanted)
	if err != nil {
		return nil, refused(err, fmt.Sprintf("device %q", in.Name))
	}
	a.Logger.Info().Str("device", d.ID).Str("profile", d.Profile).Str("event", "device_added").Send()
	if a.Devices != nil { // else no chain runs that could hear of it
		// The device is there, whether or not its caller waits and the chain can be told.
		if err := a.Devices.Created(context.WithoutCancel(ctx), d); err != nil {
			a.Logger.Error().Str("device", d.ID).Str("profile", d.Profile).Err(err).Str("event", "device_added_untold").Send()
		}
	}
	return AddedDevice{Device: maskDevice(d), Credentials: revealed(given)}, nil
}
