package coapserver_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// proves lets the server see that somebody is at the address: it answers the ping that a large answer needs.
func (p *peer) proves() {
	p.t.Helper()
	m := p.one("ping")
	if m.Type != message.Confirmable || m.Code != message.Empty {
		p.t.Fatalf("got %+v, want a ping", m)
	}
	p.send(bytesOf(rst, 0, m.ID, "", ""))
}

// upload sends one block of 16 bytes.
func upload(id uint16, number int, more bool, payload string, options ...option) []byte {
	all := append([]option{path("p"), {27, block(number, more, 0)}}, options...)
	return bytesOf(con, post, id, "t", payload, all...)
}

const sixteen = "0123456789abcdef"

func TestUpload(t *testing.T) { // RFC 7959 section 2.5
	t.Parallel()
	continues := func(id uint16, number int) []byte {
		return bytesOf(ack, c231, id, "t", "", option{27, block(number, true, 0)})
	}
	begin := func(p *peer) {
		p.send(upload(1, 0, true, sixteen))
		p.proves()
		p.wants("first block", continues(1, 0))
	}
	t.Run("whole", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			b.handler.on(func(_ *coapserver.Request, answer func(coapserver.Response)) { answer(created()) })
			begin(p)
			p.send(upload(2, 1, true, sixteen))
			p.wants("second block", continues(2, 1))
			p.send(upload(3, 2, false, "rest"))
			p.wants("last block", bytesOf(ack, c201, 3, "t", "", option{27, block(2, false, 0)}))
			if got := b.handler.requests(); len(got) != 1 || string(got[0].Payload) != sixteen+sixteen+"rest" {
				t.Errorf("the handler saw %+v, want one request with all blocks", got)
			}
			p.send(upload(4, 3, false, "more"))
			p.wants("a block behind the last", bytesOf(ack, c408, 4, "t", "", option{27, block(3, false, 0)}))
		})
	})
	t.Run("one block", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			b.handler.on(func(_ *coapserver.Request, answer func(coapserver.Response)) { answer(created()) })
			p.send(upload(3, 0, false, "all"))
			p.wants("answer", bytesOf(ack, c201, 3, "t", "", option{27, ""}))
		})
	})
	t.Run("a block is repeated in a new message", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(_ *bench, p *peer) {
			begin(p)
			p.send(upload(2, 1, true, sixteen), upload(3, 1, true, sixteen))
			p.wants("answers", continues(2, 1), continues(3, 1))
		})
	})
	t.Run("a block is missing", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(_ *bench, p *peer) {
			begin(p)
			p.send(upload(2, 2, false, "x"))
			p.wants("answer", bytesOf(ack, c408, 2, "t", "", option{27, block(2, false, 0)}))
		})
	})
	t.Run("a block of another length than it says", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(_ *bench, p *peer) {
			p.send(upload(2, 0, true, "short"))
			p.wants("answer", bytesOf(ack, c400, 2, "t", ""))
		})
	})
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{BodyBytes: 40}, func(_ *bench, p *peer) {
			begin(p)
			p.send(upload(2, 1, true, sixteen))
			p.wants("second block", continues(2, 1))
			p.send(upload(3, 2, true, sixteen))
			p.wants("third", bytesOf(ack, c413, 3, "t", "", option{27, block(2, true, 0)}, option{60, "\x28"}))
			p.send(upload(4, 2, false, "rest"))
			p.wants("after that", bytesOf(ack, c408, 4, "t", "", option{27, block(2, false, 0)}))
		})
	})
	t.Run("too large by its own word", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(_ *bench, p *peer) {
			p.send(upload(1, 0, true, sixteen, option{60, "\x01\x00\x01"}))
			p.wants("answer", bytesOf(ack, c413, 1, "t", "", option{27, block(0, true, 0)}, option{60, "\x01\x00\x00"}))
		})
	})
	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(_ *bench, p *peer) {
			begin(p)
			time.Sleep(31 * seconds)
			p.send(upload(2, 1, false, "x"))
			p.wants("answer", bytesOf(ack, c408, 2, "t", "", option{27, block(1, false, 0)}))
		})
	})
	t.Run("too many from addresses that nobody is at", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{Uploads: 4}, func(b *bench, p *peer) {
			for i := range 6 {
				b.peer(fmt.Sprintf("198.51.100.%d:5683", i)).send(upload(1, 0, true, sixteen))
			}
			time.Sleep(2 * seconds)
			if n := b.count.get("refused uploads"); n != 4 {
				t.Errorf("%d were refused, want 4", n)
			}
			begin(p) // there is room for one that is there
		})
	})
}

func TestDownload(t *testing.T) { // RFC 7959 section 2.4
	t.Parallel()
	whole := strings.Repeat(sixteen, 100)
	serve := func(b *bench) {
		b.handler.on(func(_ *coapserver.Request, answer func(coapserver.Response)) {
			answer(coapserver.Response{Code: message.Content, Payload: []byte(whole), Format: 50})
		})
	}
	part := func(t *testing.T, m *message.Message) message.Block {
		t.Helper()
		got, has, _ := m.Options.Block(message.Block2)
		if m.Code != message.Content || !has {
			t.Fatalf("got %+v, want 2.05 with Block2", m)
		}
		if _, ok := m.Options.Get(message.ETag); !ok {
			t.Error("there is no ETag")
		}
		return got
	}
	t.Run("the server begins", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			serve(b)
			p.send(bytesOf(con, get, 1, "t", "", path("p")))
			p.proves()
			m := p.one("first block")
			if got, want := part(t, m), (message.Block{Number: 0, More: true, Size: 6}); got != want {
				t.Errorf("first block: got %+v, want %+v", got, want)
			}
			body := string(m.Payload)
			p.send(bytesOf(con, get, 2, "u", "", path("p"), option{23, block(1, false, 6)}))
			m = p.one("second block")
			if got, want := part(t, m), (message.Block{Number: 1, Size: 6}); got != want {
				t.Errorf("second block: got %+v, want %+v", got, want)
			}
			if body += string(m.Payload); body != whole {
				t.Errorf("the body has %d bytes, want %d", len(body), len(whole))
			}
			if n := len(b.handler.requests()); n != 1 {
				t.Errorf("the handler saw %d requests, want 1", n)
			}
		})
	})
	t.Run("the peer wants small blocks", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			serve(b)
			body := ""
			for i := 0; ; i++ {
				// 60 bytes in a path: an answer of 64 needs no proof.
				p.send(bytesOf(con, get, uint16(i), "t", "", path(strings.Repeat("p", 60)), option{23, block(i, false, 2)}))
				m := p.one("block")
				body += string(m.Payload)
				if !part(t, m).More {
					break
				}
			}
			if body != whole {
				t.Errorf("the body has %d bytes, want %d", len(body), len(whole))
			}
		})
	})
	t.Run("a block behind the last", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			serve(b)
			p.send(bytesOf(con, get, 2, "t", "", path("p"), option{23, block(100, false, 0)}))
			p.wants("answer", bytesOf(ack, c400, 2, "t", ""))
		})
	})
	t.Run("the rest of an answer to a POST", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			serve(b)
			p.send(bytesOf(con, post, 1, "t", strings.Repeat("x", 1000), path("p")))
			m := p.one("first block")
			p.send(bytesOf(con, post, 2, "t", "", path("p"), option{23, block(1, false, 6)}))
			p.proves()
			if got := string(m.Payload) + string(p.one("second block").Payload); got != whole {
				t.Errorf("the body has %d bytes, want %d", len(got), len(whole))
			}
			p.send(bytesOf(con, post, 3, "t", "", path("q"), option{23, block(1, false, 6)}))
			p.wants("of something else", bytesOf(ack, c408, 3, "t", ""))
			if n := len(b.handler.requests()); n != 1 {
				t.Errorf("the handler saw %d requests, want 1", n)
			}
		})
	})
}

func TestAmplification(t *testing.T) {
	t.Parallel()
	large := func(b *bench) {
		b.handler.on(func(_ *coapserver.Request, answer func(coapserver.Response)) {
			answer(coapserver.Response{Code: message.Content, Payload: make([]byte, 900), Format: 50})
		})
	}
	ask := bytesOf(con, get, 1, "t", "", path("some"), path("where"))
	t.Run("nobody is at the address", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			large(b)
			p.send(ask)
			time.Sleep(100 * seconds)
			sent := 0
			for _, d := range p.got() {
				sent += len(d)
			}
			if sent > 3*len(ask) {
				t.Errorf("%d bytes were sent for %d", sent, len(ask))
			}
		})
	})
	t.Run("somebody is", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			large(b)
			p.send(ask)
			p.proves()
			if m := p.one("answer"); m.Type != message.Acknowledgement || len(m.Payload) != 900 {
				t.Errorf("got %+v, want the whole answer with the acknowledgement", m)
			}
			p.send(bytesOf(con, get, 2, "t", ""))
			if m := p.one("the next answer"); len(m.Payload) != 900 {
				t.Errorf("got %+v, want the whole answer at once", m)
			}
		})
	})
	t.Run("somebody is who does not speak CoAP", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			large(b)
			p.send(ask)
			ping := p.one("ping")
			p.send(bytesOf(rst, 0, ping.ID+1, "", ""), []byte("what?"))
			p.wants("nothing that proves it")
			time.Sleep(2 * seconds)
			got := p.got()
			if len(got) != 2 || len(got[0]) != 4 || got[1][0]>>4&3 != ack || len(got[1]) > 3*len(ask) {
				t.Errorf("got %x, want another ping, and a small block with the acknowledgement", got)
			}
		})
	})
	t.Run("an answer on its own is not repeated beyond the measure", func(t *testing.T) {
		t.Parallel()
		rig(t, coapserver.Limits{}, func(b *bench, p *peer) {
			answer := b.handler.hold()
			p.send(ask)
			time.Sleep(seconds)
			answer(coapserver.Response{Code: message.Content, Payload: []byte("twenty bytes or more"), Format: 50})
			time.Sleep(100 * seconds)
			sent := 0
			for _, d := range p.got() {
				sent += len(d)
			}
			if sent > 3*len(ask) {
				t.Errorf("%d bytes were sent for %d", sent, len(ask))
			}
			if b.count.get("withheld") == 0 {
				t.Error("nothing was counted as withheld")
			}
		})
	})
	t.Run("every error answer", func(t *testing.T) {
		t.Parallel()
		for _, d := range [][]byte{
			bytesOf(con, get, 1, "", ""), bytesOf(con, 0x1f, 1, "", ""), bytesOf(con, get, 1, "", "", option{9, ""}),
			bytesOf(con, get, 1, "", "", path(".well-known"), path("core")),
			{0x40, 0, 0, 1},
			{0x49, 1, 0, 1},
		} {
			rig(t, coapserver.Limits{}, func(_ *bench, p *peer) {
				p.send(d)
				time.Sleep(100 * seconds)
				sent := 0
				for _, a := range p.got() {
					sent += len(a)
				}
				if sent > 3*len(d) {
					t.Errorf("%d bytes were sent for %x", sent, d)
				}
			})
		}
	})
}
