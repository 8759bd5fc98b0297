package thingsboard

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// device is the MQTT session of a device that has authenticated.
type device struct {
	dialect *Dialect
	conn    *mqttserver.Conn
	session *devices.Session
	gateway *gateway // nil for other devices

	granted map[string]byte // QoS by filter; the reading goroutine's alone
	loads   loads           // likewise

	mu     sync.Mutex // protects what follows: changes and calls come from other goroutines
	pushes []push     // of subscriptions to shared attributes, the last one in force
	calls  push       // how calls go out; the topic is to be followed by the id, and empty without a subscription
}

type push struct {
	topic string
	qos   byte
}

var (
	_ mqttserver.Handler = (*device)(nil)
	_ devices.Client     = (*device)(nil)
)

func newDevice(d *Dialect, c *mqttserver.Conn, s *devices.Session) *device {
	h := &device{dialect: d, conn: c, session: s}
	h.gateway = newGateway(h)
	return h
}

// Publish takes one message of the device.
func (d *device) Publish(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	if d.gateway != nil && strings.HasPrefix(p.Topic, gatewayPrefix) {
		d.gateway.publish(ctx, p, done)
		return
	}
	topics, err := d.topics(ctx)
	if err != nil {
		done(mqttserver.CloseWithoutAck)
		return
	}
	var more []engine.Pair
	if topics.named {
		more = []engine.Pair{{Key: devices.MetaTopic, Value: p.Topic}}
	}
	fate := func(f engine.Fate) { done(verdict(f)) }
	switch r := topics.find(p.Topic); r.action {
	case postAttributes:
		err = d.session.PostAttributes(ctx, p.Payload, fate, more...)
	case postTelemetry:
		err = d.session.PostTelemetry(ctx, p.Payload, fate, more...)
	case readAttributes:
		d.readAttributes(ctx, r, p, done)
	case answerCall:
		d.session.Answer(ctx, r.id, p.Payload, fate)
	case ask:
		d.ask(ctx, r, p, done)
	case loadPackage:
		d.loadPackage(ctx, p, done)
	case refused:
		d.unread(ctx, p, done)
	case fatal:
		done(mqttserver.CloseWithoutAck)
	case unknown:
		if d.paid(ctx, done) {
			done(mqttserver.Ack.With(packet.TopicNameInvalid))
		}
	}
	if err != nil {
		d.badPayload(ctx, p, done)
	}
}

func (d *device) topics(ctx context.Context) (*topics, error) {
	t, err := d.session.Transport(ctx)
	if err != nil {
		d.dialect.log.Error().Str("event", "profile_unread").Str("profile", d.session.Device().Profile).Err(err).Send()
		return nil, err
	}
	return d.dialect.topics.of(t), nil
}

// verdict acknowledges what is done with, for good or ill: sending a dead letter again would not help.
func verdict(f engine.Fate) mqttserver.Verdict {
	if f.State == engine.Abandoned {
		return mqttserver.CloseWithoutAck
	}
	return mqttserver.Ack
}

// invalid is the verdict on a bad payload: with MQTT 5 the acknowledgement says so; a client that cannot be told why, or with
// QoS 0 needs no acknowledgement, is cut off.
func invalid(c *mqttserver.Conn, p mqttserver.Publish) mqttserver.Verdict {
	if c.Version() == packet.V5 && p.QoS > 0 {
		return mqttserver.Ack.With(packet.PayloadFormatInvalid)
	}
	return mqttserver.CloseWithoutAck.With(packet.PayloadFormatInvalid)
}

// badPayload closes the connection, as ThingsBoard does with clients that cannot be told why (MQTT 3), unless the profile
// wants such messages acknowledged: a QoS 1 client would otherwise send them for ever. With QoS 0 there is nothing to
// acknowledge.
func (d *device) badPayload(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	if p.QoS > 0 && d.conn.Version() != packet.V5 {
		if profile, err := d.session.Profile(ctx); err == nil && profile.AckOnValidationFailure {
			done(mqttserver.Ack)
			return
		}
	}
	done(invalid(d.conn, p))
}

func (d *device) readAttributes(ctx context.Context, r route, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	v, err := d.dialect.service.Parse(p.Payload)
	if err != nil {
		d.unread(ctx, p, done)
		return
	}
	client, shared, ok := body.ReadAttributeKeys(v)
	if !ok {
		d.unread(ctx, p, done)
		return
	}
	clientAttributes, sharedAttributes, err := d.session.Attributes(ctx, client, shared)
	if err != nil {
		if !errors.Is(err, devices.ErrRate) { // that is told already
			d.dialect.log.Warn().Str("event", "attributes_unread").Str("device", d.session.Device().ID).Err(err).Send()
		}
		done(mqttserver.CloseWithoutAck)
		return
	}
	done(mqttserver.Ack) // ThingsBoard acknowledges first, then answers
	d.send(r.answer+strconv.Itoa(int(r.id)), body.Attributes(clientAttributes, sharedAttributes), d.replyQoS(r))
}

func (d *device) replyQoS(r route) byte {
	if qos, subscribed := d.granted[r.filter]; subscribed {
		return qos
	}
	return replyQoS
}

// ask hands a request of the device to the chains. Their reply, or that there is none, comes later.
func (d *device) ask(ctx context.Context, r route, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	v, err := d.dialect.service.Parse(p.Payload)
	if err != nil {
		d.unread(ctx, p, done)
		return
	}
	request, err := body.ReadRequest(v)
	switch {
	case errors.Is(err, body.ErrNoObject):
		d.unread(ctx, p, done)
		return
	case err != nil: // ThingsBoard closes the connection for a request without method, whatever the profile says
		done(mqttserver.CloseWithoutAck)
		return
	}
	topic, qos := r.answer+strconv.Itoa(int(r.id)), d.replyQoS(r)
	if request.Method == body.MethodSessionLimits && r.answer == "v1/devices/me/rpc/response/" {
		d.tellLimits(ctx, topic, qos, done)
		return
	}
	request.ID = r.id
	err = d.session.Ask(ctx, request,
		func(f engine.Fate) { done(verdict(f)) },
		func(reply []byte) { d.send(topic, reply, qos) })
	if err != nil {
		d.dialect.log.Debug().Str("event", "request_refused").Str("device", d.session.Device().ID).Err(err).Send()
		done(mqttserver.CloseWithoutAck)
	}
}

// send hands a message to the connection. One that is closed, or is closed because the device does not read, needs no
// further word; a message that is too large for any device does.
func (d *device) send(topic string, payload []byte, qos byte) {
	if err := d.conn.Publish(topic, payload, qos); errors.Is(err, mqttserver.ErrMessage) {
		d.dialect.log.Warn().Str("event", "message_unsendable").Str("device", d.session.Device().ID).
			Int("bytes", len(payload)).Err(err).Send()
	}
}

// Subscribe grants the filters that ThingsBoard knows, and that of the profile, and no others.
func (d *device) Subscribe(ctx context.Context, s mqttserver.Subscription) packet.ReasonCode {
	filter, qos := s.Filter, min(s.QoS, 1)
	topics, err := d.topics(ctx)
	if err != nil {
		return packet.UnspecifiedError
	}
	pushed, calls, known := topics.subscription(filter)
	if !known {
		return packet.TopicFilterInvalid
	}
	if (pushed != "" || calls != "") && !d.admit(ctx) {
		return packet.QuotaExceeded
	}
	if d.granted == nil {
		d.granted = map[string]byte{}
	}
	d.granted[filter] = qos
	d.gateway.granted(filter, qos)
	if pushed != "" {
		d.setPush(pushed, &push{pushed, qos})
	}
	if calls != "" {
		d.mu.Lock()
		d.calls = push{calls, qos} // the last subscription says in which form calls come
		d.mu.Unlock()
		d.session.SubscribeCalls(true)
	}
	return packet.ReasonCode(qos)
}

// Unsubscribe takes a filter back.
func (d *device) Unsubscribe(ctx context.Context, filter string) packet.ReasonCode {
	if _, granted := d.granted[filter]; !granted {
		return d.neverGranted(ctx, filter)
	}
	delete(d.granted, filter)
	d.gateway.granted(filter, replyQoS)
	topics, err := d.topics(ctx)
	if err != nil {
		return packet.UnspecifiedError
	}
	pushed, calls, _ := topics.subscription(filter)
	if pushed != "" {
		d.setPush(pushed, nil)
	}
	if calls == "" {
		return packet.Success
	}
	d.mu.Lock()
	last := d.calls.topic == calls
	if last {
		d.calls = push{}
	}
	d.mu.Unlock()
	if last {
		d.session.SubscribeCalls(false)
	}
	return packet.Success
}

// neverGranted says why there is no such subscription.
func (d *device) neverGranted(ctx context.Context, filter string) packet.ReasonCode {
	topics, err := d.topics(ctx)
	if err != nil {
		return packet.UnspecifiedError
	}
	if _, _, known := topics.subscription(filter); !known {
		return packet.TopicFilterInvalid
	}
	return packet.NoSubscriptionExisted
}

// setPush replaces what is pushed to a topic. Changes go to the topic that was subscribed to last.
func (d *device) setPush(topic string, p *push) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pushes = slices.DeleteFunc(d.pushes, func(old push) bool { return old.topic == topic })
	if p != nil {
		d.pushes = append(d.pushes, *p)
	}
	d.session.Subscribe(len(d.pushes) > 0)
}

// SharedChanged tells the device what has changed.
func (d *device) SharedChanged(c registry.SharedChange) {
	d.mu.Lock()
	if len(d.pushes) == 0 {
		d.mu.Unlock()
		return
	}
	to := d.pushes[len(d.pushes)-1]
	d.mu.Unlock()
	if len(c.Updated) > 0 {
		d.send(to.topic, body.Updated(c.Updated), to.qos)
	}
	if len(c.Deleted) > 0 {
		d.send(to.topic, body.Deleted(c.Deleted), to.qos)
	}
}

// Called hands the device a call. With QoS 0 it is delivered when it is on its way; with QoS 1, when the device says so.
func (d *device) Called(c devices.CallRequest) {
	d.mu.Lock()
	to := d.calls
	d.mu.Unlock()
	if to.topic == "" {
		return // unsubscribed meanwhile; it goes out again
	}
	to.topic += strconv.Itoa(int(c.ID))
	d.call(d.session, c, to, body.Call(c))
}

// call sends a call to a device, this one or one behind it.
func (d *device) call(s *devices.Session, c devices.CallRequest, to push, payload []byte) {
	var err error
	if to.qos == 0 {
		if err = d.conn.Publish(to.topic, payload, 0); err == nil {
			s.Delivered(c.ID)
		}
	} else {
		err = d.conn.PublishAcked(to.topic, payload, func(ok bool) {
			if ok {
				s.Delivered(c.ID)
			}
		})
	}
	if errors.Is(err, mqttserver.ErrMessage) {
		d.dialect.log.Warn().Str("event", "message_unsendable").Str("device", s.Device().ID).
			Int("bytes", len(payload)).Err(err).Send()
	}
}

// Close ends the connection.
func (d *device) Close(why devices.Reason) {
	switch why {
	case devices.TakenOver:
		d.conn.Close(mqttserver.ClosedTakenOver)
	case devices.Undelivered:
		d.conn.Close(mqttserver.ClosedSlow)
	case devices.Revoked:
		d.conn.Close(mqttserver.ClosedRevoked)
	}
}

// Closed ends the session with its connection, and those of devices behind it.
func (d *device) Closed(mqttserver.CloseReason) {
	d.gateway.close()
	d.session.Close()
}
