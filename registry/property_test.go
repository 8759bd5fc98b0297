package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// TestRandomWork lets several goroutines do anything at all to few things, so that they meet often. Whatever comes out,
// the registry is consistent afterwards (open checks it).
func TestRandomWork(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := open(t)
			b.profile(t, "meters")
			w := world{bench: b}
			for _, policy := range []registry.Policy{registry.PolicyHold, registry.PolicySame, registry.PolicyReplace} {
				_, k := b.supplier(t, registry.Supplier{ID: "s-" + string(policy), Policy: policy}, registry.SupplierKey{})
				w.keys = append(w.keys, k.ID)
			}
			var all sync.WaitGroup
			for n := range uint64(4) {
				all.Go(func() {
					rng := rand.New(rand.NewPCG(seed, n))
					for range 150 {
						if err := w.step(t, rng); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			ok(t, b.Housekeep(t.Context()))
		})
	}
}

type world struct {
	*bench
	keys []string
}

// step does one thing. Refusals and things that are not there are answers, too.
func (w *world) step(t *testing.T, rng *rand.Rand) error {
	ctx, name := t.Context(), meterName(rng.IntN(6))
	if rng.IntN(4) == 0 {
		inside, tx, err := w.Begin(ctx, registry.TxOptions{Alone: rng.IntN(8) == 0})
		if err != nil {
			return err
		}
		defer tx.Discard()
		for range 1 + rng.IntN(4) {
			mark := tx.Mark()
			if err := answered(w.do(inside, t, rng, name)); err != nil {
				return err
			}
			if rng.IntN(3) == 0 {
				tx.Rollback(mark)
			}
		}
		if rng.IntN(5) == 0 {
			return nil
		}
		synced, err := tx.Commit(inside, registry.Fate{Outcome: &registry.Outcome{Code: registry.Attached, Message: "m"}})
		if errors.Is(err, registry.ErrConflict) {
			return nil
		}
		if err != nil {
			return err
		}
		return synced(ctx)
	}
	return answered(w.do(ctx, t, rng, name))
}

func answered(err error) error {
	var refusal *registry.Refusal
	if errors.As(err, &refusal) || errors.Is(err, registry.ErrNotFound) || errors.Is(err, registry.ErrUnauthorized) {
		return nil
	}
	return err
}

func (w *world) do(ctx context.Context, t *testing.T, rng *rand.Rand, name string) error {
	what := rng.IntN(10)
	if what < 2 {
		_, err := w.Provision(ctx, registry.ProvisionRequest{Profile: "meters", Name: name, Credentials: registry.Credentials{
			Type: registry.AccessToken, Token: secret.NewText(fmt.Sprint("token-", rng.IntN(8))),
		}})
		return err
	}
	d, err := w.DeviceByName(ctx, name)
	if err != nil {
		return err
	}
	switch what {
	case 2:
		return w.DeleteDevice(ctx, d.ID)
	case 3:
		_, err = w.Detach(ctx, d.ID)
	case 4:
		_, err = w.SaveAttributes(ctx, d.ID, registry.SharedScope, attribute(fmt.Sprint("k", rng.IntN(3)), "1"))
	case 5:
		_, err = w.DeleteAttributes(ctx, d.ID, registry.SharedScope, "k0", "k1")
	case 6:
		err = w.SaveTimeseries(ctx, d.ID, start.Add(time.Duration(rng.IntN(5))*time.Second), []registry.Attribute{{Key: "e", Value: json.RawMessage("1.5")}})
	case 7:
		_, err = w.Authenticate(ctx, registry.Login{UserName: secret.NewText(fmt.Sprint("token-", rng.IntN(8)))})
	default:
		_, _, err = w.Attach(ctx, registry.AttachRequest{
			Device: d.ID, Point: point(t, "0021", rng.IntN(4)), Key: w.keys[rng.IntN(len(w.keys))], Grid: "0021",
		})
	}
	return err
}
