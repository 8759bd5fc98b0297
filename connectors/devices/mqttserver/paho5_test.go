package mqttserver_test

import (
	"context"
	"net"
	"testing"
	"time"

	paho "github.com/eclipse/paho.golang/paho"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
)

// TestPahoClient5 is TestPahoClient with the client of the same people for MQTT 5.
func TestPahoClient5(t *testing.T) {
	echo := dialectFunc(func(c *mqttserver.Conn) mqttserver.Handler {
		return &dialect{publish: func(_ context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
			done(mqttserver.Ack)
			if err := c.Publish("echo/"+p.Topic, p.Payload, min(p.QoS, 1)); err != nil {
				t.Errorf("echo: %v", err)
			}
		}}
	})
	conn, err := net.Dial("tcp", serveTCP(t, mqttserver.Options{}, echo))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := make(chan string, 10)
	client := paho.NewClient(paho.ClientConfig{
		Conn: conn,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			got <- p.Packet.Topic + "=" + string(p.Packet.Payload)
			return true, nil
		}},
	})
	ack, err := client.Connect(ctx, &paho.Connect{
		KeepAlive: 30, CleanStart: true, Username: "token", UsernameFlag: true,
		WillMessage: &paho.WillMessage{Topic: "w", Payload: []byte("gone"), QoS: 1, Retain: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := ack.Properties; p.AssignedClientID == "" || *p.ReceiveMaximum != 100 || *p.TopicAliasMaximum != 10 || p.SharedSubAvailable {
		t.Errorf("CONNACK: got %+v", p)
	}
	subscribed, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "echo/#", QoS: 2}}})
	if err != nil || subscribed.Reasons[0] != 1 {
		t.Errorf("subscribe: got %+v, %v, want QoS 1 granted", subscribed, err)
	}
	alias := uint16(3)
	for qos, topic := range []string{"t", "t", ""} {
		m := &paho.Publish{Topic: topic, QoS: byte(qos), Payload: []byte("x"), Properties: &paho.PublishProperties{TopicAlias: &alias}}
		if _, err := client.Publish(ctx, m); err != nil {
			t.Errorf("publish with QoS %d: %v", qos, err)
		}
		select {
		case m := <-got:
			if m != "echo/t=x" {
				t.Errorf("message: got %q, want %q", m, "echo/t=x")
			}
		case <-ctx.Done():
			t.Fatal("no message came")
		}
	}
	if _, err := client.Unsubscribe(ctx, &paho.Unsubscribe{Topics: []string{"echo/#"}}); err != nil {
		t.Errorf("unsubscribe: %v", err)
	}
	if err := client.Disconnect(&paho.Disconnect{}); err != nil {
		t.Errorf("disconnect: %v", err)
	}
	<-client.Done()
}
