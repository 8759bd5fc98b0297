package mqttserver

import (
	"bytes"
	"errors"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

var (
	errDisconnect  = errors.New("client disconnected")
	errTopicLength = &packet.Error{
		Fault: packet.TooLarge, Code: packet.TopicNameInvalid, Text: "topic is longer than the limit",
	}
)

// handle does what one packet asks for. An error closes the connection.
func (c *Conn) handle(h packet.Header, body []byte) error {
	c.fresh = true
	if c.five != nil {
		return c.handle5(h, body)
	}
	switch h.Type {
	case packet.PUBLISH:
		return c.handlePublish(h.Flags, body)
	case packet.SUBSCRIBE:
		return c.handleSubscribe(body)
	case packet.UNSUBSCRIBE:
		return c.handleUnsubscribe(body)
	case packet.PUBACK, packet.PUBREC, packet.PUBREL, packet.PUBCOMP:
		var p packet.Ack
		if err := p.Decode(body); err != nil {
			return err
		}
		if h.Type == packet.PUBREL {
			c.release(p.ID)
			return nil
		}
		return c.answered(h.Type, p.ID, packet.Success)
	case packet.PINGREQ:
		if err := (packet.Empty{}).Decode(body); err != nil {
			return err
		}
		c.pong()
		return nil
	case packet.DISCONNECT:
		if err := (packet.Empty{}).Decode(body); err != nil {
			return err
		}
		c.will = nil // [MQTT-3.1.2-10]
		return errDisconnect
	}
	// A second CONNECT [MQTT-3.1.0-2], or a packet that only servers send.
	return packet.Unexpected(h.Type, c.version)
}

func (c *Conn) pong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.controlLocked(packet.PINGRESP, packet.Empty{}.Append(c.out.control, packet.PINGRESP))
}

func (c *Conn) handlePublish(flags byte, body []byte) error {
	p := &c.publish
	if err := p.Decode(flags, body); err != nil {
		return err
	}
	if len(p.Topic) > c.server.limits.TopicBytes {
		p.Topic = ""
		return errTopicLength
	}
	c.hand(p.Topic)
	return nil
}

// hand gives the handler the last PUBLISH, once it has its place.
func (c *Conn) hand(topic string) {
	p := &c.publish
	number, deliver := c.admit(p)
	if !deliver {
		return
	}
	m := *p
	m.Topic, m.Payload, m.Properties = topic, bytes.Clone(p.Payload), bytes.Clone(p.Properties)
	p.Payload, p.Properties = nil, nil
	c.handler.Publish(c.ctx, m, func(v Verdict) { c.settle(number, v) })
	c.enter()
}

func (c *Conn) handleSubscribe(body []byte) error {
	var p packet.Subscribe
	if err := p.Decode(body); err != nil {
		return err
	}
	codes := make([]byte, len(p.Subscriptions))
	c.leave()
	for i, s := range p.Subscriptions {
		codes[i] = packet.SubscribeFailure
		if granted := c.grant(i, Subscription{Subscription: s}); granted <= packet.GrantedQoS2 {
			codes[i] = byte(granted)
		}
	}
	c.enter()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.controlLocked(packet.SUBACK, packet.AppendSuback(c.out.control, p.ID, codes))
	return nil
}

// grant decides about the filter at place i of a SUBSCRIBE. One that is beyond the limits does not reach the handler.
func (c *Conn) grant(i int, s Subscription) packet.ReasonCode {
	code, why := packet.TopicFilterInvalid, DeniedLength
	switch {
	case i >= c.server.limits.Filters:
		code, why = packet.QuotaExceeded, DeniedNumber
	case len(s.Filter) <= c.server.limits.TopicBytes:
		code, why = c.handler.Subscribe(c.ctx, s), DeniedFilter
	}
	if code > packet.GrantedQoS2 {
		c.server.observer.Denied(why)
	}
	return code
}

func (c *Conn) handleUnsubscribe(body []byte) error {
	var p packet.Unsubscribe
	if err := p.Decode(body); err != nil {
		return err
	}
	c.leave()
	for _, filter := range p.Filters {
		c.handler.Unsubscribe(c.ctx, filter)
	}
	c.enter()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answerLocked(packet.UNSUBACK, p.ID, packet.Success) // also if nothing was subscribed [MQTT-3.10.4-5]
	return nil
}
