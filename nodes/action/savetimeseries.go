package action

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// TimeseriesSaver is what action.save-timeseries writes to. Its method is called concurrently.
type TimeseriesSaver interface {
	SaveTimeseries(ctx context.Context, device string, at time.Time, values []registry.Attribute) error
}

type saveTimeseriesConfig struct {
	ServerTime bool `json:"serverTime" default:"false" doc:"Whether to save with the time at which the server received the message, whatever the device says."`
}

// SaveTimeseries is the kind action.save-timeseries: every member of the payload becomes a reading of the device.
func SaveTimeseries(saver TimeseriesSaver) engine.Kind {
	return engine.Kind{
		Name: "action.save-timeseries", Summary: "Save the payload as readings of the device",
		Doc: "Every member of the payload becomes a reading, with its type. Its time is the metadata entry `ts` (milliseconds " +
			"since 1970), else when the server received the message. The supplier key is not saved.",
		Relations: []string{engine.RelationSuccess},
		Config:    saveTimeseriesConfig{},
		New: engine.Build(func(c saveTimeseriesConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				device, err := deviceID(m)
				if err != nil {
					return engine.Result{}, err
				}
				at := m.Time()
				if !c.ServerTime {
					if at, err = messageTime(m); err != nil {
						return engine.Result{}, err
					}
				}
				values, err := members(m.Data())
				if err != nil {
					return engine.Result{}, err
				}
				if len(values) > 0 {
					if err := saver.SaveTimeseries(ctx, device, at, values); err != nil {
						return engine.Result{}, err
					}
				}
				return engine.Success(m), nil
			}), nil
		}),
		Examples: []engine.Example{
			{Title: "Readings of a meter", Config: `{}`, Type: "POST_TELEMETRY_REQUEST", Payload: `{"power": 730.5, "energy": 10422}`, Relation: "Success"},
			{Title: "From a meter with a wrong clock", Config: `{"serverTime": true}`, Type: "POST_TELEMETRY_REQUEST", Payload: `{"power": 730.5}`, Relation: "Success"},
		},
	}
}

// messageTime is when the device says that the message was made, else when the server received it.
func messageTime(m *engine.Message) (time.Time, error) {
	text, ok := m.Meta("ts")
	if !ok || text == "" {
		return m.Time(), nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, errors.New(`metadata entry "ts" is no time in milliseconds since 1970`)
	}
	return time.UnixMilli(ms).UTC(), nil
}
