package mqttserver_test

import (
	"context"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func TestAnswersLeaveTogether(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.dialDeaf()
		for _, tc := range []struct{ name, send, want string }{
			{"what came with the CONNECT", hello + ping, welcome + pong},
			{
				"answers of every kind", publish(1, 1, "a") + publish(2, 2, "b") + ping + publish(1, 3, "c"),
				ack(packet.PUBACK, 1) + ack(packet.PUBREC, 2) + pong + ack(packet.PUBACK, 3),
			},
			{"the last one", publish(1, 4, "d") + farewell, ack(packet.PUBACK, 4)},
		} {
			c.send(tc.send)
			buf := make([]byte, 4096)
			n, err := c.conn.Read(buf) // the bytes of one write
			if got := string(buf[:n]); err != nil || got != tc.want {
				t.Errorf("%s: got %x, %v in one piece, want %x", tc.name, got, err, tc.want)
			}
		}
	})
}

func TestVerdictsDoNotWaitForTheHandler(t *testing.T) {
	t.Parallel()
	var free chan struct{}
	var verdicts []func(mqttserver.Verdict)
	d := &dialect{publish: func(_ context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
		if p.ID == 4 {
			<-free // the handler holds the client back
			done(mqttserver.Ack)
			return
		}
		verdicts = append(verdicts, done)
	}}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		free = make(chan struct{}) // in the bubble, or it would not know that the handler waits
		c := b.login()
		c.send(publish(1, 1, "a") + publish(1, 2, "b") + publish(1, 3, "c") + publish(1, 4, "d"))
		c.want("", false)
		verdicts[0](mqttserver.Ack)
		c.want(ack(packet.PUBACK, 1), false)
		verdicts[2](mqttserver.Ack)
		c.want("", false)
		verdicts[1](mqttserver.Ack)
		c.want(ack(packet.PUBACK, 2, 3), false)
		close(free)
		c.want(ack(packet.PUBACK, 4), false)
		c.send(farewell)
		c.want("", true)
	})
}
