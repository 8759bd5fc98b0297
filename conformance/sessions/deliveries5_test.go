package main

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestMQTT5Deliveries shows what MQTT 5 says of messages on their way to subscribers, and of their properties.
func TestMQTT5Deliveries(t *testing.T) {
	t.Parallel()
	play(t, append(properties5(), deliveries5()...))
}

func properties5() []act {
	unaltered := []struct {
		name string
		p    packet.Properties
	}{
		{"MQTT-3.3.2-4", number(packet.PayloadFormatIndicator, 1)},
		{"MQTT-3.3.2-15", packet.Properties(nil).AppendText(packet.ResponseTopic, "r/t")},
		{"MQTT-3.3.2-16", packet.Properties(nil).AppendBinary(packet.CorrelationData, []byte("\x00\xff"))},
		{"MQTT-3.3.2-17 MQTT-3.3.2-18", packet.Properties(nil).AppendUser("b", "1").AppendUser("a", "2").AppendUser("b", "1").AppendUser("", "")},
		{"MQTT-3.3.2-20", packet.Properties(nil).AppendText(packet.ContentType, "text/plain")},
	}
	acts := []act{
		{"MQTT-3.1.2-25", func(s *scene) {
			c := s.enter(connect5("c", number(packet.MaximumPacketSize, 40)), false)
			c.ask(subscribe5(at(1), "a"))
			all := s.clean5("all")
			all.ask(subscribe5(at(0), "a"))
			p := s.clean5("p")
			large := strings.Repeat("x", 60)
			for i, payload := range []string{large, "y", large, "z"} {
				p.ask(publish5("a", 1, uint16(i+1), payload), ack(packet.PUBACK, uint16(i+1)))
				all.want(publish5("a", 0, 0, payload))
			}
			for _, payload := range []string{"y", "z"} {
				if m := c.message5(); string(m.Payload) != payload {
					s.t.Errorf("got %q, want %q", m.Payload, payload)
				}
			}
			c.quiet()
		}},
		{"MQTT-3.1.2-25 away", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(2), "a"))
			c.leave()
			for i, payload := range []string{strings.Repeat("x", 60), "y"} {
				s.tell3(publish3("a", byte(i+1), 1, payload))
			}
			small := connect5("c", hour().AppendNumber(packet.MaximumPacketSize, 40))
			small.CleanSession = false
			for range 2 {
				c = s.enter(small, true)
				if m := c.message5(); string(m.Payload) != "y" {
					s.t.Errorf("got %q, want %q", m.Payload, "y")
				}
				c.quiet()
				c.drop()
			}
		}},
		{"MQTT-3.1.2-26 MQTT-3.3.2-11", func(s *scene) {
			aliasing := connect5("c", hour().AppendNumber(packet.TopicAliasMaximum, 1))
			aliasing.CleanSession = false
			c := s.enter(aliasing, false)
			c.ask(subscribe5(at(0), "long/+"))
			one := number(packet.TopicAlias, 1)
			for _, first := range []bool{true, false} {
				for _, topic := range []string{"long/a", "long/a", "long/b", "long/a"} {
					s.tell3(publish3(topic, 1, 1, "x"))
				}
				c.want(publish5("long/a", 0, 0, "x", one), publish5("", 0, 0, "x", one), publish5("long/b", 0, 0, "x"), publish5("", 0, 0, "x", one))
				if first { // and from the beginning on another connection
					c.leave()
					c = s.enter(aliasing, true)
				}
			}
		}},
		{"MQTT-3.1.2-27", func(s *scene) {
			none := s.clean5("none")
			none.ask(subscribe5(at(0), "long/a"))
			nought := s.enter(connect5("nought", number(packet.TopicAliasMaximum, 0)), false)
			nought.ask(subscribe5(at(0), "long/a"))
			for range 2 {
				s.tell3(publish3("long/a", 1, 1, "x"))
				none.want(publish5("long/a", 0, 0, "x"))
				nought.want(publish5("long/a", 0, 0, "x"))
			}
		}},
		{"MQTT-3.3.2-5 MQTT-3.3.2-6", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(1), "a"))
			c.leave()
			w := s.clean5("watcher")
			w.ask(subscribe5(at(0), "w"))
			p := s.clean5("p")
			p.ask(publish5("a", 1, 1, "short", number(packet.MessageExpiryInterval, 1)), ack(packet.PUBACK, 1))
			p.ask(publish5("a", 1, 2, "long", number(packet.MessageExpiryInterval, 1000)), ack(packet.PUBACK, 2))
			// Two seconds later, or somewhat more.
			s.kept5("late", false, packet.Will{Topic: "w", Properties: number(packet.WillDelayInterval, 2)}).drop()
			w.want(publish5("w", 0, 0, ""))
			c = s.kept5("c", true)
			m := c.message5()
			if string(m.Payload) != "long" {
				s.t.Fatalf("got %q, want %q", m.Payload, "long")
			}
			if left, _ := m.Properties.Number(packet.MessageExpiryInterval); left == 0 || left > 998 {
				s.t.Errorf("Message Expiry Interval: got %d, want less than 999", left)
			}
			c.quiet()
		}},
	}
	acts = append(acts, act{"MQTT-3.3.2-5 retained", func(s *scene) {
		w := s.clean5("watcher")
		w.ask(subscribe5(at(0), "w"))
		p := s.clean5("p")
		p.ask(with(retain, publish5("a/b", 1, 1, "short", number(packet.MessageExpiryInterval, 1))), ack(packet.PUBACK, 1))
		p.ask(with(retain, publish5("a/c", 1, 2, "long", number(packet.MessageExpiryInterval, 1000))), ack(packet.PUBACK, 2))
		s.kept5("late", false, packet.Will{Topic: "w", Properties: number(packet.WillDelayInterval, 2)}).drop()
		w.want(publish5("w", 0, 0, ""))
		old := s.clean3("old") // whom nobody tells of an expiry
		old.getting(with(retain, publish3("a/c", 0, 0, "long")))(subscribe3(0, "a/#"))
		old.quiet()
	}}, act{"MQTT-3.3.2-12 handed on", func(s *scene) {
		c, p := s.clean5("c"), s.clean5("p")
		c.ask(subscribe5(at(0), "#"))
		alias := number(packet.TopicAlias, 1)
		for i, topic := range []string{"a", "", "b", ""} {
			p.ask(publish5(topic, 1, uint16(i+1), word(i), alias), ack(packet.PUBACK, uint16(i+1)))
		}
		for i, topic := range []string{"a", "a", "b", "b"} {
			c.want(publish5(topic, 0, 0, word(i)))
		}
	}})
	for _, u := range unaltered {
		acts = append(acts, act{u.name, func(s *scene) {
			c, old := s.clean5("c"), s.clean3("old")
			c.ask(subscribe5(at(0), "a"))
			old.ask(subscribe3(0, "a"))
			p := s.clean5("p")
			p.ask(publish5("a", 1, 1, "x", u.p), ack(packet.PUBACK, 1))
			c.want(publish5("a", 0, 0, "x", u.p))
			old.want(publish3("a", 0, 0, "x"))
		}})
	}
	return acts
}

func deliveries5() []act {
	return []act{
		{"MQTT-3.3.1-1 MQTT-4.3.3-5 MQTT-4.3.3-6 MQTT-4.4.0-1", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(2), "a"))
			s.tell3(publish3("a", 1, 1, "x"))
			s.tell3(publish3("a", 2, 1, "y"))
			s.tell3(publish3("a", 2, 1, "z"))
			c.want(publish5("a", 1, 1, "x"), publish5("a", 2, 2, "y"), publish5("a", 2, 3, "z"))
			c.ask(ack(packet.PUBREC, 3), ack(packet.PUBREL, 3))
			c.quiet() // nothing is sent again meanwhile
			for range 2 {
				c.drop()
				c = s.kept5("c", true)
				c.want(with(dup, publish5("a", 1, 1, "x")), with(dup, publish5("a", 2, 2, "y")), ack(packet.PUBREL, 3))
				c.quiet()
			}
			c.send(ack(packet.PUBCOMP, 3))
			c.quiet()
			c.drop()
			c = s.kept5("c", true)
			c.want(with(dup, publish5("a", 1, 1, "x")), with(dup, publish5("a", 2, 2, "y")))
			c.quiet()
		}},
		{"MQTT-3.3.1-3", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(at(1), "a"))
			s.tell3(with(dup, publish3("a", 1, 1, "x")))
			c.want(publish5("a", 1, 1, "x"))
		}},
		{"MQTT-4.3.3-1 MQTT-4.3.3-2 MQTT-4.3.3-4", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(at(2), "a"))
			s.tell3(publish3("a", 2, 1, "x"))
			c.want(publish5("a", 2, 1, "x"))
			c.ask(ack(packet.PUBREC, 1), ack(packet.PUBREL, 1))
			s.tell3(publish3("a", 2, 1, "y"))
			c.want(publish5("a", 2, 2, "y")) // 1 is in use until its PUBCOMP
			c.send(ack(packet.PUBCOMP, 1), ack5(packet.PUBREC, 2, packet.QuotaExceeded))
			c.quiet() // no PUBREL after a failure
		}},
		{"MQTT-4.3.3-4 again", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(at(2), "a"))
			s.tell3(publish3("a", 2, 1, "x"))
			c.want(publish5("a", 2, 1, "x"))
			c.ask(ack(packet.PUBREC, 1), ack(packet.PUBREL, 1))
			c.ask(ack(packet.PUBREC, 1), ack(packet.PUBREL, 1))
			c.send(ack(packet.PUBCOMP, 1))
			c.ask(ack(packet.PUBREC, 1), ack5(packet.PUBREL, 1, packet.PacketIdentifierNotFound))
			c.quiet()
		}},
		{"MQTT-4.3.3-3", func(s *scene) {
			c := s.enter(connect5("c", number(packet.ReceiveMaximum, 1)), false)
			c.ask(subscribe5(at(2), "a"))
			s.tell3(publish3("a", 2, 1, "x"))
			c.want(publish5("a", 2, 1, "x"))
			s.tell3(publish3("a", 2, 1, "y"))
			c.quiet()
			c.ask(ack(packet.PUBREC, 1), ack(packet.PUBREL, 1))
			c.quiet()
			c.ask(ack(packet.PUBCOMP, 1), publish5("a", 2, 2, "y"))
		}},
		{"MQTT-4.3.3-7", func(s *scene) {
			w := s.clean5("watcher")
			w.ask(subscribe5(at(0), "w"))
			c := s.kept5("c", false)
			c.ask(subscribe5(at(2), "a"))
			p := s.clean5("p")
			p.ask(publish5("a", 2, 1, "x", number(packet.MessageExpiryInterval, 1)), ack(packet.PUBREC, 1))
			p.ask(ack(packet.PUBREL, 1), ack(packet.PUBCOMP, 1))
			c.want(publish5("a", 2, 1, "x", number(packet.MessageExpiryInterval, 1)))
			c.drop()
			s.kept5("late", false, packet.Will{Topic: "w", Properties: number(packet.WillDelayInterval, 2)}).drop()
			w.want(publish5("w", 0, 0, ""))
			h, _ := s.kept5("c", true).next()
			if h.Type != packet.PUBLISH || h.Flags != dup|2<<1 {
				s.t.Errorf("got %v with flags %x, want the PUBLISH again", h.Type, h.Flags)
			}
		}},
		{"MQTT-4.4.0-2", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(2), "a"))
			s.tell3(publish3("a", 1, 1, "x"))
			s.tell3(publish3("a", 2, 1, "y"))
			c.want(publish5("a", 1, 1, "x"), publish5("a", 2, 2, "y"))
			c.send(ack5(packet.PUBACK, 1, packet.QuotaExceeded), ack5(packet.PUBREC, 2, packet.QuotaExceeded))
			c.quiet()
			c.leave()
			s.kept5("c", true).quiet()
		}},
		{"MQTT-4.4.0-1 within the Receive Maximum", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(2), "a"))
			for i := range 4 {
				s.tell3(publish3("a", byte(1+i%2), 1, word(i)))
				c.want(publish5("a", byte(1+i%2), uint16(i+1), word(i)))
			}
			c.drop()
			one := connect5("c", hour().AppendNumber(packet.ReceiveMaximum, 1))
			one.CleanSession = false
			c = s.enter(one, true)
			s.tell3(publish3("a", 1, 1, "new"))
			c.want(with(dup, publish5("a", 1, 1, word(0))))
			c.quiet()
			c.ask(ack(packet.PUBACK, 1), with(dup, publish5("a", 2, 2, word(1))))
			c.quiet()
			c.ask(ack(packet.PUBREC, 2), ack(packet.PUBREL, 2))
			c.quiet()
			c.ask(ack(packet.PUBCOMP, 2), with(dup, publish5("a", 1, 3, word(2))))
			c.ask(ack(packet.PUBACK, 3), with(dup, publish5("a", 2, 4, word(3))))
			c.ask(ack5(packet.PUBREC, 4, packet.UnspecifiedError), publish5("a", 1, 5, "new"))
			c.quiet()
		}},
		{"MQTT-4.5.0-1", func(s *scene) {
			here, away := s.clean5("here"), s.kept5("away", false)
			here.ask(subscribe5(at(1), "a"))
			away.ask(subscribe5(at(1), "+"))
			away.leave()
			s.tell3(publish3("a", 1, 1, "x"))
			here.want(publish5("a", 1, 1, "x"))
			s.kept5("away", true).want(publish5("a", 1, 1, "x"))
		}},
		{"MQTT-4.6.0-1", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(2), "a"))
			p := s.clean3("p")
			var first, again []string
			for i := range 9 {
				s.hand3(p, publish3("a", byte(1+i%2), 1, word(i)))
				m := publish5("a", byte(1+i%2), uint16(i+1), word(i))
				first, again = append(first, m), append(again, with(dup, m))
			}
			c.want(first...)
			c.drop()
			s.kept5("c", true).want(again...)
		}},
		{"MQTT-4.6.0-4", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(2), "a"))
			for i := range 3 {
				s.tell3(publish3("a", 2, 1, word(i)))
				c.want(publish5("a", 2, uint16(i+1), word(i)))
			}
			c.send(ack(packet.PUBREC, 2), ack(packet.PUBREC, 3), ack(packet.PUBREC, 1))
			c.want(ack(packet.PUBREL, 2), ack(packet.PUBREL, 3), ack(packet.PUBREL, 1))
			c.drop()
			c = s.kept5("c", true)
			c.want(ack(packet.PUBREL, 2), ack(packet.PUBREL, 3), ack(packet.PUBREL, 1))
		}},
		{"MQTT-4.6.0-5 MQTT-4.6.0-6", func(s *scene) {
			for qos := range byte(3) {
				c, p := s.enter(connect5("c"+word(int(qos)), nil), false), s.clean5("p"+word(int(qos)))
				c.ask(subscribe5(at(qos), "a/+"))
				var sent, want []string
				for i := range 20 {
					m := publish5("a/"+string(rune('a'+i%2)), qos, uint16(i+1)*uint16(min(qos, 1)), word(i))
					sent, want = append(sent, m), append(want, m)
				}
				p.send(strings.Join(sent, ""))
				for i := range 20 * uint16(qos/2) {
					p.send(ack(packet.PUBREL, i+1))
				}
				c.want(want...)
			}
		}},
	}
}
