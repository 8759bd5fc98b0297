package mqttserver_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestMQTT5Terms: what a dialect makes available is announced, and what it does not is refused.
func TestMQTT5Terms(t *testing.T) {
	t.Parallel()
	number := func(p packet.Properties, id packet.NumberProperty, n uint32) packet.Properties {
		return p.AppendNumber(id, n)
	}
	limits := number(number(number(nil, packet.ReceiveMaximum, 100), packet.MaximumPacketSize, 65536), packet.TopicAliasMaximum, 10)
	available := func(identifiers, shared uint32) packet.Properties {
		p := append(packet.Properties(nil), limits...)
		return number(number(p, packet.SubscriptionIdentifierAvailable, identifiers), packet.SharedSubscriptionAvailable, shared)
	}
	identified := props().AppendNumber(packet.SubscriptionIdentifier, 7)
	retain := packet.Publish{Topic: "t", Retain: true}
	noRetain := gone5(packet.RetainNotSupported, "retained messages are not available [MQTT-3.2.2-14]")
	for _, tc := range []struct {
		name     string
		terms    mqttserver.Terms
		announce packet.Properties
		send     string
		want     string
		closed   bool
		seen     string
	}{
		{
			name: "nothing more", announce: available(0, 0), send: subscribe5(1, identified, "a") + subscribe5(2, nil, "$share/g/a", "a/+"),
			want: suback5(packet.SUBACK, 1, packet.SubscriptionIdentifiersNotSupported) + suback5(packet.SUBACK, 2, packet.SharedSubscriptionsNotSupported, 1),
			seen: "subscribe:a/+",
		},
		{
			name: "all", terms: mqttserver.Terms{SubscriptionIdentifiers: true, SharedSubscriptions: true}, announce: available(1, 1),
			send: subscribe5(1, identified, "a") + subscribe5(2, nil, "$share/g/a", "a/+"),
			want: suback5(packet.SUBACK, 1, 2) + suback5(packet.SUBACK, 2, 2, 2), seen: "subscribe:a subscribe:$share/g/a subscribe:a/+",
		},
		{
			name: "no wildcards", terms: mqttserver.Terms{SharedSubscriptions: true, NoWildcards: true},
			announce: number(available(0, 1), packet.WildcardSubscriptionAvailable, 0),
			send:     subscribe5(1, nil, "a/+", "#", "$share/g/+", "a"),
			want: suback5(packet.SUBACK, 1, packet.WildcardSubscriptionsNotSupported, packet.WildcardSubscriptionsNotSupported,
				packet.WildcardSubscriptionsNotSupported, 2),
			seen: "subscribe:a",
		},
		{
			name: "MQTT-3.2.2-14", terms: mqttserver.Terms{NoRetain: true}, announce: number(available(0, 0), packet.RetainAvailable, 0),
			send: string(retain.Append5(nil)), want: noRetain, closed: true,
		},
		{
			name: "MQTT-3.2.2-11", terms: mqttserver.Terms{MaximumQoS: 1}, announce: number(available(0, 0), packet.MaximumQoS, 1),
			send: publish5(1, 1, "t", "x", nil) + publish5(2, 2, "t", "x", nil),
			want: ack5(packet.PUBACK, 1, 0) + gone5(packet.QoSNotSupported, "QoS is above the maximum [MQTT-3.2.2-11]"), closed: true, seen: "publish:t=x",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := &dialect{terms: tc.terms, subscribe: func(_ string, qos byte) packet.ReasonCode {
				if tc.terms == (mqttserver.Terms{}) {
					qos = min(qos, 1)
				}
				return packet.ReasonCode(qos)
			}}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				c := b.dial()
				c.send(hello5)
				c.want(connack5(0, tc.announce), false)
				c.send(tc.send)
				c.want(tc.want, tc.closed)
			})
			if got := d.noted(); got != tc.seen {
				t.Errorf("handler: got %q, want %q", got, tc.seen)
			}
		})
	}
}

// TestMQTT5WillTerms: a will that a dialect does not offer is refused with its CONNECT, and nothing is left of that.
func TestMQTT5WillTerms(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		will packet.Will
		want string
	}{
		{"MQTT-3.2.2-12", packet.Will{Topic: "w", QoS: 2}, refused5(packet.QoSNotSupported, "QoS is above the maximum [MQTT-3.2.2-11]")},
		{"MQTT-3.2.2-13", packet.Will{Topic: "w", Retain: true}, refused5(packet.RetainNotSupported, "retained messages are not available [MQTT-3.2.2-14]")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			perform(t, mqttserver.Limits{}, &dialect{terms: mqttserver.Terms{NoRetain: true, MaximumQoS: 1}}, []step{
				turned(expiring(60, true, &tc.will, nil), tc.want), noted(""),
				func(p *play) {
					if got := p.counts.refused[mqttserver.RefusedCode]; got != 1 {
						p.t.Errorf("refused: got %v, want one %v", p.counts.refused, mqttserver.RefusedCode)
					}
				},
			})
		})
	}
}

// TestMQTT5SubscriptionOptions: a dialect gets all that was said with a filter.
func TestMQTT5SubscriptionOptions(t *testing.T) {
	t.Parallel()
	d := &dialect{terms: mqttserver.Terms{SubscriptionIdentifiers: true}}
	session5(t, mqttserver.Limits{}, d, func(_ *bench, c *client) {
		p := packet.Subscribe{
			ID: 1, Properties: props().AppendNumber(packet.SubscriptionIdentifier, 300).AppendUser("a", "b"),
			Subscriptions: []packet.Subscription{{Filter: "f", QoS: 2, NoLocal: true, RetainAsPublished: true, RetainHandling: 2}},
		}
		c.send(string(p.Append5(nil)), ping) // the ping overwrites what was read before
		got := d.asked
		if got.Subscription != p.Subscriptions[0] || got.Identifier() != 300 || string(got.Properties) != string(p.Properties) {
			t.Errorf("subscription: got %+v with %x, want %+v", got.Subscription, []byte(got.Properties), p.Subscriptions[0])
		}
		c.send(subscribe5(2, nil, "g"))
		if d.asked.Identifier() != 0 {
			t.Errorf("no identifier: got %d", d.asked.Identifier())
		}
	})
}

// TestMQTT5MessageProperties: what is sent has the properties of the message, the time it has left, and the retain flag.
func TestMQTT5MessageProperties(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	all := props().AppendNumber(packet.PayloadFormatIndicator, 1).AppendText(packet.ContentType, "text/plain").
		AppendText(packet.ResponseTopic, "r").AppendBinary(packet.CorrelationData, []byte{1}).AppendUser("a", "1").AppendUser("a", "2")
	session5(t, mqttserver.Limits{}, d, func(_ *bench, c *client) {
		var m mqttserver.Message
		d.publish = func(_ context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
			m = mqttserver.Forward(p)
			done(mqttserver.Ack)
		}
		sent := packet.Publish{
			Topic: "t", Payload: []byte("x"), Retain: true,
			Properties: append(props().AppendNumber(packet.MessageExpiryInterval, 9).AppendNumber(packet.TopicAlias, 1), all...),
		}
		c.send(string(sent.Append5(nil)))
		m.Properties = m.Properties.AppendNumber(packet.SubscriptionIdentifier, 3)
		if err := d.conn.Send(m); err != nil {
			t.Fatal(err)
		}
		sent.Properties = append(packet.Properties(nil), all...).AppendNumber(packet.SubscriptionIdentifier, 3).
			AppendNumber(packet.MessageExpiryInterval, 9)
		c.want(string(sent.Append5(nil)), false)
	})
	d = &dialect{} // MQTT 3 has none
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.login()
		_ = d.conn.Send(mqttserver.Message{Topic: "t", Retain: true, Properties: all})
		c.want("\x31\x03"+str("t"), false)
	})
}

// TestMQTT5TopicAliases: the server names topics by an alias as far as client and dialect want it.
func TestMQTT5TopicAliases(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		client uint32 // Topic Alias Maximum
		offer  uint16
		limit  uint32 // Maximum Packet Size, 0 for none
		topics string
		want   string
	}{
		{"MQTT-3.1.2-27 the client takes none", 0, 5, 0, "aaaa aaaa", "aaaa aaaa"},
		{"the dialect wants none", 5, 0, 0, "aaaa aaaa", "aaaa aaaa"},
		{"MQTT-3.1.2-26 one", 1, 5, 0, "aaaa bbbb aaaa bbbb", "aaaa=1 bbbb =1 bbbb"},
		{"two", 5, 2, 0, "aaaa bbbb cccc aaaa bbbb cccc", "aaaa=1 bbbb=2 cccc =1 =2 cccc"},
		{"too short for one", 5, 5, 0, "aaa aaa aaaa", "aaa aaa aaaa=1"},
		{"no room beside the topic", 5, 5, 70, strings.Repeat("a", 64) + " aaaa aaaa", strings.Repeat("a", 64) + " aaaa=1 =1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var want string
			for _, topic := range strings.Split(tc.want, " ") {
				name, alias, _ := strings.Cut(topic, "=")
				var p packet.Properties
				if alias != "" {
					p = p.AppendNumber(packet.TopicAlias, uint32(alias[0]-'0'))
				}
				want += publish5(0, 0, name, "", p)
			}
			d := &dialect{terms: mqttserver.Terms{TopicAliases: tc.offer}}
			p := props().AppendNumber(packet.TopicAliasMaximum, tc.client)
			if tc.limit > 0 {
				p = p.AppendNumber(packet.MaximumPacketSize, tc.limit)
			}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				for range 2 { // a connection knows nothing of another's
					c := b.dial()
					c.send(connect5(60, p, "c1"))
					c.forget()
					for _, topic := range strings.Split(tc.topics, " ") {
						_ = d.conn.Publish(topic, nil, 0)
						synctest.Wait()
					}
					c.want(want, false)
				}
			})
		})
	}
}
