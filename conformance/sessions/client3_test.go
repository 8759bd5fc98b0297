package main

import (
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// clean3 and kept3 are clients of MQTT 3.1.1 whose session ends with the connection, or does not. The second is asked
// whether it was there before.
func (s *scene) clean3(id string, will ...packet.Will) *party {
	s.t.Helper()
	return s.enter(connect3(id, true, will...), false)
}

func (s *scene) kept3(id string, present bool, will ...packet.Will) *party {
	s.t.Helper()
	return s.enter(connect3(id, false, will...), present)
}

func connect3(id string, clean bool, will ...packet.Will) *packet.Connect {
	c := &packet.Connect{Version: packet.V311, CleanSession: clean, KeepAlive: 60, ClientID: id}
	if len(will) > 0 {
		c.Will = &will[0]
	}
	return c
}

func publish3(topic string, qos byte, id uint16, payload string) string {
	p := packet.Publish{Topic: topic, QoS: qos, ID: id, Payload: []byte(payload)}
	return string(p.Append(nil))
}

// with sets flags of a PUBLISH.
const (
	retain = 0x01
	dup    = 0x08
)

func with(flags byte, publish string) string { return string([]byte{publish[0] | flags}) + publish[1:] }

// subscribe3 makes a SUBSCRIBE and the SUBACK that grants it; the identifier is 1.
func subscribe3(qos byte, filters ...string) (request, answer string) {
	s := packet.Subscribe{ID: 1}
	var codes []byte
	for _, f := range filters {
		s.Subscriptions = append(s.Subscriptions, packet.Subscription{Filter: f, QoS: qos})
		codes = append(codes, qos)
	}
	return string(s.Append(nil)), string(packet.AppendSuback(nil, 1, codes))
}

func unsubscribe3(filters ...string) (request, answer string) {
	u := packet.Unsubscribe{ID: 2, Filters: filters}
	return string(u.Append(nil)), ack(packet.UNSUBACK, 2)
}

// tell3 publishes with QoS 1 or 2 by a client of its own, and returns when the server has taken it.
func (s *scene) tell3(publish string) {
	s.t.Helper()
	p := s.clean3("teller")
	s.hand3(p, publish)
	p.leave()
}

// hand3 publishes and wants the acknowledgement.
func (s *scene) hand3(p *party, publish string) {
	s.t.Helper()
	after := 4 + int(publish[3]) // of a packet below 128 bytes
	switch publish[0] >> 1 & 3 {
	case 0:
		p.send(publish)
		p.quiet()
	case 1:
		p.ask(publish, "\x40\x02"+publish[after:after+2])
	case 2:
		p.ask(publish, "\x50\x02"+publish[after:after+2])
		p.ask("\x62\x02"+publish[after:after+2], "\x70\x02"+publish[after:after+2])
	}
}
