package main

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestMQTT5Subscriptions shows what MQTT 5 says of subscriptions, shared ones among them.
func TestMQTT5Subscriptions(t *testing.T) {
	t.Parallel()
	play(t, subscriptions5())
}

func subscriptions5() []act {
	one := func(n uint32) packet.Properties { return number(packet.SubscriptionIdentifier, n) }
	return []act{
		{"MQTT-3.3.2-3", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(at(0), "a/+", "b/#", "+/+/z"))
			for _, topic := range []string{"a", "a/b", "a/b/c", "a/", "b", "b/c/d", "c/d", "x/y/z", "x/y"} {
				s.tell3(publish3(topic, 1, 1, "x"))
			}
			for _, topic := range []string{"a/b", "a/", "b", "b/c/d", "x/y/z"} {
				c.want(publish5(topic, 0, 0, "x"))
			}
			c.quiet()
		}},
		{"MQTT-3.3.4-2", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(at(0), "a/#"))
			c.ask(subscribe5(at(2), "a/+"))
			c.ask(subscribe5(at(1), "a/b"))
			s.tell3(publish3("a/b", 2, 1, "x"))
			c.want(publish5("a/b", 2, 1, "x"))
			c.quiet()
		}},
		{"MQTT-3.3.4-3 MQTT-3.3.4-4", func(s *scene) {
			c := s.clean5("c")
			c.ask(identified(1, at(0), "a/#"))
			c.ask(identified(300, at(0), "a/+"))
			c.ask(subscribe5(at(0), "a/b"))
			s.tell3(publish3("a/b", 1, 1, "x"))
			c.wantOne(publish5("a/b", 0, 0, "x", one(1), one(300)), publish5("a/b", 0, 0, "x", one(300), one(1)))
			c.quiet()
			c.ask(identified(2, at(0), "a/+"))
			s.tell3(publish3("a/c", 1, 1, "x"))
			c.wantOne(publish5("a/c", 0, 0, "x", one(1), one(2)), publish5("a/c", 0, 0, "x", one(2), one(1)))
		}},
		{"MQTT-3.3.4-5", func(s *scene) { // what is shared comes for itself
			c := s.clean5("c")
			c.ask(identified(1, at(0), "a/#"))
			c.ask(identified(2, at(0), "$share/g/a/b"))
			c.ask(identified(3, at(1), "$share/h/+/b"))
			s.tell3(publish3("a/b", 1, 1, "x"))
			c.wantAny(publish5("a/b", 0, 0, "x", one(1)), publish5("a/b", 0, 0, "x", one(2)), publish5("a/b", 1, 1, "x", one(3)))
			c.quiet()
		}},
		{"MQTT-4.8.2-3", func(s *scene) {
			a, b, all := s.clean5("a"), s.clean5("b"), s.clean5("all")
			a.ask(subscribe5(at(1), "$share/g/t/+"))
			b.ask(subscribe5(at(0), "$share/g/t/+"))
			all.ask(subscribe5(at(0), "t/#"))
			for i := range 6 {
				s.tell3(publish3("t/x", 2, 1, word(i)))
				all.want(publish5("t/x", 0, 0, word(i)))
			}
			got := map[string]int{}
			for p, qos := range map[*party]byte{a: 1, b: 0} {
				p.send("\xc0\x00\xc0\x00")
				for pongs := 0; pongs < 2; {
					h, body := p.next()
					if h.Type == packet.PINGRESP {
						pongs++
						continue
					}
					if h.Type != packet.PUBLISH || h.Flags != qos<<1 {
						s.t.Errorf("%s: got %v with flags %x, want QoS %d", p.id, h.Type, h.Flags, qos)
					}
					got[string(body[len(body)-3:])]++
				}
			}
			for i := range 6 {
				if n := got[word(i)]; n != 1 {
					s.t.Errorf("message %d: got %d members that have it, want 1", i, n)
				}
			}
		}},
		{"MQTT-4.8.2-4 MQTT-4.8.2-5", func(s *scene) {
			a := s.kept5("a", false)
			a.ask(subscribe5(at(2), "$share/g/t"))
			s.tell3(publish3("t", 2, 1, "x"))
			a.want(publish5("t", 2, 1, "x"))
			a.drop()
			b := s.clean5("b")
			b.ask(subscribe5(at(2), "$share/g/t"))
			a = s.kept5("a", true)
			a.want(with(dup, publish5("t", 2, 1, "x")))
			a.ask(ack(packet.PUBREC, 1), ack(packet.PUBREL, 1))
			s.enter(connect5("a", nil), false) // whose session ends before the PUBCOMP
			b.quiet()
		}},
		{"MQTT-4.8.2-6", func(s *scene) {
			a := s.clean5("a")
			a.ask(subscribe5(at(2), "$share/g/t"))
			s.tell3(publish3("t", 1, 1, "x"))
			s.tell3(publish3("t", 2, 1, "y"))
			a.want(publish5("t", 1, 1, "x"), publish5("t", 2, 2, "y"))
			b := s.clean5("b")
			b.ask(subscribe5(at(2), "$share/g/t"))
			a.send(ack5(packet.PUBACK, 1, packet.QuotaExceeded), ack5(packet.PUBREC, 2, packet.QuotaExceeded))
			a.quiet()
			b.quiet()
		}},
		{"MQTT-3.8.3-3", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(packet.Subscription{NoLocal: true}, "a/#"))
			c.ask(subscribe5(at(0), "b"))
			c.ask(publish5("a/b", 1, 1, "own"), ack(packet.PUBACK, 1))
			c.send(publish5("b", 1, 1, "own"))
			c.wantAny(ack(packet.PUBACK, 1), publish5("b", 0, 0, "own"))
			s.tell3(publish3("a/b", 1, 1, "other"))
			c.want(publish5("a/b", 0, 0, "other"))
			c.quiet()
		}},
		{"MQTT-3.8.4-3", func(s *scene) {
			c := s.clean5("c")
			c.ask(identified(7, at(1), "a"))
			c.ask(subscribe5(at(0), "a"))
			s.tell3(publish3("a", 1, 1, "x"))
			c.want(publish5("a", 0, 0, "x"))
			c.quiet()
		}},
		{"MQTT-3.8.4-8", func(s *scene) {
			for sub := range byte(3) {
				c := s.clean5("c" + word(int(sub)))
				c.ask(subscribe5(at(sub), "a"))
				for qos := range byte(3) {
					s.tell3(publish3("a", qos, uint16(min(qos, 1)), word(int(qos))))
					h, _ := c.next()
					if got, want := h.Flags>>1, min(sub, qos); got != want {
						s.t.Errorf("QoS %d to a subscription with %d: got %d, want %d", qos, sub, got, want)
					}
				}
			}
		}},
		{"MQTT-3.8.4-4 without a gap", func(s *scene) {
			c, p := s.clean5("c"), s.clean5("p")
			request, answer := subscribe5(at(0), "a")
			c.ask(request, answer)
			var sent, want []string
			for i := range 50 {
				sent = append(sent, publish5("a", 1, uint16(i+1), word(i)))
				want = append(want, publish5("a", 0, 0, word(i)))
			}
			p.send(sent...)
			c.send(strings.Repeat(request, 20))
			c.wantAmong(answer, 20, want...)
		}},
		{"MQTT-3.10.4-1 MQTT-3.10.4-2", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(at(0), "a/+", "b/c"))
			none := packet.NoSubscriptionExisted
			c.ask(unsubscribe5([]packet.ReasonCode{none, none, none, none, none}, "a/b", "A/+", "a/+/", "b/+", "#"))
			s.tell3(publish3("a/b", 1, 1, "x"))
			c.want(publish5("a/b", 0, 0, "x"))
			c.ask(unsubscribe5([]packet.ReasonCode{0, none}, "a/+", "a/+"))
			s.tell3(publish3("a/b", 1, 1, "x"))
			s.tell3(publish3("b/c", 1, 1, "y"))
			c.want(publish5("b/c", 0, 0, "y"))
			c.quiet()
		}},
		{"MQTT-3.10.4-3", func(s *scene) {
			c := s.kept5("c", false)
			c.ask(subscribe5(at(2), "a"))
			s.tell3(publish3("a", 1, 1, "x"))
			s.tell3(publish3("a", 2, 1, "y"))
			c.want(publish5("a", 1, 1, "x"), publish5("a", 2, 2, "y"))
			c.ask(unsubscribe5([]packet.ReasonCode{0}, "a"))
			c.ask(ack(packet.PUBREC, 2), ack(packet.PUBREL, 2))
			c.drop()
			c = s.kept5("c", true)
			c.want(with(dup, publish5("a", 1, 1, "x")), ack(packet.PUBREL, 2))
		}},
		{"MQTT-4.7.2-1", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(at(0), "#", "+/x", "+"))
			d := s.clean5("d")
			d.ask(subscribe5(at(0), "$house/#"))
			s.tell3(publish3("$house/x", 1, 1, "x"))
			d.want(publish5("$house/x", 0, 0, "x"))
			c.quiet()
		}},
		{"MQTT-4.7.3-4", func(s *scene) {
			c := s.clean5("c")
			c.ask(subscribe5(at(0), "caf\u00e9", "/a", "C", "\ufeffd"))
			for _, topic := range []string{"cafe\u0301", "CAF\u00c9", "a", "c", "d"} {
				s.tell3(publish3(topic, 1, 1, "x"))
			}
			for _, topic := range []string{"caf\u00e9", "/a", "C", "\ufeffd"} {
				s.tell3(publish3(topic, 1, 1, "y"))
				c.want(publish5(topic, 0, 0, "y"))
			}
		}},
	}
}
