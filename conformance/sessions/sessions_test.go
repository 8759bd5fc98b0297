package main

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/conformance/internal/lean"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSessions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, user string
		args       []string
		want       error
	}{
		{name: "anybody, at once", user: "somebody"},
		{name: "anybody, after a commit", user: "somebody", args: []string{"--commit", "1ms"}},
		{name: "a user", user: "user-1", args: []string{"--users", "2"}},
		{name: "not a user", user: "user-2", args: []string{"--users", "2"}, want: lean.Refused(5)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			speak(t, serve(t, tt.args...), tt.user, tt.want)
		})
	}
}

// speak connects, publishes twice at once, and leaves.
func speak(t *testing.T, address, user string, want error) {
	t.Helper()
	c, err := lean.NewDialer(address).Dial(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Connect(lean.Login("c", user)); !errors.Is(err, want) {
		t.Fatalf("connect: got %v, want %v", err, want)
	}
	if want != nil {
		return
	}
	err = c.Send(&packet.Publish{Topic: "t", QoS: 1, ID: 1}, &packet.Publish{Topic: "t", QoS: 1, ID: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []uint16{1, 2} {
		_, body, err := c.Next(packet.PUBACK)
		var got packet.Ack
		if err == nil {
			err = got.Decode(body)
		}
		if err != nil || got.ID != id {
			t.Errorf("PUBACK: got %d, %v, want %d", got.ID, err, id)
		}
	}
	if err := c.Send(lean.Disconnect{}); err != nil {
		t.Error(err)
	}
}
