package coap

import (
	"context"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/registry"
)

// tied is a DTLS connection that belongs to one device, since it was opened with the device's key or certificate: it ends
// when the device is deleted or gets other credentials. One that names a device by a token in each request does not.
type tied struct {
	dialect *Dialect
	peer    *coapserver.Peer
	device  string
}

var _ devices.Client = tied{}

// tie sees to that, when a connection's first request has told whose it is. The error is devices.ErrGone, or that of a
// registry that cannot be asked.
func (d *Dialect) tie(ctx context.Context, s *devices.Session, p *coapserver.Peer) error {
	d.mu.Lock()
	known := d.tied[p]
	d.tied[p] = true // the requests of a peer are handled one after another
	d.mu.Unlock()
	if known {
		return nil
	}
	t, own := tied{d, p, s.Device().ID}, s.Twin()
	if err := own.Attach(ctx, t); err != nil {
		d.untie(p)
		return err
	}
	p.OnEnd(func() {
		own.Close()
		d.untie(p)
	})
	return nil
}

func (d *Dialect) untie(p *coapserver.Peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.tied, p)
}

// SharedChanged is not called: a connection alone observes nothing.
func (tied) SharedChanged(registry.SharedChange) {}

// Called is not called either.
func (tied) Called(devices.CallRequest) {}

// Close ends the connection, after the device's observations were told.
func (t tied) Close(why devices.Reason) {
	for _, what := range []feature{attributes, calls} {
		t.dialect.mu.Lock()
		w := t.dialect.watchers[watched{t.device, what}]
		t.dialect.mu.Unlock()
		if w != nil {
			w.Close(why)
		}
	}
	t.peer.Close()
}
