package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
	"github.com/gridtie/gridtie/supplypoint"
)

// plant is the core of a server on a folder of its own, with suppliers.
type plant struct {
	dir       string
	store     *pebble.Store
	core      *server.Core
	suppliers int
	made      int // devices so far
	shape     intake.Shape
}

func supplierKey(i int) string { return fmt.Sprintf("made-up-key-%06d", i) }

func newPlant(ctx context.Context, suppliers, inFlight int) (_ *plant, err error) {
	p := &plant{suppliers: suppliers, shape: intake.Shape{Fields: []intake.Field{
		{Name: "supplierKey", Secret: true}, {Name: "cups"},
	}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(ctx))
		}
	}()
	if p.dir, err = os.MkdirTemp("", "gridtie-curves-"); err != nil {
		return nil, err
	}
	if p.store, err = pebble.Open(p.dir, pebble.Options{}); err != nil {
		return nil, err
	}
	p.core, err = server.NewCore(ctx, p.store, secret.NewKey(), server.CoreOptions{Engine: engine.Options{InFlight: inFlight}})
	if err != nil {
		return nil, err
	}
	err = p.addSuppliers(ctx)
	return p, err
}

func (p *plant) addSuppliers(ctx context.Context) error {
	const inBatch = 500
	r := p.core.Registry
	for from := 0; from < p.suppliers; from += inBatch {
		err := p.inOne(ctx, func(ctx context.Context) error {
			for i := from; i < min(from+inBatch, p.suppliers); i++ {
				id := fmt.Sprintf("supplier-%d", i)
				if _, err := r.AddSupplier(ctx, registry.Supplier{ID: id}); err != nil {
					return err
				}
				if _, _, err := r.AddKey(ctx, registry.SupplierKey{Supplier: id}, secret.NewText(supplierKey(i))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// inOne does several things in one transaction.
func (p *plant) inOne(ctx context.Context, do func(context.Context) error) error {
	in, tx, err := p.core.Registry.Begin(ctx, registry.TxOptions{})
	if err != nil {
		return err
	}
	defer tx.Discard()
	if err := do(in); err != nil {
		return err
	}
	synced, err := tx.Commit(ctx, registry.Fate{})
	if err != nil {
		return err
	}
	return synced(ctx)
}

// messages makes n devices, and for each the message with key and CUPS, as intake makes it.
func (p *plant) messages(ctx context.Context, n int) ([]*engine.Message, error) {
	messages := make([]*engine.Message, 0, n)
	err := p.inOne(ctx, func(ctx context.Context) error {
		for range n {
			d, err := p.core.Registry.Provision(ctx, registry.ProvisionRequest{Profile: server.FirstProfile})
			if err != nil {
				return err
			}
			p.made++
			data, err := p.core.Intake.Object(fmt.Appendf(nil, `{"supplierKey":%q,"cups":%q}`,
				supplierKey(p.made*7919%p.suppliers), supplypoint.Synthetic("0021", uint64(p.made)).ID()), p.shape)
			if err != nil {
				return err
			}
			messages = append(messages, engine.NewMessage(engine.Header{
				ID: uuid.Must(uuid.NewV7()).String(), Type: "POST_ATTRIBUTES_REQUEST", Time: time.Now(),
				Origin: engine.Origin{Type: "DEVICE", ID: d.Device.ID, Name: d.Device.Name, Profile: d.Device.Profile},
			}, data))
		}
		return nil
	})
	return messages, err
}

// attach attaches n new devices, with so many messages inside the engine at a time.
func (p *plant) attach(ctx context.Context, n, inFlight int, best *flowPoint) error {
	messages, err := p.messages(ctx, n)
	if err != nil {
		return err
	}
	places := make(chan struct{}, inFlight)
	took := make([]time.Duration, n)
	var wait sync.WaitGroup
	var failed atomic.Int64
	begin, had := time.Now(), processor()
	for i, m := range messages {
		places <- struct{}{}
		wait.Add(1)
		sent := time.Now()
		err := p.core.Engine.Submit(ctx, m, func(f engine.Fate) {
			took[i] = time.Since(sent)
			if f.State != engine.Done || f.Outcome != string(registry.Attached) {
				failed.Add(1)
			}
			<-places
			wait.Done()
		})
		if err != nil {
			return err
		}
	}
	wait.Wait()
	all := time.Since(begin)
	if failed.Load() > 0 {
		return fmt.Errorf("%d of %d messages did not attach their device", failed.Load(), n)
	}
	slices.Sort(took)
	best.Rate = max(best.Rate, float64(n)/all.Seconds())
	best.CPU = lower(best.CPU, (processor()-had)/float64(n))
	best.P50, best.P99 = lower(best.P50, took[n/2].Seconds()), lower(best.P99, took[n*99/100].Seconds())
	return nil
}

// lower is the lower of two figures; zero is none yet.
func lower(best, now float64) float64 {
	if best == 0 {
		return now
	}
	return min(best, now)
}

func (p *plant) close(ctx context.Context) error {
	var errs []error
	if p.core != nil {
		errs = append(errs, p.core.Close(ctx))
	}
	if p.store != nil {
		errs = append(errs, p.store.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(p.dir))...)
}

// measureSuppliers attaches with 64 messages in flight, among few suppliers and many.
func measureSuppliers(ctx context.Context, rounds int, talk io.Writer) (points []flowPoint, err error) {
	var plants []*plant
	defer func() {
		for _, p := range plants {
			err = errors.Join(err, p.close(ctx))
		}
	}()
	for _, n := range []int{10, 100, 1000, 10_000, 100_000} {
		p, err := newPlant(ctx, n, 0)
		if err != nil {
			return nil, err
		}
		plants, points = append(plants, p), append(points, flowPoint{N: n})
		fmt.Fprintln(talk, " ", n)
	}
	for range rounds {
		for i, p := range plants {
			if err := p.attach(ctx, 1000, 64, &points[i]); err != nil {
				return nil, err
			}
		}
	}
	return points, nil
}

// measureInFlight attaches with few messages in flight and with many.
func measureInFlight(ctx context.Context, rounds int, talk io.Writer) (points []flowPoint, err error) {
	const most = 10_000
	p, err := newPlant(ctx, 1000, most)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	for _, n := range []int{1, 3, 10, 30, 100, 300, 1000, 3000, most} {
		points = append(points, flowPoint{N: n})
	}
	for range rounds {
		for i := range points {
			n := points[i].N
			if err := p.attach(ctx, max(500, 2*n), n, &points[i]); err != nil {
				return nil, err
			}
			fmt.Fprintln(talk, " ", n)
		}
	}
	return points, nil
}
