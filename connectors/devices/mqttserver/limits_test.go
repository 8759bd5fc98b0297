package mqttserver_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// limitTest meets one limit exactly, and then goes one beyond it.
type limitTest struct {
	limits mqttserver.Limits // mostly none: the defaults
	hold   bool              // no message has a verdict
	keep   bool              // sessions may outlive their connections
	reach  func(b *bench, d *dialect)
	beyond func(b *bench, d *dialect)
	// What is counted beyond the limit; neither where the client is only made to wait, or told.
	refused mqttserver.Refusal
	closed  mqttserver.CloseReason
}

// connectOf is a CONNECT of so many bytes.
func connectOf(size int) string {
	p := packet.Connect{Version: packet.V311, CleanSession: true, KeepAlive: 60, ClientID: "c1", UserName: "u", HasUserName: true}
	p.UserName = strings.Repeat("u", size-len(p.Append(nil))) // short of the longer length field
	for len(p.Append(nil)) < size {
		p.UserName += "u"
	}
	return string(p.Append(nil))
}

// publishOf is a PUBLISH of so many bytes.
func publishOf(size int) string {
	text := strings.Repeat("x", size-len(publish(0, 0, ""))-4)
	for len(publish(0, 0, text)) < size {
		text += "x"
	}
	return publish(0, 0, text)
}

func topicOf(size int) string {
	p := packet.Publish{Topic: strings.Repeat("t", size)}
	return string(p.Append(nil))
}

// hurry sends without waiting for it to be read.
func hurry(c *client, packets ...string) {
	go func() {
		for _, p := range packets {
			if _, err := c.conn.Write([]byte(p)); err != nil {
				return
			}
		}
	}()
}

// flood publishes to a client until it is found to be slow, at most so often.
func flood(t *testing.T, d *dialect, payload, most int) {
	t.Helper()
	for range most {
		if err := d.conn.Publish("t", make([]byte, payload), 1); err != nil {
			if !errors.Is(err, mqttserver.ErrSlow) {
				t.Errorf("publishing: got %v, want %v", err, mqttserver.ErrSlow)
			}
			return
		}
	}
	t.Errorf("%d messages were taken for a client that reads none", most)
}

func limitTests() map[string]limitTest {
	var c *client // that goes beyond
	login := func(b *bench, _ *dialect) { c = b.login() }
	deaf := func(b *bench, _ *dialect) {
		c = b.dialDeaf()
		c.send(hello)
		_, _ = c.conn.Read(make([]byte, 4)) // the CONNACK, and nothing after it
	}
	sent := func(packets ...string) func(*bench, *dialect) {
		return func(*bench, *dialect) { c.send(packets...) }
	}
	after := func(d time.Duration) func(*bench, *dialect) {
		return func(*bench, *dialect) { time.Sleep(d); c.send() }
	}
	dials := func(n int, from string) func(*bench, *dialect) {
		return func(b *bench, _ *dialect) {
			for range n {
				b.dialFrom(from).listen()
			}
			(&client{}).send()
		}
	}
	both := func(fs ...func(*bench, *dialect)) func(*bench, *dialect) {
		return func(b *bench, d *dialect) {
			for _, f := range fs {
				f(b, d)
			}
		}
	}
	var unreleased []string
	for id := range uint16(1024) {
		unreleased = append(unreleased, publish(2, id+1, ""))
	}
	return map[string]limitTest{
		"Connections": {
			limits: mqttserver.Limits{Connections: 1}, reach: login, beyond: dials(1, ""), refused: mqttserver.RefusedTotal,
		},
		"HalfOpen":        {reach: dials(1024, ""), beyond: dials(1, ""), refused: mqttserver.RefusedHalfOpen},
		"HalfOpenAddress": {reach: dials(64, "192.0.2.1"), beyond: dials(1, "192.0.2.1"), refused: mqttserver.RefusedAddress},
		"ConnectTimeout": {
			reach:  both(func(b *bench, _ *dialect) { c = b.dial() }, after(10*time.Second-1)),
			beyond: after(1), refused: mqttserver.RefusedTimeout,
		},
		"ConnectBytes": {
			reach:   func(b *bench, _ *dialect) { b.dial().send(connectOf(4096)) },
			beyond:  func(b *bench, _ *dialect) { b.dial().send(connectOf(4097)) },
			refused: mqttserver.RefusedTooLarge,
		},
		"PacketBytes": {reach: both(login, sent(publishOf(65536))), beyond: sent(publishOf(65537)), closed: mqttserver.ClosedTooLarge},
		"TopicBytes":  {reach: both(login, sent(topicOf(1024))), beyond: sent(topicOf(1025)), closed: mqttserver.ClosedTooLarge},
		"Filters": {
			reach: login,
			beyond: func(*bench, *dialect) {
				p := packet.Subscribe{ID: 1}
				for range 9 {
					p.Subscriptions = append(p.Subscriptions, packet.Subscription{Filter: "f"})
				}
				c.send(string(p.Append(nil)))
				c.want(frame(0x90, "\x00\x01"+strings.Repeat("\x00", 8)+"\x80"), false)
			},
		},
		"Inflight": {
			hold:  true,
			reach: both(login, func(*bench, *dialect) { hurry(c, slicesOf(publish(1, 1, ""), 100)...); c.send() }),
			beyond: func(b *bench, d *dialect) {
				hurry(c, publish(1, 2, ""))
				c.send()
				if n := strings.Count(d.noted(), "publish:"); n != 100 {
					b.t.Errorf("messages that reached the handler: got %d, want 100", n)
				}
			},
		},
		"Unreleased": {
			reach: both(login, sent(unreleased...)), beyond: sent(publish(2, 2000, "")), closed: mqttserver.ClosedUnreleased,
		},
		"Inactivity": {
			reach: both(func(b *bench, _ *dialect) {
				c = b.dial()
				c.send(frame(0x10, str("MQTT")+"\x04\x02\x00\x00"+str("c1")))
			}, after(600*time.Second-1)),
			beyond: after(1), closed: mqttserver.ClosedKeepAlive,
		},
		"KeepAlive": {
			limits: mqttserver.Limits{KeepAlive: 60 * time.Second},
			reach: both(func(b *bench, _ *dialect) {
				c = b.dial()
				c.send(connect5(0xffff, nil, "c1"))
			}, after(90*time.Second-1)),
			beyond: after(1), closed: mqttserver.ClosedKeepAlive,
		},
		"TopicAliases": {
			reach:  both(func(b *bench, _ *dialect) { c = b.login5(nil) }, sent(aliased("t", 10, 0, 0))),
			beyond: sent(aliased("t", 11, 0, 0)), closed: mqttserver.ClosedMalformed,
		},
		// Up to 100 messages wait for their PUBACK, written or being written, and 100 behind them.
		"OutboundMessages": {reach: deaf, beyond: func(b *bench, d *dialect) { flood(b.t, d, 1, 201) }, closed: mqttserver.ClosedSlow},
		"OutboundBytes":    {reach: deaf, beyond: func(b *bench, d *dialect) { flood(b.t, d, 64<<10, 6) }, closed: mqttserver.ClosedSlow},
		"Sessions": {
			limits: mqttserver.Limits{Sessions: 1}, keep: true,
			reach: func(b *bench, _ *dialect) { b.dial().send(stored("c1")) },
			beyond: func(b *bench, _ *dialect) {
				for range 2 {
					c = b.dial()
					c.send(stored("c2"))
					c.want(welcome, false)
					c.send(farewell)
				}
			},
		},
		"SessionExpiry": {
			keep: true,
			reach: func(b *bench, _ *dialect) {
				for _, answer := range []string{welcome, resumed} {
					c = b.dial()
					c.send(stored("c1"))
					c.want(answer, false)
					c.send(farewell)
					time.Sleep(7*24*time.Hour - 1)
				}
			},
			beyond: func(b *bench, _ *dialect) {
				time.Sleep(time.Nanosecond)
				c = b.dial()
				c.send(stored("c1"))
				c.want(welcome, false)
			},
		},
		"WriteTimeout": {
			reach: both(deaf, func(b *bench, d *dialect) {
				if err := d.conn.Publish("t", nil, 1); err != nil {
					b.t.Error(err)
				}
			}, after(10*time.Second-1)),
			beyond: after(1), closed: mqttserver.ClosedSlow,
		},
		"DrainTimeout": {
			hold:   true,
			reach:  both(login, sent(publish(1, 1, "")), func(b *bench, _ *dialect) { b.stop() }, after(5*time.Second-1)),
			beyond: after(1), closed: mqttserver.ClosedShutdown,
		},
	}
}

func slicesOf(s string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

// TestEveryLimit: each field of Limits has a default, lets through what is at the limit, and refuses what is beyond it
// for a reason that is counted.
func TestEveryLimit(t *testing.T) {
	t.Parallel()
	tests := limitTests()
	fields := reflect.TypeFor[mqttserver.Limits]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		t.Run(name, func(t *testing.T) {
			test, ok := tests[name]
			if !ok {
				t.Fatal("no case shows this limit")
			}
			d := &dialect{keep: test.keep}
			if test.hold {
				d.publish = func(context.Context, mqttserver.Publish, func(mqttserver.Verdict)) {}
			}
			bubble(t, test.limits, d, func(b *bench) {
				count := func() (refused, closed int) {
					b.counts.mu.Lock()
					defer b.counts.mu.Unlock()
					return b.counts.refused[test.refused], b.counts.closed[test.closed]
				}
				test.reach(b, d)
				if refused, closed := count(); refused+closed > 0 {
					t.Errorf("at the limit: got %d refused and %d closed, want none", refused, closed)
				}
				test.beyond(b, d)
				(&client{}).send()
				refused, closed := count()
				if want := min(1, int(test.refused)); refused != want {
					t.Errorf("refused as %q: got %d, want %d", test.refused, refused, want)
				}
				if want := min(1, int(test.closed)); closed != want {
					t.Errorf("closed as %q: got %d, want %d", test.closed, closed, want)
				}
			})
		})
	}
}
