package main

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestMQTT5SessionsAndWills shows what MQTT 5 says of sessions and of wills.
func TestMQTT5SessionsAndWills(t *testing.T) {
	t.Parallel()
	play(t, append(sessions5(), wills5()...))
}

func sessions5() []act {
	return []act{
		{"MQTT-3.1.2-4", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(1), "a"))
			c.leave()
			s.tell3(publish3("a", 1, 1, "x"))
			c = s.enter(connect5("c", hour()), false)
			s.tell3(publish3("a", 1, 1, "y"))
			c.quiet()
		}},
		{"MQTT-3.1.2-5 MQTT-3.1.2-6 MQTT-3.2.2-3", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(1), "a"))
			c.leave()
			c = s.kept5("c", true)
			s.tell3(publish3("a", 1, 1, "x"))
			c.want(publish5("a", 1, 1, "x"))
		}},
		{"MQTT-3.1.2-23", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(2), "a"))
			c.leave()
			s.tell3(publish3("a", 1, 1, "x"))
			s.tell3(publish3("a", 2, 1, "y"))
			s.kept5("c", true).want(publish5("a", 1, 1, "x"), publish5("a", 2, 2, "y"))
		}},
		{"MQTT-3.1.2-23 changed at the end", func(s *scene) {
			bye := func(seconds uint32) string {
				d := packet.Disconnect{Properties: number(packet.SessionExpiryInterval, seconds)}
				return string(d.Append(nil, 0))
			}
			c := s.kept5("c", false)
			c.send(bye(0))
			c.gone()
			short := connect5("c", number(packet.SessionExpiryInterval, 1))
			c = s.enter(short, false)
			c.send(bye(3600))
			c.gone()
			w := s.clean5("watcher")
			w.ask(subscribe5(at(0), "w"))
			// Two seconds later, or somewhat more.
			s.kept5("late", false, packet.Will{Topic: "w", Properties: number(packet.WillDelayInterval, 2)}).drop()
			w.want(publish5("w", 0, 0, ""))
			s.kept5("c", true)
		}},
		{"MQTT-3.1.3-2", func(s *scene) {
			for _, id := range []string{"a", "b"} {
				c := s.kept5(id, false)
				c.ask(subscribe5(at(1), id))
				c.leave()
			}
			s.tell3(publish3("b", 1, 1, "x"))
			s.kept5("a", true).quiet()
			s.kept5("b", true).want(publish5("b", 1, 1, "x"))
		}},
		{"MQTT-3.1.3-6 MQTT-3.1.3-7 MQTT-3.2.2-16", func(s *scene) {
			var ids []string
			for range 2 {
				c := s.dial("", true)
				nameless := connect5("", hour())
				nameless.CleanSession = false
				c.send(string(nameless.Append(nil)))
				_, body := c.next()
				var k packet.Connack
				if err := k.Decode(body, packet.V5, &packet.Rules{FromServer: true}); err != nil || k.SessionPresent {
					s.t.Fatalf("got session present %t, %v, want a new one", k.SessionPresent, err)
				}
				id, _ := k.Properties.Text(packet.AssignedClientIdentifier)
				ids = append(ids, id)
				c.ask(subscribe5(at(1), "a"))
				c.leave()
			}
			if ids[0] == "" || ids[0] == ids[1] {
				s.t.Fatalf("identifiers: got %q, want two", ids)
			}
			s.tell3(publish3("a", 1, 1, "x"))
			for _, id := range ids {
				s.kept5(id, true).want(publish5("a", 1, 1, "x"))
			}
		}},
		{"MQTT-3.1.2-5 of MQTT 3.1.1", func(s *scene) {
			c := s.kept3("c", false)
			c.ask(subscribe3(2, "a"))
			s.tell3(publish3("a", 2, 1, "x"))
			c.want(publish3("a", 2, 1, "x"))
			c.leave()
			p := s.clean5("p")
			p.ask(publish5("a", 1, 1, "y", number(packet.PayloadFormatIndicator, 1)), ack(packet.PUBACK, 1))
			c = s.kept5("c", true)
			c.want(with(dup, publish5("a", 2, 1, "x")), publish5("a", 1, 2, "y", number(packet.PayloadFormatIndicator, 1)))
			c.leave()
			s.kept3("c", true).want(with(dup, publish3("a", 2, 1, "x")), with(dup, publish3("a", 1, 2, "y")))
		}},
		{"MQTT-3.1.4-3", func(s *scene) {
			a := s.clean5("c")
			b := s.clean5("c")
			a.gone("\xe0\x01\x8e")
			b.quiet()
		}},
		{"MQTT-3.1.4-4", func(s *scene) {
			a := s.kept5("c", false)
			a.ask(subscribe5(at(1), "a"))
			b := s.kept5("c", true)
			a.gone("\xe0\x01\x8e")
			c := s.enter(connect5("c", hour()), false)
			b.gone("\xe0\x01\x8e")
			s.tell3(publish3("a", 1, 1, "x"))
			c.quiet()
		}},
		{"MQTT-4.1.0-1", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(at(1), "a"))
			c.ask(publish5("b", 2, 5, "x"), ack(packet.PUBREC, 5))
			for i := range 3 {
				s.tell3(publish3("a", 1, 1, word(i)))
				c.want(publish5("a", 1, uint16(i+1), word(i)))
				c.send(ack(packet.PUBACK, uint16(i+1)))
			}
			c.ask(with(dup, publish5("b", 2, 5, "x")), ack(packet.PUBREC, 5))
			c.ask(ack(packet.PUBREL, 5), ack(packet.PUBCOMP, 5))
		}},
		{"MQTT-4.1.0-2", func(s *scene) {
			w := s.clean5("watcher")
			w.ask(subscribe5(at(0), "w"))
			late := packet.Will{Topic: "w", Properties: number(packet.WillDelayInterval, 3600)}
			c := s.enter(connect5("c", number(packet.SessionExpiryInterval, 1), late), false)
			c.ask(subscribe5(at(1), "a"))
			c.drop()
			w.want(publish5("w", 0, 0, "")) // the session has ended
			s.kept5("c", false).leave()
			s.clean5("d").leave()
			s.kept5("d", false) // absent is 0
		}},
	}
}

func wills5() []act {
	gone := packet.Will{Topic: "w", Payload: []byte("gone"), QoS: 1}
	later := func(seconds uint32) packet.Will {
		w := gone
		w.Properties = number(packet.WillDelayInterval, seconds)
		return w
	}
	watch := func(s *scene) *party {
		w := s.clean5("watcher")
		w.ask(subscribe5(packet.Subscription{QoS: 1, RetainAsPublished: true}, "w"))
		return w
	}
	return []act{
		{"MQTT-3.1.2-7 MQTT-3.1.2-8", func(s *scene) {
			w := watch(s)
			s.clean5("a", gone).drop()
			w.want(publish5("w", 1, 1, "gone"))
			s.kept5("b", false, later(1)).drop()
			w.want(publish5("w", 1, 2, "gone"))
			s.clean5("c", later(3600)).drop() // its session ends first
			w.want(publish5("w", 1, 3, "gone"))
			d := s.clean5("d", gone)
			d.send("\xe0\x01\x04") // with will
			d.gone()
			w.want(publish5("w", 1, 4, "gone"))
		}},
		{"MQTT-3.1.2-8 taken over", func(s *scene) {
			w := watch(s)
			a := s.kept5("c", false, gone)
			b := s.kept5("c", true, later(3600))
			a.gone("\xe0\x01\x8e")
			w.want(publish5("w", 1, 1, "gone"))
			c := s.enter(connect5("c", hour()), false) // b's session ends, and the delay with it
			b.gone("\xe0\x01\x8e")
			w.want(publish5("w", 1, 2, "gone"))
			c.quiet()
			w.quiet()
		}},
		{"MQTT-3.1.3-9 taken over", func(s *scene) {
			w := watch(s)
			a := s.kept5("c", false, later(3600))
			b := s.kept5("c", true)
			a.gone("\xe0\x01\x8e")
			b.drop()
			s.enter(connect5("c", nil), false).leave()
			w.quiet()
		}},
		{"MQTT-3.1.2-10", func(s *scene) {
			w := watch(s)
			s.kept5("c", false, gone).drop()
			w.want(publish5("w", 1, 1, "gone"))
			s.kept5("c", true).drop()
			s.kept5("c", true).leave()
			w.quiet()
		}},
		{"MQTT-3.1.2-14", func(s *scene) {
			w := watch(s)
			s.clean5("c", gone).drop()
			w.want(publish5("w", 1, 1, "gone"))
			late := s.clean5("late")
			late.ask(subscribe5(at(1), "w"))
			late.quiet()
		}},
		{"MQTT-3.1.2-15", func(s *scene) {
			w := watch(s)
			kept := gone
			kept.Retain = true
			s.clean5("c", kept).drop()
			w.want(with(retain, publish5("w", 1, 1, "gone")))
			late := s.clean5("late")
			late.getting(with(retain, publish5("w", 1, 1, "gone")))(subscribe5(at(1), "w"))
		}},
		{"MQTT-3.1.3-9", func(s *scene) {
			w := watch(s)
			s.kept5("c", false, later(1)).drop()
			c := s.kept5("c", true)
			s.kept5("d", false, later(2)).drop()
			w.want(publish5("w", 1, 1, "gone")) // d's, after c's would have come
			w.quiet()
			c.quiet()
		}},
		{"MQTT-3.1.3-10", func(s *scene) {
			w := watch(s)
			user := packet.Properties(nil).AppendUser("b", "1").AppendUser("a", "2").AppendUser("b", "1")
			full := gone
			full.Properties = append(number(packet.PayloadFormatIndicator, 1).AppendText(packet.ContentType, "t").AppendText(packet.ResponseTopic, "r"), user...)
			s.clean5("c", full).drop()
			got := w.message5()
			wantUser(s.t, got.Properties, "b=1 a=2 b=1")
			if kind, _ := got.Properties.Text(packet.ContentType); kind != "t" {
				s.t.Errorf("content type of the will: got %q, want %q", kind, "t")
			}
		}},
		{"MQTT-3.14.4-3", func(s *scene) {
			w := watch(s)
			s.kept5("c", false, gone).leave()
			s.kept5("c", true).leave()
			w.quiet()
		}},
	}
}

// wantUser compares user properties, in their order.
func wantUser(t *testing.T, p packet.Properties, want string) {
	t.Helper()
	var got []string
	for name, value := range p.User() {
		got = append(got, name+"="+value)
	}
	if s := strings.Join(got, " "); s != want {
		t.Errorf("user properties: got %q, want %q", s, want)
	}
}
