package main

import (
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// subscription is what a client wants of the topics of one filter.
type subscription struct {
	qos         byte
	noLocal     bool
	asPublished bool // the retain flag is handed on
	identifier  uint32
}

func newSubscription(s mqttserver.Subscription) subscription {
	return subscription{
		qos: s.QoS, noLocal: s.NoLocal, asPublished: s.RetainAsPublished, identifier: s.Identifier(),
	}
}

// apply is the message as it goes to who has this subscription.
func (s subscription) apply(m mqttserver.Message) mqttserver.Message {
	m.QoS = min(m.QoS, s.qos) // [MQTT-3.8.4-8]
	m.Retain = m.Retain && s.asPublished
	return s.identify(m)
}

// identify adds the Subscription Identifier.
func (s subscription) identify(m mqttserver.Message) mqttserver.Message {
	if s.identifier > 0 {
		own := append(packet.Properties(nil), m.Properties...)
		m.Properties = own.AppendNumber(packet.SubscriptionIdentifier, s.identifier)
	}
	return m
}

// overlap is a message to one client for several subscriptions of it: with the highest QoS and all identifiers
// [MQTT-3.3.4-2], [MQTT-3.3.4-4].
type overlap struct {
	subscription
	identifiers []uint32
}

func (o *overlap) add(s subscription) {
	o.qos = max(o.qos, s.qos)
	o.asPublished = o.asPublished || s.asPublished
	if s.identifier > 0 {
		o.identifiers = append(o.identifiers, s.identifier)
	}
}

func (o *overlap) message(m mqttserver.Message) mqttserver.Message {
	m = o.apply(m)
	for _, id := range o.identifiers {
		m = subscription{identifier: id}.identify(m)
	}
	return m
}
