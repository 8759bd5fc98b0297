package devices

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/google/uuid"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Message types and metadata, named as ThingsBoard names them: chains and exports rely on it.
const (
	TypeAttributes = "POST_ATTRIBUTES_REQUEST"
	TypeTelemetry  = "POST_TELEMETRY_REQUEST"
	TypeProvision  = "PROVISION_REQUEST"

	MetaDeviceName   = "deviceName"
	MetaDeviceType   = "deviceType" // the profile's name
	MetaNotifyDevice = "notifyDevice"
	MetaTime         = "ts"        // milliseconds since 1970
	MetaTopic        = "mqttTopic" // of a device whose profile has topic filters of its own
)

// PostAttributes hands over client attributes. An error is an *intake.BadPayload, and done is not called; whatever else
// goes wrong is told done, as a fate that is Abandoned. Of a profile whose Ack is stored, done is told Stored. It blocks while
// the engine is full, until ctx ends. more is metadata of the protocol's.
func (s *Session) PostAttributes(ctx context.Context, payload []byte, done func(engine.Fate), more ...engine.Pair) error {
	p, err := s.begin(ctx, payload)
	if err != nil {
		done(abandoned(err))
		return nil
	}
	data, err := s.service.intake.Object(payload, p.shape)
	if err := s.pay(ctx, p, false, func() int { return members(data) }); err != nil {
		done(abandoned(err))
		return nil
	}
	if err != nil {
		return s.bad(err)
	}
	m := s.message(p, TypeAttributes, data, more, engine.Pair{Key: MetaNotifyDevice, Value: "false"})
	s.post(ctx, p, []*engine.Message{m}, done)
	return nil
}

// PostTelemetry hands over telemetry: one message for each item, in their order. done is called when all have met their
// fates, with the worst of them. Otherwise it is as PostAttributes; telemetry without items is Done at once.
func (s *Session) PostTelemetry(ctx context.Context, payload []byte, done func(engine.Fate), more ...engine.Pair) error {
	p, err := s.begin(ctx, payload)
	if err != nil {
		done(abandoned(err))
		return nil
	}
	readings, err := s.service.intake.Telemetry(payload, p.shape, s.service.now())
	if err := s.pay(ctx, p, false, func() int { return readingsMembers(readings) }); err != nil {
		done(abandoned(err))
		return nil
	}
	if err != nil {
		return s.bad(err)
	}
	if len(readings) == 0 {
		done(engine.Fate{State: engine.Done})
		return nil
	}
	ms := make([]*engine.Message, len(readings))
	for i, r := range readings {
		ms[i] = s.message(p, TypeTelemetry, r.Data, more, engine.Pair{
			Key: MetaTime, Value: strconv.FormatInt(r.Time.UnixMilli(), 10),
		})
	}
	s.post(ctx, p, ms, done)
	return nil
}

// post hands over what came together. Where the profile says so, done is told when it is on disk, as one batch, before the
// chain ran.
func (s *Session) post(ctx context.Context, p *profile, ms []*engine.Message, done func(engine.Fate)) {
	if p.Ack == registry.AckStored {
		if err := s.missing(s.service.engine.Store(ctx, ms, done), ms[0]); err != nil {
			done(abandoned(err))
		}
		return
	}
	if len(ms) > 1 {
		done = (&gathering{left: len(ms), done: done}).one
	}
	for i, m := range ms {
		if err := s.submit(ctx, m, done); err != nil {
			for range ms[i:] {
				done(abandoned(err))
			}
			return
		}
	}
}

// submit hands a message to the engine.
func (s *Session) submit(ctx context.Context, m *engine.Message, done func(engine.Fate)) error {
	return s.missing(s.service.engine.Submit(ctx, m, done), m)
}

// missing tells of a refusal that will not pass by itself: it is for an operator to mend.
func (s *Session) missing(err error, m *engine.Message) error {
	if errors.Is(err, engine.ErrUnknownChain) {
		s.service.log.Error().Str("event", "chain_missing").Str("profile", s.device.Profile).Str("chain", m.Chain()).Send()
	}
	return err
}

// message is one event of the device, with exactly the metadata that ThingsBoard gives it.
func (s *Session) message(p *profile, typ string, data *engine.Data, more []engine.Pair, own ...engine.Pair) *engine.Message {
	meta := make([]engine.Pair, 2, 2+len(own)+len(more))
	meta[0] = engine.Pair{Key: MetaDeviceName, Value: s.device.Name}
	meta[1] = engine.Pair{Key: MetaDeviceType, Value: s.device.Profile}
	return engine.NewMessage(engine.Header{
		ID: newID(), Type: typ, Time: s.service.now().UTC(), Chain: p.Chain,
		Origin: engine.Origin{Type: "DEVICE", ID: s.device.ID, Name: s.device.Name, Profile: s.device.Profile},
		Meta:   append(append(meta, own...), more...),
	}, data)
}

// newID is a UUIDv7: unique, and sorted by time.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// bad counts a payload that did not become a message.
func (s *Session) bad(err error) error {
	var b *intake.BadPayload
	if errors.As(err, &b) {
		s.service.observer.BadPayload(b.Reason)
		s.service.log.Debug().Str("event", "bad_payload").Str("device", s.device.ID).Str("profile", s.device.Profile).
			Str("reason", string(b.Reason)).Int("line", b.Line).Int("column", b.Column).Send()
	}
	return err
}

func abandoned(cause error) engine.Fate { return engine.Fate{State: engine.Abandoned, Cause: cause} }

// gathering waits for the fates of several messages that are acknowledged together.
type gathering struct {
	done func(engine.Fate)

	mu    sync.Mutex
	left  int
	worst engine.Fate
}

func (g *gathering) one(f engine.Fate) {
	g.mu.Lock()
	g.left--
	last := g.left == 0
	if f.State > g.worst.State { // the states are declared from good to bad
		g.worst = f
	}
	f = g.worst
	g.mu.Unlock()
	if last {
		g.done(f)
	}
}
