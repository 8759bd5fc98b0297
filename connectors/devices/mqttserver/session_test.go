package mqttserver_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// holder keeps the verdicts back until a test gives them.
type holder struct{ done []func(mqttserver.Verdict) }

func (h *holder) publish(_ context.Context, _ mqttserver.Publish, done func(mqttserver.Verdict)) {
	h.done = append(h.done, done)
}

func TestAcknowledgementsLeaveInOrder(t *testing.T) {
	t.Parallel()
	var h holder
	d := &dialect{publish: h.publish}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.login()
		c.send(publish(1, 1, ""), publish(2, 2, ""), publish(0, 0, ""), publish(1, 3, ""), publish(2, 2, ""), ping)
		c.want(pong, false) // waiting for verdicts does not stop reading
		h.done[3](mqttserver.Ack)
		h.done[1](mqttserver.Ack)
		h.done[1](mqttserver.CloseWithoutAck) // a second verdict does nothing
		c.want("", false)
		h.done[0](mqttserver.Ack)
		c.want(ack(packet.PUBACK, 1)+ack(packet.PUBREC, 2), false)
		h.done[0](mqttserver.CloseWithoutAck)
		h.done[2](mqttserver.Ack)
		h.done[2](mqttserver.CloseWithoutAck)
		c.want(ack(packet.PUBACK, 3), false)
		if got := len(h.done); got != 4 {
			t.Errorf("handler saw %d messages, want 4: the second QoS 2 one is a duplicate", got)
		}
	})
}

func TestInflightLimitHoldsTheClientBack(t *testing.T) {
	t.Parallel()
	var h holder
	d := &dialect{publish: h.publish}
	bubble(t, mqttserver.Limits{Inflight: 3}, d, func(b *bench) {
		c := b.login()
		for id := range uint16(3) {
			c.send(publish(1, id+1, ""))
		}
		c.send(publish(1, 4, "") + publish(0, 0, ""))
		time.Sleep(10 * keepAlive) // being held back does not count against the client
		c.want("", false)
		if got := len(h.done); got != 3 {
			t.Fatalf("handler saw %d messages, want 3", got)
		}
		h.done[1](mqttserver.Ack)
		c.want("", false)
		if got := len(h.done); got != 3 {
			t.Fatalf("handler saw %d messages, want 3: the oldest has no verdict", got)
		}
		h.done[0](mqttserver.Ack)
		c.want(ack(packet.PUBACK, 1, 2), false)
		if got := len(h.done); got != 5 {
			t.Errorf("handler saw %d messages, want 5", got)
		}
	})
	d.wantClosed(t, mqttserver.ClosedShutdown)
}

func TestVerdictsThatClose(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		verdict mqttserver.Verdict
		qos     byte
		want    string
	}{
		{"acknowledge and close", mqttserver.AckAndClose, 1, ack(packet.PUBACK, 1, 2)},
		{"record and close", mqttserver.AckAndClose, 2, ack(packet.PUBACK, 1) + ack(packet.PUBREC, 2)},
		{"QoS 0 and close", mqttserver.AckAndClose, 0, ack(packet.PUBACK, 1)},
		{"close", mqttserver.CloseWithoutAck, 1, ack(packet.PUBACK, 1)},
		{"no verdict at all", 0, 1, ack(packet.PUBACK, 1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var h holder
			d := &dialect{publish: h.publish}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				c := b.login()
				c.send(publish(1, 1, ""), publish(tc.qos, 2, ""), publish(1, 3, ""))
				h.done[1](tc.verdict)
				h.done[2](mqttserver.Ack)
				c.want("", false) // the first message is acknowledged before the second closes
				h.done[0](mqttserver.Ack)
				c.want(tc.want, true)
			})
			d.wantClosed(t, mqttserver.ClosedVerdict)
		})
	}
}

func TestQoS2OutOfOrder(t *testing.T) {
	t.Parallel()
	t.Run("PUBREL before PUBREC", func(t *testing.T) {
		t.Parallel()
		var h holder
		d := &dialect{publish: h.publish}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			c := b.login()
			c.send(publish(2, 5, "") + ack(packet.PUBREL, 5))
			c.want("", true)
			h.done[0](mqttserver.Ack) // too late
		})
		d.wantClosed(t, mqttserver.ClosedMalformed)
	})
	t.Run("never released", func(t *testing.T) {
		t.Parallel()
		d := &dialect{}
		bubble(t, mqttserver.Limits{Unreleased: 2}, d, func(b *bench) {
			c := b.login()
			c.send(publish(2, 1, "") + publish(2, 2, "") + publish(2, 3, ""))
			c.want(ack(packet.PUBREC, 1, 2), true)
		})
		d.wantClosed(t, mqttserver.ClosedUnreleased)
	})
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	silent := frame(0x10, str("MQTT")+"\x04\x02\x00\x00"+str("c1"))
	for _, tc := range []struct {
		name  string
		hello string
		after time.Duration // the last whole packet
	}{
		{"one and a half times 60 s", hello, 90 * time.Second},
		{"an odd number of seconds", frame(0x10, str("MQTT")+"\x04\x02\x00\x01"+str("c1")), 1500 * time.Millisecond},
		{"the longest", frame(0x10, str("MQTT")+"\x04\x02\xff\xff"+str("c1")), 65535 * 3 * time.Second / 2},
		{"none: inactivity", silent, 10 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := &dialect{}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				c := b.dial()
				c.send(tc.hello)
				c.want(welcome, false)
				for range 3 {
					time.Sleep(tc.after - time.Millisecond)
					c.send(ping)
					c.want(pong, false)
				}
				// A packet that drips in is none, and a message to the client is not one from it.
				time.Sleep(tc.after / 2)
				c.send("\x30\x10")
				if err := d.conn.Publish("t", nil, 0); err != nil {
					t.Error(err)
				}
				time.Sleep(tc.after/2 - time.Millisecond)
				c.want(publish(0, 0, ""), false)
				time.Sleep(2 * time.Millisecond)
				c.want("", true)
			})
			d.wantClosed(t, mqttserver.ClosedKeepAlive)
		})
	}
}

func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		drip bool
	}{{"silent", false}, {"dripping", true}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := &dialect{}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				c := b.dial()
				for i := range 9 {
					time.Sleep(time.Second)
					if tc.drip {
						c.send(hello[i : i+1])
					}
				}
				c.want("", false)
				time.Sleep(time.Second + time.Millisecond)
				c.want("", true)
				if got := b.counts.refused[mqttserver.RefusedTimeout]; got != 1 {
					t.Errorf("refused for time-out: got %d, want 1", got)
				}
			})
			d.wantClosed(t, 0)
		})
	}
}

func TestSlowLookUpIsNotTheClientsFault(t *testing.T) {
	t.Parallel()
	d := &dialect{connect: func(*mqttserver.Conn, *packet.Connect) mqttserver.ConnectCode {
		time.Sleep(time.Minute)
		return mqttserver.Accepted
	}}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.dial()
		c.send(hello)
		time.Sleep(61 * time.Second)
		c.want(welcome, false)
	})
}

func TestConnectCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code    mqttserver.ConnectCode
		want    string
		refusal mqttserver.Refusal
	}{
		{mqttserver.RefusedIdentifier, "\x20\x02\x00\x02", mqttserver.RefusedCode},
		{mqttserver.RefusedUnavailable, "\x20\x02\x00\x03", mqttserver.RefusedCode},
		{mqttserver.RefusedCredentials, "\x20\x02\x00\x04", mqttserver.RefusedCode},
		{mqttserver.RefusedNotAuthorized, "\x20\x02\x00\x05", mqttserver.RefusedCode},
		{mqttserver.NotMine, "\x20\x02\x00\x05", mqttserver.RefusedUnclaimed},
	} {
		t.Run(fmt.Sprint(tc.code), func(t *testing.T) {
			t.Parallel()
			d := &dialect{connect: func(c *mqttserver.Conn, _ *packet.Connect) mqttserver.ConnectCode {
				_ = c.Publish("t", []byte("never sent"), 1)
				return tc.code
			}}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				c := b.dial()
				c.send(hello + publish(1, 1, "never handled"))
				c.want(tc.want, true)
				if got := b.counts.refused[tc.refusal]; got != 1 {
					t.Errorf("refused: got %v, want one %v", b.counts.refused, tc.refusal)
				}
			})
			d.wantClosed(t, 0)
			if got := d.noted(); got != "" {
				t.Errorf("handler: got %q, want nothing", got)
			}
		})
	}
}

func TestCloseFromOurSide(t *testing.T) {
	t.Parallel()
	t.Run("Close writes what is queued", func(t *testing.T) {
		t.Parallel()
		d := &dialect{}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			c := b.login()
			_ = d.conn.Publish("t", []byte("last words"), 0)
			d.conn.Close(mqttserver.ClosedTakenOver)
			d.conn.Close(mqttserver.ClosedRevoked) // the first reason counts
			c.want(publish(0, 0, "last words"), true)
			if err := d.conn.Publish("t", nil, 0); err != mqttserver.ErrClosed {
				t.Errorf("Publish after Close: got %v, want ErrClosed", err)
			}
		})
		d.wantClosed(t, mqttserver.ClosedTakenOver)
	})
	t.Run("Close does not wait for a client that does not read", func(t *testing.T) {
		t.Parallel()
		d := &dialect{}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			c := b.dialDeaf()
			c.send(hello)
			d.conn.Close(mqttserver.ClosedRevoked)
			time.Sleep(time.Second + time.Millisecond)
			synctest.Wait()
			d.wantClosed(t, mqttserver.ClosedRevoked)
		})
	})
	t.Run("CloseAfter", func(t *testing.T) {
		t.Parallel()
		d := &dialect{}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			c := b.login()
			d.conn.CloseAfter(40 * time.Second)
			time.Sleep(39 * time.Second)
			d.conn.CloseAfter(40 * time.Second)
			time.Sleep(39 * time.Second)
			c.want("", false)
			time.Sleep(2 * time.Second)
			c.want("", true)
		})
		d.wantClosed(t, mqttserver.ClosedTimeUp)
	})
	t.Run("Close inside Connect", func(t *testing.T) {
		t.Parallel()
		d := &dialect{connect: func(c *mqttserver.Conn, _ *packet.Connect) mqttserver.ConnectCode {
			c.Close(mqttserver.ClosedTakenOver)
			return mqttserver.Accepted
		}}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			c := b.dial()
			c.send(hello)
			c.want("", true)
		})
		d.wantClosed(t, mqttserver.ClosedTakenOver) // a handler that was handed over is told
	})
	t.Run("Close ends a handler that blocks", func(t *testing.T) {
		t.Parallel()
		d := &dialect{publish: func(ctx context.Context, _ mqttserver.Publish, _ func(mqttserver.Verdict)) { <-ctx.Done() }}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			c := b.login()
			c.send(publish(1, 1, ""))
			d.conn.Close(mqttserver.ClosedRevoked)
			c.want("", true)
		})
		d.wantClosed(t, mqttserver.ClosedRevoked)
	})
}

func TestPanicClosesOneConnection(t *testing.T) {
	t.Parallel()
	boom := func(if_ bool) {
		if if_ {
			panic("boom")
		}
	}
	for _, where := range []string{"connect", "publish", "subscribe", "closed"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			d := &dialect{}
			bubble(t, mqttserver.Limits{}, d, func(b *bench) {
				other := b.login()
				d.connect = func(*mqttserver.Conn, *packet.Connect) mqttserver.ConnectCode {
					boom(where == "connect")
					return mqttserver.Accepted
				}
				d.publish = func(_ context.Context, _ mqttserver.Publish, done func(mqttserver.Verdict)) {
					boom(where == "publish")
					done(mqttserver.Ack)
				}
				d.subscribe = func(string, byte) packet.ReasonCode { boom(where == "subscribe"); return 0 }
				d.onClosed = func() { boom(where == "closed") }
				c := b.dial()
				c.send(hello + frame(0x82, "\x00\x01"+str("a")+"\x00") + publish(1, 1, "") + farewell)
				synctest.Wait()
				if !c.closed {
					t.Error("connection is still open")
				}
				d.onClosed = nil
				if b.counts.panicked != 1 {
					t.Errorf("panics: got %d, want 1", b.counts.panicked)
				}
				other.send(ping)
				other.want(pong, false)
			})
		})
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	t.Run("verdicts that come are acknowledged", func(t *testing.T) {
		t.Parallel()
		var h holder
		d := &dialect{publish: h.publish}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			half := b.dial()
			c := b.login()
			c.send(publish(1, 1, ""), publish(1, 2, ""))
			b.stop()
			half.want("", true)
			time.Sleep(4 * time.Second)
			go func() { _, _ = c.conn.Write([]byte(publish(1, 3, "not read any more"))) }()
			h.done[0](mqttserver.Ack)
			c.want(ack(packet.PUBACK, 1), false)
			h.done[1](mqttserver.Ack)
			c.want(ack(packet.PUBACK, 2), true)
			if got := len(h.done); got != 2 {
				t.Errorf("handler saw %d messages, want 2", got)
			}
		})
		d.wantClosed(t, mqttserver.ClosedShutdown)
	})
	t.Run("verdicts that do not come are not waited for", func(t *testing.T) {
		t.Parallel()
		d := &dialect{publish: func(ctx context.Context, _ mqttserver.Publish, _ func(mqttserver.Verdict)) { <-ctx.Done() }}
		bubble(t, mqttserver.Limits{}, d, func(b *bench) {
			c := b.login()
			c.send(publish(1, 1, ""))
			b.stop()
			time.Sleep(5*time.Second - time.Millisecond)
			c.want("", false)
			time.Sleep(2 * time.Millisecond)
			c.want("", true)
		})
		d.wantClosed(t, mqttserver.ClosedShutdown)
	})
}

func TestAnswersToADeafClientAreBounded(t *testing.T) {
	t.Parallel()
	d := &dialect{}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.dialDeaf()
		c.send(hello)
		wrote := make(chan int)
		go func() {
			n, _ := c.conn.Write([]byte(strings.Repeat(ping, 100_000)))
			wrote <- n
		}()
		time.Sleep(10*time.Second + time.Millisecond)
		if n := <-wrote; n > 20_000 {
			t.Errorf("server read %d bytes from a client that reads nothing", n)
		}
		synctest.Wait()
		d.wantClosed(t, mqttserver.ClosedSlow)
	})
}

func TestPayloadBelongsToTheHandler(t *testing.T) {
	t.Parallel()
	var kept []mqttserver.Publish
	d := &dialect{publish: func(_ context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
		kept = append(kept, p)
		done(mqttserver.Ack)
	}}
	bubble(t, mqttserver.Limits{}, d, func(b *bench) {
		c := b.login()
		for i := range 20 {
			c.send(publish(0, 0, strings.Repeat(string(rune('a'+i)), 100)))
		}
	})
	for i, p := range kept {
		if want := strings.Repeat(string(rune('a'+i)), 100); string(p.Payload) != want || p.Topic != "t" {
			t.Errorf("message %d: got %q on %q, want %q", i, p.Payload, p.Topic, want)
		}
	}
	if len(kept) != 20 {
		t.Errorf("got %d messages, want 20", len(kept))
	}
}
