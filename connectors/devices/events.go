package devices

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// The types of messages that tell of a device rather than come from it, named as ThingsBoard names them.
const (
	TypeConnect           = "CONNECT_EVENT"
	TypeDisconnect        = "DISCONNECT_EVENT"
	TypeActivity          = "ACTIVITY_EVENT"
	TypeInactivity        = "INACTIVITY_EVENT"
	TypeAttributesUpdated = "ATTRIBUTES_UPDATED"
	TypeAttributesDeleted = "ATTRIBUTES_DELETED"
	TypeCreated           = "ENTITY_CREATED" // by an operator; after provisioning it comes from the chain

	MetaScope = "scope" // of attributes
)

// connected notes that a device has connected, and tells the chains.
func (s *Service) connected(ctx context.Context, to *Session) {
	a := s.noted(ctx, registry.Activity{Device: to.device.ID, Connected: s.now()})
	s.stateEvent(ctx, to.device, TypeConnect, a)
	to.seen()
}

// disconnected notes that a device's connection has ended, and tells the chains.
func (s *Service) disconnected(from *Session) {
	from.seen()
	ctx := s.calls.life
	a := s.noted(ctx, registry.Activity{Device: from.device.ID, Disconnected: s.now()})
	s.stateEvent(ctx, from.device, TypeDisconnect, a)
}

// noted adds to what is known of a device's comings and goings.
func (s *Service) noted(ctx context.Context, a registry.Activity) registry.Activity {
	s.registry.NoteActivity(a)
	known, err := s.registry.Activity(ctx, a.Device)
	if err != nil {
		return a // the event is worth more than what it tells of the past
	}
	return known
}

// stateEvent hands an event of DefaultDeviceStateService to the device's chain. Nobody waits for its fate.
func (s *Service) stateEvent(ctx context.Context, d *registry.Device, typ string, a registry.Activity) {
	b := []byte{'{'}
	if typ != TypeConnect {
		b = strconv.AppendBool(append(b, `"active":`...), typ != TypeInactivity && a.IsActive())
		b = append(b, ',')
	}
	for i, at := range []struct {
		key string
		ms  int64
	}{
		{"lastConnectTime", millis(a.Connected)},
		{"lastActivityTime", millis(a.Active)},
		{"lastDisconnectTime", millis(a.Disconnected)},
		{"lastInactivityAlarmTime", millis(a.Inactive)},
		{"inactivityTimeout", s.limits.Inactivity.Milliseconds()},
	} {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), at.key...), `":`...)
		b = strconv.AppendInt(b, at.ms, 10)
	}
	s.event(ctx, *d, typ, string(append(b, '}')), func(engine.Fate) {}, engine.Pair{Key: MetaScope, Value: string(registry.ServerScope)})
}

// event hands a message about a device to the chain of its profile. done is called once.
func (s *Service) event(ctx context.Context, d registry.Device, typ, data string, done func(engine.Fate), more ...engine.Pair) {
	p, err := s.profile(ctx, d.Profile)
	if err != nil {
		done(abandoned(err))
		return
	}
	about := Session{service: s, device: &d}
	if err := about.submit(ctx, about.message(p, typ, engine.NewData(data), more), done); err != nil {
		done(abandoned(err))
	}
}

// Created tells the chain of its profile of a device that an operator has added (ENTITY_CREATED). When it returns nil, that is
// on disk, to be run.
func (s *Service) Created(ctx context.Context, d registry.Device) error {
	p, err := s.profile(ctx, d.Profile)
	if err != nil {
		return err
	}
	data, err := engine.EncodeData(d.Entity())
	if err != nil {
		return err
	}
	about := Session{service: s, device: &d}
	stored := make(chan engine.Fate, 1)
	m := about.message(p, TypeCreated, data, nil)
	if err := about.missing(s.engine.Store(ctx, []*engine.Message{m}, func(f engine.Fate) { stored <- f }), m); err != nil {
		return err
	}
	return (<-stored).Cause
}

// SetAttributes sets attributes of a device on behalf of an operator. A device that subscribed hears of shared ones, and the
// chains hear of all (ATTRIBUTES_UPDATED); nobody waits for that.
func (s *Service) SetAttributes(ctx context.Context, d registry.Device, scope registry.AttributeScope, as []registry.Attribute) error {
	saved, err := s.registry.SaveAttributes(ctx, d.ID, scope, as)
	if err != nil || len(saved) == 0 {
		return err
	}
	b := []byte{'{'}
	for i, a := range saved {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(quote(b, a.Key), ':'), a.Value...)
	}
	s.event(s.calls.life, d, TypeAttributesUpdated, string(append(b, '}')), func(engine.Fate) {},
		engine.Pair{Key: MetaScope, Value: string(scope)})
	return nil
}

// DeleteAttributes deletes attributes of a device on behalf of an operator, and returns the names of those that were there.
// Otherwise it is as SetAttributes, with ATTRIBUTES_DELETED.
func (s *Service) DeleteAttributes(ctx context.Context, d registry.Device, scope registry.AttributeScope, keys ...string) ([]string, error) {
	deleted, err := s.registry.DeleteAttributes(ctx, d.ID, scope, keys...)
	if err != nil || len(deleted) == 0 {
		return deleted, err
	}
	b := []byte(`{"attributes":[`)
	for i, key := range deleted {
		if i > 0 {
			b = append(b, ',')
		}
		b = quote(b, key)
	}
	s.event(s.calls.life, d, TypeAttributesDeleted, string(append(b, "]}"...)), func(engine.Fate) {},
		engine.Pair{Key: MetaScope, Value: string(scope)})
	return deleted, nil
}

// callEvent tells the chains what came of a kept call, as ThingsBoard's TbRpcService does: RPC_SUCCESSFUL and so on.
func (s *Service) callEvent(ctx context.Context, d registry.Device, c registry.Call, done func(engine.Fate)) {
	data, err := json.Marshal(struct {
		ID          string              `json:"id"`
		CreatedTime int64               `json:"createdTime"`
		Expiration  int64               `json:"expirationTime"`
		Status      registry.CallStatus `json:"status"`
		Request     struct {
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
			OneWay bool            `json:"oneway"`
		} `json:"request"`
		Response json.RawMessage `json:"response,omitempty"`
	}{
		ID: c.ID, CreatedTime: millis(c.Created), Expiration: millis(c.Expires), Status: c.Status,
		Request: struct {
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
			OneWay bool            `json:"oneway"`
		}{c.Method, c.Params, c.OneWay},
		Response: c.Response,
	})
	if err != nil {
		done(abandoned(err))
		return
	}
	s.event(ctx, d, "RPC_"+string(c.Status), string(data), done)
}
