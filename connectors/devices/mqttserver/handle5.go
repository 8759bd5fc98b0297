package mqttserver

import (
	"bytes"
	"errors"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// handle5 is handle for a client of MQTT 5.
func (c *Conn) handle5(h packet.Header, body []byte) error {
	rules := &c.server.rules
	switch h.Type {
	case packet.PUBLISH:
		return c.handlePublish5(h.Flags, body)
	case packet.SUBSCRIBE:
		return c.handleSubscribe5(body)
	case packet.UNSUBSCRIBE:
		return c.handleUnsubscribe5(body)
	case packet.PUBACK, packet.PUBREC, packet.PUBREL, packet.PUBCOMP:
		var p packet.Ack5
		if err := p.Decode(h.Type, body, rules); err != nil {
			return err
		}
		if h.Type == packet.PUBREL {
			c.release(p.ID)
			return nil
		}
		return c.answered(h.Type, p.ID, p.Code)
	case packet.PINGREQ:
		if err := (packet.Empty{}).Decode(body); err != nil {
			return err
		}
		c.pong()
		return nil
	case packet.DISCONNECT:
		var p packet.Disconnect
		if err := p.Decode(body, rules); err != nil {
			return err
		}
		return c.disconnected(&p)
	case packet.AUTH:
		var p packet.Auth
		if err := p.Decode(body, rules); err != nil {
			return err
		}
		return errMethod
	}
	return packet.Unexpected(h.Type, packet.V5)
}

// handlePublish5 takes a PUBLISH. One that is sound, and whose topic is not taken, costs a client with QoS 1 or 2 only that
// message.
func (c *Conn) handlePublish5(flags byte, body []byte) error {
	p := &c.publish
	unfit := p.Decode5(flags, body, &c.server.rules)
	if unfit != nil && !unacceptable(unfit) {
		return unfit
	}
	if err := c.terms.forbid(p.QoS, p.Retain); err != nil {
		return err
	}
	topic, err := c.five.topic(p, unfit != nil)
	switch {
	case err != nil:
		return err
	case topic != unusable:
		c.hand(topic)
		return nil
	}
	p.Topic = ""
	if p.QoS == 0 {
		return errTopicLength
	}
	if number, deliver := c.admit(p); deliver {
		c.settle(number, Ack.With(errTopicLength.Code))
		c.enter()
	}
	return nil
}

// disconnected takes a DISCONNECT. One with another code than Normal disconnection leaves the will as it is
// [MQTT-3.14.4-3]. It may change when the session ends, unless that was agreed to be at once.
func (c *Conn) disconnected(p *packet.Disconnect) error {
	seconds, changed := p.Properties.Number(packet.SessionExpiryInterval)
	if seconds > 0 && c.five.expiry == 0 {
		return errRaisedExpiry
	}
	if p.Code == packet.NormalDisconnection {
		c.will = nil
	}
	if changed && c.keep {
		c.mu.Lock()
		c.expiry = min(time.Duration(seconds)*time.Second, c.server.limits.SessionExpiry)
		c.mu.Unlock()
	}
	return errDisconnect
}

// unacceptable reports whether err is about a sound packet. The rules in force refuse none but for its topic's length.
func unacceptable(err error) bool {
	var bad *packet.Error
	return errors.As(err, &bad) && bad.Fault == packet.Unacceptable
}

func (c *Conn) handleSubscribe5(body []byte) error {
	var p packet.Subscribe
	if err := p.Decode5(body, &c.server.rules); err != nil {
		return err
	}
	properties := bytes.Clone(p.Properties)
	codes := make([]packet.ReasonCode, len(p.Subscriptions))
	c.leave()
	for i, s := range p.Subscriptions {
		subscription := Subscription{Subscription: s, Properties: properties}
		switch codes[i] = c.terms.unmet(subscription); {
		case codes[i] != packet.Success:
			c.server.observer.Denied(DeniedFilter)
		default:
			codes[i] = c.grant(i, subscription)
			if codes[i] > packet.GrantedQoS2 && !codes[i].Failed() {
				codes[i] = packet.UnspecifiedError
			}
		}
	}
	c.enter()
	c.answerFilters(packet.SUBACK, p.ID, codes)
	return nil
}

func (c *Conn) handleUnsubscribe5(body []byte) error {
	var p packet.Unsubscribe
	if err := p.Decode5(body, &c.server.rules); err != nil {
		return err
	}
	codes := make([]packet.ReasonCode, len(p.Filters))
	c.leave()
	for i, filter := range p.Filters {
		codes[i] = c.handler.Unsubscribe(c.ctx, filter)
	}
	c.enter()
	c.answerFilters(packet.UNSUBACK, p.ID, codes)
	return nil
}

// answerFilters queues a SUBACK or UNSUBACK.
func (c *Conn) answerFilters(t packet.Type, id uint16, codes []packet.ReasonCode) {
	for i, code := range codes {
		codes[i] = orUnspecified(code, t)
	}
	p := packet.Suback5{ID: id, Codes: codes}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.controlLocked(t, p.Append(c.out.control, t, c.five.limit))
}
