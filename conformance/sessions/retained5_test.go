package main

import (
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestMQTT5Retained shows what MQTT 5 says of retained messages.
func TestMQTT5Retained(t *testing.T) {
	t.Parallel()
	play(t, retained5())
}

func retained5() []act {
	late := func(s *scene, options packet.Subscription, gets ...string) *party {
		c := s.clean5("late")
		c.getting(gets...)(subscribe5(options, "a/#"))
		return c
	}
	kept := func(payload string) string { return with(retain, publish3("a/b", 1, 1, payload)) }
	return []act{
		{"MQTT-3.3.1-5", func(s *scene) {
			s.tell3(kept("x"))
			s.tell3(kept("y"))
			late(s, at(2), with(retain, publish5("a/b", 1, 1, "y"))).quiet()
		}},
		{"MQTT-3.3.1-6 MQTT-3.3.1-7", func(s *scene) {
			early := s.clean5("early")
			early.ask(subscribe5(at(0), "a/b"))
			s.tell3(kept("x"))
			s.tell3(kept(""))
			early.want(publish5("a/b", 0, 0, "x"), publish5("a/b", 0, 0, ""))
			late(s, at(1)).quiet()
		}},
		{"MQTT-3.3.1-6 by a will", func(s *scene) {
			s.tell3(kept("x"))
			w := s.clean5("watcher")
			w.ask(subscribe5(packet.Subscription{RetainHandling: 2}, "a/b"))
			s.clean5("c", packet.Will{Topic: "a/b", Retain: true}).drop()
			w.want(publish5("a/b", 0, 0, ""))
			late(s, at(1)).quiet()
		}},
		{"MQTT-3.3.1-8", func(s *scene) {
			s.tell3(kept("x"))
			s.tell3(publish3("a/b", 1, 1, "y"))
			s.tell3(publish3("a/b", 1, 1, ""))
			s.tell3(publish3("a/c", 1, 1, "z"))
			late(s, at(0), with(retain, publish5("a/b", 0, 0, "x"))).quiet()
		}},
		{"MQTT-3.3.1-9 MQTT-3.8.4-4", func(s *scene) {
			s.tell3(kept("x"))
			c := late(s, at(0), with(retain, publish5("a/b", 0, 0, "x")))
			c.getting(with(retain, publish5("a/b", 0, 0, "x")))(subscribe5(at(0), "a/#"))
			c.quiet()
		}},
		{"MQTT-3.3.1-9 shared", func(s *scene) { // section 4.8.2: nothing retained
			s.tell3(kept("x"))
			c := s.clean5("c")
			c.ask(subscribe5(at(0), "$share/g/a/#"))
			c.quiet()
		}},
		{"MQTT-3.3.1-10", func(s *scene) {
			s.tell3(kept("x"))
			c := late(s, packet.Subscription{RetainHandling: 1}, with(retain, publish5("a/b", 0, 0, "x")))
			c.ask(subscribe5(packet.Subscription{RetainHandling: 1}, "a/#"))
			c.quiet()
		}},
		{"MQTT-3.3.1-11", func(s *scene) {
			s.tell3(kept("x"))
			c := late(s, packet.Subscription{RetainHandling: 2})
			c.quiet()
			s.tell3(publish3("a/b", 1, 1, "y"))
			c.want(publish5("a/b", 0, 0, "y"))
		}},
		{"MQTT-3.3.1-12", func(s *scene) {
			c := late(s, at(0))
			s.tell3(kept("x"))
			c.want(publish5("a/b", 0, 0, "x"))
		}},
		{"MQTT-3.3.1-13", func(s *scene) {
			c := late(s, packet.Subscription{RetainAsPublished: true})
			s.tell3(kept("x"))
			s.tell3(publish3("a/b", 1, 1, "y"))
			c.want(with(retain, publish5("a/b", 0, 0, "x")), publish5("a/b", 0, 0, "y"))
		}},
	}
}
