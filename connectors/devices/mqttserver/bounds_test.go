package mqttserver_test

import (
	"errors"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestStoredMessagesAreBounded: what waits for a client that is away has the limits of what waits for one that is there.
func TestStoredMessagesAreBounded(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		limits mqttserver.Limits
	}{
		{"messages", mqttserver.Limits{OutboundMessages: 3}},
		{"bytes", mqttserver.Limits{OutboundBytes: 9}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			perform(t, tc.limits, &dialect{}, []step{
				arrives("a", stored("c1"), welcome), leaves("a", farewell, ""),
				sends(message(1, "12"), message(1, "34"), message(2, "56")),
				func(p *play) {
					if err := p.d.kept.Send(message(1, "78")); !errors.Is(err, mqttserver.ErrSlow) {
						p.t.Errorf("one more: got %v, want %v", err, mqttserver.ErrSlow)
					}
				},
				arrives("a", stored("c1"), resumed+publish(1, 1, "12")+publish(1, 2, "34")+publish(2, 3, "56")),
			})
		})
	}
}

// TestReleasedMessagesAreBounded: a client that never completes a QoS 2 message does not gather them over its connections.
func TestReleasedMessagesAreBounded(t *testing.T) {
	t.Parallel()
	perform(t, mqttserver.Limits{OutboundMessages: 2}, &dialect{}, []step{
		arrives("a", stored("c1"), welcome), sends(message(2, "w"), message(2, "x")), says("a", "", publish(2, 1, "w")+publish(2, 2, "x")),
		says("a", ack(packet.PUBREC, 1, 2), ack(packet.PUBREL, 1, 2)), hangsUp("a"), sends(message(1, "y")),
		arrives("a", stored("c1"), resumed+ack(packet.PUBREL, 1, 2)),
		says("a", ack(packet.PUBCOMP, 1), publish(1, 3, "y")),
	})
}

// TestSessionsMakeRoom: what ends, or is to end with its connection, counts no more towards the limit.
func TestSessionsMakeRoom(t *testing.T) {
	t.Parallel()
	full := connack5(0, append(announced(), props().AppendNumber(packet.SessionExpiryInterval, 0)...))
	perform(t, mqttserver.Limits{Sessions: 1}, &dialect{}, []step{
		arrives("b", stored("c2"), welcome),
		arrives("a", expiring(60, true, nil, nil), full), leaves("a", parts(0, 60), ""), noted("ended"), // too late to ask
		arrives("b", connectClean("c2"), welcome), noted("ended ended"), // another session has its name
		arrives("a", expiring(60, true, nil, nil), welcome5), leaves("a", parts(0), ""),
		arrives("a", expiring(0, false, nil, nil), resumed5(nil)),
		arrives("b", stored("c2"), welcome), leaves("b", farewell, ""), arrives("b", stored("c2"), resumed),
	})
}
