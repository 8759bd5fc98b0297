package mqttserver_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestLateVerdicts: the verdict on a QoS 2 message counts for its session, whatever became of the connection.
func TestLateVerdicts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		before mqttserver.Verdict // given before the client is back; 0 is none
		after  mqttserver.Verdict // given when it has sent the message again
		again  string             // answer to that
		then   string             // and what comes after the verdict
		ends   bool
		seen   string
	}{
		{name: "before the client is back", before: mqttserver.Ack, again: ack(packet.PUBREC, 2), seen: "publish:t=x publish:t=y"},
		{name: "after", after: mqttserver.Ack, then: ack(packet.PUBREC, 2), seen: "publish:t=x publish:t=y"},
		{name: "no", before: mqttserver.CloseWithoutAck, seen: "publish:t=x publish:t=y publish:t=y"},
		{name: "no, after", after: mqttserver.CloseWithoutAck, ends: true, seen: "publish:t=x publish:t=y"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var h holder
			perform(t, mqttserver.Limits{}, &dialect{publish: h.publish}, []step{
				arrives("a", stored("c1"), welcome), says("a", publish(1, 1, "x")+publish(2, 2, "y"), ""), hangsUp("a"),
				func(*play) {
					if tc.before != 0 {
						h.done[1](tc.before)
					}
				},
				arrives("a", stored("c1"), resumed), says("a", again(2, 2, "y"), tc.again),
				func(p *play) {
					if tc.after != 0 {
						h.done[1](tc.after)
					}
					h.done[0](mqttserver.Ack) // QoS 1 is the client's to send again
					p.clients["a"].want(tc.then, tc.ends)
				},
				noted(tc.seen),
			})
		})
	}
	t.Run("out of turn", func(t *testing.T) {
		t.Parallel()
		var h holder
		perform(t, mqttserver.Limits{}, &dialect{publish: h.publish}, []step{
			arrives("a", stored("c1"), welcome), says("a", publish(1, 1, "x")+publish(2, 2, "y"), ""),
			func(*play) { h.done[1](mqttserver.Ack) }, says("a", "", ""), hangsUp("a"),
			arrives("a", stored("c1"), resumed), says("a", again(2, 2, "y"), ack(packet.PUBREC, 2)), noted("publish:t=x publish:t=y"),
		})
	})
}

// TestWhatWaitsStays: a message that comes while the connection closes is for the next one, and does not follow a DISCONNECT.
func TestWhatWaitsStays(t *testing.T) {
	t.Parallel()
	perform(t, mqttserver.Limits{}, &dialect{}, []step{
		arrives("a", expiring(60, true, nil, nil), welcome5),
		func(p *play) {
			p.d.conn.Close(mqttserver.ClosedRevoked)
			if err := p.d.kept.Send(message(1, "x")); err != nil {
				p.t.Error(err)
			}
		},
		leaves("a", "", gone5(packet.AdministrativeAction, "")),
		arrives("a", expiring(60, false, nil, nil), resumed5(nil)+publish5(1, 1, "t", "x", nil)),
	})
}

// TestUnacknowledgedComesAgain: a QoS 2 message that was refused with its connection is a new one on the next.
func TestUnacknowledgedComesAgain(t *testing.T) {
	t.Parallel()
	d := &dialect{publish: func(_ context.Context, _ mqttserver.Publish, done func(mqttserver.Verdict)) {
		done(mqttserver.CloseWithoutAck)
	}}
	perform(t, mqttserver.Limits{}, d, []step{
		arrives("a", stored("c1"), welcome), leaves("a", publish(2, 1, "x"), ""),
		func(*play) { d.publish = nil },
		arrives("a", stored("c1"), resumed), says("a", again(2, 1, "x"), ack(packet.PUBREC, 1)), noted("publish:t=x publish:t=x"),
	})
}

// TestStoredMessagesAreAnswered: who wants to know is told once, whatever becomes of the message.
func TestStoredMessagesAreAnswered(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []string
	asking := func(name string, m mqttserver.Message) mqttserver.Message {
		m.Acked = func(ok bool) {
			if ok {
				name += " taken"
			}
			mu.Lock()
			defer mu.Unlock()
			told = append(told, name)
		}
		return m
	}
	late := func(p *play) {
		m := asking("late", message(1, "l"))
		m.Expires = time.Now().Add(time.Second)
		sends(m)(p)
	}
	wants := func(want ...string) step {
		return func(p *play) {
			mu.Lock()
			defer mu.Unlock()
			if got := told; len(got) != len(want) || len(got) > 0 && got[len(got)-1] != want[len(want)-1] {
				p.t.Errorf("told: got %q, want %q", got, want)
			}
		}
	}
	perform(t, mqttserver.Limits{SessionExpiry: time.Hour}, &dialect{}, []step{
		arrives("a", stored("c1"), welcome), sends(asking("first", message(2, "1"))), says("a", "", publish(2, 1, "1")), hangsUp("a"),
		late, sends(asking("second", message(1, "2")), asking("third", message(1, "3"))), wants(), waits(time.Second),
		arrives("a", stored("c1"), resumed+again(2, 1, "1")+publish(1, 2, "2")+publish(1, 3, "3")), wants("late"),
		says("a", ack(packet.PUBREC, 1), ack(packet.PUBREL, 1)), wants("late", "first taken"),
		says("a", ack(packet.PUBACK, 2)+ack(packet.PUBCOMP, 1), ""), wants("late", "first taken", "second taken"),
		hangsUp("a"), wants("late", "first taken", "second taken"), waits(time.Hour),
		wants("late", "first taken", "second taken", "third"),
	})
}

// TestRefusedConnectionLeavesTheSession: who is turned away after all changes nothing.
func TestRefusedConnectionLeavesTheSession(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	w := &packet.Will{Topic: "w", Payload: []byte("x"), Properties: props().AppendNumber(packet.WillDelayInterval, 30)}
	perform(t, mqttserver.Limits{}, d, []step{
		arrives("a", expiring(60, true, w, nil), welcome5), hangsUp("a"), waits(29 * time.Second),
		func(*play) {
			d.refuse = func(context.Context) mqttserver.ConnectCode { return mqttserver.RefusedUnavailable }
		},
		turned(expiring(600, false, nil, nil), connack5(packet.ServerUnavailable, nil)),
		func(*play) { d.refuse = nil },
		noted(""), waits(time.Second), noted("will:w=x"), waits(30*time.Second - 1), noted("will:w=x"), waits(1), noted("will:w=x ended"),
	})
}
