package crashtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/engine"
)

// posts is how many attributes messages a meter sends.
const posts = 3

// errNotAcknowledged: something that should have worked was refused, although nothing has crashed.
var errNotAcknowledged = errors.New("not acknowledged")

// Work lets meters provision and attach themselves, without sockets, from several goroutines, and returns when all have
// been answered.
func (w *World) Work(ctx context.Context, s *devices.Service, l *Log, meters, workers int) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, workers)
	for i := range workers {
		all.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= meters {
					return
				}
				if err := w.work(ctx, s, l, n); err != nil {
					errs[i] = fmt.Errorf("%s: %w", name(n), err)
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (w *World) work(ctx context.Context, s *devices.Service, l *Log, n int) error {
	answer := make(chan devices.ProvisionReply, 1)
	l.Ask(n)
	s.Provision(ctx, devices.ProvisionRequest{
		Key: w.ProvisionKey, Secret: w.ProvisionSecret, Name: name(n), Credentials: wanted(n),
	}, func(r devices.ProvisionReply) {
		if r.Status == devices.StatusSuccess {
			l.Answer(n, r.Credentials)
		}
		answer <- r
	})
	reply := <-answer
	if reply.Status != devices.StatusSuccess {
		return fmt.Errorf("%w: provisioning: %s", errNotAcknowledged, reply.Status)
	}
	session, err := s.Authenticate(ctx, loginOf(reply.Credentials))
	if err != nil {
		return err
	}
	fates := make(chan engine.Fate, posts)
	for range posts { // all in flight at once
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
	for range posts {
		if f := <-fates; f.State == engine.Abandoned {
			return fmt.Errorf("%w: attributes: %w", errNotAcknowledged, f.Cause)
		}
	}
	return nil
}
