package main

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestDeliveries shows what MQTT 3.1.1 says of messages on their way to subscribers.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	play(t, deliveries3())
}

func deliveries3() []act {
	return []act{
		{"MQTT-3.3.1-1 MQTT-4.4.0-1", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(2, "a"))
			s.tell3(publish3("a", 1, 1, "x"))
			s.tell3(publish3("a", 2, 1, "y"))
			s.tell3(publish3("a", 2, 1, "z"))
			s.tell3(publish3("a", 1, 1, "acknowledged"))
			c.want(publish3("a", 1, 1, "x"), publish3("a", 2, 2, "y"), publish3("a", 2, 3, "z"), publish3("a", 1, 4, "acknowledged"))
			c.ask(ack(packet.PUBACK, 4)+ack(packet.PUBREC, 3), ack(packet.PUBREL, 3))
			for range 2 {
				c.drop()
				c = s.kept3("c", true)
				c.want(with(dup, publish3("a", 1, 1, "x")), with(dup, publish3("a", 2, 2, "y")), ack(packet.PUBREL, 3))
				c.quiet()
			}
		}},
		{"MQTT-3.3.1-3", func(s *scene) {
			c := s.clean3("c")
			c.ask(subscribe3(1, "a"))
			s.tell3(with(dup, publish3("a", 1, 1, "x")))
			c.want(publish3("a", 1, 1, "x"))
		}},
		{"MQTT-4.3.3-1", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(2, "a"))
			s.tell3(publish3("a", 2, 1, "x"))
			c.want(publish3("a", 2, 1, "x"))
			c.ask(ack(packet.PUBREC, 1), ack(packet.PUBREL, 1))
			s.tell3(publish3("a", 2, 1, "y"))
			c.want(publish3("a", 2, 2, "y")) // 1 is in use until its PUBCOMP
			c.send(ack(packet.PUBCOMP, 1))
			c.quiet()
			c.drop()
			c = s.kept3("c", true)
			c.want(with(dup, publish3("a", 2, 2, "y")))
			c.quiet()
		}},
		{"MQTT-4.5.0-1", func(s *scene) {
			here, away := s.clean3("here"), s.kept3("away", false)
			here.ask(subscribe3(1, "a"))
			away.ask(subscribe3(1, "+"))
			away.leave()
			s.tell3(publish3("a", 1, 1, "x"))
			here.want(publish3("a", 1, 1, "x"))
			s.kept3("away", true).want(publish3("a", 1, 1, "x"))
		}},
		{"MQTT-4.5.0-1 its own", func(s *scene) {
			c := s.clean3("c")
			c.ask(subscribe3(1, "a"))
			c.send(publish3("a", 1, 7, "x"))
			c.wantAny(ack(packet.PUBACK, 7), publish3("a", 1, 1, "x"))
		}},
		{"MQTT-4.6.0-1", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(2, "a"))
			p := s.clean3("p")
			var first, again []string
			for i := range 9 {
				m := publish3("a", byte(1+i%2), uint16(i+1), word(i))
				s.hand3(p, m)
				first, again = append(first, m), append(again, with(dup, m))
			}
			c.want(first...)
			c.drop()
			s.kept3("c", true).want(again...)
		}},
		{"MQTT-4.6.0-4", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(2, "a"))
			p := s.clean3("p")
			for i := range 3 {
				s.hand3(p, publish3("a", 2, 1, word(i)))
				c.want(publish3("a", 2, uint16(i+1), word(i)))
			}
			c.send(ack(packet.PUBREC, 2), ack(packet.PUBREC, 3), ack(packet.PUBREC, 1))
			c.want(ack(packet.PUBREL, 2), ack(packet.PUBREL, 3), ack(packet.PUBREL, 1))
			c.drop()
			c = s.kept3("c", true)
			c.want(ack(packet.PUBREL, 2), ack(packet.PUBREL, 3), ack(packet.PUBREL, 1))
		}},
		{"MQTT-4.6.0-5 MQTT-4.6.0-6", func(s *scene) {
			for qos := range byte(3) {
				c, p := s.clean3("c"+word(int(qos))), s.clean3("p")
				c.ask(subscribe3(qos, "a/+"))
				var sent, want []string
				for i := range 20 {
					topic := "a/" + string(rune('a'+i%2))
					sent = append(sent, publish3(topic, qos, uint16(i+1)*uint16(min(qos, 1)), word(i)))
					want = append(want, publish3(topic, qos, uint16(i+1)*uint16(min(qos, 1)), word(i)))
				}
				p.send(strings.Join(sent, ""))
				for i := range 20 * uint16(qos/2) {
					p.send(ack(packet.PUBREL, i+1))
				}
				c.want(want...)
				c.leave()
				p.drop()
			}
		}},
	}
}
