package lean_test

import (
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/conformance/internal/lean"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer string
		want         error
		text         string
	}{
		{name: "accepted", answer: "\x20\x02\x00\x00"},
		{name: "refused", answer: "\x20\x02\x00\x05", want: lean.Refused(5)},
		{name: "another packet", answer: "\xd0\x00", text: "got PINGRESP, want CONNACK"},
		{name: "hung up", answer: "", text: "waiting for CONNACK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			near, far := net.Pipe()
			sent := make(chan string, 1)
			go func() {
				buf := make([]byte, 256)
				n, _ := far.Read(buf)
				sent <- string(buf[:n])
				_, _ = far.Write([]byte(tt.answer))
				_ = far.Close()
			}()
			c, err := lean.New(near, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			login := lean.Login("id", "name")
			err = c.Connect(login)
			if tt.want != nil && !errors.Is(err, tt.want) || tt.want == nil && tt.text == "" && err != nil ||
				tt.text != "" && (err == nil || !strings.Contains(err.Error(), tt.text)) {
				t.Errorf("error: got %v, want %v%s", err, tt.want, tt.text)
			}
			if got, want := <-sent, string(login.Append(nil)); got != want {
				t.Errorf("sent: got %x, want %x", got, want)
			}
		})
	}
}

func TestSendIsOneWrite(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer far.Close()
	c, err := lean.New(near, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := packet.Publish{Topic: "t", QoS: 1, ID: 7, Payload: []byte("x")}
	go func() { _ = c.Send(&m, lean.Puback(9), lean.Disconnect{}) }()
	buf := make([]byte, 256)
	n, err := far.Read(buf)
	want := string(m.Append(nil)) + "\x40\x02\x00\x09" + "\xe0\x00"
	if got := string(buf[:n]); err != nil || got != want {
		t.Errorf("one write: got %x, %v, want %x", got, err, want)
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	var hundred lean.Latencies
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*time.Millisecond)
	}
	tests := []struct {
		name string
		give lean.Latencies
		want string
	}{
		{"none", nil, `{"p50":0,"p99":0,"max":0}`},
		{"one", lean.Latencies{time.Second}, `{"p50":1,"p99":1,"max":1}`},
		{"hundred", hundred, `{"p50":0.051,"p99":0.1,"max":0.1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(tt.give.Summary())
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}
