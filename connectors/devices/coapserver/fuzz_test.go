package coapserver_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// FuzzDatagrams sends datagrams to a server whose handler does all that a handler may do. A byte in
// front of each says how long it is and, in its highest bit, whether time passes before.
func FuzzDatagrams(f *testing.F) {
	seed := func(all ...[]byte) {
		var b []byte
		for _, d := range all {
			b = append(append(b, byte(len(d))), d...)
		}
		f.Add(b)
	}
	seed(bytesOf(con, post, 1, "t", "x", path("p")), bytesOf(con, post, 1, "t", "x", path("p")))
	seed(upload(1, 0, true, sixteen), bytesOf(rst, 0, 0, "", ""), upload(2, 1, false, "rest"))
	seed(observe(con, 1, "ab", register), observe(con, 2, "ab", deregister), bytesOf(rst, 0, 1, "", ""))
	seed(bytesOf(con, get, 1, "t", "", option{23, block(1, false, 2)}), bytesOf(non, get, 2, "t", ""))
	seed([]byte{0x40, 0, 0, 1}, []byte{0x60, 0, 0, 1}, []byte{0x70, 0, 0, 1}, []byte{0x49})
	f.Fuzz(func(t *testing.T, b []byte) {
		synctest.Test(t, func(t *testing.T) {
			h, w := &handler{}, newWire()
			var last *coapserver.Observation
			h.on(func(r *coapserver.Request, answer func(coapserver.Response)) {
				if o, err := r.Register(nil); err == nil {
					last = o
				}
				if last != nil {
					_ = last.Notify(text(string(r.Payload)), nil)
				}
				answer(coapserver.Response{Code: message.Content, Payload: append(r.Payload, make([]byte, 100)...), Format: 50})
			})
			s := coapserver.New(coapserver.Options{Limits: coapserver.Limits{MemoryPeer: 2000, BodyBytes: 100}}, h)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- s.Serve(ctx, w) }()
			from := netip.MustParseAddrPort("192.0.2.7:40000")
			received, sent, proves := 0, 0, false
			for len(b) > 0 {
				n := min(int(b[0]&0x7f), len(b)-1)
				d := b[1 : n+1]
				if b[0]&0x80 != 0 {
					time.Sleep(3 * time.Second)
				}
				b = b[n+1:]
				received += n
				proves = proves || n >= 4 && d[0] >= 0x60 // an acknowledgement or a reset, which may be a guess that fits
				w.in <- datagram{d, from}
			}
			time.Sleep(300 * time.Second)
			cancel()
			if err := <-done; err != nil {
				t.Errorf("serving: %v", err)
			}
			for _, d := range w.out[from] {
				sent += len(d)
				if err := (&message.Message{}).Parse(d); err != nil {
					t.Errorf("the server sent %x: %v", d, err)
				}
			}
			if !proves && sent > 3*received {
				t.Errorf("%d bytes were sent for %d", sent, received)
			}
		})
	})
}
