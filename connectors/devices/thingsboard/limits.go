package thingsboard

import (
	"context"
	"errors"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
)

// tellLimits answers a device that asks how much it may send (ThingsBoard's getSessionLimits).
func (d *device) tellLimits(ctx context.Context, topic string, qos byte, done func(mqttserver.Verdict)) {
	err := d.session.Admit(ctx)
	var limits devices.SessionLimits
	if err == nil {
		limits, err = d.session.Limits(ctx)
	}
	if err != nil {
		done(mqttserver.CloseWithoutAck)
		return
	}
	l := body.Limits{
		Payload: d.dialect.options.PacketBytes, Inflight: d.dialect.options.Inflight, Rates: limits.Own, Gateway: limits.Gateway,
	}
	if limits.PayloadBytes > 0 {
		l.Payload = min(l.Payload, limits.PayloadBytes)
	}
	done(mqttserver.Ack)
	d.send(topic, body.SessionLimits(l), qos)
}

// paid pays for a message that costs something although nothing is done with it. If the device cannot, it is cut off.
func (d *device) paid(ctx context.Context, done func(mqttserver.Verdict)) bool {
	if d.session.Admit(ctx) == nil {
		return true
	}
	done(mqttserver.CloseWithoutAck)
	return false
}

// unread is the end of a message that could not be read, before anybody has paid for it.
func (d *device) unread(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	if d.paid(ctx, done) {
		d.badPayload(ctx, p, done)
	}
}

// admit lets a subscription in. Who subscribes too often is cut off, as with any other message.
func (d *device) admit(ctx context.Context) bool {
	err := d.session.Admit(ctx)
	if errors.Is(err, devices.ErrRate) {
		d.conn.Close(mqttserver.ClosedVerdict)
	}
	return err == nil
}
