package mqttserver

import (
	"errors"

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
	case packet.PUBACK, packet.PUBREL:
		var p packet.Ack5
		if err := p.Decode(h.Type, body, rules); err != nil {
			return err
		}
		if h.Type == packet.PUBACK {
			c.acknowledged(p.ID, !p.Code.Failed())
		} else {
			c.release(p.ID)
		}
		return nil
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
		if p.Properties.Value(packet.SessionExpiryInterval) > 0 && !c.five.expiry {
			return errRaisedExpiry
		}
		return errDisconnect
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
	_, identified := p.Properties.Number(packet.SubscriptionIdentifier)
	codes := make([]packet.ReasonCode, len(p.Subscriptions))
	c.leave()
	for i, s := range p.Subscriptions {
		group, _ := packet.Share(s.Filter)
		switch {
		case identified:
			codes[i] = packet.SubscriptionIdentifiersNotSupported
			c.server.observer.Denied(DeniedFilter)
		case group != "":
			codes[i] = packet.SharedSubscriptionsNotSupported
			c.server.observer.Denied(DeniedFilter)
		default:
			codes[i] = c.grant(i, s)
			if codes[i] > packet.GrantedQoS1 && !codes[i].Failed() {
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
