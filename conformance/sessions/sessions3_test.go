package main

import (
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestSessionsAndWills shows what MQTT 3.1.1 says of sessions and of wills.
func TestSessionsAndWills(t *testing.T) {
	t.Parallel()
	play(t, append(sessions3(), wills3()...))
}

func sessions3() []act {
	return []act{
		{"MQTT-3.1.2-4 MQTT-3.2.2-2", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(1, "a"))
			c.leave()
			c = s.kept3("c", true)
			s.tell3(publish3("a", 1, 1, "x"))
			c.want(publish3("a", 1, 1, "x"))
		}},
		{"MQTT-3.1.2-5", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(2, "a"))
			c.leave()
			s.tell3(publish3("a", 1, 1, "x"))
			s.tell3(publish3("a", 2, 1, "y"))
			c = s.kept3("c", true)
			c.want(publish3("a", 1, 1, "x"), publish3("a", 2, 2, "y"))
		}},
		{"MQTT-3.1.2-6", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(1, "a"))
			c.leave()
			s.tell3(publish3("a", 1, 1, "x"))
			c = s.clean3("c")
			s.tell3(publish3("a", 1, 1, "y"))
			c.quiet()
			c.ask(subscribe3(1, "b"))
			c.leave()
			c = s.kept3("c", false)
			s.tell3(publish3("b", 1, 1, "z"))
			c.quiet()
		}},
		{"MQTT-3.1.2-7", func(s *scene) {
			p := s.clean3("p")
			s.hand3(p, with(retain, publish3("a", 1, 1, "x")))
			p.leave()
			c := s.clean3("c")
			c.getting(with(retain, publish3("a", 0, 0, "x")))(subscribe3(0, "a"))
		}},
		{"MQTT-3.1.3-2", func(s *scene) {
			for _, id := range []string{"a", "b"} {
				c := s.kept3(id, false)
				c.ask(subscribe3(1, id))
				c.leave()
			}
			s.tell3(publish3("b", 1, 1, "x"))
			a := s.kept3("a", true)
			a.quiet()
			b := s.kept3("b", true)
			b.want(publish3("b", 1, 1, "x"))
		}},
		{"MQTT-3.1.4-2", func(s *scene) {
			a := s.clean3("c")
			other := s.clean3("C")
			b := s.clean3("c")
			a.gone()
			b.quiet()
			other.quiet()
		}},
		{"MQTT-3.1.4-3", func(s *scene) {
			a := s.kept3("c", false)
			a.ask(subscribe3(1, "a"))
			b := s.kept3("c", true)
			a.gone()
			c := s.clean3("c")
			b.gone()
			s.tell3(publish3("a", 1, 1, "x"))
			c.quiet()
		}},
		{"MQTT-4.1.0-1", func(s *scene) {
			w := s.clean3("w")
			w.ask(subscribe3(1, "a"))
			c := s.kept3("c", false)
			c.ask(publish3("a", 2, 5, "x"), ack(packet.PUBREC, 5))
			c.leave()
			c = s.kept3("c", true)
			c.ask(with(dup, publish3("a", 2, 5, "x")), ack(packet.PUBREC, 5)) // the identifier was not released
			c.ask(ack(packet.PUBREL, 5), ack(packet.PUBCOMP, 5))
			w.want(publish3("a", 1, 1, "x"))
			s.hand3(c, publish3("a", 2, 5, "y"))
			w.want(publish3("a", 1, 2, "y"))
			w.quiet()
		}},
		{"MQTT-4.1.0-1 taken over", func(s *scene) {
			w := s.clean3("w")
			w.ask(subscribe3(0, "a"))
			c := s.kept3("c", false)
			c.ask(publish3("a", 2, 5, "x"), ack(packet.PUBREC, 5))
			again := s.kept3("c", true)
			c.gone()
			again.ask(with(dup, publish3("a", 2, 5, "x")), ack(packet.PUBREC, 5))
			again.ask(ack(packet.PUBREL, 5), ack(packet.PUBCOMP, 5))
			w.want(publish3("a", 0, 0, "x"))
			w.quiet()
		}},
		{"MQTT-3.1.2-6 on their way", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(2, "a"))
			s.tell3(publish3("a", 1, 1, "x"))
			s.tell3(publish3("a", 2, 1, "y"))
			c.want(publish3("a", 1, 1, "x"), publish3("a", 2, 2, "y"))
			c.ask(publish3("b", 2, 5, "z"), ack(packet.PUBREC, 5))
			c.drop()
			c = s.clean3("c")
			c.quiet()
			w := s.clean3("w")
			w.ask(subscribe3(0, "b"))
			s.hand3(c, publish3("b", 2, 5, "new")) // 5 is free
			w.want(publish3("b", 0, 0, "new"))
		}},
		{"MQTT-4.1.0-2", func(s *scene) {
			c := s.clean3("c")
			c.ask(subscribe3(1, "a"))
			for i := range 3 {
				s.tell3(publish3("a", 1, 1, word(i)))
				c.want(publish3("a", 1, uint16(i+1), word(i)))
				c.send(ack(packet.PUBACK, uint16(i+1)))
			}
		}},
	}
}

func wills3() []act {
	gone := packet.Will{Topic: "w", Payload: []byte("gone"), QoS: 1}
	watch := func(s *scene) *party {
		w := s.clean3("watcher")
		w.ask(subscribe3(1, "w"))
		return w
	}
	return []act{
		{"MQTT-3.1.2-8", func(s *scene) {
			w := watch(s)
			s.clean3("c", gone).drop()
			w.want(publish3("w", 1, 1, "gone"))
			c := s.kept3("d", false, gone)
			c.send("\x00\x00")
			c.gone()
			w.want(publish3("w", 1, 2, "gone"))
		}},
		{"MQTT-3.1.2-8 taken over", func(s *scene) {
			w := watch(s)
			a := s.kept3("c", false, gone)
			b := s.kept3("c", true)
			a.gone()
			w.want(publish3("w", 1, 1, "gone"))
			b.drop()
			s.clean3("c").leave()
			w.quiet()
		}},
		{"MQTT-3.1.2-10", func(s *scene) {
			w := watch(s)
			s.kept3("c", false, gone).drop()
			w.want(publish3("w", 1, 1, "gone"))
			s.kept3("c", true).drop()
			s.kept3("c", true).leave()
			w.quiet()
		}},
		{"MQTT-3.1.2-12", func(s *scene) {
			w := watch(s)
			s.kept3("c", false).drop()
			s.kept3("c", true).leave()
			w.quiet()
		}},
		{"MQTT-3.1.2-16", func(s *scene) {
			w := watch(s)
			s.clean3("c", gone).drop()
			w.want(publish3("w", 1, 1, "gone"))
			late := s.clean3("late")
			late.ask(subscribe3(1, "w"))
			late.quiet()
		}},
		{"MQTT-3.1.2-17", func(s *scene) {
			w := watch(s)
			last := gone
			last.Retain = true
			s.clean3("c", last).drop()
			w.want(publish3("w", 1, 1, "gone"))
			late := s.clean3("late")
			late.getting(with(retain, publish3("w", 1, 1, "gone")))(subscribe3(1, "w"))
		}},
		{"MQTT-3.14.4-3", func(s *scene) {
			w := watch(s)
			s.kept3("c", false, gone).leave()
			s.kept3("c", true).leave()
			w.quiet()
		}},
	}
}
