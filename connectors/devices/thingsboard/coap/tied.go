package coap

import (
	"context"
	"errors"

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

// Connected ties a connection that is a device's from its beginning, even if it never asks for anything. What cannot be known
// yet, such as a device that its first request makes, is up to that request.
func (d *Dialect) Connected(ctx context.Context, p *coapserver.Peer) {
	var s *devices.Session
	var err error
	key, shared := p.Known.(devices.SharedKey)
	switch {
	case shared:
		s, err = d.service.RecognizeShared(ctx, key)
	case len(p.Certificates) > 0:
		s, err = d.service.RecognizeCertificate(ctx, p.Certificates[0])
	default:
		return
	}
	if err == nil {
		err = d.tie(ctx, s, p)
	}
	if shared && errors.Is(err, registry.ErrUnauthorized) || errors.Is(err, devices.ErrGone) {
		p.Close() // its key or certificate was the device's, and is not any more
	}
}

// tie sees to that, if the connection is not tied. The error is devices.ErrGone, a *devices.RateError, or that of a registry
// that cannot be asked.
func (d *Dialect) tie(ctx context.Context, s *devices.Session, p *coapserver.Peer) error {
	d.mu.Lock()
	known := d.tied[p]
	d.tied[p] = true // what a peer wants is handled one after another
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
