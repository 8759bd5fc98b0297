package mqttserver_test

import (
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// connect5 is a CONNECT of MQTT 5.
func connect5(keepAlive uint16, p packet.Properties, id string) string {
	c := packet.Connect{Version: packet.V5, CleanSession: true, KeepAlive: keepAlive, ClientID: id, Properties: p}
	return string(c.Append(nil))
}

// announced is what a server with default limits says in every CONNACK of MQTT 5.
func announced() packet.Properties {
	return props().AppendNumber(packet.ReceiveMaximum, 100).AppendNumber(packet.MaximumPacketSize, 65536).
		AppendNumber(packet.TopicAliasMaximum, 10).AppendNumber(packet.SubscriptionIdentifierAvailable, 0).
		AppendNumber(packet.SharedSubscriptionAvailable, 0)
}

func props() packet.Properties { return nil }

func connack5(code packet.ReasonCode, p packet.Properties) string {
	c := packet.Connack{Code: code, Properties: p}
	return string(c.Append(nil, packet.V5, 0))
}

// refused5 is a CONNACK that says why in words.
func refused5(code packet.ReasonCode, text string) string {
	return connack5(code, props().AppendText(packet.ReasonString, text))
}

var (
	hello5   = connect5(60, nil, "c1")
	welcome5 = connack5(packet.Success, announced())
)

// login5 opens a session of MQTT 5 with these properties.
func (b *bench) login5(p packet.Properties) *client {
	b.t.Helper()
	c := b.dial()
	c.send(connect5(60, p, "c1"))
	c.want(welcome5, false)
	return c
}

func publish5(qos byte, id uint16, topic, payload string, p packet.Properties) string {
	m := packet.Publish{Topic: topic, QoS: qos, ID: id, Payload: []byte(payload), Properties: p}
	return string(m.Append5(nil))
}

// aliased is a PUBLISH with a topic alias, whose payload is "x".
func aliased(topic string, alias uint32, qos byte, id uint16) string {
	return publish5(qos, id, topic, "x", props().AppendNumber(packet.TopicAlias, alias))
}

func ack5(t packet.Type, id uint16, code packet.ReasonCode) string {
	a := packet.Ack5{ID: id, Code: code}
	return string(a.Append(nil, t, 0))
}

func suback5(t packet.Type, id uint16, codes ...packet.ReasonCode) string {
	a := packet.Suback5{ID: id, Codes: codes}
	return string(a.Append(nil, t, 0))
}

func subscribe5(id uint16, p packet.Properties, filters ...string) string {
	s := packet.Subscribe{ID: id, Properties: p}
	for _, f := range filters {
		s.Subscriptions = append(s.Subscriptions, packet.Subscription{Filter: f, QoS: 2})
	}
	return string(s.Append5(nil))
}

func unsubscribe5(id uint16, filters ...string) string {
	u := packet.Unsubscribe{ID: id, Filters: filters}
	return string(u.Append5(nil))
}

// gone5 is a DISCONNECT, with a text unless that is empty.
func gone5(code packet.ReasonCode, text string) string {
	d := packet.Disconnect{Code: code}
	if text != "" {
		d.Properties = props().AppendText(packet.ReasonString, text)
	}
	return string(d.Append(nil, 0))
}

// session5 is the conversation of one client of MQTT 5 with a server.
func session5(t *testing.T, limits mqttserver.Limits, d *dialect, f func(b *bench, c *client)) {
	t.Helper()
	bubble(t, limits, d, func(b *bench) {
		c := b.dial()
		c.send(hello5)
		c.mu.Lock()
		c.got.Reset()
		c.mu.Unlock()
		f(b, c)
	})
}
