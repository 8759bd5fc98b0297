package thingsboard

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// What a gateway publishes to, and what it is told on, whether or not it subscribed.
const (
	gatewayConnect    = "v1/gateway/connect"
	gatewayDisconnect = "v1/gateway/disconnect"
	gatewayTelemetry  = "v1/gateway/telemetry"
	gatewayAttributes = "v1/gateway/attributes"
	gatewayAsk        = "v1/gateway/attributes/request"
	gatewayAnswer     = "v1/gateway/attributes/response"
	gatewayCalls      = "v1/gateway/rpc"
)

// gateway is what a device may do for others besides what it does for itself. As with ThingsBoard's AbstractGatewaySessionHandler
// any message that names a device connects it.
type gateway struct {
	device  *device
	session *devices.Gateway

	attributes, answers, calls atomic.Uint32 // QoS of what goes out
}

// newGateway is nil for a device that is no gateway.
func newGateway(d *device) *gateway {
	if !d.session.Device().Gateway {
		return nil
	}
	g := &gateway{device: d, session: d.session.Gateway()}
	for _, filter := range []string{gatewayAttributes, gatewayAnswer, gatewayCalls} {
		g.granted(filter, replyQoS)
	}
	return g
}

// granted notes with which QoS the gateway wants to be told.
func (g *gateway) granted(filter string, qos byte) {
	if g == nil {
		return
	}
	switch filter {
	case gatewayAttributes:
		g.attributes.Store(uint32(qos))
	case gatewayAnswer:
		g.answers.Store(uint32(qos))
	case gatewayCalls:
		g.calls.Store(uint32(qos))
	}
}

// publish takes a message on one of the gateways' topics. Those that are not served are acknowledged and dropped.
func (g *gateway) publish(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	var err error
	switch p.Topic {
	case gatewayConnect:
		err = g.connect(ctx, p, done)
	case gatewayDisconnect:
		err = g.disconnect(p, done)
	case gatewayTelemetry:
		err = g.telemetry(ctx, p, done)
	case gatewayAttributes:
		err = g.postAttributes(ctx, p, done)
	case gatewayAsk:
		err = g.ask(ctx, p, done)
	case gatewayCalls:
		err = g.answer(ctx, p, done)
	default:
		done(mqttserver.Ack)
	}
	switch {
	case err == nil:
	case errors.Is(err, body.ErrNoObject), errors.Is(err, body.ErrNoRequest):
		done(mqttserver.AckAndClose)
	case errors.Is(err, errUndecided):
		done(mqttserver.CloseWithoutAck)
	default:
		g.device.badPayload(ctx, p, done)
	}
}

// errUndecided: the message has to be sent again.
var errUndecided = errors.New("the message could not be decided about")

// sessions are those of the devices that parts are for.
func (g *gateway) sessions(ctx context.Context, named ...devices.Named) ([]*devices.Session, error) {
	all, err := g.session.Sessions(ctx, named, func(s *devices.Session) devices.Client { return &behind{g, s} })
	if err != nil {
		g.device.dialect.log.Warn().Str("event", "gateway_devices_undecided").Str("device", g.device.session.Device().ID).
			Err(err).Send()
		return nil, errUndecided
	}
	return all, nil
}

func (g *gateway) connect(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	v, err := g.device.dialect.service.Parse(p.Payload)
	if err != nil {
		return err
	}
	named, err := body.ReadNamed(v)
	if err != nil {
		return err
	}
	if _, err := g.sessions(ctx, named); err != nil {
		return err
	}
	done(mqttserver.Ack)
	return nil
}

func (g *gateway) disconnect(p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	v, err := g.device.dialect.service.Parse(p.Payload)
	if err != nil {
		return err
	}
	named, err := body.ReadNamed(v)
	if err != nil {
		return err
	}
	g.session.Disconnect(named.Name)
	done(mqttserver.Ack)
	return nil
}

func (g *gateway) telemetry(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	return g.post(ctx, p, true, done, func(s *devices.Session, payload []byte, fate func(engine.Fate)) error {
		return s.PostTelemetry(ctx, payload, fate)
	})
}

func (g *gateway) postAttributes(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	return g.post(ctx, p, false, done, func(s *devices.Session, payload []byte, fate func(engine.Fate)) error {
		return s.PostAttributes(ctx, payload, fate)
	})
}

// post hands on what a message holds for several devices, and acknowledges it when all of that is on disk: the worst verdict
// is that of the message. A bad part does not keep the others from being processed. That of a device which the gateway may
// not speak for is dropped.
func (g *gateway) post(ctx context.Context, p mqttserver.Publish, arrays bool, done func(mqttserver.Verdict),
	post func(*devices.Session, []byte, func(engine.Fate)) error,
) error {
	v, err := g.device.dialect.service.Parse(p.Payload)
	if err != nil {
		return err
	}
	parts, err := body.ReadParts(v, arrays)
	if err != nil {
		return err
	}
	named := make([]devices.Named, len(parts))
	for i := range parts {
		named[i] = parts[i].Device
	}
	sessions, err := g.sessions(ctx, named...)
	if err != nil {
		return err
	}
	well := mqttserver.Ack
	fate := devices.Gather(len(parts), func(f engine.Fate) {
		if f.State == engine.Abandoned {
			done(verdict(f))
			return
		}
		done(well) // not written any more: the last part has told its fate
	})
	for i, s := range sessions {
		if s != nil && post(s, parts[i].Body, fate) == nil {
			continue
		}
		if s != nil {
			g.device.badPayload(ctx, p, func(v mqttserver.Verdict) { well = v })
		}
		fate(engine.Fate{State: engine.Done})
	}
	return nil
}

// ask answers a question for attributes.
func (g *gateway) ask(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	v, err := g.device.dialect.service.Parse(p.Payload)
	if err != nil {
		return err
	}
	asked, err := body.ReadAttributesAsked(v)
	if err != nil {
		return err
	}
	s, err := g.sessions(ctx, asked.Device)
	if err != nil {
		return err
	}
	if s[0] == nil {
		done(mqttserver.Ack)
		return nil
	}
	var keys [2][]string
	if asked.Client {
		keys[0] = asked.Keys
	} else {
		keys[1] = asked.Keys
	}
	found, shared, err := s[0].Attributes(ctx, keys[0], keys[1])
	switch {
	case errors.Is(err, devices.ErrTooManyKeys):
		return err
	case err != nil:
		g.device.dialect.log.Warn().Str("event", "attributes_unread").Str("device", s[0].Device().ID).Err(err).Send()
		return errUndecided
	case !asked.Client:
		found = shared
	}
	done(mqttserver.Ack)
	g.device.send(gatewayAnswer, body.AttributesTold(asked, s[0].Device().Name, found), byte(g.answers.Load()))
	return nil
}

// answer takes the answer to a call.
func (g *gateway) answer(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	v, err := g.device.dialect.service.Parse(p.Payload)
	if err != nil {
		return err
	}
	part, id, err := body.ReadAnswer(v)
	if err != nil {
		return err
	}
	s, err := g.sessions(ctx, part.Device)
	if err != nil {
		return err
	}
	if s[0] == nil {
		done(mqttserver.Ack)
		return nil
	}
	s[0].Answer(ctx, id, part.Body, func(f engine.Fate) { done(verdict(f)) })
	return nil
}

// close ends the sessions of the devices behind the gateway.
func (g *gateway) close() {
	if g != nil {
		g.session.Close()
	}
}

// behind leads back to a device behind a gateway.
type behind struct {
	gateway *gateway
	session *devices.Session
}

var _ devices.Client = (*behind)(nil)

// SharedChanged tells the gateway what has changed for the device.
func (b *behind) SharedChanged(c registry.SharedChange) {
	qos, name := byte(b.gateway.attributes.Load()), b.session.Device().Name
	if len(c.Updated) > 0 {
		b.gateway.device.send(gatewayAttributes, body.Behind(name, body.Updated(c.Updated)), qos)
	}
	if len(c.Deleted) > 0 {
		b.gateway.device.send(gatewayAttributes, body.Behind(name, body.Deleted(c.Deleted)), qos)
	}
}

// Called hands the gateway a call to the device.
func (b *behind) Called(c devices.CallRequest) {
	b.gateway.device.call(b.session, c, push{gatewayCalls, byte(b.gateway.calls.Load())},
		body.Behind(b.session.Device().Name, body.NumberedCall(c)))
}

// Close ends nothing but the device's session: the connection is the gateway's. One that speaks MQTT 5 is told, with the
// reason that the device's own connection would end for.
func (b *behind) Close(why devices.Reason) {
	b.gateway.session.Forget(b.session)
	if b.gateway.device.conn.Version() != packet.V5 {
		return
	}
	code := packet.AdministrativeAction
	if why == devices.TakenOver {
		code = packet.SessionTakenOver
	}
	b.gateway.device.send(gatewayDisconnect, body.Dropped(b.session.Device().Name, int(code)), replyQoS)
}
