package main

import (
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// clean5 and kept5 are clients of MQTT 5 whose session ends with the connection, or lives on for an hour. The second is asked
// whether it was there before.
func (s *scene) clean5(id string, will ...packet.Will) *party {
	s.t.Helper()
	return s.enter(connect5(id, nil, will...), false)
}

func (s *scene) kept5(id string, present bool, will ...packet.Will) *party {
	s.t.Helper()
	c := connect5(id, hour(), will...)
	c.CleanSession = false
	return s.enter(c, present)
}

func connect5(id string, p packet.Properties, will ...packet.Will) *packet.Connect {
	c := &packet.Connect{Version: packet.V5, CleanSession: true, KeepAlive: 60, ClientID: id, Properties: p}
	if len(will) > 0 {
		c.Will = &will[0]
	}
	return c
}

func number(id packet.NumberProperty, n uint32) packet.Properties {
	return packet.Properties(nil).AppendNumber(id, n)
}

func hour() packet.Properties { return number(packet.SessionExpiryInterval, 3600) }

func publish5(topic string, qos byte, id uint16, payload string, p ...packet.Properties) string {
	m := packet.Publish{Topic: topic, QoS: qos, ID: id, Payload: []byte(payload)}
	for _, more := range p {
		m.Properties = append(m.Properties, more...)
	}
	return string(m.Append5(nil))
}

func ack5(t packet.Type, id uint16, code packet.ReasonCode) string {
	a := packet.Ack5{ID: id, Code: code}
	return string(a.Append(nil, t, 0))
}

// subscribe5 makes a SUBSCRIBE with these options and the SUBACK that grants it; the identifier is 1.
func subscribe5(options packet.Subscription, filters ...string) (request, answer string) {
	return identified(0, options, filters...)
}

// identified is subscribe5 with a Subscription Identifier, unless that is 0.
func identified(n uint32, options packet.Subscription, filters ...string) (request, answer string) {
	s := packet.Subscribe{ID: 1}
	if n > 0 {
		s.Properties = number(packet.SubscriptionIdentifier, n)
	}
	granted := packet.Suback5{ID: 1}
	for _, f := range filters {
		options.Filter = f
		s.Subscriptions = append(s.Subscriptions, options)
		granted.Codes = append(granted.Codes, packet.ReasonCode(options.QoS))
	}
	return string(s.Append5(nil)), string(granted.Append(nil, packet.SUBACK, 0))
}

// at is a subscription with a QoS and no further options.
func at(qos byte) packet.Subscription { return packet.Subscription{QoS: qos} }

func unsubscribe5(codes []packet.ReasonCode, filters ...string) (request, answer string) {
	u := packet.Unsubscribe{ID: 2, Filters: filters}
	a := packet.Suback5{ID: 2, Codes: codes}
	return string(u.Append5(nil)), string(a.Append(nil, packet.UNSUBACK, 0))
}

// message5 is a PUBLISH from the server.
func (p *party) message5() packet.Publish {
	p.t.Helper()
	h, body := p.next()
	var m packet.Publish
	err := m.Decode5(h.Flags, body, &packet.Rules{FromServer: true})
	if h.Type != packet.PUBLISH || err != nil {
		p.t.Fatalf("%s: got %v, %v, want a PUBLISH", p.id, h.Type, err)
	}
	return m
}
