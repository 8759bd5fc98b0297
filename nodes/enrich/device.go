package enrich

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Devices is what enrich.device looks devices up in. Its method is called concurrently.
type Devices interface {
	Device(ctx context.Context, id string) (registry.Device, error)
}

type deviceConfig struct {
	Fields map[string]string `json:"fields" default:"{\"name\": \"deviceName\", \"profile\": \"deviceType\"}" doc:"What to add: the device's field (id, name, profile, gateway, created, credentialsType) and the metadata entry that it goes to."`
}

// Validate refuses unknown fields and empty names.
func (c deviceConfig) Validate() error {
	for _, field := range slices.Sorted(maps.Keys(c.Fields)) {
		if _, ok := deviceField(registry.Device{}, field); !ok {
			return fmt.Errorf("a device has no field %q: it has id, name, profile, gateway, created and credentialsType", field)
		}
		if c.Fields[field] == "" {
			return fmt.Errorf("field %q goes to a metadata entry without a name", field)
		}
	}
	return nil
}

// Device is the kind enrich.device: it adds to the metadata what the registry knows of the message's device.
func Device(devices Devices) engine.Kind {
	return engine.Kind{
		Name: "enrich.device", Summary: "Add what is known of the device to the metadata",
		Doc: "`created` is a time in milliseconds since 1970, as in ThingsBoard. A message that is not about a device, or about " +
			"one that is gone, is a Failure.",
		Relations: []string{engine.RelationSuccess},
		Config:    deviceConfig{},
		New: engine.Build(func(c deviceConfig, _ engine.Env) (engine.Node, error) {
			names := slices.Sorted(maps.Keys(c.Fields))
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				id, err := deviceID(m)
				if err != nil {
					return engine.Result{}, err
				}
				d, err := devices.Device(ctx, id)
				if err != nil {
					return engine.Result{}, err
				}
				pairs := make([]engine.Pair, len(names))
				for i, name := range names {
					value, _ := deviceField(d, name)
					pairs[i] = engine.Pair{Key: c.Fields[name], Value: value}
				}
				return engine.Success(m.WithMeta(pairs...)), nil
			}), nil
		}),
		Examples: []engine.Example{
			{Title: "Name and profile", Config: `{}`, Relation: "Success"},
			{Title: "When it was made", Config: `{"fields": {"created": "deviceCreated"}}`, Relation: "Success"},
		},
	}
}

func deviceField(d registry.Device, name string) (string, bool) {
	switch name {
	case "id":
		return d.ID, true
	case "name":
		return d.Name, true
	case "profile":
		return d.Profile, true
	case "gateway":
		return strconv.FormatBool(d.Gateway), true
	case "created":
		return strconv.FormatInt(d.Created.UnixMilli(), 10), true
	case "credentialsType":
		return string(d.CredentialsType), true
	}
	return "", false
}

func deviceID(m *engine.Message) (string, error) {
	if m.Origin().Type != "DEVICE" {
		return "", errors.New("the message is not about a device")
	}
	return m.Origin().ID, nil
}
