package coapserver_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// TestPart loads a body of which the handler gives a part for each block: nothing is kept, and every block is a request.
func TestPart(t *testing.T) { // RFC 7959 section 2.4
	t.Parallel()
	whole := ""
	for i := range 1700 / 4 {
		whole += fmt.Sprintf("%04d", i)
	}
	serve := func(b *bench, shift int) {
		b.handler.on(func(r *coapserver.Request, answer func(coapserver.Response)) {
			offset, size := r.Block()
			offset += shift
			piece := whole[min(offset, len(whole)):min(offset+size, len(whole))]
			answer(coapserver.Response{
				Code: message.Content, Payload: []byte(piece), Format: 42,
				Part: &coapserver.Part{Offset: offset, Total: len(whole), Tag: []byte("tag")},
			})
		})
	}
	for name, c := range map[string]struct {
		first  int // size of the first block that is asked for; negative if none is
		proves bool
		want   int // size of the blocks that come
	}{
		"the server begins":           {-1, true, 6},
		"the peer wants small blocks": {2, false, 2},
		"nobody answers the ping":     {-1, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
				serve(b, 0)
				body, more := "", true
				for i := 0; more; i++ {
					ask := []option{path(strings.Repeat("p", 60))}
					switch {
					case i > 0:
						ask = append(ask, option{23, block(i, false, c.want)})
					case c.first >= 0:
						ask = append(ask, option{23, block(0, false, c.first)})
					}
					p.send(bytesOf(con, get, uint16(i), "t", "", ask...))
					if i == 0 && c.proves {
						p.proves()
					}
					if i == 0 && c.first < 0 && !c.proves {
						time.Sleep(time.Second) // after which the server pings no more
						p.got()
						time.Sleep(time.Second)
					}
					m := p.one("block")
					got, has, _ := m.Options.Block(message.Block2)
					if tag, _ := m.Options.Get(message.ETag); !has || int(got.Number) != i || int(got.Size) != c.want || string(tag) != "tag" {
						t.Fatalf("got %+v, want block %d of size %d", m, i, c.want)
					}
					body, more = body+string(m.Payload), got.More
				}
				if body != whole {
					t.Errorf("the body has %d bytes, want %d", len(body), len(whole))
				}
				if n, want := len(b.handler.requests()), (len(whole)-1)/(16<<c.want)+1; n != want {
					t.Errorf("the handler saw %d requests, want %d", n, want)
				}
			})
		})
	}
	t.Run("a block behind the last", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			serve(b, 0)
			p.send(bytesOf(con, get, 2, "t", "", path("p"), option{23, block(107, false, 0)}))
			p.wants("answer", bytesOf(ack, c400, 2, "t", ""))
		})
	})
	t.Run("another part than was asked for", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			serve(b, 16)
			p.send(bytesOf(con, get, 2, "t", "", path("p"), option{23, block(1, false, 0)}))
			p.wants("answer", bytesOf(ack, c500, 2, "t", ""))
		})
	})
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			b.handler.on(func(_ *coapserver.Request, answer func(coapserver.Response)) {
				answer(coapserver.Response{Code: message.Content, Format: 42, Part: &coapserver.Part{}})
			})
			p.send(bytesOf(con, get, 2, "t", "", path("p"), option{23, block(0, false, 0)}))
			p.wants("answer", bytesOf(ack, c205, 2, "t", ""))
		})
	})
}
