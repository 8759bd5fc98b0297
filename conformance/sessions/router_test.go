package main

import (
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func sub(filter string, qos byte) packet.Subscription {
	return packet.Subscription{Filter: filter, QoS: qos}
}

func TestRouter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		play func(a, b *peer)
	}{
		{"the lower QoS of message and subscription", func(a, b *peer) {
			b.subscribe(sub("q0", 0), 0)
			b.subscribe(sub("q2", 2), 0)
			for qos := range byte(3) {
				a.publish("q0", "x", qos, false, nil)
				a.publish("q2", "y", qos, false, nil)
			}
			b.wants("q0=x q0", "q2=y q0", "q0=x q0", "q2=y q1", "q0=x q0", "q2=y q2")
			a.wants()
		}},
		{"overlapping subscriptions: once, with the highest QoS and all identifiers", func(a, b *peer) {
			b.subscribe(sub("t/#", 1), 7)
			b.subscribe(sub("t/+", 2), 9)
			b.subscribe(sub("u", 2), 1)
			a.publish("t/x", "x", 2, false, nil)
			b.wants("t/x=x q2 #7 #9")
		}},
		{"a subscription is replaced", func(a, b *peer) {
			b.subscribe(sub("t", 2), 7)
			b.subscribe(sub("t", 1), 0)
			a.publish("t", "x", 2, false, nil)
			b.wants("t=x q1")
		}},
		{"no local", func(a, b *peer) {
			own := packet.Subscription{Filter: "t", NoLocal: true}
			a.subscribe(own, 0)
			b.subscribe(own, 0)
			a.publish("t", "x", 0, false, nil)
			a.wants()
			b.wants("t=x q0")
		}},
		{"unsubscribed", func(a, b *peer) {
			b.subscribe(sub("t", 0), 0)
			wantCode(b, "known", b.unsubscribe("t"), packet.Success)
			wantCode(b, "unknown", b.unsubscribe("t"), packet.NoSubscriptionExisted)
			a.publish("t", "x", 0, false, nil)
			b.wants()
		}},
		{"refused", func(a, _ *peer) {
			wantCode(a, "refused", a.subscribe(sub("test/nosubscribe", 0), 0), packet.UnspecifiedError)
			wantCode(a, "granted", a.subscribe(sub("test/#", 2), 0), packet.GrantedQoS2)
		}},
		{"topics with $", func(a, b *peer) {
			b.subscribe(sub("+/t", 0), 0)
			a.publish("$a/t", "x", 0, false, nil)
			b.wants()
		}},
		{"retained: kept, replaced and removed", func(a, b *peer) {
			a.publish("t/1", "old", 0, true, nil)
			a.publish("t/1", "x", 2, true, nil)
			a.publish("t/2", "y", 1, true, nil)
			a.publish("t/3", "z", 1, true, nil)
			a.publish("t/3", "", 1, true, nil)
			a.publish("t/4", "not kept", 1, false, nil)
			b.subscribe(sub("t/+", 1), 3)
			b.wants("t/1=x q1 r #3", "t/2=y q1 r #3")
		}},
		{"retained: a live message is none", func(a, b *peer) {
			b.subscribe(sub("t", 0), 0)
			a.publish("t", "x", 0, true, nil)
			b.wants("t=x q0")
			b.subscribe(packet.Subscription{Filter: "t", RetainAsPublished: true, RetainHandling: 2}, 0)
			a.publish("t", "x", 0, true, nil)
			a.publish("t", "y", 0, false, nil)
			b.wants("t=x q0 r", "t=y q0")
		}},
		{"retain handling", func(a, b *peer) {
			a.publish("t", "x", 0, true, nil)
			handling := func(n byte) packet.Subscription { return packet.Subscription{Filter: "t", RetainHandling: n} }
			b.subscribe(handling(2), 0)
			b.wants()
			b.subscribe(handling(1), 0)
			b.wants()
			b.subscribe(handling(0), 0)
			b.wants("t=x q0 r")
			b.unsubscribe("t")
			b.subscribe(handling(1), 0)
			b.wants("t=x q0 r")
		}},
		{"shared: one of the members, in turn", func(a, b *peer) {
			a.subscribe(sub("$share/g/t", 0), 0)
			b.subscribe(sub("$share/g/t", 0), 0)
			b.subscribe(sub("$share/h/t", 0), 5)
			for range 2 {
				a.publish("t", "x", 0, false, nil)
			}
			a.wants("t=x q0")
			b.wants("t=x q0 #5", "t=x q0", "t=x q0 #5")
			wantCode(b, "known", b.unsubscribe("$share/g/t"), packet.Success)
			wantCode(b, "unknown", b.unsubscribe("$share/g/t"), packet.NoSubscriptionExisted)
			b.unsubscribe("$share/h/t")
			a.publish("t", "y", 0, false, nil)
			a.wants("t=y q0")
			b.wants()
		}},
		{"shared: nothing retained", func(a, b *peer) {
			a.publish("t", "x", 0, true, nil)
			b.subscribe(sub("$share/g/t", 0), 0)
			b.wants()
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			address := serve(t)
			a, b := dial(t, address, "a", true, nil), dial(t, address, "b", true, nil)
			tc.play(a, b)
		})
	}
}

func wantCode(p *peer, what string, got, want packet.ReasonCode) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s, %s: got %v, want %v", p.name, what, got, want)
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	address := serve(t)
	a, b := dial(t, address, "a", true, nil), dial(t, address, "b", true, nil)
	b.subscribe(sub("t", 2), 0)
	b.subscribe(sub("$share/g/s", 2), 0)
	b.leave()
	for qos := range byte(3) {
		a.publish("t", "x", qos, false, nil)
	}
	a.publish("s", "nobody else", 1, false, nil)
	a.subscribe(sub("$share/g/s", 2), 0)
	a.publish("s", "a is there", 1, false, nil)
	a.wants("s=a is there q1")
	b = dial(t, address, "b", false, nil)
	if !b.present {
		t.Error("session present: got false, want true")
	}
	b.wants("t=x q1", "t=x q2", "s=nobody else q1")
	if b = dial(t, address, "b", true, nil); b.present { // takes over
		t.Error("session present after a clean start: got true, want false")
	}
	a.publish("t", "x", 2, false, nil)
	b.wants()
}

func TestWill(t *testing.T) {
	t.Parallel()
	address := serve(t)
	a := dial(t, address, "a", true, nil)
	a.subscribe(sub("w", 1), 0)
	b := dial(t, address, "b", true, &packet.Will{Topic: "w", Payload: []byte("x"), QoS: 2, Retain: true})
	b.send([]byte{0}) // no packet
	for len(a.came) == 0 {
		a.waitMore()
	}
	a.wants("w=x q1")
	dial(t, address, "c", true, &packet.Will{Topic: "w", Payload: []byte("y")}).leave()
	a.unsubscribe("w")
	a.subscribe(sub("w", 1), 0)
	a.wants("w=x q1 r")
}
