package thingsboard

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/connectors/intake"
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
	gatewayClaim      = "v1/gateway/claim"
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

// publish takes a message on one of the gateways' topics. Claims, which are not served, and other topics are acknowledged and
// dropped.
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
	case gatewayClaim:
		err = g.ignore(ctx, mqttserver.Ack, done)
	default:
		err = g.ignore(ctx, mqttserver.Ack.With(packet.TopicNameInvalid), done)
	}
	if bad := (*intake.BadPayload)(nil); errors.As(err, &bad) {
		err = cmp.Or(g.pay(ctx), err) // for what could not be read
	}
	switch {
	case err == nil:
	case errors.Is(err, body.ErrNoObject), errors.Is(err, body.ErrNoRequest):
		done(mqttserver.AckAndClose.With(packet.ImplementationSpecificError))
	case errors.Is(err, devices.ErrRate):
		done(g.overRate())
	case errors.Is(err, errUndecided):
		done(mqttserver.CloseWithoutAck)
	default:
		g.device.badPayload(ctx, p, done)
	}
}

// ignore does nothing with a message, for which the gateway pays itself.
func (g *gateway) ignore(ctx context.Context, v mqttserver.Verdict, done func(mqttserver.Verdict)) error {
	err := g.pay(ctx)
	if err == nil {
		done(v)
	}
	return err
}

// pay pays for a message that is about no device.
func (g *gateway) pay(ctx context.Context) error {
	err := g.device.session.Admit(ctx)
	if err != nil && !errors.Is(err, devices.ErrRate) {
		return errUndecided
	}
	return err
}

// overRate is the verdict on a message that is more than the limits allow. A client of MQTT 5 is told so in the
// acknowledgement, and knows that it was not processed; to another one an acknowledgement would say that it was.
func (g *gateway) overRate() mqttserver.Verdict {
	if g.device.conn.Version() == packet.V5 {
		return mqttserver.AckAndClose.With(packet.QuotaExceeded)
	}
	return mqttserver.CloseWithoutAck
}

// verdict is that on what a device behind the gateway has sent.
func (g *gateway) verdict(f engine.Fate) mqttserver.Verdict {
	if errors.Is(f.Cause, devices.ErrRate) {
		return g.overRate()
	}
	return verdict(f)
}

// turned acknowledges what is for a device that the gateway cannot have. That there are too many a client of MQTT 5 is told.
func turned(why devices.Turned) mqttserver.Verdict {
	if why.TooMany() {
		return mqttserver.Ack.With(packet.QuotaExceeded)
	}
	return mqttserver.Ack
}

// errUndecided: the message has to be sent again.
var errUndecided = errors.New("the message could not be decided about")

// sessions are those of the devices that parts are for.
func (g *gateway) sessions(ctx context.Context, named ...devices.Named) ([]devices.Spoken, error) {
	all, err := g.session.Sessions(ctx, named, func(s *devices.Session) devices.Client { return &behind{g, s} })
	if errors.Is(err, devices.ErrRate) {
		return nil, err
	}
	if err != nil {
		g.device.dialect.log.Warn().Str("event", "gateway_devices_undecided").Str("device", g.device.session.Device().ID).
			Err(err).Send()
		return nil, errUndecided
	}
	return all, nil
}

func (g *gateway) connect(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	v, err := g.session.Parse(p.Payload)
	if err != nil {
		return err
	}
	named, err := body.ReadNamed(v)
	if err != nil {
		return err
	}
	s, err := g.sessions(ctx, named)
	if err != nil {
		return err
	}
	done(turned(s[0].Turned))
	return nil
}

func (g *gateway) disconnect(p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	v, err := g.session.Parse(p.Payload)
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
	v, err := g.session.Parse(p.Payload)
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
			done(g.verdict(f))
			return
		}
		done(well) // not written any more: the last part has told its fate
	})
	for _, s := range sessions {
		if s.Turned.TooMany() {
			well = turned(s.Turned)
		}
	}
	for i, s := range sessions {
		if s.Session != nil && post(s.Session, parts[i].Body, fate) == nil {
			continue
		}
		if s.Session != nil {
			g.device.badPayload(ctx, p, func(v mqttserver.Verdict) { well = v })
		}
		fate(engine.Fate{State: engine.Done})
	}
	return nil
}

// ask answers a question for attributes.
func (g *gateway) ask(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	v, err := g.session.Parse(p.Payload)
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
	if s[0].Session == nil {
		done(turned(s[0].Turned))
		return nil
	}
	var keys [2][]string
	if asked.Client {
		keys[0] = asked.Keys
	} else {
		keys[1] = asked.Keys
	}
	found, shared, err := s[0].Session.Attributes(ctx, keys[0], keys[1])
	switch {
	case errors.Is(err, devices.ErrTooManyKeys), errors.Is(err, devices.ErrRate):
		return err
	case err != nil:
		g.device.dialect.log.Warn().Str("event", "attributes_unread").Str("device", s[0].Session.Device().ID).Err(err).Send()
		return errUndecided
	case !asked.Client:
		found = shared
	}
	done(mqttserver.Ack)
	g.device.send(gatewayAnswer, body.AttributesTold(asked, s[0].Session.Device().Name, found), byte(g.answers.Load()))
	return nil
}

// answer takes the answer to a call.
func (g *gateway) answer(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) error {
	v, err := g.session.Parse(p.Payload)
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
	if s[0].Session == nil {
		done(turned(s[0].Turned))
		return nil
	}
	s[0].Session.Answer(ctx, id, part.Body, func(f engine.Fate) { done(g.verdict(f)) })
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

// Close ends nothing but the device's session: the connection is the gateway's. A gateway that speaks MQTT 5 is told, as by
// ThingsBoard, which device it was and why, by the code of the DISCONNECT that the device itself would get.
func (b *behind) Close(why devices.Reason) {
	b.gateway.session.Forget(b.session)
	if b.gateway.device.conn.Version() != packet.V5 {
		return
	}
	reason := packet.AdministrativeAction
	if why == devices.TakenOver {
		reason = packet.SessionTakenOver
	}
	b.gateway.device.send(gatewayDisconnect, body.Dropped(b.session.Device().Name, byte(reason)), replyQoS)
}
