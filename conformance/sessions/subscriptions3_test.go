package main

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestSubscriptions shows what MQTT 3.1.1 says of retained messages and of subscriptions.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	play(t, append(retained3(), subscriptions3()...))
}

func retained3() []act {
	late := func(s *scene, qos byte, gets ...string) *party {
		c := s.clean3("late")
		c.getting(gets...)(subscribe3(qos, "a/#"))
		return c
	}
	return []act{
		{"MQTT-3.3.1-5", func(s *scene) {
			s.tell3(with(retain, publish3("a/b", 1, 1, "x")))
			late(s, 2, with(retain, publish3("a/b", 1, 1, "x")))
		}},
		{"MQTT-3.3.1-6", func(s *scene) {
			s.tell3(with(retain, publish3("a/b", 1, 1, "x")))
			s.tell3(with(retain, publish3("a/b", 1, 1, "y")))
			s.tell3(with(retain, publish3("a/c", 1, 1, "z")))
			late(s, 0, with(retain, publish3("a/b", 0, 0, "y")), with(retain, publish3("a/c", 0, 0, "z"))).quiet()
		}},
		{"MQTT-3.3.1-7", func(s *scene) {
			s.tell3(with(retain, publish3("a/b", 1, 1, "x")))
			s.tell3(with(retain, publish3("a/b", 0, 0, "y")))
			late(s, 1, with(retain, publish3("a/b", 0, 0, "y"))).quiet()
		}},
		{"MQTT-3.3.1-8 MQTT-3.3.1-9", func(s *scene) {
			early := s.clean3("early")
			early.ask(subscribe3(1, "a/b"))
			s.tell3(with(retain, publish3("a/b", 1, 1, "x")))
			early.want(publish3("a/b", 1, 1, "x"))
			late(s, 1, with(retain, publish3("a/b", 1, 1, "x")))
		}},
		{"MQTT-3.3.1-10 MQTT-3.3.1-11", func(s *scene) {
			early := s.clean3("early")
			early.ask(subscribe3(0, "a/b"))
			s.tell3(with(retain, publish3("a/b", 1, 1, "x")))
			s.tell3(with(retain, publish3("a/b", 1, 1, "")))
			early.want(publish3("a/b", 0, 0, "x"), publish3("a/b", 0, 0, ""))
			late(s, 1).quiet()
		}},
		{"MQTT-3.3.1-12", func(s *scene) {
			s.tell3(publish3("a/b", 1, 1, "x"))
			c := late(s, 1)
			c.quiet()
			c.leave()
			s.tell3(with(retain, publish3("a/b", 1, 1, "y")))
			s.tell3(publish3("a/b", 1, 1, "z"))
			s.tell3(publish3("a/b", 1, 1, ""))
			late(s, 1, with(retain, publish3("a/b", 1, 1, "y")))
		}},
	}
}

func subscriptions3() []act {
	return []act{
		{"MQTT-3.3.2-3 MQTT-3.8.3-2", func(s *scene) {
			c := s.clean3("c")
			c.ask(subscribe3(0, "a/+", "b/#", "+/+/z", "/+"))
			for _, topic := range []string{"a", "a/b", "a/b/c", "a/", "b", "b/c/d", "c/d", "x/y/z", "x/y", "/x", "x", "/x/y"} {
				s.tell3(publish3(topic, 1, 1, "x"))
			}
			for _, topic := range []string{"a/b", "a/", "b", "b/c/d", "x/y/z", "/x"} {
				c.want(publish3(topic, 0, 0, "x"))
			}
			c.quiet()
		}},
		{"MQTT-3.3.2-3 no sharing", func(s *scene) { // before MQTT 5 $share is a topic like others
			c, d := s.clean3("c"), s.clean3("d")
			c.ask(subscribe3(0, "$share/g/t"))
			d.ask(subscribe3(0, "$share/g/#"))
			s.tell3(publish3("$share/g/t", 1, 1, "x"))
			c.want(publish3("$share/g/t", 0, 0, "x"))
			d.want(publish3("$share/g/t", 0, 0, "x"))
			s.tell3(publish3("t", 1, 1, "y"))
			c.quiet()
			d.quiet()
		}},
		{"MQTT-3.3.5-1", func(s *scene) {
			c := s.clean3("c")
			c.ask(subscribe3(0, "a/#"))
			c.ask(subscribe3(2, "a/+"))
			c.ask(subscribe3(1, "a/b"))
			s.tell3(publish3("a/b", 2, 1, "x"))
			c.want(publish3("a/b", 2, 1, "x"))
			s.tell3(publish3("a/b", 1, 1, "y"))
			c.want(publish3("a/b", 1, 2, "y"))
		}},
		{"MQTT-3.8.4-3", func(s *scene) {
			s.tell3(with(retain, publish3("a", 1, 1, "kept")))
			c := s.clean3("c")
			c.getting(with(retain, publish3("a", 1, 1, "kept")))(subscribe3(1, "a"))
			c.getting(with(retain, publish3("a", 0, 0, "kept")))(subscribe3(0, "a"))
			s.tell3(publish3("a", 1, 1, "x"))
			c.want(publish3("a", 0, 0, "x"))
			c.quiet()
		}},
		{"MQTT-3.8.4-3 without a gap", func(s *scene) {
			c, p := s.clean3("c"), s.clean3("p")
			request, answer := subscribe3(0, "a")
			c.ask(request, answer)
			var sent, want []string
			for i := range 50 {
				sent = append(sent, publish3("a", 1, uint16(i+1), word(i)))
				want = append(want, publish3("a", 0, 0, word(i)))
			}
			p.send(sent...)
			c.send(strings.Repeat(request, 20))
			c.wantAmong(answer, 20, want...)
		}},
		{"MQTT-3.10.4-1 MQTT-3.10.4-2", func(s *scene) {
			c := s.clean3("c")
			c.ask(subscribe3(0, "a/+", "b/c"))
			c.ask(unsubscribe3("a/b", "A/+", "a/+/", "b/+", "#"))
			s.tell3(publish3("a/b", 1, 1, "x"))
			s.tell3(publish3("b/c", 1, 1, "y"))
			c.want(publish3("a/b", 0, 0, "x"), publish3("b/c", 0, 0, "y"))
			c.ask(unsubscribe3("a/+"))
			s.tell3(publish3("a/b", 1, 1, "x"))
			s.tell3(publish3("b/c", 1, 1, "y"))
			c.want(publish3("b/c", 0, 0, "y"))
			c.quiet()
		}},
		{"MQTT-3.10.4-3", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(2, "a"))
			s.tell3(publish3("a", 1, 1, "x"))
			s.tell3(publish3("a", 2, 1, "y"))
			c.want(publish3("a", 1, 1, "x"), publish3("a", 2, 2, "y"))
			c.ask(unsubscribe3("a"))
			c.ask(ack(packet.PUBREC, 2), ack(packet.PUBREL, 2))
			c.drop()
			c = s.kept3("c", true)
			c.want(with(dup, publish3("a", 1, 1, "x")), ack(packet.PUBREL, 2))
		}},
		{"MQTT-4.7.2-1", func(s *scene) {
			c := s.clean3("c")
			c.ask(subscribe3(0, "#", "+/x", "+"))
			d := s.clean3("d")
			d.ask(subscribe3(0, "$house/+", "$house/#"))
			s.tell3(publish3("$house/x", 1, 1, "x"))
			d.want(publish3("$house/x", 0, 0, "x"))
			s.tell3(publish3("a/x", 1, 1, "y"))
			c.want(publish3("a/x", 0, 0, "y"))
			c.quiet()
		}},
		{"MQTT-4.7.3-4", func(s *scene) {
			c := s.clean3("c")
			c.ask(subscribe3(0, "caf\u00e9", "/a", "b/", "C", "\ufeffd", "e e"))
			for _, topic := range []string{"cafe\u0301", "CAF\u00c9", "a", "a/", "b", "b//", "c", "d", "e e ", " e e"} {
				s.tell3(publish3(topic, 1, 1, "x"))
			}
			for _, topic := range []string{"caf\u00e9", "/a", "b/", "C", "\ufeffd", "e e"} {
				s.tell3(publish3(topic, 1, 1, "y"))
				c.want(publish3(topic, 0, 0, "y"))
			}
		}},
	}
}
