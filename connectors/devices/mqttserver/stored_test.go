package mqttserver_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestStoredSessions are sessions of MQTT 3.1 and 3.1.1 that outlive their connections, by statement of MQTT 3.1.1.
func TestStoredSessions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		steps []step
	}{
		{"MQTT-3.1.2-4 goes on", []step{
			arrives("a", stored("c1"), welcome), leaves("a", farewell, ""), arrives("a", stored("c1"), resumed),
		}},
		{"MQTT-3.1.2-5 messages wait, but for QoS 0", []step{
			arrives("a", stored("c1"), welcome), leaves("a", farewell, ""),
			sends(message(0, "x"), message(1, "y"), message(2, "z")),
			arrives("a", stored("c1"), resumed+publish(1, 1, "y")+publish(2, 2, "z")),
		}},
		{"MQTT-3.1.2-6 a clean session ends the former, and with its connection", []step{
			arrives("a", stored("c1"), welcome), leaves("a", farewell, ""), sends(message(1, "x")),
			arrives("a", hello, welcome), noted("ended"), leaves("a", farewell, ""), noted("ended ended"),
			arrives("a", stored("c1"), welcome),
		}},
		{"MQTT-3.2.2-3 nothing is there of others", []step{
			arrives("a", stored("c1"), welcome), leaves("a", farewell, ""), arrives("b", stored("c2"), welcome),
		}},
		{"MQTT 3.1 has no session present", []step{
			arrives("a", storedAs(packet.V31, "c1", nil), welcome), leaves("a", farewell, ""), sends(message(1, "x")),
			arrives("a", storedAs(packet.V31, "c1", nil), welcome+publish(1, 1, "x")),
		}},
		{"MQTT-4.3.3-1 QoS 2 to the client", []step{
			arrives("a", stored("c1"), welcome), sends(message(2, "x"), message(2, "y")),
			says("a", "", publish(2, 1, "x")+publish(2, 2, "y")),
			says("a", ack(packet.PUBREC, 1), ack(packet.PUBREL, 1)), says("a", ack(packet.PUBREC, 1), ack(packet.PUBREL, 1)),
			says("a", ack(packet.PUBCOMP, 1)+ack(packet.PUBREC, 2), ack(packet.PUBREL, 2)), says("a", ack(packet.PUBCOMP, 2), ""),
			leaves("a", farewell, ""), arrives("a", stored("c1"), resumed),
		}},
		{"PUBACK for QoS 2", []step{
			arrives("a", stored("c1"), welcome), sends(message(2, "x")), says("a", "", publish(2, 1, "x")),
			leaves("a", ack(packet.PUBACK, 1), ""),
		}},
		{"PUBREC for QoS 1", []step{
			arrives("a", stored("c1"), welcome), sends(message(1, "x")), says("a", "", publish(1, 1, "x")),
			leaves("a", ack(packet.PUBREC, 1), ""),
		}},
		{"PUBCOMP before PUBREC", []step{
			arrives("a", stored("c1"), welcome), sends(message(2, "x")), says("a", "", publish(2, 1, "x")),
			leaves("a", ack(packet.PUBCOMP, 1), ""),
		}},
		{"PUBREC and PUBCOMP of what the server has forgotten", []step{
			arrives("a", stored("c1"), welcome), says("a", ack(packet.PUBREC, 7), ack(packet.PUBREL, 7)), says("a", ack(packet.PUBCOMP, 7), ""),
		}},
		{"MQTT-4.4.0-1 what is on its way is sent again", []step{
			arrives("a", stored("c1"), welcome), sends(message(1, "w"), message(2, "x"), message(1, "y"), message(2, "z")),
			says("a", "", publish(1, 1, "w")+publish(2, 2, "x")+publish(1, 3, "y")+publish(2, 4, "z")),
			says("a", ack(packet.PUBACK, 1)+ack(packet.PUBREC, 2), ack(packet.PUBREL, 2)), hangsUp("a"),
			sends(message(1, "new")),
			arrives("a", stored("c1"), resumed+ack(packet.PUBREL, 2)+again(1, 3, "y")+again(2, 4, "z")+publish(1, 5, "new")), // [MQTT-4.6.0-1]
			says("a", ack(packet.PUBCOMP, 2)+ack(packet.PUBACK, 3)+ack(packet.PUBREC, 4), ack(packet.PUBREL, 4)), hangsUp("a"),
			arrives("a", stored("c1"), resumed+ack(packet.PUBREL, 4)+again(1, 5, "new")),
			says("a", ack(packet.PUBACK, 5)+ack(packet.PUBCOMP, 4), ""), hangsUp("a"), arrives("a", stored("c1"), resumed),
		}},
		{"MQTT-4.6.0-4 PUBRELs in the order of the PUBRECs", []step{
			arrives("a", stored("c1"), welcome), sends(message(2, "w"), message(2, "x"), message(1, "y"), message(2, "z")),
			func(p *play) { p.clients["a"].forget() },
			says("a", ack(packet.PUBREC, 2, 4, 1, 2), ack(packet.PUBREL, 2, 4, 1, 2)), hangsUp("a"),
			arrives("a", stored("c1"), resumed+ack(packet.PUBREL, 2)+again(1, 3, "y")+ack(packet.PUBREL, 4, 1)),
			says("a", ack(packet.PUBCOMP, 1, 4, 2)+ack(packet.PUBACK, 3), ""), hangsUp("a"), arrives("a", stored("c1"), resumed),
		}},
		{"acknowledged before it was sent again", []step{
			arrives("a", stored("c1"), welcome), sends(message(1, "x")), says("a", "", publish(1, 1, "x")), hangsUp("a"),
			arrives("a", stored("c1")+ack(packet.PUBACK, 1), resumed),
			hangsUp("a"), arrives("a", stored("c1"), resumed),
		}},
		{"MQTT-4.3.3-2 a QoS 2 message is delivered once over connections", []step{
			arrives("a", stored("c1"), welcome), says("a", publish(2, 9, "x"), ack(packet.PUBREC, 9)), hangsUp("a"),
			arrives("a", stored("c1"), resumed), says("a", again(2, 9, "x"), ack(packet.PUBREC, 9)), noted("publish:t=x"),
			says("a", ack(packet.PUBREL, 9), ack(packet.PUBCOMP, 9)), says("a", publish(2, 9, "y"), ack(packet.PUBREC, 9)),
			noted("publish:t=x publish:t=y"),
		}},
		{"MQTT-3.1.4-2 another connection of the client", []step{
			arrives("a", stored("c1"), welcome), sends(message(1, "x")), says("a", "", publish(1, 1, "x")),
			arrives("b", stored("c1"), resumed+again(1, 1, "x")), leaves("a", "", ""),
		}},
		{"MQTT-3.1.4-2 of a clean session", []step{
			arrives("a", hello, welcome), arrives("b", hello, welcome), leaves("a", "", ""), noted("ended"),
		}},
		{"a session ends after its time", []step{
			arrives("a", stored("c1"), welcome), leaves("a", farewell, ""), waits(time.Hour - 1), noted(""), waits(1), noted("ended"),
			func(p *play) {
				if err := p.d.kept.Send(message(1, "x")); !errors.Is(err, mqttserver.ErrClosed) {
					p.t.Errorf("sending to a session that is over: got %v, want %v", err, mqttserver.ErrClosed)
				}
			},
			arrives("a", stored("c1"), welcome),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			perform(t, mqttserver.Limits{SessionExpiry: time.Hour}, &dialect{}, tc.steps)
		})
	}
}

// TestMQTT5StoredSessions are sessions of MQTT 5 that outlive their connections.
func TestMQTT5StoredSessions(t *testing.T) {
	t.Parallel()
	number := func(id packet.NumberProperty, n uint32) packet.Properties { return props().AppendNumber(id, n) }
	expires := func(in time.Duration) step {
		return func(p *play) {
			m := message(1, "x")
			m.Expires = time.Now().Add(in)
			sends(m)(p)
		}
	}
	largest := number(packet.MaximumPacketSize, 60)
	for _, tc := range []struct {
		name  string
		steps []step
	}{
		{"MQTT-3.1.2-4 clean start", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), leaves("a", parts(0), ""), sends(message(1, "x")),
			arrives("a", expiring(60, true, nil, nil), welcome5), noted("ended"),
		}},
		{"MQTT-3.1.2-5 goes on", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), leaves("a", parts(0), ""), sends(message(1, "x")),
			arrives("a", expiring(0, false, nil, nil), resumed5(nil)+publish5(1, 1, "t", "x", nil)), leaves("a", parts(0), ""), noted("ended"),
		}},
		{"MQTT-3.1.2-6 there is none", []step{arrives("a", expiring(60, false, nil, nil), welcome5)}},
		{"MQTT-3.1.2-23 stored for its time", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), hangsUp("a"), waits(time.Minute - 1), noted(""), waits(1), noted("ended"),
			arrives("a", expiring(60, false, nil, nil), welcome5),
		}},
		{"an expiry of 0", []step{
			arrives("a", expiring(0, true, nil, nil), welcome5), hangsUp("a"), noted("ended"), arrives("a", expiring(0, false, nil, nil), welcome5),
		}},
		{"more than the longest", []step{
			arrives("a", expiring(0xffffffff, true, nil, nil), connack5(0, append(announced(), number(packet.SessionExpiryInterval, 3600)...))),
			leaves("a", parts(0, 7200), ""), waits(time.Hour - 1), noted(""), waits(1), noted("ended"),
		}},
		{"changed at DISCONNECT", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), leaves("a", parts(0, 120), ""), waits(2*time.Minute - 1), noted(""), waits(1), noted("ended"),
			arrives("a", expiring(60, true, nil, nil), welcome5), leaves("a", parts(0, 0), ""), noted("ended ended"),
		}},
		{"MQTT-3.1.4-3 taken over", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), arrives("b", expiring(60, false, nil, nil), resumed5(nil)),
			leaves("a", "", gone5(packet.SessionTakenOver, "")), noted(""),
			arrives("c", expiring(60, true, nil, nil), welcome5), leaves("b", "", gone5(packet.SessionTakenOver, "")), noted("ended"),
		}},
		{"MQTT-4.4.0-1 what is on its way is sent again, with its properties", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5),
			sends(mqttserver.Message{Topic: "t", Payload: []byte("x"), QoS: 2, Properties: props().AppendUser("a", "b")}),
			says("a", "", publish5(2, 1, "t", "x", props().AppendUser("a", "b"))), hangsUp("a"),
			arrives("a", expiring(60, false, nil, nil), resumed5(nil)+again5(2, 1, "x", props().AppendUser("a", "b"))),
		}},
		{"a client of MQTT 3.1.1 goes on with it", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5),
			sends(mqttserver.Message{Topic: "t", Payload: []byte("x"), QoS: 1, Properties: props().AppendUser("a", "b")}),
			says("a", "", publish5(1, 1, "t", "x", props().AppendUser("a", "b"))), hangsUp("a"),
			arrives("a", stored("c1"), resumed+again(1, 1, "x")),
		}},
		{"MQTT-3.3.4-9 no more at once than the new connection takes", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), sends(message(1, "w"), message(2, "x"), message(1, "y")),
			says("a", ack5(packet.PUBREC, 2, 0), publish5(1, 1, "t", "w", nil)+publish5(2, 2, "t", "x", nil)+publish5(1, 3, "t", "y", nil)+ack5(packet.PUBREL, 2, 0)),
			hangsUp("a"),
			arrives("a", expiring(60, false, nil, number(packet.ReceiveMaximum, 1)), resumed5(nil)+again5(1, 1, "w", nil)+ack5(packet.PUBREL, 2, 0)),
			says("a", ack5(packet.PUBCOMP, 2, 0), ""), says("a", ack5(packet.PUBACK, 1, 0), again5(1, 3, "y", nil)),
		}},
		{"MQTT-3.1.2-25 larger than the new connection takes", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), sends(message(1, "w"+string(make([]byte, 60)))),
			func(p *play) { p.clients["a"].forget() }, hangsUp("a"), sends(message(2, "x"+string(make([]byte, 60))), message(1, "y")),
			arrives("a", expiring(60, false, nil, largest), resumed5(nil)+publish5(1, 2, "t", "y", nil)),
			hangsUp("a"), arrives("a", expiring(60, false, nil, nil), resumed5(nil)+again5(1, 2, "y", nil)),
		}},
		{"MQTT-3.3.2-5 too late", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), leaves("a", parts(0), ""), expires(2 * time.Second), waits(2 * time.Second),
			sends(message(1, "y")), arrives("a", expiring(60, false, nil, nil), resumed5(nil)+publish5(1, 1, "t", "y", nil)),
		}},
		{"MQTT-3.3.2-6 what is left of its time", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), leaves("a", parts(0), ""), expires(9 * time.Second), waits(2500 * time.Millisecond),
			arrives("a", expiring(60, false, nil, nil), resumed5(nil)+publish5(1, 1, "t", "x", number(packet.MessageExpiryInterval, 7))),
			waits(30 * time.Second), hangsUp("a"), // it was begun
			arrives("a", expiring(60, false, nil, nil), resumed5(nil)+again5(1, 1, "x", number(packet.MessageExpiryInterval, 0))),
		}},
		{"PUBREC with a failure", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), sends(message(2, "x")), says("a", ack5(packet.PUBREC, 1, packet.QuotaExceeded), publish5(2, 1, "t", "x", nil)),
			leaves("a", parts(0), ""), arrives("a", expiring(60, false, nil, nil), resumed5(nil)),
		}},
		{"PUBREC of what the server has forgotten", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), says("a", ack5(packet.PUBREC, 7, 0), ack5(packet.PUBREL, 7, packet.PacketIdentifierNotFound)),
			says("a", ack5(packet.PUBREC, 8, packet.UnspecifiedError)+ack5(packet.PUBCOMP, 7, 0), ""),
		}},
		{"the receive maximum begins anew with a connection", []step{
			arrives("a", expiring(60, true, nil, nil), welcome5), says("a", publish5(2, 1, "t", "", nil)+publish5(2, 2, "t", "", nil), ack5(packet.PUBREC, 1, 0)+ack5(packet.PUBREC, 2, 0)),
			hangsUp("a"), arrives("a", expiring(60, false, nil, nil), resumed5(nil)),
			func(p *play) {
				for id := range uint16(100) {
					says("a", publish5(2, id+3, "t", "", nil), ack5(packet.PUBREC, id+3, 0))(p)
				}
			},
			says("a", ack5(packet.PUBREL, 1, 0), ack5(packet.PUBCOMP, 1, 0)),
			leaves("a", publish5(2, 999, "t", "", nil), gone5(packet.ReceiveMaximumExceeded, "more messages than the Receive Maximum")),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			perform(t, mqttserver.Limits{SessionExpiry: time.Hour}, &dialect{}, tc.steps)
		})
	}
}
