package mqttserver_test

import (
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestWills: when a will is sent, and when not. Without a number a statement is that of both standards.
func TestWills(t *testing.T) {
	t.Parallel()
	will := func(delay uint32) *packet.Will {
		w := &packet.Will{Topic: "w", Payload: []byte("x"), QoS: 1}
		if delay > 0 {
			w.Properties = props().AppendNumber(packet.WillDelayInterval, delay)
		}
		return w
	}
	clean := func(w *packet.Will) string {
		c := packet.Connect{Version: packet.V311, CleanSession: true, KeepAlive: 60, ClientID: "c1", Will: w}
		return string(c.Append(nil))
	}
	const sent, over = "will:w=x", "will:w=x ended"
	for _, tc := range []struct {
		name  string
		steps []step
	}{
		{"MQTT-3.1.2-8 the client is gone", []step{arrives("a", clean(will(0)), welcome), hangsUp("a"), noted(over)}},
		{"MQTT-3.1.2-8 it is silent", []step{
			arrives("a", clean(will(0)), welcome), waits(90*time.Second - 1), noted(""), waits(1), noted(over),
		}},
		{"MQTT-3.1.2-8 it sends what it may not", []step{arrives("a", clean(will(0)), welcome), leaves("a", "\x00", ""), noted(over)}},
		{"MQTT-3.1.2-8 another connection takes its place", []step{
			arrives("a", clean(will(0)), welcome), arrives("b", clean(nil), welcome), noted(over),
		}},
		{"MQTT-3.1.2-8 the session goes on", []step{
			arrives("a", storedAs(packet.V311, "c1", will(0)), welcome), hangsUp("a"), noted(sent), waits(time.Hour), noted(over),
		}},
		{"MQTT 3.1", []step{arrives("a", storedAs(packet.V31, "c1", will(0)), welcome), hangsUp("a"), noted(sent)}},
		{"MQTT-3.1.2-10 the client says good-bye", []step{arrives("a", clean(will(0)), welcome), leaves("a", farewell, ""), noted("ended")}},
		{"MQTT-3.1.2-12 there is none any more", []step{
			arrives("a", storedAs(packet.V311, "c1", will(0)), welcome), leaves("a", farewell, ""),
			arrives("a", stored("c1"), resumed), hangsUp("a"), noted(""),
		}},
		{"MQTT-3.14.4-3 DISCONNECT", []step{arrives("a", expiring(60, true, will(0), nil), welcome5), leaves("a", parts(0), ""), noted("")}},
		{"MQTT-3.1.2-8 DISCONNECT with will", []step{
			arrives("a", expiring(60, true, will(0), nil), welcome5), leaves("a", parts(packet.DisconnectWithWillMessage), ""), noted(sent),
		}},
		{"MQTT-3.1.2-8 DISCONNECT with an error", []step{
			arrives("a", expiring(60, true, will(0), nil), welcome5), leaves("a", parts(packet.UnspecifiedError), ""), noted(sent),
		}},
		{"its delay", []step{
			arrives("a", expiring(60, true, will(30), nil), welcome5), hangsUp("a"), waits(30*time.Second - 1), noted(""), waits(1), noted(sent),
			waits(30*time.Second - 1), noted(sent), waits(1), noted(over),
		}},
		{"MQTT-3.1.3-9 the client is back in time", []step{
			arrives("a", expiring(60, true, will(30), nil), welcome5), hangsUp("a"), waits(30*time.Second - 1),
			arrives("a", expiring(60, false, nil, nil), resumed5(nil)), waits(30 * time.Second), hangsUp("a"), waits(59 * time.Second), noted(""),
		}},
		{"MQTT-3.1.3-9 the client is back with another", []step{
			arrives("a", expiring(60, true, will(30), nil), welcome5), hangsUp("a"), waits(20 * time.Second),
			arrives("a", expiring(60, false, will(30), nil), resumed5(nil)), hangsUp("a"), waits(30*time.Second - 1), noted(""), waits(1), noted(sent),
		}},
		{"taken over within its delay", []step{
			arrives("a", expiring(60, true, will(30), nil), welcome5), arrives("b", expiring(60, false, nil, nil), resumed5(nil)),
			waits(50 * time.Second), noted(""),
		}},
		{"the session ends first", []step{
			arrives("a", expiring(10, true, will(30), nil), welcome5), hangsUp("a"), waits(10*time.Second - 1), noted(""), waits(1), noted(over),
		}},
		{"the session ends with its connection", []step{arrives("a", expiring(0, true, will(30), nil), welcome5), hangsUp("a"), noted(over)}},
		{"the session ends by a clean start", []step{
			arrives("a", expiring(60, true, will(30), nil), welcome5), hangsUp("a"), waits(time.Second),
			arrives("a", expiring(60, true, nil, nil), welcome5), noted(over), waits(30 * time.Second), says("a", ping, pong), noted(over),
		}},
		{"taken over by a clean start", []step{
			arrives("a", expiring(60, true, will(30), nil), welcome5), arrives("b", expiring(60, true, nil, nil), welcome5), noted(over),
		}},
		{"DISCONNECT makes the session end at once", []step{
			arrives("a", expiring(60, true, will(30), nil), welcome5), leaves("a", parts(packet.DisconnectWithWillMessage, 0), ""), noted(over),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			perform(t, mqttserver.Limits{SessionExpiry: time.Hour}, &dialect{}, tc.steps)
		})
	}
}

// TestWillIsWhole: what a dialect is told of a will.
func TestWillIsWhole(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	w := &packet.Will{Topic: "w", Payload: []byte("x"), QoS: 2, Retain: true, Properties: props().AppendUser("a", "b").AppendNumber(packet.MessageExpiryInterval, 5)}
	perform(t, mqttserver.Limits{}, d, []step{arrives("a", expiring(0, true, w, nil), welcome5), hangsUp("a")})
	m := mqttserver.Forward(d.last)
	if d.last.Topic != "w" || string(d.last.Payload) != "x" || d.last.QoS != 2 || !d.last.Retain || string(m.Properties) != string(props().AppendUser("a", "b")) || m.Expires.IsZero() {
		t.Errorf("will: got %+v, forwarded as %+v", d.last, m)
	}
}

// TestWillWithoutSession: a dialect that keeps no sessions has no wills.
func TestWillWithoutSession(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.dial()
		c.send(storedAs(packet.V311, "c1", &packet.Will{Topic: "w"}))
		c.want(welcome, false)
		_ = c.conn.Close()
	})
	if got := d.noted(); got != "" {
		t.Errorf("handler: got %q, want nothing", got)
	}
}

// TestNoWillBeforeTheConnack: who could not even be told that it is connected has no will.
func TestNoWillBeforeTheConnack(t *testing.T) {
	t.Parallel()
	perform(t, mqttserver.Limits{}, &dialect{}, []step{
		turned(expiring(60, true, &packet.Will{Topic: "w"}, props().AppendNumber(packet.MaximumPacketSize, 9)), ""), noted("ended"),
	})
}

// TestTakeOverWaits: the next connection of a session waits for what the handler still does for the former.
func TestTakeOverWaits(t *testing.T) {
	t.Parallel()
	var free chan struct{}
	d := &dialect{subscribe: func(string, byte) packet.ReasonCode { <-free; return 0 }}
	perform(t, mqttserver.Limits{}, d, []step{
		func(*play) { free = make(chan struct{}) },
		arrives("a", stored("c1"), welcome), says("a", frame(0x82, "\x00\x01"+str("f")+"\x00"), ""),
		arrives("b", stored("c1"), ""), waits(time.Minute), says("b", "", ""),
		func(*play) { close(free) }, says("b", "", resumed), leaves("a", "", ""),
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.closed) == 0 || d.closed[0] != mqttserver.ClosedTakenOver {
		t.Errorf("closed: got %v, want first %v", d.closed, mqttserver.ClosedTakenOver)
	}
}

// TestPanicOfKeeper: it ends nothing but itself.
func TestPanicOfKeeper(t *testing.T) {
	t.Parallel()
	d := &dialect{onEnded: func() { panic("boom") }}
	perform(t, mqttserver.Limits{}, d, []step{
		arrives("b", stored("c2"), welcome), arrives("a", hello, welcome), hangsUp("a"),
		func(p *play) {
			if p.counts.panicked != 1 {
				p.t.Errorf("panics: got %d, want 1", p.counts.panicked)
			}
		},
		says("b", ping, pong), arrives("a", hello, welcome),
	})
}
