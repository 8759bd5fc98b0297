package crashtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Posts is how many attributes messages a meter sends.
const Posts = 3

// errNotAcknowledged: something that should have worked was refused, although nothing has crashed.
var errNotAcknowledged = errors.New("not acknowledged")

// Work lets meters provision and attach themselves, and be called, without sockets, from several goroutines, and returns
// when all have been answered. They send by the ways that their protocols take.
func (w *World) Work(ctx context.Context, s *devices.Service, l *Log, meters, workers int) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, workers)
	d := newDesk(s)
	for i := range workers {
		all.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= meters {
					return
				}
				if err := w.work(ctx, d, l, n); err != nil {
					errs[i] = fmt.Errorf("%s: %w", name(n), err)
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (w *World) work(ctx context.Context, d *desk, l *Log, n int) error {
	l.Ask(n)
	given, err := w.Join(ctx, d.service, n)
	if err != nil {
		return err
	}
	l.Answer(n, given)
	session, err := d.service.Authenticate(ctx, loginOf(given))
	if err != nil {
		return err
	}
	if err := w.post(ctx, d, session, l, n); err != nil {
		return err
	}
	if w.Uncalled {
		return nil
	}
	return d.attend(ctx, l, session, n)
}

// post sends the meter's attributes messages: over MQTT all at once, by other ways one after another.
func (w *World) post(ctx context.Context, d *desk, session *devices.Session, l *Log, n int) error {
	if by := wayOf(n); by != overMQTT {
		for range Posts {
			k := l.Send(n)
			if err := d.post(ctx, by, l.Meter(n).Credentials.Token, "attributes", w.payload(n, k)); err != nil {
				return err
			}
			l.Ack(n, k)
		}
		return nil
	}
	fates := make(chan engine.Fate, Posts)
	for range Posts { // all in flight at once
		k := l.Send(n)
		err := session.PostAttributes(ctx, w.payload(n, k), func(f engine.Fate) {
			if f.State != engine.Abandoned {
				l.Ack(n, k)
			}
			fates <- f
		})
		if err != nil {
			return err
		}
	}
	for range Posts {
		if f := <-fates; f.State == engine.Abandoned {
			return fmt.Errorf("%w: attributes: %w", errNotAcknowledged, f.Cause)
		}
	}
	return nil
}

// Join provisions meter n and returns what it was given.
func (w *World) Join(ctx context.Context, s *devices.Service, n int) (registry.Credentials, error) {
	answer := make(chan devices.ProvisionReply, 1)
	s.Provision(ctx, devices.ProvisionRequest{
		Key: w.ProvisionKey, Secret: w.ProvisionSecret, Name: name(n), Credentials: wanted(n),
	}, func(r devices.ProvisionReply) { answer <- r })
	reply := <-answer
	if reply.Status != devices.StatusSuccess {
		return registry.Credentials{}, fmt.Errorf("%w: provisioning: %s", errNotAcknowledged, reply.Status)
	}
	return reply.Credentials, nil
}

// Attach lets meter n in and sends its first attributes message.
func (w *World) Attach(ctx context.Context, s *devices.Service, given registry.Credentials, n int) error {
	session, err := s.Authenticate(ctx, loginOf(given))
	if err != nil {
		return err
	}
	fates := make(chan engine.Fate, 1)
	if err := session.PostAttributes(ctx, w.payload(n, 1), func(f engine.Fate) { fates <- f }); err != nil {
		return err
	}
	if f := <-fates; f.State != engine.Done {
		return fmt.Errorf("%w: attributes: %w", errNotAcknowledged, f.Cause)
	}
	return nil
}
