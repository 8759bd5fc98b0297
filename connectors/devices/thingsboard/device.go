package thingsboard

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// device is the MQTT session of a device that has authenticated.
type device struct {
	dialect *Dialect
	conn    *mqttserver.Conn
	session *devices.Session

	granted map[string]byte // QoS by filter; the reading goroutine's alone

	mu     sync.Mutex // protects pushes: changes come from other goroutines
	pushes []push     // of subscriptions to shared attributes, the last one in force
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
	return &device{dialect: d, conn: c, session: s}
}

// Publish takes one message of the device.
func (d *device) Publish(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	var err error
	switch r := find(p.Topic); r.action {
	case postAttributes:
		err = d.session.PostAttributes(ctx, p.Payload, func(f engine.Fate) { done(verdict(f)) })
	case postTelemetry:
		err = d.session.PostTelemetry(ctx, p.Payload, func(f engine.Fate) { done(verdict(f)) })
	case readAttributes:
		d.readAttributes(ctx, r, p, done)
	case refused:
		d.badPayload(ctx, p, done)
	case answerCall, unknown:
		done(mqttserver.Ack)
	}
	if err != nil {
		d.badPayload(ctx, p, done)
	}
}

// verdict acknowledges what is done with, for good or ill: sending a dead letter again would not help.
func verdict(f engine.Fate) mqttserver.Verdict {
	if f.State == engine.Abandoned {
		return mqttserver.CloseWithoutAck
	}
	return mqttserver.Ack
}

// badPayload closes the connection, as ThingsBoard does with clients that cannot be told why (MQTT 3), unless the profile
// wants such messages acknowledged: a QoS 1 client would otherwise send them for ever. With QoS 0 there is nothing to
// acknowledge.
func (d *device) badPayload(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	if p.QoS > 0 {
		if profile, err := d.session.Profile(ctx); err == nil && profile.AckOnValidationFailure {
			done(mqttserver.Ack)
			return
		}
	}
	done(mqttserver.CloseWithoutAck)
}

func (d *device) readAttributes(ctx context.Context, r route, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	client, shared, ok := d.dialect.attributeKeys(p.Payload)
	if !ok {
		d.badPayload(ctx, p, done)
		return
	}
	clientAttributes, sharedAttributes, err := d.session.Attributes(ctx, client, shared)
	if err != nil {
		d.dialect.log.Warn().Str("event", "attributes_unread").Str("device", d.session.Device().ID).Err(err).Send()
		done(mqttserver.CloseWithoutAck)
		return
	}
	qos, subscribed := d.granted[r.filter]
	if !subscribed {
		qos = replyQoS
	}
	done(mqttserver.Ack) // ThingsBoard acknowledges first, then answers
	d.send(r.answer+strconv.Itoa(int(r.id)), attributesBody(clientAttributes, sharedAttributes), qos)
}

// send hands a message to the connection. One that is closed, or is closed because the device does not read, needs no
// further word; a message that is too large for any device does.
func (d *device) send(topic string, payload []byte, qos byte) {
	if err := d.conn.Publish(topic, payload, qos); errors.Is(err, mqttserver.ErrMessage) {
		d.dialect.log.Warn().Str("event", "message_unsendable").Str("device", d.session.Device().ID).
			Int("bytes", len(payload)).Err(err).Send()
	}
}

// Subscribe grants the filters that ThingsBoard knows, and no others.
func (d *device) Subscribe(_ context.Context, filter string, qos byte) byte {
	topic, known := pushOf(filter)
	if !known {
		return packet.SubscribeFailure
	}
	qos = min(qos, 1)
	if d.granted == nil {
		d.granted = map[string]byte{}
	}
	d.granted[filter] = qos
	if topic != "" {
		d.setPush(topic, &push{topic, qos})
	}
	return qos
}

// Unsubscribe takes a filter back.
func (d *device) Unsubscribe(_ context.Context, filter string) {
	delete(d.granted, filter)
	if topic, _ := pushOf(filter); topic != "" {
		d.setPush(topic, nil)
	}
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
		d.send(to.topic, updatedBody(c.Updated), to.qos)
	}
	if len(c.Deleted) > 0 {
		d.send(to.topic, deletedBody(c.Deleted), to.qos)
	}
}

// Called hands the device a call.
func (d *device) Called(c devices.CallRequest) {}

// Close ends the connection.
func (d *device) Close(why devices.Reason) {
	if why == devices.TakenOver {
		d.conn.Close(mqttserver.ClosedTakenOver)
		return
	}
	d.conn.Close(mqttserver.ClosedRevoked)
}

// Closed ends the session with its connection.
func (d *device) Closed(mqttserver.CloseReason) { d.session.Close() }
