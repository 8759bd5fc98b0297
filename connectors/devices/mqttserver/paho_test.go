package mqttserver_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
)

// TestPahoClient lets a client that others wrote talk to an echo.
func TestPahoClient(t *testing.T) {
	for _, version := range []uint{3, 4} {
		t.Run(fmt.Sprint("protocol level ", version), func(t *testing.T) {
			echo := dialectFunc(func(c *mqttserver.Conn) mqttserver.Handler {
				return &dialect{publish: func(_ context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
					done(mqttserver.Ack)
					if err := c.Publish("echo/"+p.Topic, p.Payload, min(p.QoS, 1)); err != nil {
						t.Errorf("echo: %v", err)
					}
				}}
			})
			address := serveTCP(t, mqttserver.Options{}, echo)
			client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://"+address).SetClientID("paho").
				SetUsername("token").SetPassword("x").SetProtocolVersion(version).SetAutoReconnect(false).
				SetWill("w", "gone", 1, true))
			finish := func(what string, token paho.Token) {
				t.Helper()
				if !token.WaitTimeout(never) || token.Error() != nil {
					t.Fatalf("%s: %v", what, token.Error())
				}
			}
			finish("connect", client.Connect())
			defer client.Disconnect(0)
			got := make(chan string, 100)
			finish("subscribe", client.Subscribe("echo/#", 2, func(_ paho.Client, m paho.Message) {
				got <- fmt.Sprintf("%s %d %s", m.Topic(), m.Qos(), m.Payload())
			}))
			for i := range 30 {
				qos := byte(i % 3)
				finish("publish", client.Publish("a/b", qos, false, fmt.Sprint(i)))
				want := fmt.Sprintf("echo/a/b %d %d", min(qos, 1), i)
				select {
				case m := <-got:
					if m != want {
						t.Fatalf("message: got %q, want %q", m, want)
					}
				case <-time.After(never):
					t.Fatalf("no message %q", want)
				}
			}
			finish("unsubscribe", client.Unsubscribe("echo/#"))
		})
	}
}
