package coapserver_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// TestFlood: whatever comes from forged addresses, a peer that behaves is served at once, also with blocks, and its
// observation lasts. No forged address is sent more than three times what came from there.
func TestFlood(t *testing.T) {
	t.Parallel()
	limits := coapserver.Limits{Memory: 256 << 10, Uploads: 20, Observations: 50, Requests: 100}
	rig(t, limits, func(b *bench, p *peer) {
		var mine *coapserver.Observation
		var others []*coapserver.Observation
		b.handler.on(func(r *coapserver.Request, answer func(coapserver.Response)) {
			if o, err := r.Register(nil); err == nil && r.Peer.Address == p.at {
				mine = o
			} else if err == nil {
				others = append(others, o)
			}
			some := text("some answer, longer than the shortest request")
			if r.Peer.Address != p.at && r.Method == message.POST {
				r.Prove(func(context.Context, bool) { answer(some) })
				return
			}
			answer(some)
		})
		p.send(observe(con, 1, "ob", register))
		p.got()
		random := rand.New(rand.NewPCG(1, 2))
		in := map[string]int{}
		var forged []*peer
		for i := range 3000 {
			q := b.peer(fmt.Sprintf("198.51.%d.%d:%d", i/250, i%250, 1000+random.IntN(60000)))
			d := [][]byte{
				bytesOf(con, get, 1, "t", ""), bytesOf(non, get, 2, "t", ""), upload(3, 0, true, sixteen), upload(4, 7, true, sixteen),
				observe(con, 5, "t", register), observe(non, 6, "t", register),
				{0x40, 0, 0, 1},
				{0x60, 0, 0, 1},
				{0x49, 1, 0, 1},
				bytesOf(con, get, 7, "t", "", option{23, block(0, false, 6)}), bytesOf(con, 0x1f, 8, "", ""),
				bytesOf(con, post, 9, "t", "x"),
			}[random.IntN(12)]
			q.send(d)
			in[q.at.String()] += len(d)
			forged = append(forged, q)
			if i%30 != 0 {
				continue
			}
			p.send(bytesOf(con, post, uint16(100+i), "mine", "a payload of some length, as meters send them"))
			if m := p.one("a post among the flood"); m.Type != message.Acknowledgement || m.Code != message.Content {
				t.Fatalf("after %d forged datagrams: got %+v, want 2.05 with the acknowledgement", i, m)
			}
		}
		p.send(upload(50, 0, true, sixteen))
		p.proves()
		if m := p.one("a block among the flood"); m.Code != message.Continue {
			t.Errorf("got %v, want 2.31", m.Code)
		}
		if err := mine.Notify(text("news"), nil); err != nil {
			t.Errorf("notifying: %v", err)
		}
		p.send(bytesOf(ack, 0, p.one("notification").ID, "", ""))
		for _, o := range others {
			for range 10 {
				_ = o.Notify(text("news that are longer than what asked for them"), nil) // until it has ended
			}
		}
		time.Sleep(100 * seconds)
		for _, q := range forged {
			sent := 0
			for _, d := range q.got() {
				sent += len(d)
			}
			if most := 3 * in[q.at.String()]; sent > most {
				t.Errorf("%d bytes were sent to %s, want at most %d", sent, q.at, most)
			}
		}
		for _, what := range []string{"refused uploads", "refused incomplete", "refused method", "ignored malformed", "ignored stray", "ignored ping", "forgotten", "withheld"} {
			if b.count.get(what) == 0 {
				t.Errorf("nothing was counted as %s; all: %v", what, b.count.of)
			}
		}
	})
}
