package mqttserver_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func TestPublishToClient(t *testing.T) {
	t.Parallel()
	d := &dialect{connect: func(c *mqttserver.Conn, _ *packet.Connect) mqttserver.ConnectCode {
		_ = c.Publish("t", []byte("early"), 0)
		time.Sleep(time.Second) // long enough for it to leave, if it could
		return mqttserver.Accepted
	}}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.dial()
		c.send(hello)
		c.want("", false)
		time.Sleep(2 * time.Second)
		c.want(welcome+publish(0, 0, "early"), false) // CONNACK comes first [MQTT-3.2.0-1]
		for _, m := range []struct {
			topic string
			size  int
			qos   byte
			want  error
		}{
			{"t", 3, 0, nil},
			{"t", 3, 1, nil},
			{"t", 3, 2, nil},
			{"t", 3, 3, mqttserver.ErrMessage},
			{"a/#", 3, 0, mqttserver.ErrMessage},
			{"", 3, 0, mqttserver.ErrMessage},
			{"t", 256 << 10, 0, mqttserver.ErrMessage},
		} {
			if err := d.conn.Publish(m.topic, bytes.Repeat([]byte("x"), m.size), m.qos); !errors.Is(err, m.want) {
				t.Errorf("Publish(%q, %d bytes, QoS %d): got %v, want %v", m.topic, m.size, m.qos, err, m.want)
			}
		}
		c.want(publish(0, 0, "xxx")+publish(1, 1, "xxx")+publish(2, 2, "xxx"), false)
	})
}

func TestLargeMessageIsWhole(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.login()
		large := strings.Repeat("x", 200_000)
		_ = d.conn.Publish("t", []byte(large), 0)
		_ = d.conn.Publish("t", []byte("small"), 0)
		c.want(publish(0, 0, large)+publish(0, 0, "small"), false)
	})
}

func TestPublishAcked(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	var got []bool
	acked := func(ok bool) { got = append(got, ok) }
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.login()
		for range 3 {
			if err := d.conn.PublishAcked("t", nil, acked); err != nil {
				t.Fatal(err)
			}
		}
		c.want(publish(1, 1, "")+publish(1, 2, "")+publish(1, 3, ""), false)
		c.send(ack(packet.PUBACK, 2) + ack(packet.PUBACK, 2))
		if want := []bool{true}; !slices.Equal(got, want) {
			t.Errorf("after one PUBACK: got %v, want %v", got, want)
		}
		c.send(farewell)
		if want := []bool{true, false, false}; !slices.Equal(got, want) {
			t.Errorf("after DISCONNECT: got %v, want %v", got, want)
		}
		if err := d.conn.PublishAcked("t", nil, acked); !errors.Is(err, mqttserver.ErrClosed) || len(got) != 3 {
			t.Errorf("after the end: got %v and %v, want ErrClosed and no call", err, got)
		}
	})
}

// TestIdentifiersAreNotReused goes once round all identifiers with one message always unacknowledged.
func TestIdentifiersAreNotReused(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.login()
		push := func() uint16 {
			if err := d.conn.Publish("t", nil, 1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			sent := c.got.Bytes()
			c.got.Reset()
			return uint16(sent[len(sent)-2])<<8 | uint16(sent[len(sent)-1])
		}
		push()
		push() // 2 stays unacknowledged
		c.send(ack(packet.PUBACK, 1))
		for want := 3; want <= 65535; want++ {
			id := push()
			if int(id) != want {
				t.Fatalf("identifier: got %d, want %d", id, want)
			}
			c.send(ack(packet.PUBACK, id))
		}
		if first, second := push(), push(); first != 1 || second != 3 {
			t.Errorf("after the last identifier: got %d and %d, want 1 and 3", first, second)
		}
	})
}

func TestUnacknowledgedMessagesHoldTheQueue(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	bubble(t, mqttserver.Limits{OutboundMessages: 2}, d, func(b *bench) {
		c := b.login()
		for _, p := range []string{"a", "b", "c"} {
			_ = d.conn.Publish("t", []byte(p), 1)
			synctest.Wait()
		}
		_ = d.conn.Publish("t", []byte("d"), 0) // does not overtake
		c.want(publish(1, 1, "a")+publish(1, 2, "b"), false)
		c.send(ack(packet.PUBACK, 1))
		c.want(publish(1, 3, "c")+publish(0, 0, "d"), false)
		for _, p := range []string{"e", "f"} {
			_ = d.conn.Publish("t", []byte(p), 1)
		}
		if err := d.conn.Publish("t", nil, 1); !errors.Is(err, mqttserver.ErrSlow) {
			t.Errorf("a fifth unacknowledged message: got %v, want ErrSlow", err)
		}
		c.want("", true)
	})
	d.wantClosed(t, mqttserver.ClosedSlow)
}

func TestDeafClient(t *testing.T) {
	t.Parallel()
	t.Run("QoS 0 is dropped, oldest first", func(t *testing.T) {
		t.Parallel()
		d := &dialect{}
		bubble(t, mqttserver.Limits{OutboundMessages: 3}, d, func(b *bench) {
			c := b.dialDeaf()
			c.send(hello) // the CONNACK is being written
			for _, m := range []string{"0a", "1b", "0c", "0d", "1e"} {
				if err := d.conn.Publish("t", []byte(m), m[0]-'0'); err != nil {
					t.Errorf("Publish(%s): %v", m, err)
				}
			}
			c.listen()
			c.want(welcome+publish(1, 1, "1b")+publish(0, 0, "0d")+publish(1, 2, "1e"), false)
			if got := b.counts.dropped; got != 2 {
				t.Errorf("dropped: got %d, want 2", got)
			}
		})
	})
	t.Run("bytes count too", func(t *testing.T) {
		t.Parallel()
		d := &dialect{}
		bubble(t, mqttserver.Limits{OutboundBytes: 1000}, d, func(b *bench) {
			c := b.dialDeaf()
			c.send(hello)
			large := strings.Repeat("x", 600)
			_ = d.conn.Publish("t", []byte("old"+large), 0)
			_ = d.conn.Publish("t", []byte("new"+large), 0)
			c.listen()
			c.want(welcome+publish(0, 0, "new"+large), false)
		})
	})
	t.Run("a full queue of QoS 1 closes", func(t *testing.T) {
		t.Parallel()
		d := &dialect{}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			b.dialDeaf().send(hello)
			for i := range 100 {
				if err := d.conn.Publish("t", nil, 1); err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
			}
			if err := d.conn.Publish("t", nil, 0); err != nil {
				t.Errorf("QoS 0 on a full queue: got %v, want it dropped", err)
			}
			if err := d.conn.Publish("t", nil, 1); !errors.Is(err, mqttserver.ErrSlow) {
				t.Errorf("QoS 1 on a full queue: got %v, want ErrSlow", err)
			}
			synctest.Wait()
			d.wantClosed(t, mqttserver.ClosedSlow)
		})
	})
	t.Run("a write that takes too long closes", func(t *testing.T) {
		t.Parallel()
		d := &dialect{}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			b.dialDeaf().send(hello)
			time.Sleep(10*time.Second - time.Millisecond)
			d.wantClosed(t, 0)
			time.Sleep(2 * time.Millisecond)
			synctest.Wait()
			d.wantClosed(t, mqttserver.ClosedSlow)
		})
	})
}
