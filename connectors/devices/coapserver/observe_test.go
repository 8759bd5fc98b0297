package coapserver_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// subject is a resource that is observed.
type subject struct {
	t     *testing.T
	last  *coapserver.Observation
	ended []coapserver.Ended
	err   error
}

// observed makes every GET with Observe 0 an observation.
func observed(b *bench) *subject {
	s := &subject{t: b.t}
	b.handler.on(func(r *coapserver.Request, answer func(coapserver.Response)) {
		if r.Observe == coapserver.ObserveRegister {
			s.last, s.err = r.Register(func(why coapserver.Ended) { s.ended = append(s.ended, why) })
		}
		answer(text("now"))
	})
	return s
}

func text(s string) coapserver.Response {
	return coapserver.Response{Code: message.Content, Payload: []byte(s), Format: coapserver.NoFormat}
}

func (s *subject) notify(text string) (acked *string) {
	s.t.Helper()
	fate := "none"
	r := coapserver.Response{Code: message.Content, Payload: []byte(text), Format: coapserver.NoFormat}
	if err := s.last.Notify(r, func(ok bool) { fate = map[bool]string{true: "acked", false: "lost"}[ok] }); err != nil {
		s.t.Errorf("notifying: %v", err)
	}
	return &fate
}

func (s *subject) wants(why ...coapserver.Ended) {
	s.t.Helper()
	synctest.Wait()
	if len(s.ended) != len(why) || len(why) > 0 && s.ended[len(why)-1] != why[len(why)-1] {
		s.t.Errorf("observations ended with %q, want %q", s.ended, why)
	}
}

const (
	register   = ""
	deregister = "\x01"
)

func observe(kind byte, id uint16, token, what string) []byte {
	return bytesOf(kind, get, id, token, "", option{6, what}, path("somewhere in a house"))
}

// notification checks one against what it is to be, and gives its identifier.
func notification(t *testing.T, m *message.Message, kind message.Type, token string, order uint32, payload string) uint16 {
	t.Helper()
	got, has := m.Options.Uint(message.Observe)
	if m.Type != kind || m.Code != message.Content || string(m.Token) != token || !has || got != order || string(m.Payload) != payload {
		t.Errorf("got %+v with Observe %d, want type %d, 2.05, token %q, Observe %d, payload %q", m, got, kind, token, order, payload)
	}
	return m.ID
}

func TestObserve(t *testing.T) { // RFC 7641
	t.Parallel()
	begin := func(b *bench, p *peer, kind byte) *subject {
		s := observed(b)
		p.send(observe(kind, 1, "ab", register))
		want := message.Acknowledgement
		if kind == non {
			want = message.NonConfirmable
		}
		notification(b.t, p.one("answer"), want, "ab", 0, "now")
		return s
	}
	run := func(name string, limits coapserver.Limits, f func(b *bench, p *peer)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rig(t, limits, f)
		})
	}
	run("7641-4.2 confirmable notifications go one after another", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		one, two := s.notify("one"), s.notify("two")
		id := notification(b.t, p.one("one at a time"), message.Confirmable, "ab", 1, "one")
		p.send(bytesOf(ack, 0, id, "", ""))
		id = notification(b.t, p.one("the next"), message.Confirmable, "ab", 2, "two")
		if *one != "acked" || *two != "none" {
			b.t.Errorf("fates: %s, %s, want acked, none", *one, *two)
		}
		time.Sleep(3 * seconds)
		notification(b.t, p.one("repeated"), message.Confirmable, "ab", 2, "two")
		p.send(bytesOf(ack, 0, id, "", ""))
		time.Sleep(100 * seconds)
		p.wants("nothing more")
		s.wants()
	})
	run("7641-4.5 non-confirmable notifications", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, non)
		s.notify("one")
		id := notification(b.t, p.one("proof"), message.Confirmable, "ab", 1, "one")
		p.send(bytesOf(ack, 0, id, "", ""))
		fate := s.notify("two")
		notification(b.t, p.one("second"), message.NonConfirmable, "ab", 2, "two")
		if synctest.Wait(); *fate != "acked" {
			b.t.Errorf("fate: %s, want acked", *fate)
		}
	})
	run("7641-3.6 deregistered", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		p.send(observe(con, 2, "ab", deregister))
		p.wants("answer", bytesOf(ack, c205, 2, "ab", "now"))
		s.wants(coapserver.EndedByPeer)
		if err := s.last.Notify(text("x"), nil); !errors.Is(err, coapserver.ErrEnded) {
			b.t.Errorf("notifying: got %v, want %v", err, coapserver.ErrEnded)
		}
	})
	run("7641-3.6 deregistering with another token", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		p.send(observe(con, 2, "zz", deregister))
		p.wants("answer", bytesOf(ack, c205, 2, "zz", "now"))
		s.wants()
	})
	run("7641-3.6 a notification is rejected", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		fate := s.notify("one")
		p.send(bytesOf(rst, 0, p.one("notification").ID, "", ""))
		s.wants(coapserver.EndedReset)
		if *fate != "lost" {
			b.t.Errorf("fate: %s, want lost", *fate)
		}
	})
	run("7641-3.6 a non-confirmable notification is rejected", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, non)
		s.notify("one")
		p.send(bytesOf(ack, 0, p.one("proof").ID, "", ""))
		s.notify("two")
		p.send(bytesOf(rst, 0, p.one("notification").ID, "", ""))
		s.wants(coapserver.EndedReset)
	})
	run("7641-4.5 a notification is not acknowledged", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		one, two := s.notify("one"), s.notify("two")
		time.Sleep(100 * seconds)
		s.wants(coapserver.EndedTimeout)
		if *one != "lost" || *two != "lost" {
			b.t.Errorf("fates: %s, %s, want lost", *one, *two)
		}
	})
	run("7641-4.1 registered again", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		p.send(observe(con, 2, "ab", register))
		notification(b.t, p.one("answer"), message.Acknowledgement, "ab", 0, "now")
		s.wants(coapserver.EndedRenewed)
		s.notify("one")
		notification(b.t, p.one("notification"), message.Confirmable, "ab", 1, "one")
	})
	run("7641-4.2 refused", coapserver.Limits{}, func(b *bench, p *peer) {
		var ended []coapserver.Ended
		b.handler.on(func(r *coapserver.Request, answer func(coapserver.Response)) {
			_, err := r.Register(func(why coapserver.Ended) { ended = append(ended, why) })
			if err != nil {
				b.t.Errorf("registering: %v", err)
			}
			answer(coapserver.Response{Code: message.Unauthorized, Format: coapserver.NoFormat})
		})
		p.send(observe(con, 2, "ab", register))
		p.wants("answer", bytesOf(ack, 0x81, 2, "ab", ""))
		if len(ended) != 1 || ended[0] != coapserver.EndedRefused {
			b.t.Errorf("ended with %q, want %q", ended, coapserver.EndedRefused)
		}
	})
	run("notified before the answer", coapserver.Limits{}, func(b *bench, p *peer) {
		s := &subject{t: b.t}
		b.handler.on(func(r *coapserver.Request, answer func(coapserver.Response)) {
			s.last, s.err = r.Register(nil)
			s.notify("one")
			answer(text("now"))
		})
		p.send(observe(con, 1, "ab", register))
		got := p.got()
		if len(got) != 2 || got[0][0]>>4&3 != ack || got[1][0]>>4&3 != con {
			b.t.Errorf("got %x, want the answer, then the notification", got)
		}
	})
	run("ended by the server", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		s.last.End(coapserver.Response{Code: message.Deleted, Format: coapserver.NoFormat})
		m := p.one("last words")
		if _, has := m.Options.Get(message.Observe); m.Code != message.Deleted || string(m.Token) != "ab" || has {
			b.t.Errorf("got %+v, want 2.02 without Observe", m)
		}
		s.wants(coapserver.EndedByServer)
	})
	run("too slow", coapserver.Limits{Notifications: 2}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		s.notify("on its way")
		s.notify("waits")
		s.notify("waits")
		if err := s.last.Notify(text("x"), nil); !errors.Is(err, coapserver.ErrSlow) {
			b.t.Errorf("notifying: got %v, want %v", err, coapserver.ErrSlow)
		}
		s.wants(coapserver.EndedSlow)
	})
	run("too many of one peer", coapserver.Limits{ObservationsPeer: 1}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		p.send(observe(con, 2, "cd", register))
		p.wants("answer without Observe", bytesOf(ack, c205, 2, "cd", "now"))
		if !errors.Is(s.err, coapserver.ErrObservers) {
			b.t.Errorf("registering: got %v, want %v", s.err, coapserver.ErrObservers)
		}
	})
	run("too many", coapserver.Limits{Observations: 1}, func(b *bench, p *peer) {
		begin(b, p, con)
		q := b.peer("198.51.100.1:5683")
		q.send(observe(con, 2, "cd", register))
		q.wants("answer without Observe", bytesOf(ack, c205, 2, "cd", "now"))
	})
	run("a large notification comes in blocks", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		whole := strings.Repeat("x", 1500)
		s.notify(whole)
		p.proves()
		m := p.one("first block")
		if got, _, _ := m.Options.Block(message.Block2); !got.More || m.Type != message.Confirmable {
			b.t.Errorf("got %+v, want a confirmable first block", m)
		}
		p.send(bytesOf(ack, 0, m.ID, "", ""))
		p.send(bytesOf(con, get, 9, "zz", "", path("somewhere in a house"), option{23, block(1, false, 6)}))
		if rest := p.one("rest"); string(m.Payload)+string(rest.Payload) != whole {
			b.t.Errorf("the blocks have %d and %d bytes", len(m.Payload), len(rest.Payload))
		}
	})
	run("a large notification to an address that nobody is at", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		s.notify(strings.Repeat("x", 1500))
		time.Sleep(200 * seconds)
		sent := 0
		for _, d := range p.got() {
			sent += len(d)
		}
		if most := 3 * len(observe(con, 1, "ab", register)); sent > most {
			b.t.Errorf("%d bytes were sent, want at most %d", sent, most)
		}
		s.wants(coapserver.EndedTimeout)
	})
	run("silent for a day, and still there", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		time.Sleep(24 * time.Hour)
		p.proves()
		time.Sleep(24*time.Hour - seconds)
		s.wants()
		time.Sleep(seconds)
		p.one("the next ping")
		time.Sleep(100 * seconds)
		s.wants(coapserver.EndedTimeout)
	})
	run("the server stops", coapserver.Limits{}, func(b *bench, p *peer) {
		s := begin(b, p, con)
		b.stop()
		m := p.one("last words")
		if m.Code != message.ServiceUnavailable || m.Type != message.NonConfirmable || string(m.Token) != "ab" {
			b.t.Errorf("got %+v, want a non-confirmable 5.03", m)
		}
		s.wants(coapserver.EndedShutdown)
	})
}
