package mqttserver

import (
	"cmp"
	"strings"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// Subscription is one filter that a client subscribes to.
type Subscription struct {
	packet.Subscription
	// Properties are those of the SUBSCRIBE of MQTT 5, for all its filters: User Properties, and the Subscription Identifier.
	Properties packet.Properties
}

// Identifier is the Subscription Identifier, 0 if there is none. It goes with every message that is sent for the
// subscription [MQTT-3.3.4-3].
func (s Subscription) Identifier() uint32 { return s.Properties.Value(packet.SubscriptionIdentifier) }

// Terms are what a dialect makes available to a client, which is told in the CONNACK of MQTT 5 and held to it. See Conn.Offer.
type Terms struct {
	// SubscriptionIdentifiers and SharedSubscriptions are refused in a SUBSCRIBE unless they are offered.
	SubscriptionIdentifiers bool
	SharedSubscriptions     bool
	// NoWildcards refuses filters with wildcards.
	NoWildcards bool
	// NoRetain ends a connection that publishes with the retain flag, or wants its will retained.
	NoRetain bool
	// MaximumQoS ends a connection that publishes with a higher one, or wants its will to. 1 or 2; 0 is 2.
	MaximumQoS byte
	// TopicAliases is how many topics the server may name by an alias, within what the client takes: the first ones that are
	// longer than an alias is. Default 0: none.
	TopicAliases uint16
}

var (
	errQoS = &packet.Error{
		Fault: packet.Malformed, Code: packet.QoSNotSupported, Rule: "MQTT-3.2.2-11", Text: "QoS is above the maximum",
	}
	errRetain = &packet.Error{
		Fault: packet.Malformed, Code: packet.RetainNotSupported, Rule: "MQTT-3.2.2-14", Text: "retained messages are not available",
	}
)

// announce adds what is not available, and what is.
func (t Terms) announce(p packet.Properties) packet.Properties {
	number := func(yes bool) uint32 {
		if yes {
			return 1
		}
		return 0
	}
	p = p.AppendNumber(packet.SubscriptionIdentifierAvailable, number(t.SubscriptionIdentifiers)).
		AppendNumber(packet.SharedSubscriptionAvailable, number(t.SharedSubscriptions))
	if t.NoWildcards {
		p = p.AppendNumber(packet.WildcardSubscriptionAvailable, 0)
	}
	if t.NoRetain {
		p = p.AppendNumber(packet.RetainAvailable, 0)
	}
	if t.MaximumQoS == 1 {
		p = p.AppendNumber(packet.MaximumQoS, 1)
	}
	return p
}

// unmet is why a client of MQTT 5 cannot have a subscription, Success if it can.
func (t Terms) unmet(s Subscription) packet.ReasonCode {
	group, filter := packet.Share(s.Filter)
	switch {
	case !t.SubscriptionIdentifiers && s.Identifier() > 0:
		return packet.SubscriptionIdentifiersNotSupported
	case !t.SharedSubscriptions && group != "":
		return packet.SharedSubscriptionsNotSupported
	case t.NoWildcards && strings.ContainsAny(filter, "+#"):
		return packet.WildcardSubscriptionsNotSupported
	}
	return packet.Success
}

// forbid is why a client of MQTT 5 may not publish a message.
func (t Terms) forbid(qos byte, retain bool) error {
	switch {
	case qos > cmp.Or(t.MaximumQoS, 2):
		return errQoS
	case retain && t.NoRetain:
		return errRetain
	}
	return nil
}

// will is why a client of MQTT 5 cannot have its will [MQTT-3.2.2-12], [MQTT-3.2.2-13].
func (t Terms) will(p *packet.Connect) error {
	if p.Will == nil || p.Version != packet.V5 {
		return nil
	}
	return t.forbid(p.Will.QoS, p.Will.Retain)
}
