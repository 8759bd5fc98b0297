package mqttserver

import (
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// Message is what is published to a client.
type Message struct {
	Topic string
	// Payload and Properties must not be changed once the message was handed over.
	Payload []byte
	// QoS is 0 to 2. With 0 the message may be dropped if the client does not read, and is not stored for one that is away.
	QoS    byte
	Retain bool
	// Properties are what a client of MQTT 5 is told besides: those of Properties.AppendMessage, and Subscription
	// Identifiers. Message Expiry Interval and Topic Alias are the server's to add. Other clients are told none.
	Properties packet.Properties
	// Expires is when the message is worth nothing any more; the zero value is never. If nobody began to send it by then, it
	// is dropped [MQTT-3.3.2-5].
	Expires time.Time
	// Acked may be nil. If the message was taken, it is called once: with true when a client has acknowledged it, with a
	// PUBACK or PUBREC that is no failure; with false when none will. With QoS 0 it is never called. It must not block.
	Acked func(ok bool)
}

// Forward is the message that a client published, as others get it: with the properties that go on unaltered, and what
// is left of its time.
func Forward(p Publish) Message {
	m := Message{
		Topic: p.Topic, Payload: p.Payload, QoS: p.QoS, Retain: p.Retain,
		Properties: packet.Properties(nil).AppendMessage(p.Properties),
	}
	if seconds, ok := p.Properties.Number(packet.MessageExpiryInterval); ok {
		m.Expires = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	return m
}

// size is what a message counts towards Limits.OutboundBytes.
func (m *Message) size() int { return len(m.Topic) + len(m.Payload) + len(m.Properties) }

// expired reports whether it is too late to begin to send m.
func (m *Message) expired() bool { return !m.Expires.IsZero() && !time.Now().Before(m.Expires) }

// packet is m on its way. A client of MQTT 5 is told how many seconds the message is still worth something, those begun
// included [MQTT-3.3.2-6].
func (m *Message) packet(five bool) packet.Publish {
	p := packet.Publish{Topic: m.Topic, Payload: m.Payload, QoS: m.QoS, Retain: m.Retain}
	if !five {
		return p
	}
	p.Properties = m.Properties
	if !m.Expires.IsZero() {
		left := max(0, time.Until(m.Expires)+time.Second-1) / time.Second
		p.Properties = p.Properties[:len(p.Properties):len(p.Properties)].AppendNumber(packet.MessageExpiryInterval, uint32(left))
	}
	return p
}
