package coapserver_test

import (
	"context"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// TestFates is what becomes of single datagrams from somebody who was never heard of (RFC 7252 sections 3 to 5).
func TestFates(t *testing.T) {
	t.Parallel()
	long := string(make([]byte, 5000))
	cases := []struct {
		name  string
		send  []byte
		want  []byte // nil: nothing
		count string
	}{
		{"7252-3 empty datagram", []byte{}, nil, "ignored foreign"},
		{"7252-3 three bytes", []byte{0x40, 1, 0}, nil, "ignored foreign"},
		{"7252-3 version 0", []byte{0x00, 1, 0, 1}, nil, "ignored foreign"},
		{"7252-3 version 2", []byte{0x80, 1, 0, 1}, nil, "ignored foreign"},
		{"7252-3 version 3", []byte{0xc0, 1, 0, 1}, nil, "ignored foreign"},
		{"7252-3 token of 9 bytes, CON", append([]byte{0x49, 1, 0, 1}, "123456789"...), []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-3 token of 15 bytes, NON", append([]byte{0x5f, 1, 0, 1}, "123456789012345"...), nil, "ignored malformed"},
		{"7252-3 token cut short, CON", []byte{0x44, 1, 0, 1, 1}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-3 marker without payload, CON", []byte{0x40, 1, 0, 1, 0xff}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-3 marker without payload, NON", []byte{0x50, 1, 0, 1, 0xff}, nil, "ignored malformed"},
		{"7252-3.1 option delta 15", []byte{0x40, 1, 0, 1, 0xf0}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-3.1 option length 15", []byte{0x40, 1, 0, 1, 0xbf}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-3.1 option cut short", []byte{0x40, 1, 0, 1, 0xb3, 'a', 'b'}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-3.1 extended delta missing", []byte{0x40, 1, 0, 1, 0xd0}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-3.1 option number above 65535", []byte{0x40, 1, 0, 1, 0xe0, 0xff, 0xff}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-4.1 empty message with a token", []byte{0x41, 0, 0, 1, 9}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-4.1 empty message with bytes", []byte{0x40, 0, 0, 1, 9}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-4.2 reserved class 1, CON", []byte{0x40, 0x21, 0, 1}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-4.2 reserved class 6, CON", []byte{0x40, 0xc1, 0, 1}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"8323 signaling code over UDP, CON", []byte{0x40, 0xe1, 0, 1}, []byte{0x70, 0, 0, 1}, "ignored malformed"},
		{"7252-4.3 reserved class, NON", []byte{0x50, 0x21, 0, 1}, nil, "ignored malformed"},
		{"7252-4.3 ping", []byte{0x40, 0, 0xab, 0xcd}, []byte{0x70, 0, 0xab, 0xcd}, "ignored ping"},
		{"7252-4.3 empty NON", []byte{0x50, 0, 0, 1}, nil, "ignored ping"},
		{"7252-4.2 stray ACK", []byte{0x60, 0, 0, 1}, nil, "ignored stray"},
		{"7252-4.2 stray RST", []byte{0x70, 0, 0, 1}, nil, "ignored stray"},
		{"7252-4.2 stray ACK with a response", bytesOf(ack, c205, 1, "t", "x"), nil, "ignored stray"},
		{"7252-4.2 ACK with a request", bytesOf(ack, get, 1, "t", ""), nil, "ignored stray"},
		{"7252-4.2 RST that is not empty", bytesOf(rst, get, 1, "t", ""), nil, "ignored malformed"},
		{"7252-4.2 unexpected response, CON", bytesOf(con, c205, 1, "t", "x"), []byte{0x70, 0, 0, 1}, "ignored stray"},
		{"7252-4.3 unexpected response, NON", bytesOf(non, c205, 1, "t", "x"), nil, "ignored stray"},

		{"7252-5.4.1 unknown critical option, CON", bytesOf(con, get, 1, "t", "", option{9, "o"}), bytesOf(ack, c402, 1, "t", ""), "refused option"},
		{"7252-5.4.1 unknown critical option, NON", bytesOf(non, get, 1, "t", "", option{9, "o"}), []byte{0x70, 0, 0, 1}, "ignored option"},
		{"7252-5.4.1 high critical option", bytesOf(con, get, 1, "t", "", option{65001, ""}), bytesOf(ack, c402, 1, "t", ""), "refused option"},
		{"7252-5.4.1 unknown elective option", bytesOf(con, get, 1, "t", "", option{65000, "e"}), bytesOf(ack, c205, 1, "t", ""), "answered 2.05"},
		{"7252-5.4.1 If-Match", bytesOf(con, get, 1, "t", "", option{1, ""}), bytesOf(ack, c402, 1, "t", ""), "refused option"},
		{"7252-5.4.3 critical option of a wrong length", bytesOf(con, get, 1, "t", "", option{17, "abc"}), bytesOf(ack, c402, 1, "t", ""), "refused option"},
		{"7252-5.4.3 elective option of a wrong length", bytesOf(con, get, 1, "t", "", option{12, "abc"}), bytesOf(ack, c205, 1, "t", ""), "answered 2.05"},
		{"7252-5.4.3 path that is not UTF-8", bytesOf(con, get, 1, "t", "", path("\xff")), bytesOf(ack, c402, 1, "t", ""), "refused option"},
		{"7252-5.4.5 critical option twice", bytesOf(con, get, 1, "t", "", option{17, ""}, option{17, ""}), bytesOf(ack, c402, 1, "t", ""), "refused option"},
		{"7252-5.4.5 elective option twice", bytesOf(con, get, 1, "t", "", option{12, ""}, option{12, "2"}), bytesOf(ack, c205, 1, "t", ""), "answered 2.05"},
		{"7252-5.7.2 Proxy-Uri", bytesOf(con, get, 1, "t", "", option{35, "coap://x"}), bytesOf(ack, c505, 1, "t", ""), "refused proxy"},
		{"7252-5.7.2 Proxy-Scheme", bytesOf(con, get, 1, "t", "", option{39, "http"}), bytesOf(ack, c505, 1, "t", ""), "refused proxy"},
		{"7252-5.8 unknown method", bytesOf(con, 0x1f, 1, "t", ""), bytesOf(ack, c405, 1, "t", ""), "refused method"},
		{"7252-5.8 FETCH", bytesOf(con, 0x05, 1, "t", ""), bytesOf(ack, c405, 1, "t", ""), "refused method"},
		{"7252-5.2.1 piggybacked", bytesOf(con, post, 1, "token678", "hello"), bytesOf(ack, c205, 1, "token678", "hello"), "answered 2.05"},
		{"7252-5.3.1 no token", bytesOf(con, post, 1, "", "hello"), bytesOf(ack, c205, 1, "", "hello"), "answered 2.05"},
		{"7252-5.10.1 host and port are taken", bytesOf(con, get, 1, "t", "", option{3, "host"}, option{7, "\x16\x33"}), bytesOf(ack, c205, 1, "t", ""), "answered 2.05"},
		{"7252-4.6 larger than a datagram may be", bytesOf(con, post, 1, "t", long), bytesOf(ack, c413, 1, "t", ""), "refused too-large"},
		{"7959-2.2 reserved block size", bytesOf(con, post, 1, "t", "x", option{27, "\x0f"}), bytesOf(ack, c400, 1, "t", ""), "refused block"},
		{"7959-2.9.2 block without a predecessor", bytesOf(con, post, 1, "t", "x", option{27, block(3, false, 0)}), bytesOf(ack, c408, 1, "t", "", option{27, block(3, false, 0)}), "refused incomplete"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
				p.send(c.send)
				want := [][]byte{c.want}
				if c.want == nil {
					want = nil
				}
				p.wants("answer", want...)
				if got := b.count.get(c.count); got != 1 {
					t.Errorf("%q was counted %d times, want once; all: %v", c.count, got, b.count.of)
				}
				if got := len(b.handler.requests()); (got == 1) != (c.count == "answered 2.05") {
					t.Errorf("the handler saw %d requests", got)
				}
			})
		})
	}
}

func TestNonConfirmableIsAnsweredNonConfirmable(t *testing.T) { // RFC 7252 section 5.2.3
	t.Parallel()
	rig(t, coapserver.Limits{}, func(_ *bench, p *peer) {
		p.send(bytesOf(non, post, 7, "ab", "x"))
		m := p.one("answer")
		if m.Type != message.NonConfirmable || m.Code != message.Content || string(m.Token) != "ab" || string(m.Payload) != "x" {
			t.Errorf("got %+v, want a non-confirmable 2.05 with token and payload", m)
		}
	})
}

func TestRepeatedRequestIsProcessedOnce(t *testing.T) { // RFC 7252 section 4.5
	t.Parallel()
	one := bytesOf(con, post, 7, "ab", "x", path("p"))
	t.Run("answered", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			p.send(one)
			p.send(one)
			same := bytesOf(ack, c205, 7, "ab", "x")
			p.wants("answers", same, same)
			time.Sleep(246 * seconds)
			p.send(one)
			p.wants("at the end of EXCHANGE_LIFETIME", same)
			if n := len(b.handler.requests()); n != 1 {
				t.Errorf("the handler saw %d requests, want 1", n)
			}
			time.Sleep(2 * seconds)
			p.send(one)
			p.wants("after EXCHANGE_LIFETIME", same)
			if n := len(b.handler.requests()); n != 2 {
				t.Errorf("after EXCHANGE_LIFETIME the handler saw %d requests, want 2", n)
			}
		})
	})
	t.Run("not answered yet", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			answer := b.handler.hold()
			p.send(one, one)
			p.wants("before the answer")
			answer(created())
			p.wants("answer", bytesOf(ack, c201, 7, "ab", ""))
			if n := len(b.handler.requests()); n != 1 {
				t.Errorf("the handler saw %d requests, want 1", n)
			}
		})
	})
	t.Run("non-confirmable", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			again := bytesOf(non, post, 7, "ab", "x")
			p.send(again, again)
			p.one("answer")
			time.Sleep(146 * seconds)
			p.send(again)
			p.one("after NON_LIFETIME")
			if n := len(b.handler.requests()); n != 2 {
				t.Errorf("the handler saw %d requests, want 2", n)
			}
		})
	})
	t.Run("from another endpoint", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			p.send(one)
			b.peer("192.0.2.7:40001").send(one)
			if n := len(b.handler.requests()); n != 2 {
				t.Errorf("the handler saw %d requests, want 2", n)
			}
		})
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			bad := bytesOf(con, get, 7, "", "", option{9, ""})
			p.send(bad, bad)
			p.wants("answers", bytesOf(ack, c402, 7, "", ""), bytesOf(ack, c402, 7, "", ""))
			if n := b.count.get("refused option"); n != 1 {
				t.Errorf("refused %d times, want once", n)
			}
		})
	})
}

func TestSeparateResponse(t *testing.T) { // RFC 7252 section 5.2.2
	t.Parallel()
	one := bytesOf(con, post, 7, "ab", "hello", path("p"))
	rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
		answer := b.handler.hold()
		p.send(one)
		time.Sleep(499 * time.Millisecond)
		p.wants("before 500 ms")
		time.Sleep(time.Millisecond)
		empty := bytesOf(ack, 0, 7, "", "")
		p.wants("after 500 ms", empty)
		p.send(one)
		p.wants("repeated before the answer", empty)
		answer(created())
		m := p.one("answer")
		if m.Type != message.Confirmable || m.Code != message.Created || string(m.Token) != "ab" {
			t.Fatalf("got %+v, want a confirmable 2.01 with the token", m)
		}
		p.send(one)
		p.wants("repeated after the answer", empty)
		sent := m.Append(nil)
		time.Sleep(3 * seconds) // ACK_TIMEOUT times ACK_RANDOM_FACTOR
		p.wants("not acknowledged", sent)
		p.send(bytesOf(ack, 0, m.ID, "", ""))
		time.Sleep(100 * seconds)
		p.wants("acknowledged")
	})
	t.Run("never acknowledged", func(t *testing.T) {
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			answer := b.handler.hold()
			p.send(one)
			time.Sleep(seconds)
			p.got()
			answer(created())
			time.Sleep(93 * seconds) // MAX_TRANSMIT_WAIT
			if n := len(p.got()); n != 5 {
				t.Errorf("the answer was sent %d times, want 5", n)
			}
			time.Sleep(100 * seconds)
			p.wants("after MAX_TRANSMIT_WAIT")
			if n := b.count.get("unacknowledged"); n != 1 {
				t.Errorf("given up %d times, want once", n)
			}
		})
	})
	t.Run("reset", func(t *testing.T) {
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			answer := b.handler.hold()
			p.send(one)
			time.Sleep(seconds)
			p.got()
			answer(created())
			p.send(bytesOf(rst, 0, p.one("answer").ID, "", ""))
			time.Sleep(100 * seconds)
			p.wants("after the reset")
		})
	})
	t.Run("never answered", func(t *testing.T) {
		rig(t, coapserver.Limits{AnswerTimeout: 20 * seconds}, func(b *bench, p *peer) {
			b.handler.hold()
			p.send(one)
			time.Sleep(19 * seconds)
			p.wants("before the limit", bytesOf(ack, 0, 7, "", ""))
			time.Sleep(2 * seconds)
			if m := p.one("after the limit"); m.Code != message.GatewayTimeout {
				t.Errorf("got %v, want 5.04", m.Code)
			}
		})
	})
}

func TestPanicCostsItsRequest(t *testing.T) {
	t.Parallel()
	rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
		b.handler.on(func(*coapserver.Request, func(coapserver.Response)) { panic("secret") })
		p.send(bytesOf(con, post, 7, "ab", "x"))
		p.wants("answer", bytesOf(ack, c500, 7, "ab", ""))
		b.handler.on(nil)
		p.send(bytesOf(con, post, 8, "ab", "x"))
		p.wants("the next", bytesOf(ack, c205, 8, "ab", "x"))
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
		answer := b.handler.hold()
		p.send(bytesOf(con, post, 7, "ab", "x"))
		time.AfterFunc(300*time.Millisecond, func() { answer(created()) })
		time.AfterFunc(100*time.Millisecond, func() {
			p.wire.in <- datagram{bytesOf(con, post, 8, "ab", "x"), p.at}
		})
		began := time.Now()
		b.stop()
		p.wants("answers", bytesOf(ack, c201, 7, "ab", ""))
		if took := time.Since(began); took != 300*time.Millisecond {
			t.Errorf("stopping took %v, want as long as the answer", took)
		}
		if n := len(b.handler.requests()); n != 1 {
			t.Errorf("the handler saw %d requests, want 1", n)
		}
	})
	rig(t, coapserver.Limits{DrainTimeout: 2 * seconds}, func(b *bench, p *peer) {
		b.handler.hold()
		p.send(bytesOf(con, post, 7, "ab", "x"))
		began := time.Now()
		b.stop()
		if took := time.Since(began); took != 2*seconds {
			t.Errorf("stopping took %v, want the limit", took)
		}
	})
}

func TestProve(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]bool{"somebody is there": true, "nobody is": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
				b.handler.on(func(r *coapserver.Request, answer func(coapserver.Response)) {
					if r.Proved() {
						answer(text("again"))
						return
					}
					r.Prove(func(_ context.Context, proved bool) {
						if proved != r.Proved() {
							t.Errorf("proved: told %t, asked %t", proved, r.Proved())
						}
						answer(map[bool]coapserver.Response{true: text("proved"), false: text("alone")}[proved])
					})
				})
				p.send(bytesOf(con, post, 7, "ab", "hello"))
				if !there {
					p.one("ping")
					time.Sleep(2 * seconds)
					p.got() // the acknowledgement, and the answer on its own
					if n := b.count.get("answered 2.05"); n != 1 {
						t.Errorf("%d answers, want 1", n)
					}
					return
				}
				p.proves()
				p.wants("answer", bytesOf(ack, c205, 7, "ab", "proved"))
				p.send(bytesOf(con, post, 8, "ab", "hello"))
				p.wants("the next answer", bytesOf(ack, c205, 8, "ab", "again"))
			})
		})
	}
}
