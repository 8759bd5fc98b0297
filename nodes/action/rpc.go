package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Calls is what action.rpc and action.rpc-reply reach devices with. Its methods are called concurrently, within a run, and
// act when the run is on disk.
type Calls interface {
	// Send makes a call to a device. One that is kept survives a restart; another one has to be one-way.
	Send(ctx context.Context, c registry.Call, keep bool) error
	// Reply replies to a request that a session of a device waits with.
	Reply(ctx context.Context, device, session, request string, body []byte) error
}

// Metadata of a message in which a device asks something.
const (
	metaRequestID = "requestId"
	metaSessionID = "sessionId"
)

const (
	keptFor   = 24 * time.Hour
	unkeptFor = 10 * time.Second
	maxFor    = 365 * 24 * time.Hour
)

type rpcConfig struct {
	Method     engine.Text  `json:"method" default:"" doc:"Expression that gives the method's name; without it the payload's member method." example:"\"setLimit\""`
	Params     engine.Value `json:"params" default:"" doc:"Expression that gives the parameters; without it the payload's member params, or the whole payload if the method is configured." example:"{\"watts\": 4600}"`
	OneWay     bool         `json:"oneWay" default:"false" doc:"No answer is wanted: the call has come to its end when the device acknowledges it."`
	Persistent bool         `json:"persistent" default:"true" doc:"Keep the call until it has come to its end; it survives a restart. Otherwise it has to be one-way, and is lost with the process."`
	Timeout    int          `json:"timeoutInSeconds" default:"0" doc:"How long the device has to take the call and to answer, up to a year; 0 for a day, or for 10 seconds if the call is not persistent."`
	Retries    int          `json:"retries" default:"5" doc:"How often the call is sent again to a device that does not acknowledge it, 0 to 100."`
}

// Validate refuses what could only be waited for.
func (c rpcConfig) Validate() error {
	switch {
	case !c.Persistent && !c.OneWay:
		return errors.New(`a call that is not "persistent" has to be "oneWay": nobody would take the answer`)
	case c.Timeout < 0 || time.Duration(c.Timeout) > maxFor/time.Second:
		return fmt.Errorf(`"timeoutInSeconds" is %d, not 0 to %d`, c.Timeout, maxFor/time.Second)
	case c.Retries < 0 || c.Retries > 100:
		return fmt.Errorf(`"retries" is %d, not 0 to 100`, c.Retries)
	}
	return nil
}

// RPC is the kind action.rpc: it calls the device.
func RPC(calls Calls) engine.Kind {
	return engine.Kind{
		Name: "action.rpc", Summary: "Call the device",
		Doc: "The call goes out when the run is on disk, after those that the device has not acknowledged yet; a device that is not " +
			"connected is waited for. The node does not wait: what comes of a persistent call enters the device's chain as a message " +
			"of its own, `RPC_SUCCESSFUL` with the answer, `RPC_EXPIRED` or `RPC_FAILED`. It is a Failure if the method has no " +
			"name, the parameters are too large, or too many calls wait for the device.",
		Relations: []string{engine.RelationSuccess},
		Config:    rpcConfig{},
		New: engine.Build(func(c rpcConfig, env engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				call, err := c.call(ctx, m)
				if err != nil {
					return engine.Result{}, err
				}
				call.Expires = env.Now().Add(c.lasts())
				if err := calls.Send(ctx, call, c.Persistent); err != nil {
					return engine.Result{}, err
				}
				return engine.Success(m), nil
			}), nil
		}),
		Examples: []engine.Example{
			{
				Title: "Limit the power", Config: `{"method": "\"setLimit\"", "params": "{\"watts\": msg.limit}"}`,
				Payload: `{"limit": 4600}`, Relation: "Success",
			},
			{
				Title: "Pass on what another message asks for", Config: `{"oneWay": true, "persistent": false}`,
				Payload: `{"method": "blink", "params": {"times": 3}}`, Relation: "Success",
			},
		},
	}
}

func (c rpcConfig) lasts() time.Duration {
	switch {
	case c.Timeout > 0:
		return time.Duration(c.Timeout) * time.Second
	case c.Persistent:
		return keptFor
	}
	return unkeptFor
}

// call is what a message asks for.
func (c rpcConfig) call(ctx context.Context, m *engine.Message) (registry.Call, error) {
	device, err := deviceID(m)
	if err != nil {
		return registry.Call{}, err
	}
	call := registry.Call{Device: device, OneWay: c.OneWay, Retries: c.Retries}
	if c.Method.IsZero() {
		var body struct {
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
		}
		if err := json.Unmarshal([]byte(m.Data().Text()), &body); err != nil {
			return call, errors.New("the payload is no call: an object with a text method, and params") // err may quote it
		}
		call.Method, call.Params = body.Method, body.Params
	} else {
		if call.Method, err = c.Method.Eval(ctx, m); err != nil {
			return call, err
		}
		call.Params = json.RawMessage(m.Data().Text())
	}
	if !c.Params.IsZero() {
		value, err := c.Params.Eval(ctx, m)
		if err != nil {
			return call, err
		}
		data, err := engine.EncodeData(value)
		if err != nil {
			return call, err
		}
		call.Params = json.RawMessage(data.Text())
	}
	if len(call.Params) == 0 {
		call.Params = json.RawMessage(`{}`)
	}
	return call, nil
}

// RPCReply is the kind action.rpc-reply: it replies to a device that asked something.
func RPCReply(calls Calls) engine.Kind {
	return engine.Kind{
		Name: "action.rpc-reply", Summary: "Reply to a device that asked something",
		Doc: "For messages of type `TO_SERVER_RPC_REQUEST`: the payload is the reply, and leaves when the run is on disk. A device " +
			"that nobody replies to is told `{\"error\":\"timeout\"}` after 60 seconds. One that is gone, or has been replied to, gets " +
			"nothing. A message that is no request, or whose entries `requestId` and `sessionId` are gone, is a Failure.",
		Relations: []string{engine.RelationSuccess},
		New: func(any, engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				device, err := deviceID(m)
				if err != nil {
					return engine.Result{}, err
				}
				request, _ := m.Meta(metaRequestID)
				session, _ := m.Meta(metaSessionID)
				if request == "" || session == "" {
					return engine.Result{}, fmt.Errorf("no device waits for a reply: the metadata have no %s and %s", metaRequestID, metaSessionID)
				}
				if err := calls.Reply(ctx, device, session, request, []byte(m.Data().Text())); err != nil {
					return engine.Result{}, err
				}
				return engine.Success(m), nil
			}), nil
		},
		Examples: []engine.Example{{
			Title: "Reply with the payload, made by a node before", Config: `{}`, Type: "TO_SERVER_RPC_REQUEST", Payload: `{"time": 1795255094}`, Relation: "Success",
		}},
	}
}
