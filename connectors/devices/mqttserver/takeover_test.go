package mqttserver_test

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// TestNothingIsLostByTakeOvers has connections that take one session from each other, over real sockets, while messages are
// sent to it: each reaches one of them or is sent again to the next, and none is left. The race detector looks on.
func TestNothingIsLostByTakeOvers(t *testing.T) {
	t.Parallel()
	const messages, rivals, visits = 200, 4, 15
	d := &dialect{keep: true}
	address := serveTCP(t, mqttserver.Options{Limits: mqttserver.Limits{OutboundMessages: messages, HalfOpenAddress: -1}}, d)
	var mu sync.Mutex
	got := map[string]bool{}
	seen := func(payload []byte) {
		mu.Lock()
		defer mu.Unlock()
		got[string(payload)] = true
	}
	times := func(n int) func() bool { return func() bool { n--; return n >= 0 } }
	visit(t, address, times(1), seen) // there is a session from now on
	s := d.kept
	var all sync.WaitGroup
	all.Go(func() {
		for i := range messages {
			if err := s.Send(message(byte(i%2+1), fmt.Sprint(i))); err != nil {
				t.Errorf("message %d: %v", i, err)
			}
		}
	})
	for range rivals {
		all.Go(func() {
			for i := range visits {
				visit(t, address, times(i), seen)
			}
		})
	}
	all.Wait()
	if !visit(t, address, func() bool { return len(got) < messages }, seen) {
		t.Errorf("got %d of %d messages", len(got), messages)
	}
}

// visit resumes the session and acknowledges what comes, for as long as more says so before a ping. It reports false if the
// connection ended before, as it does when the session is taken over.
func visit(t *testing.T, address string, more func() bool, seen func([]byte)) (whole bool) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	var r packet.Reader
	r.Reset(c, 65536)
	for say := stored("c1"); ; say = ping {
		if _, err := c.Write([]byte(say)); err != nil || !listen(t, c, &r, seen) {
			return false
		}
		if !more() {
			return true
		}
	}
}

// listen acknowledges messages until a CONNACK or PINGRESP comes.
func listen(t *testing.T, c net.Conn, r *packet.Reader, seen func([]byte)) bool {
	for {
		h, err := r.ReadHeader()
		if err != nil {
			return false
		}
		body, err := r.ReadBody(h)
		if err != nil {
			return false
		}
		var m packet.Publish
		var release packet.Ack
		switch h.Type {
		case packet.CONNACK, packet.PINGRESP:
			return true
		case packet.PUBLISH:
			err = m.Decode(h.Flags, body)
			seen(m.Payload)
			_, _ = c.Write([]byte(ack(packet.PUBACK+packet.Type(m.QoS-1), m.ID))) // or PUBREC
		case packet.PUBREL:
			err = release.Decode(body)
			_, _ = c.Write([]byte(ack(packet.PUBCOMP, release.ID)))
		default:
			t.Errorf("got %v", h.Type)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
