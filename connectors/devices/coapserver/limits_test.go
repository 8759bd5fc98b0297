package coapserver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
)

func TestRequestLimits(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limits coapserver.Limits
		more   string // where the one request too many comes from
	}{
		"of one peer":   {coapserver.Limits{RequestsPeer: 2}, "192.0.2.7:40000"},
		"of one source": {coapserver.Limits{RequestsSource: 2}, "192.0.2.7:40001"},
		"of all":        {coapserver.Limits{Requests: 2}, "198.51.100.1:5683"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rig(t, c.limits, func(b *bench, p *peer) {
				answer := b.handler.hold()
				p.send(bytesOf(con, post, 1, "a", ""), bytesOf(con, post, 2, "b", ""))
				more := b.peer(c.more)
				more.send(bytesOf(con, post, 3, "c", ""))
				more.wants("one too many", bytesOf(ack, c503, 3, "c", "", option{14, "\x05"}))
				answer(created())
				p.wants("the first", bytesOf(ack, c201, 1, "a", ""))
				more.send(bytesOf(con, post, 4, "c", ""))
				answer(created())
				answer(created())
				if got := b.count.get("answered 2.01"); got != 3 {
					t.Errorf("%d requests were answered, want 3", got)
				}
			})
		})
	}
}

// TestMemory holds what is remembered to its limits, and shows that others do not pay for a flood.
func TestMemory(t *testing.T) {
	t.Parallel()
	post1 := func(id uint16) []byte { return bytesOf(con, post, id, "t", "0123456789") }
	run := func(name string, limits coapserver.Limits, f func(b *bench, p *peer)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rig(t, limits, f)
		})
	}
	run("one peer forgets its own oldest", coapserver.Limits{MemoryPeer: 4096}, func(b *bench, p *peer) {
		other := b.peer("192.0.2.7:40001")
		other.send(post1(1))
		for id := range 200 {
			p.send(post1(uint16(id)))
		}
		p.got()
		seen := len(b.handler.requests())
		p.send(post1(199))
		other.send(post1(1))
		if n := len(b.handler.requests()); n != seen {
			b.t.Errorf("%d were processed again, want none", n-seen)
		}
		p.send(post1(0))
		if n := len(b.handler.requests()); n != seen+1 {
			b.t.Errorf("the oldest is still remembered")
		}
	})
	run("a source forgets its own peers", coapserver.Limits{MemorySource: 16384}, func(b *bench, p *peer) {
		for i := range 200 {
			b.peer(fmt.Sprintf("198.51.100.1:%d", 1000+i)).send(post1(1))
			if i == 0 {
				p.send(post1(1))
			}
		}
		if b.count.get("forgotten") == 0 {
			b.t.Error("no peer was forgotten")
		}
		p.send(post1(1))
		if n := b.count.get("repeated"); n != 1 {
			b.t.Errorf("%d requests of another source were remembered, want 1", n)
		}
	})
	run("all together", coapserver.Limits{Memory: 65536}, func(b *bench, p *peer) {
		for i := range 1000 {
			b.peer(fmt.Sprintf("198.51.%d.%d:5683", i/250, i%250)).send(post1(1))
			if i%20 == 0 {
				p.send(post1(uint16(i)))
			}
		}
		if n := b.count.get("forgotten"); n < 900 {
			b.t.Errorf("%d peers were forgotten, want about 930", n)
		}
		p.send(post1(0))
		if n := b.count.get("repeated"); n != 1 {
			b.t.Error("a peer was forgotten that was heard of all the time")
		}
	})
	run("a peer that waits for its answer stays", coapserver.Limits{Memory: 16384}, func(b *bench, p *peer) {
		answer := b.handler.hold()
		p.send(post1(1))
		b.handler.on(nil)
		for i := range 1000 {
			b.peer(fmt.Sprintf("198.51.%d.%d:5683", i/250, i%250)).send(post1(1))
		}
		answer(created())
		p.wants("answer", bytesOf(ack, c201, 1, "t", ""))
	})
	run("nothing is left after a while", coapserver.Limits{}, func(b *bench, p *peer) {
		for i := range 100 {
			b.peer(fmt.Sprintf("198.51.100.%d:5683", i)).send(post1(1))
		}
		time.Sleep(260 * seconds)
		p.got()
		if n := b.count.get("forgotten"); n != 0 {
			b.t.Errorf("%d were forgotten for want of memory", n)
		}
	})
}
